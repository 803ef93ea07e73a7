"""Several calls at once: which unit to which call, decided together (Kuhn 1955) and, beside it, one call at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from geo.roads import Modes
from services import access, live
from services.db.engine import ReadSession
from services.db.tables.calls import Call
from services.dispatch import candidates, recommend
from services.dispatch.codes import CallState
from services.settings import Settings

_NEVER_S = 1e7  # stands for a pair that can't be, in a matrix that has to be finite
_MAX_CALLS = 200

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
    units = {unit.unit_id: unit for group in fit.values() for unit in group}
    ids, numbers = list(units), {unit_id: number for number, unit_id in enumerate(units)}
    times_s = np.full((len(waiting), len(ids)), _NEVER_S)
    estimated = np.zeros(times_s.shape, np.bool_)
    for row, call in enumerate(waiting):
        group = fit.get(call.id, ())
        if group and call.lon_deg is not None and call.lat_deg is not None:
            for item in recommend.rank(roads, call.lon_deg, call.lat_deg, group, len(group)):
                times_s[row, numbers[item.unit.unit_id]] = item.time_s
                estimated[row, numbers[item.unit.unit_id]] = item.estimated
    together, single = best(times_s), greedy(times_s)

    def matches(pairs: list[tuple[int, int]]) -> list[Match]:
        return [
            Match(waiting[row].id, units[ids[column]], float(times_s[row, column]), bool(estimated[row, column]))
            for row, column in pairs
        ]

    served = {row for row, _ in together}
    left = [call.id for row, call in enumerate(waiting) if row not in served]
    return Plan(matches(together), matches(single), left)


def best(times_s: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs (call, unit) with the least sum of times, as many as there can be."""
    rows, columns = linear_sum_assignment(times_s)
    return [
        (int(row), int(column)) for row, column in zip(rows, columns, strict=True) if times_s[row, column] < _NEVER_S
    ]


def greedy(times_s: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs when one call after the other takes its soonest unit."""
    free = times_s.copy()
    found = []
    for row in range(len(free)):
        if free.shape[1] and free[row].min() < _NEVER_S:
            column = int(free[row].argmin())
            found.append((row, column))
            free[:, column] = _NEVER_S
    return found
