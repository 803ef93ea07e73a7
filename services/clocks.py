"""Clocks of devices: how far each is from ours, measured from what is stored; fixes of a skewed one are flagged.

The median of (received − told) over the last live fixes of a device is its skew: positive when its clock is behind, or
when its reports take long. Delays scatter, a wrong clock does not: where the middle half of the differences spreads
over more than a few seconds, the device uploads what it kept, and nothing is said about its clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text

from geo.fix import Fix, Quality, Source
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Device
from services.settings import Settings

SAMPLE: Final = 31
LEAST: Final = 10
"""Fixes without which nothing is said."""

SPREAD: Final = timedelta(seconds=10)
REACH: Final = timedelta(hours=1)
"""How far back of its newest position a device's live fixes are looked for."""

_MEASURE = text("""
UPDATE device SET clock_measured_at = now(),
    clock_skew_s = CASE WHEN taken.count >= :least AND taken.q[3] - taken.q[1] <= :spread_s THEN taken.q[2] END
FROM newest_fix CROSS JOIN LATERAL (
    SELECT count(*), percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY late_s) AS q
    FROM (
        SELECT extract(epoch FROM fix.received_at - fix.at) AS late_s FROM fix
        WHERE fix.device_id = newest_fix.device_id AND fix.at > least(newest_fix.at, now()) - CAST(:reach AS interval)
            AND fix.flags & :late = 0 AND fix.source <> :file
        ORDER BY fix.at DESC LIMIT :sample
    ) AS last_ones
) AS taken
WHERE newest_fix.device_id = device.id AND newest_fix.received_at > now() - CAST(:reach AS interval) AND taken.count > 0
""")


async def measure(db: WriteSession) -> int:
    """Measure the clocks of the devices heard of in the last hour; return how many they were."""
    done = await db.execute(_MEASURE, {
        "least": LEAST, "spread_s": SPREAD.total_seconds(), "reach": REACH, "late": int(Quality.LATE),
        "file": int(Source.FILE), "sample": SAMPLE,
    })  # fmt: skip
    return int(done.rowcount)  # type: ignore[attr-defined]


async def skewed(db: ReadSession, settings: Settings) -> frozenset[int]:
    """Return the devices whose clocks are further from ours than the settings allow."""
    found = select(Device.id).where(func.abs(Device.clock_skew_s) > settings.clock_skew_s)
    return frozenset((await db.execute(found)).scalars())


def mark(fixes: Sequence[Fix], devices: Iterable[int]) -> list[Fix]:
    """Flag the fixes of devices whose clocks are wrong."""
    wrong = frozenset(devices)
    return [replace(fix, flags=fix.flags | Quality.CLOCK_SKEW) if fix.device_id in wrong else fix for fix in fixes]
