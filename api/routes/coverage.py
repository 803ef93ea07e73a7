"""Coverage by the free units now, and advice on where they had better wait."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import shapely
from fastapi import APIRouter, Query, Request

from api import deps, graph
from api.schemas import Model
from services import coverage

router = APIRouter(tags=["coverage"])


class RingProperties(Model):
    """Within how many seconds, and which share of all road kilometres and of the calls of 90 days."""

    limit_s: float
    roads_share: float
    calls_share: float | None


class RingOut(Model):
    """Ground that a free unit reaches: a GeoJSON Feature with a MultiPolygon in CGCS2000 degrees."""

    type: Literal["Feature"] = "Feature"
    geometry: dict[str, Any]
    properties: RingProperties


class CoverageOut(Model):
    """A GeoJSON FeatureCollection, the longest limit first, and how many free units it is about."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RingOut]
    units: int
    computed_at: datetime


class PostOut(Model):
    """A place to wait at, and for how many units."""

    lon_deg: float
    lat_deg: float
    units: int


class MoveOut(Model):
    """A free unit that had better wait at a post: the share of calls gained, and its drive."""

    unit_id: int
    call_sign: str
    lon_deg: float
    lat_deg: float
    gain_share: float
    time_s: float


class AdviceOut(Model):
    """Posts, what they achieve for past calls, and moves of units that are free now; `gap` 0: proven best."""

    kind: coverage.Model
    limit_s: float
    calls: int
    posts: list[PostOut]
    mean_s: float
    covered_share: float
    gap: float | None
    moves: list[MoveOut]


@router.get("/coverage")
async def read_coverage(
    *, request: Request, who: deps.Who, db: deps.ReadDb, roads: graph.Roads, settings: deps.Config, now: deps.Now
) -> CoverageOut:
    """What the free units heard of lately reach over the roads in 3, 5 and 10 minutes; computed anew after 5 s."""
    found = await coverage.read_coverage(who, db, roads, settings, request.app.state.coverage, now=now)
    features = [
        RingOut(geometry=shapely.geometry.mapping(ring.shape), properties=RingProperties.model_validate(ring))
        for ring in found.rings
    ]
    return CoverageOut(features=features, units=found.units, computed_at=found.computed_at)


@router.get("/posts/advice")
async def advise_posts(
    *,
    who: deps.Who,
    db: deps.ReadDb,
    roads: graph.Roads,
    settings: deps.Config,
    now: deps.Now,
    kind: coverage.Model = coverage.Model.MEXCLP,
    units: Annotated[int | None, Query(ge=1, le=200)] = None,
    limit_s: Annotated[float, Query(ge=60, le=1800)] = 300.0,
    busy: Annotated[float, Query(ge=0, le=0.9)] = 0.3,
    days: Annotated[int, Query(ge=1, le=366)] = 90,
) -> AdviceOut:
    """Where units had better wait, from the calls of the last days. Never who answers a call."""
    advice = await coverage.advise_posts(
        who, db, roads, settings, kind=kind, units=units, limit_s=limit_s, busy=busy, past=timedelta(days=days), now=now
    )
    return AdviceOut.model_validate(advice)
