"""Who could be there soonest: free units by travel time over the roads, each with the reason for its rank.

Cars drive, foot patrols walk. Beside the time stands what a unit's leaving would uncover: the share of the ground that
it alone could reach in time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import func, select

from geo import crs
from geo.pace import DEFAULT_PACE_S_PER_M
from geo.roads import WALKING_MPS, Journey, Modes
from geo.roads.modes import WALKERS
from services import access, carriage, live, rosters
from services.db.engine import ReadSession
from services.db.tables.alerts import Alert
from services.db.tables.calls import Call
from services.db.tables.fleet import Carriage
from services.db.types import plain
from services.dispatch import calls, candidates, leaving
from services.dispatch.candidates import NO_WISHES, LeftOut, Wishes
from services.errors import ConflictError, NotFoundError
from services.settings import Settings

LIMIT = 5
_WALKING_DETOUR = 1.3
"""Way on foot by straight line where no road answers: the usual ratio of street networks."""


class PlaceUnknownError(ConflictError):
    """Nobody knows where to go yet."""


class NoAlertPlaceError(NotFoundError):
    """There is no such alert."""


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
    leaves: leaving.Leaves | None = None

    @property
    def mode(self) -> str:
        """Whether the unit drives or walks."""
        return "walk" if self.unit.kind in WALKERS else "drive"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who is recommended, who is not and why, and what the times rest on."""

    recommended: list[Recommendation]
    left_out: list[LeftOut]
    pace_s_per_m: float


async def recommend_units(
    mandate: access.Mandate,
    db: ReadSession,
    roads: Modes | None,
    settings: Settings,
    *,
    call_id: int,
    now: datetime,
    limit: int = LIMIT,
) -> list[Recommendation]:
    """Return the free units that can be at the call soonest. A unit not heard of lately is never among them.

    Raises:
        NoCallError: there is no such call.
        PlaceUnknownError: its place is unknown.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    kind, place = await scene(db, call_id)
    found = await candidates.muster(db, settings, kind=kind, place=place, now=now)
    return await asyncio.to_thread(_advise, roads, place, found.fit, limit, await rosters.outlines(db))


async def list_candidates(
    mandate: access.Mandate,
    db: ReadSession,
    roads: Modes | None,
    settings: Settings,
    *,
    call_id: int,
    wishes: Wishes = NO_WISHES,
    now: datetime,
    limit: int = LIMIT,
) -> Candidates:
    """Return what `recommend_units` does, for somebody's own wishes, and who was left out and why.

    Raises:
        NoCallError, PlaceUnknownError: as there.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    kind, place = await scene(db, call_id)
    found = await candidates.muster(db, settings, kind=kind, place=place, wishes=wishes, now=now, stale_too=True)
    beats = await rosters.outlines(db)
    ranked = await asyncio.to_thread(_advise, roads, place, found.fit, limit, beats)
    return Candidates(ranked, found.left_out, roads.drive.pace_s_per_m if roads else DEFAULT_PACE_S_PER_M)


async def recommend_help(
    mandate: access.Mandate,
    db: ReadSession,
    roads: Modes | None,
    settings: Settings,
    *,
    alert_id: int,
    now: datetime,
    limit: int = LIMIT,
) -> list[Recommendation]:
    """Return the free units that can be where an alert was raised soonest; the unit it was raised for is none of them.

    Raises:
        NoAlertPlaceError: there is no such alert.
        PlaceUnknownError: nobody knows where it is.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"alert:{alert_id}")
    ground = plain(Alert.place)
    place_of = (func.ST_X(ground), func.ST_Y(ground), Alert.detail, Carriage.unit_id)
    bearer = carriage.carried(Alert.device_id, Alert.at)
    columns = select(*place_of).outerjoin(Carriage, bearer).where(Alert.id == alert_id)
    row = (await db.execute(columns)).one_or_none()
    if row is None:
        raise NoAlertPlaceError("There is no alert {alert_id}.", alert_id=alert_id)
    lon_deg, lat_deg, detail, in_need = row
    place = detail.get("last_lon_deg", lon_deg), detail.get("last_lat_deg", lat_deg)
    if place[0] is None or place[1] is None:
        raise PlaceUnknownError("Nobody knows where alert {alert_id} is.", alert_id=alert_id)
    found = await candidates.muster(db, settings, kind=None, place=place, now=now)
    others = [unit for unit in found.fit if unit.unit_id != in_need]
    return await asyncio.to_thread(rank, roads, *place, others, limit)


async def scene(db: ReadSession, call_id: int) -> tuple[str, tuple[float, float]]:
    """Return kind and place (lon, lat) of a call.

    Raises:
        NoCallError, PlaceUnknownError: there is no such call, or nobody knows its place.
    """
    ground = plain(Call.place)
    columns = select(Call.kind, func.ST_X(ground), func.ST_Y(ground)).where(Call.id == call_id)
    row = (await db.execute(columns)).one_or_none()
    if row is None:
        raise calls.NoCallError("There is no call {call_id}.", call_id=call_id)
    kind, lon_deg, lat_deg = row
    if lon_deg is None:
        raise PlaceUnknownError("The place of call {call_id} is unknown: set it on the map first.", call_id=call_id)
    return kind, (lon_deg, lat_deg)


def rank(
    roads: Modes | None, lon_deg: float, lat_deg: float, units: Sequence[live.UnitPosition], limit: int = LIMIT
) -> list[Recommendation]:
    """Rank units by the time to a place. Those that no road leads from fill up what is left, estimated."""
    if not units or limit < 1:
        return []
    places = np.array([(unit.lon_deg, unit.lat_deg) for unit in units])
    airline_m = crs.haversine_m(places[:, 0], places[:, 1], lon_deg, lat_deg)
    ways = sorted(_ways(roads, (lon_deg, lat_deg), units, places, limit), key=lambda way: way.time_s)[:limit]
    found = [
        Recommendation(
            units[way.origin], way.time_s, way.length_m, _reason(way, ways[0], units, airline_m), estimated=False
        )
        for way in ways
    ]
    known = {way.origin for way in ways}
    left = [row for row in np.argsort(airline_m, kind="stable") if row not in known]
    found += [_estimate(units[row], float(airline_m[row]), roads) for row in left[: limit - len(ways)]]
    return sorted(found, key=lambda item: item.time_s)


def _advise(
    roads: Modes | None,
    place: tuple[float, float],
    units: Sequence[live.UnitPosition],
    limit: int,
    beats: Sequence[rosters.Outline],
) -> list[Recommendation]:
    """Rank units, and say of each what its leaving would uncover."""
    gaps = leaving.look(roads, units, beats)
    return [replace(item, leaves=gaps.get(item.unit.unit_id)) for item in rank(roads, *place, units, limit)]


def expected_s(
    roads: Modes | None, kind: str, origin: tuple[float, float], there: tuple[float | None, float | None]
) -> float | None:
    """Return the travel time of a kind of unit between two places (lon, lat), None if the second is unknown.

    It is estimated from the straight line when no road leads.
    """
    lon_deg, lat_deg = there
    if lon_deg is None or lat_deg is None:
        return None
    graph = roads.graph(kind) if roads else None
    if graph and (ways := graph.nearest(graph.at_places(lon_deg, lat_deg), graph.at_places(*origin), 1)):
        return ways[0].time_s
    airline_m = float(crs.haversine_m(*origin, lon_deg, lat_deg))
    return airline_m * pace_s_per_m(kind, roads)


def _ways(
    roads: Modes | None, place: tuple[float, float], units: Sequence[live.UnitPosition], places: Any, limit: int
) -> list[Journey]:
    """Return the soonest journeys of those who drive and of those who walk, by their row among all."""
    if roads is None:
        return []
    walking = np.array([unit.kind in WALKERS for unit in units])
    found = []
    for rows, graph in ((np.flatnonzero(~walking), roads.drive), (np.flatnonzero(walking), roads.walk)):
        if len(rows):
            journeys = graph.nearest_places(graph.at_places(*place), places[rows, 0], places[rows, 1], limit)
            found += [replace(way, origin=int(rows[way.origin])) for way in journeys]
    return found


def _reason(way: Journey, soonest: Journey, units: Sequence[live.UnitPosition], airline_m: Any) -> Reason:
    nearest = int(airline_m.argmin())
    figures = {"time_s": round(way.time_s, 1), "length_m": round(way.length_m, 1)}
    if way is not soonest:
        return Reason("later_by_road", {**figures, "later_s": round(way.time_s - soonest.time_s, 1)})
    if nearest == way.origin:
        return Reason("nearest_by_road", figures)
    nearer = {"nearer_call_sign": units[nearest].call_sign, "nearer_m": round(float(airline_m[nearest]), 1)}
    return Reason("soonest_not_nearest", {**figures, **nearer})


def pace_s_per_m(kind: str, roads: Modes | None) -> float:
    """Return the time a kind of unit takes for a metre of straight line, in s/m."""
    if kind in WALKERS:
        return _WALKING_DETOUR / WALKING_MPS
    return roads.drive.pace_s_per_m if roads else DEFAULT_PACE_S_PER_M


def _estimate(unit: live.UnitPosition, airline_m: float, roads: Modes | None) -> Recommendation:
    pace = pace_s_per_m(unit.kind, roads)
    figures = {"airline_m": round(airline_m, 1), "pace_s_per_m": round(pace, 4)}
    return Recommendation(unit, airline_m * pace, airline_m, Reason("fallback", figures), estimated=True)
