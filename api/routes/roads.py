"""Road networks: which there are, and their vector tiles."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status
from pydantic import AwareDatetime, Field

from api import deps, graph
from api.schemas import Id, Model, Page
from services import roads

router = APIRouter(prefix="/roads", tags=["roads"])

CACHE = "private, max-age=3600"
Name = Annotated[str, Path(min_length=1, max_length=100)]
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"


class NetworkOut(Model):
    """An imported network. Maps name the attribution, and say when the roads are invented."""

    name: str
    attribution: str
    synthetic: bool
    imported_at: datetime


class ClosureIn(Model):
    """What to close: a GeoJSON Point (the road at it), LineString (what runs along it) or Polygon (what it meets)."""

    shape: dict[str, Any]
    reason: str = Field(min_length=1, max_length=500)
    until: AwareDatetime | None = None


class ClosureOut(Model):
    """A closed stretch; `lines` is a GeoJSON MultiLineString in CGCS2000 degrees."""

    id: int
    reason: str
    closed_at: datetime
    until: datetime | None
    closed_by: str | None
    lines: dict[str, Any]
    edges: int


@router.get("")
async def list_networks(who: deps.Who, db: deps.ReadDb) -> Page[NetworkOut]:
    """The imported road networks."""
    return Page(items=[NetworkOut.model_validate(network) for network in await roads.list_networks(who, db)])


@router.get("/{name}/{z}/{x}/{y}.mvt")
async def read_tile(*, request: Request, _: deps.Who, db: deps.ReadDb, name: str, z: int, x: int, y: int) -> Response:
    """A vector tile, layer `roads` with highway and name; small roads come in at close zoom levels."""
    network = await roads.find_network(db, name)
    etag = f'"{network.id}-{network.imported_at:%Y%m%d%H%M%S%f}"'
    headers = {"Cache-Control": CACHE, "ETag": etag, "Vary": "Cookie, Authorization"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(await roads.read_tile(db, network, z, x, y), media_type=MEDIA_TYPE, headers=headers)


@router.get("/{name}/closures")
async def list_closures(who: deps.Who, db: deps.ReadDb, now: deps.Now, name: Name) -> list[ClosureOut]:
    """What is closed now."""
    return [ClosureOut.model_validate(one) for one in await roads.list_closures(who, db, name, now=now)]


@router.post("/{name}/closures", status_code=status.HTTP_201_CREATED)
async def close_road(
    *, _: graph.Refreshed, who: deps.Who, db: deps.WriteDb, loaded: graph.Network, now: deps.Now, name: Name,
    body: ClosureIn,
) -> ClosureOut:  # fmt: skip
    """Close roads on the network that dispatch computes on; it counts from this answer on."""
    closed = await roads.close_road(who, db, loaded, name=name, now=now, **body.model_dump())
    return ClosureOut.model_validate(closed)


@router.delete("/{name}/closures/{closure_id}", status_code=status.HTTP_204_NO_CONTENT)
async def lift_closure(
    *, _: graph.Refreshed, who: deps.Who, db: deps.WriteDb, now: deps.Now, name: Name, closure_id: Id
) -> Response:
    """Open the roads of a closure again."""
    await roads.lift_closure(who, db, name, closure_id, now=now)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
