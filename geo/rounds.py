"""Rounds: which car visits which checkpoints when, so that the least time is spent driving (PyVRP, Wouda 2024).

Times are whole seconds from a beginning that the caller chooses. A round begins and ends where its car stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pyvrp
from pyvrp.stop import MaxRuntime

from geo.roads.values import Floats, Ints

FAR_S: Final = 10**6
"""Stands for infinity where no road leads: eleven days."""

_PRIZE_S: Final = 10**6  # a stop is left out only if it can't be visited
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Stop:
    """A checkpoint to be visited: presence begins within the window and lasts `dwell_s`."""

    dwell_s: int
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Car:
    """A car that is on duty from one time to another."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Call:
    """A visit of a round."""

    stop: int
    arrives_s: int
    begins_s: int  # it may have to wait for the window
    leaves_s: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one car does."""

    car: int
    leaves_s: int
    back_s: int
    drive_s: int
    calls: tuple[Call, ...]


class Obstacle(StrEnum):
    """Why a stop is in no round."""

    NO_ROAD = "no_road"  # no road leads there and back for any of the cars
    TOO_LATE = "too_late"  # nobody can be there in its window and back in time, even if he drives there first
    NOT_ALL_TOGETHER = "not_all_together"  # each can be visited, but not all of them by these cars


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stop in no round. For each car: how late it would be, driving there first; None where no road leads."""

    stop: int
    why: Obstacle
    late_s: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The rounds, and what could not be fitted in."""

    drive_s: int
    rounds: tuple[Round, ...]
    left_out: tuple[LeftOut, ...]


def plan_rounds(times_s: Floats, stops: Sequence[Stop], cars: Sequence[Car], *, seconds: float) -> Plan:
    """Return rounds that visit as many stops as possible and drive least, after searching for some seconds.

    `times_s` holds the travel times between all places: first those of the cars, then those of the stops.
    """
    travel = np.rint(np.minimum(times_s, FAR_S)).astype(np.int64)
    late = [
        [_late_s(int(travel[car, place]), int(travel[place, car]), duty, stop) for car, duty in enumerate(cars)]
        for place, stop in enumerate(stops, len(cars))
    ]
    possible = [number for number, lates in enumerate(late) if 0 in lates]
    rounds = _solve(travel, stops, cars, possible, seconds) if possible else ()
    visited = {call.stop for one in rounds for call in one.calls}
    left_out = [LeftOut(number, _why(late[number]), tuple(late[number]))
                for number in range(len(stops)) if number not in visited]  # fmt: skip
    return Plan(sum(one.drive_s for one in rounds), rounds, tuple(left_out))


def _late_s(there: int, back: int, duty: Car, stop: Stop) -> int | None:
    """Return by how much a car that drives there first misses the window or the end of its duty; 0: it is in time."""
    if max(there, back) >= FAR_S:
        return None
    arrives = duty.start_s + there
    home = max(arrives, stop.start_s) + stop.dwell_s + back
    return max(0, arrives - stop.end_s, home - duty.end_s)


def _why(late: Sequence[int | None]) -> Obstacle:
    if all(one is None for one in late):
        return Obstacle.NO_ROAD
    return Obstacle.NOT_ALL_TOGETHER if 0 in late else Obstacle.TOO_LATE


def _solve(
    travel: Ints, stops: Sequence[Stop], cars: Sequence[Car], possible: Sequence[int], seconds: float
) -> tuple[Round, ...]:
    """Let PyVRP search. Stops are optional at a prize above any drive, so that it always finds something."""
    count = len(cars)
    places = [*range(count), *(count + number for number in possible)]
    matrix: Any = travel[np.ix_(places, places)]
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in places],
        clients=[
            pyvrp.Client(
                count + row, service_duration=stops[number].dwell_s, tw_early=stops[number].start_s,
                tw_late=stops[number].end_s, prize=_PRIZE_S, required=False,
            )
            for row, number in enumerate(possible)
        ],
        depots=[pyvrp.Depot(car) for car in range(count)],
        vehicle_types=[
            pyvrp.VehicleType(1, start_depot=car, end_depot=car, tw_early=duty.start_s, tw_late=duty.end_s)
            for car, duty in enumerate(cars)
        ],
        distance_matrices=[matrix],
        duration_matrices=[matrix],
    )  # fmt: skip
    best = pyvrp.solve(data, MaxRuntime(seconds), seed=_SEED, display=False).best
    if not best.is_feasible():
        return ()
    return tuple(_round(route, matrix, possible, count) for route in best.routes())


def _round(route: pyvrp.Route, matrix: Ints, possible: Sequence[int], cars: int) -> Round:
    car, here, calls = route.vehicle_type(), route.vehicle_type(), list[Call]()
    clock = route.start_time()
    for activity in route:
        if not activity.is_client():
            continue
        place = cars + activity.idx
        arrives = clock + int(matrix[here, place])
        calls.append(Call(possible[activity.idx], arrives, activity.start_time, activity.end_time))
        here, clock = place, activity.end_time
    return Round(car, route.start_time(), route.end_time(), route.distance(), tuple(calls))
