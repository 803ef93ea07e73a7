"""Two places at once: one identity that reports from two vehicles in turn.

A wild position is one fix aside of a way; a clone is a second way. The last fixes of a device are dealt out to two
ways, each to the one whose end it can have come from. Where both hold together, each of several fixes, few are left
over, and the identity jumps between them again and again faster than anything on the ground goes, two devices share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import dist
from typing import Final

from geo import crs
from geo.fix import UNTIMELY, UNUSABLE, Fix

IMPOSSIBLE_MPS: Final = 100.0
"""Nobody travels faster on the ground: 350 km/h of a high-speed train."""

PLAUSIBLE_MPS: Final = 60.0
"""A fix belongs to a way if nobody had to go faster than this from its end."""

SLACK_M: Final = 100.0
"""Scatter that is no travel, beside the accuracy that the fixes state."""

JUMPS: Final = 4
"""Jumps without which nothing is said: a spike and its return are two."""

LEAST: Final = 4
"""Fixes of each way."""

MOST_LEFT_OVER: Final = 0.1
"""Share of fixes that belong to neither way: beyond, the receiver is ill."""

_DOUBTED: Final = int(UNUSABLE | UNTIMELY)


@dataclass(frozen=True, slots=True)
class Clone:
    """The last two fixes of one identity that were in two places, and how fast it would have had to travel."""

    here: Fix
    there: Fix
    jumps: int
    speed_mps: float


def find(fixes: Sequence[Fix]) -> Clone | None:
    """Say whether fixes of one device, in order of time, are two devices'."""
    ways: tuple[list[Fix], list[Fix]] = ([], [])
    order = list[int]()
    usable = [fix for fix in fixes if not int.__and__(fix.flags, _DOUBTED)]
    for fix in usable:
        fitting = [number for number, way in enumerate(ways) if not way or _mps(way[-1], fix) <= PLAUSIBLE_MPS]
        if fitting:  # else it is neither's: a wild position
            ways[fitting[0]].append(fix)
            order.append(fitting[0])
    left_over = len(usable) - len(order)
    if min(map(len, ways)) < LEAST or left_over > MOST_LEFT_OVER * len(usable):
        return None
    jumps = _jumps(ways, order)
    return Clone(ways[0][-1], ways[1][-1], jumps, _mps(ways[0][-1], ways[1][-1])) if jumps >= JUMPS else None


def is_jump(before: Fix, after: Fix) -> bool:
    """Whether nobody can have gone from one fix to another."""
    return _mps(before, after) > IMPOSSIBLE_MPS


def _jumps(ways: tuple[list[Fix], list[Fix]], order: Sequence[int]) -> int:
    """Count the turns from one way to the other that nobody can have driven."""
    ends, placed, count = [iter(ways[0]), iter(ways[1])], list[Fix](), 0
    for number in order:
        placed.append(next(ends[number]))
        if len(placed) > 1 and order[len(placed) - 2] != number:
            count += is_jump(placed[-2], placed[-1])
    return count


def _mps(before: Fix, after: Fix) -> float:
    """Return the slowest speed that explains two fixes, with what their accuracy and scatter may add."""
    places = crs.on_the_sphere([before.lon_deg, after.lon_deg], [before.lat_deg, after.lat_deg]).tolist()
    way_m = dist(*places) - SLACK_M - (before.accuracy_m or 0) - (after.accuracy_m or 0)
    return max(way_m, 0.0) / max(_seconds(before.at, after.at), 1.0)


def _seconds(before: datetime, after: datetime) -> float:
    return abs((after - before).total_seconds())
