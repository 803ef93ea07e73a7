"""Several calls at once: which unit to which call, decided together (Kuhn 1955) and, beside it, one call at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geo import crs, matching
from geo.roads import Modes
from geo.roads.modes import WALKERS
from services import access, live
from services.db.engine import ReadSession
from services.db.tables.calls import Call
from services.dispatch import candidates, recommend
from services.dispatch.codes import CallState
from services.settings import Settings

_MAX_CALLS = 200
_SEARCHED_S, _SLACK = 60.0, 1.3  # how far to look at first: so much, and more than the straight line says

Pair = tuple[int, live.UnitPosition]


@dataclass(frozen=True, slots=True)
class Match:
    """A call and the unit for it."""

    call_id: int
    unit: live.UnitPosition
    time_s: float
    estimated: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Units for all open calls that have a place. `left` are the calls that nobody is free or fit for."""

    together: list[Match]
    one_by_one: list[Match]
    left: list[int]

    @property
    def total_together_s(self) -> float:
        """Sum of the travel times when decided together."""
        return sum(match.time_s for match in self.together)

    @property
    def total_one_by_one_s(self) -> float:
        """Sum of the travel times when each call, by priority and age, takes its soonest unit."""
        return sum(match.time_s for match in self.one_by_one)


async def match_all(
    mandate: access.Mandate, db: ReadSession, roads: Modes | None, settings: Settings, *, now: datetime
) -> Plan:
    """Return units for all calls that wait, decided together and one by one."""
    await access.grant(mandate, access.Act.DISPATCH, "all calls")
    waiting = await live.view_calls(db, Call.state == CallState.OPEN, Call.place.is_not(None), limit=_MAX_CALLS)
    waiting.sort(key=lambda call: (call.priority, call.taken_at, call.id))
    fit: dict[int, list[live.UnitPosition]] = {}
    for call in waiting:
        if call.lon_deg is not None and call.lat_deg is not None:
            place = (call.lon_deg, call.lat_deg)
            fit[call.id] = (await candidates.muster(db, settings, kind=call.kind, place=place, now=now)).fit
    return await asyncio.to_thread(plan, roads, waiting, fit)


def plan(roads: Modes | None, waiting: Sequence[live.CallView], fit: Mapping[int, Sequence[live.UnitPosition]]) -> Plan:
    """Match calls, the most pressing first, with the units that are fit for each."""
    fleet = {unit.unit_id: unit for group in fit.values() for unit in group}
    units = list(fleet.values())
    if not units:
        return Plan([], [], [call.id for call in waiting])
    times = _times(roads, waiting, units, fit)
    together, single = times.choose(matching.together), times.choose(matching.one_by_one)

    def matches(pairs: list[tuple[int, int]]) -> list[Match]:
        return [
            Match(waiting[row].id, units[column], float(times.least_s[row, column]), not times.by_road[row, column])
            for row, column in pairs
        ]

    served = {row for row, _ in together}
    left = [call.id for row, call in enumerate(waiting) if row not in served]
    return Plan(matches(together), matches(single), left)


def _times(
    roads: Modes | None,
    waiting: Sequence[live.CallView],
    units: Sequence[live.UnitPosition],
    fit: Mapping[int, Sequence[live.UnitPosition]],
) -> matching.Times:
    """Return the times between calls and units, by road, or estimated from the straight line where no road leads."""
    scenes = np.array([(call.lon_deg, call.lat_deg) for call in waiting], float)
    places = np.array([(unit.lon_deg, unit.lat_deg) for unit in units])
    airline_m = crs.haversine_m(scenes[:, :1], scenes[:, 1:], places[:, 0], places[:, 1])
    estimate_s = airline_m * [recommend.pace_s_per_m(unit.kind, roads) for unit in units]
    for row, call in enumerate(waiting):
        fitting = {unit.unit_id for unit in fit.get(call.id, ())}
        estimate_s[row, [unit.unit_id not in fitting for unit in units]] = matching.NEVER_S
    first_s = np.full(len(waiting), _SEARCHED_S)
    for row, column in matching.together(estimate_s):
        first_s[row] += _SLACK * estimate_s[row, column]
    search = _search(roads, units, places)
    return matching.Times([partial(search, scene) for scene in scenes], first_s.tolist(), estimate_s)


def _search(
    roads: Modes | None, units: Sequence[live.UnitPosition], places: NDArray[np.float64]
) -> Callable[[NDArray[np.float64], float], NDArray[np.float64]]:
    """Return what tells the time from each unit, driving or walking, to a place (lon, lat) within a limit in s."""
    walks = np.array([unit.kind in WALKERS for unit in units])
    ways = [
        (graph, rows, graph.at_places(places[rows, 0], places[rows, 1]))
        for rows, graph in ((np.flatnonzero(~walks), roads.drive), (np.flatnonzero(walks), roads.walk))
        if len(rows)
    ] if roads else []  # fmt: skip

    def search(scene: NDArray[np.float64], limit_s: float) -> NDArray[np.float64]:
        time_s = np.full(len(units), np.inf)
        for graph, rows, origins in ways:
            time_s[rows] = graph.reach(graph.at_places(*scene), limit_s).times_s(origins)
        return time_s

    return search
