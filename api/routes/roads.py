"""Road networks: which there are, and their vector tiles."""

from datetime import datetime

from fastapi import APIRouter, Request, Response, status

from api import deps
from api.schemas import Model, Page
from services import roads

router = APIRouter(prefix="/roads", tags=["roads"])

CACHE = "private, max-age=3600"
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"


class NetworkOut(Model):
    """An imported network. Maps name the attribution, and say when the roads are invented."""

    name: str
    attribution: str
    synthetic: bool
    imported_at: datetime


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
