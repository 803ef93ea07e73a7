"""Who could be there soonest: free units by travel time over the roads, each with the reason for its rank."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from geo import crs
from geo.roads import DEFAULT_PACE_S_PER_M, Journey, RoadGraph
from services import access, live
from services.db.engine import ReadSession
from services.dispatch import calls
from services.settings import Settings

LIMIT = 5


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a unit has its rank, as a code with figures; the sentence is the page's.

    nearest_by_road: soonest, and nobody is nearer.
    soonest_not_nearest: soonest, though another is nearer as the crow flies (nearer_call_sign, nearer_m).
    later_by_road: by how much later than the soonest (later_s).
    fallback: no road leads here from the unit, or no network is loaded: the straight line at the fitted pace
    (airline_m, pace_s_per_m).
    """

    code: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A unit that could go. `estimated` says that no road answer stands behind the time."""

    unit: live.UnitPosition
    time_s: float
    length_m: float  # over the roads; as the crow flies where estimated
    reason: Reason
    estimated: bool


async def recommend_units(
    mandate: access.Mandate,
    db: ReadSession,
    graph: RoadGraph | None,
    settings: Settings,
    *,
    call_id: int,
    now: datetime,
    limit: int = LIMIT,
) -> list[Recommendation]:
    """Return the free units that can be at the call soonest. A unit not heard of lately is never among them.

    Raises:
        NoCallError: there is no such call.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    scene = await calls.view(db, call_id)
    units = await live.free_units_near(
        db, scene.lon_deg, scene.lat_deg, radius_m=settings.dispatch_radius_m, seen_since=now - settings.stale_after
    )
    return await asyncio.to_thread(rank, graph, scene.lon_deg, scene.lat_deg, units, limit)


def rank(
    graph: RoadGraph | None, lon_deg: float, lat_deg: float, units: Sequence[live.UnitPosition], limit: int = LIMIT
) -> list[Recommendation]:
    """Rank units by the time to a place. Those that no road leads from fill up what is left, estimated."""
    if not units:
        return []
    places = np.array([(unit.lon_deg, unit.lat_deg) for unit in units])
    airline_m = crs.haversine_m(places[:, 0], places[:, 1], lon_deg, lat_deg)
    ways: list[Journey] = []
    if graph:
        ways = graph.nearest_places(graph.at_places(lon_deg, lat_deg), places[:, 0], places[:, 1], limit)
    found = [
        Recommendation(
            units[way.origin], way.time_s, way.length_m, _reason(way, ways[0], units, airline_m), estimated=False
        )
        for way in ways
    ]
    pace = graph.pace_s_per_m if graph else DEFAULT_PACE_S_PER_M
    left = [row for row in np.argsort(airline_m, kind="stable") if row not in {way.origin for way in ways}]
    found += [_estimate(units[row], float(airline_m[row]), pace) for row in left[: limit - len(ways)]]
    return sorted(found, key=lambda item: item.time_s)


def expected_s(graph: RoadGraph | None, origin: tuple[float, float], scene: tuple[float, float]) -> float:
    """Return the travel time between two places (lon, lat), estimated from the straight line when no road leads."""
    if graph and (ways := graph.nearest(graph.at_places(*scene), graph.at_places(*origin), 1)):
        return ways[0].time_s
    pace_s_per_m = graph.pace_s_per_m if graph else DEFAULT_PACE_S_PER_M
    return float(crs.haversine_m(*origin, *scene)) * pace_s_per_m


def _reason(way: Journey, soonest: Journey, units: Sequence[live.UnitPosition], airline_m: Any) -> Reason:
    nearest = int(airline_m.argmin())
    figures = {"time_s": round(way.time_s, 1), "length_m": round(way.length_m, 1)}
    if way is not soonest:
        return Reason("later_by_road", {**figures, "later_s": round(way.time_s - soonest.time_s, 1)})
    if nearest == way.origin:
        return Reason("nearest_by_road", figures)
    nearer = {"nearer_call_sign": units[nearest].call_sign, "nearer_m": round(float(airline_m[nearest]), 1)}
    return Reason("soonest_not_nearest", {**figures, **nearer})


def _estimate(unit: live.UnitPosition, airline_m: float, pace_s_per_m: float) -> Recommendation:
    figures = {"airline_m": round(airline_m, 1), "pace_s_per_m": round(pace_s_per_m, 4)}
    return Recommendation(unit, airline_m * pace_s_per_m, airline_m, Reason("fallback", figures), estimated=True)
