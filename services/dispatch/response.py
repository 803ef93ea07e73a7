"""How soon calls were answered (处警时效): by kind, division, beat or hour, against the targets, and in bins.

Arrival, sign-for, setting out and feedback are each counted from the moment the call was taken; of several units the
first counts. Hours are those of Beijing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Row as Found
from sqlalchemy import text

from services import access
from services.db.engine import ReadSession
from services.dispatch import handbook
from services.errors import InvalidError
from services.settings import Settings

MAX_SPAN = timedelta(days=366)
BEIJING = timezone(timedelta(hours=8))
NOWHERE = "-"
"""The key of calls without a division or beat."""

_CALLS = text("""
SELECT call.id, call.kind, call.priority, coalesce(call.division, :nowhere), coalesce(beat.name, :nowhere),
       ST_X(call.place::geometry), ST_Y(call.place::geometry), call.taken_at, call.signed_at, sent.en_route_at,
       sent.on_scene_at, call.feedback_at
FROM call
LEFT JOIN LATERAL (
    SELECT min(en_route_at) AS en_route_at, min(on_scene_at) AS on_scene_at FROM assignment WHERE call_id = call.id
) AS sent ON true
LEFT JOIN LATERAL (
    SELECT name FROM beat WHERE active AND ST_Covers(beat.shape, call.place) ORDER BY beat.id DESC LIMIT 1
) AS beat ON true
WHERE call.taken_at >= :start AND call.taken_at < :end
ORDER BY call.id
""")


class SpanError(InvalidError):
    """The time asked for ends before it begins, or is too long."""


class By(StrEnum):
    """What the rows of the report are."""

    KIND = "kind"
    DIVISION = "division"
    BEAT = "beat"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Answered:
    """A call and how soon it was answered; None: it was not, or is not known to have been."""

    call_id: int
    kind: str
    priority: int
    division: str
    beat: str
    lon_deg: float | None
    lat_deg: float | None
    taken_at: datetime
    signed_s: float | None
    set_out_s: float | None
    arrived_s: float | None
    feedback_s: float | None
    target_s: int

    @property
    def on_time(self) -> bool | None:
        """Whether a unit was there in time; None if none came."""
        return None if self.arrived_s is None else self.arrived_s <= self.target_s


@dataclass(frozen=True, slots=True)
class Row:
    """Calls that have a key in common. Times are those of arrival, None where nobody arrived."""

    key: str
    calls: int
    arrived: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    on_time: int
    on_time_share: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of the weekly report: up to so many seconds, None: later; how many calls."""

    up_to_s: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """The report on the calls that were taken from `start` to before `end`."""

    start: datetime
    end: datetime
    by: By
    rows: list[Row]
    total: Row
    sign_for: list[Bin]
    set_out: list[Bin]
    feedback: list[Bin]
    calls: list[Answered]


async def report_response(
    mandate: access.Mandate, db: ReadSession, settings: Settings, *, start: datetime, end: datetime, by: By
) -> Report:
    """Return how soon the calls of a time were answered.

    Raises:
        SpanError: the time ends before it begins, or is longer than a year.
    """
    async with access.look(mandate, access.Act.VIEW_REPORTS, f"response {start:%Y-%m-%d} {end:%Y-%m-%d}") as seen:
        if not timedelta() < end - start <= MAX_SPAN:
            raise SpanError("A report covers up to {days} days, and its end comes after its start.", days=MAX_SPAN.days)
        book = handbook.tables(settings)
        found = await db.execute(_CALLS, {"start": start, "end": end, "nowhere": NOWHERE})
        calls = [_answered(row, book.targets) for row in found]
        seen.rows = len(calls)
        return summarise(calls, book.bins, start=start, end=end, by=by)


def summarise(calls: Sequence[Answered], bins: handbook.Bins, *, start: datetime, end: datetime, by: By) -> Report:
    """Return the report on calls."""
    groups = defaultdict[str, list[Answered]](list)
    for call in calls:
        groups[_key(call, by)].append(call)
    rows = [_row(key, groups[key]) for key in sorted(groups)]
    return Report(
        start, end, by, rows, _row("", calls),
        _binned((call.signed_s for call in calls), bins.sign_for_s),
        _binned((call.set_out_s for call in calls), bins.set_out_s),
        _binned((call.feedback_s for call in calls), bins.feedback_s),
        list(calls),
    )  # fmt: skip


def _answered(row: Found[Any], targets: handbook.Targets) -> Answered:
    """Take a row of the query, in its order."""
    call_id, kind, priority, division, beat, lon_deg, lat_deg, taken_at, *moments = tuple[Any, ...](row)
    signed_s, set_out_s, arrived_s, feedback_s = ((at - taken_at).total_seconds() if at else None for at in moments)
    return Answered(
        call_id, kind, priority, division, beat, lon_deg, lat_deg, taken_at, signed_s, set_out_s, arrived_s, feedback_s,
        targets.of(division),
    )  # fmt: skip


def _key(call: Answered, by: By) -> str:
    if by is By.HOUR:
        return f"{call.taken_at.astimezone(BEIJING):%H}"
    return str(getattr(call, by.value))


def _row(key: str, calls: Sequence[Answered]) -> Row:
    times = np.array([call.arrived_s for call in calls if call.arrived_s is not None])
    on_time = sum(call.on_time is True for call in calls)
    if not len(times):
        return Row(key, len(calls), 0, None, None, None, 0, None)
    p50_s, p90_s = np.quantile(times, (0.5, 0.9))
    return Row(
        key, len(calls), len(times), float(times.mean()), float(p50_s), float(p90_s), on_time, on_time / len(times)
    )


def _binned(values: Iterable[float | None], bounds: Sequence[int]) -> list[Bin]:
    """Count values up to each bound, and those later; what never was is in none."""
    known = np.array([value for value in values if value is not None])
    place = np.searchsorted(bounds, known, side="left")
    counts = np.bincount(place, minlength=len(bounds) + 1)
    return [Bin(bound, int(count)) for bound, count in zip([*bounds, None], counts, strict=True)]
