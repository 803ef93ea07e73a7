"""Whether a patrol was where it was asked to be, as far as its fixes prove it.

A fix is a disc with the radius that holds the true place with 95 % probability. Only a disc wholly inside a checkpoint
proves presence, only one wholly outside proves absence; one that straddles the edge proves nothing, and neither does a
silence. What nothing proves is called unproven and not missed: whoever judges an officer by it has to know the
difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo import crs
from geo.fix import UNTIMELY, UNUSABLE, Fix, Quality

DEFAULT_R95_M: Final = 15.0
"""Accuracy of a fix that states none (the scatter of receivers in streets, as for areas)."""

LONGEST_SILENCE_S: Final = 180.0
"""Between two fixes further apart in time than this nobody knows whether a checkpoint was visited, or left."""

_DOUBTED = UNUSABLE | UNTIMELY | Quality.JUMP


class Verdict(StrEnum):
    """What the fixes prove about a stop."""

    VISITED = "visited"  # there for as long as asked for
    TOO_SHORT = "too_short"  # there, but for less
    MISSED = "missed"  # heard of all the time, and never there
    UNPROVEN = "unproven"  # the fixes are too few or too vague to tell
    PENDING = "pending"  # the time for it is not over


@dataclass(frozen=True, slots=True)
class Task:
    """A checkpoint to be visited between two times (Unix seconds), for a time, within a radius."""

    lon_deg: float
    lat_deg: float
    radius_m: float
    dwell_s: float
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fix that says something about a stop."""

    at_s: float
    lon_deg: float
    lat_deg: float
    accuracy_m: float
    distance_m: float  # from the checkpoint


@dataclass(frozen=True, slots=True)
class Visit:
    """What is proven about a task; times are Unix seconds.

    `dwell_s` lies between the first and the last fix of the longest stay that prove presence; `dwell_at_most_s`
    between the fixes before and after it.
    """

    verdict: Verdict
    dwell_s: float
    dwell_at_most_s: float
    arrived_s: float | None
    left_s: float | None
    evidence: tuple[Evidence, ...]  # the first, the nearest and the last fix of the stay; else the nearest of all


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The trustworthy fixes of a unit in order of time."""

    at_s: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    r95_m: NDArray[np.float64]

    @classmethod
    def of(cls, fixes: Sequence[Fix]) -> "Seen":
        """Take fixes in any order; what is known to be wrong is left out."""
        rows = sorted(
            (fix.at.timestamp(), fix.lon_deg, fix.lat_deg, fix.accuracy_m or DEFAULT_R95_M)
            for fix in fixes
            if not fix.flags & _DOUBTED
        )
        return cls(*np.array(rows, np.float64).reshape(-1, 4).T)

    def silent_s(self, start_s: float, end_s: float) -> float:
        """Return the longest silence between two times, in seconds."""
        within = self.at_s[(self.at_s >= start_s) & (self.at_s <= end_s)]
        return float(np.diff(np.concatenate(([start_s], within, [end_s]))).max(initial=0))


def judge(seen: Seen, task: Task, now_s: float) -> Visit:
    """Return what the fixes prove about one task; what is not proven yet is pending while there is time for it."""
    until_s = min(task.end_s, now_s)
    rows = np.flatnonzero((seen.at_s >= task.start_s) & (seen.at_s <= until_s))
    away_m = crs.haversine_m(seen.lon_deg[rows], seen.lat_deg[rows], task.lon_deg, task.lat_deg)
    inside = away_m + seen.r95_m[rows] <= task.radius_m
    outside = away_m - seen.r95_m[rows] > task.radius_m
    stays = _stays(seen.at_s[rows], inside, outside)
    if not stays:
        vague = not outside.all() or seen.silent_s(task.start_s, until_s) > LONGEST_SILENCE_S
        nearest = [int(away_m.argmin())] if len(rows) else []
        verdict = _in_time(Verdict.UNPROVEN if vague else Verdict.MISSED, task, now_s)
        return Visit(verdict, 0.0, 0.0, None, None, _evidence(seen, rows, away_m, nearest))
    first, last = max(stays, key=lambda stay: seen.at_s[rows[stay[1]]] - seen.at_s[rows[stay[0]]])
    arrived_s, left_s = float(seen.at_s[rows[first]]), float(seen.at_s[rows[last]])
    at_most_s = _at_most_s(seen, task, int(rows[first]), int(rows[last]), now_s)
    verdict = Verdict.VISITED
    if left_s - arrived_s < task.dwell_s:
        verdict = _in_time(Verdict.TOO_SHORT if at_most_s < task.dwell_s else Verdict.UNPROVEN, task, now_s)
    closest = first + int(away_m[first : last + 1].argmin())
    evidence = _evidence(seen, rows, away_m, sorted({first, closest, last}))
    return Visit(verdict, left_s - arrived_s, at_most_s, arrived_s, left_s, evidence)


def out_of_order(arrived_s: Sequence[float | None]) -> list[bool]:
    """Return which stops were reached before one that stands before them in the plan; None was not reached."""
    latest, late = -np.inf, list[bool]()
    for arrived in arrived_s:
        late.append(arrived is not None and arrived < latest)
        latest = max(latest, -np.inf if arrived is None else arrived)
    return late


def _stays(at_s: NDArray[np.float64], inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stays as first and last fix inside: no fix outside between them, and no long silence."""
    stays, first, last = list[tuple[int, int]](), -1, -1
    for row in range(len(at_s)):
        silent = row > 0 and at_s[row] - at_s[row - 1] > LONGEST_SILENCE_S
        if first >= 0 and (outside[row] or silent):
            stays.append((first, last))
            first = -1
        if inside[row]:
            first, last = (row, row) if first < 0 else (first, row)
    return [*stays, (first, last)] if first >= 0 else stays


def _at_most_s(seen: Seen, task: Task, first: int, last: int, now_s: float) -> float:
    """Return how long a stay may have been: from the fix before it to the one after it, within the window."""
    before, after = first - 1, last + 1
    begin = max(task.start_s, float(seen.at_s[before]) if before >= 0 else -np.inf)
    end = min(task.end_s, now_s, float(seen.at_s[after]) if after < len(seen.at_s) else np.inf)
    return float(end - begin)


def _evidence(
    seen: Seen, rows: NDArray[np.int64], away_m: NDArray[np.float64], chosen: Sequence[int]
) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            float(seen.at_s[rows[row]]), float(seen.lon_deg[rows[row]]), float(seen.lat_deg[rows[row]]),
            float(seen.r95_m[rows[row]]), round(float(away_m[row]), 1),
        )
        for row in chosen
    )  # fmt: skip


def _in_time(verdict: Verdict, task: Task, now_s: float) -> Verdict:
    return Verdict.PENDING if now_s < task.end_s else verdict
