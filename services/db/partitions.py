"""The tables `fix` and `frame_batch` are cut by UTC day; days far from now share their default partitions."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db import engine as databases

PAST_DAYS = 400  # a year of retention and a month's grace; older fixes, imports mostly, stay in fix_default
FUTURE_DAYS = 2
FIX, FRAMES = ("fix", "at"), ("frame_batch", "received_at")
"""What is cut by day, and by which column."""

_MAKE = text("SELECT tianshu_make_day(:table, :column, :day)")  # with the owner's rights: see services/db/security


async def ensure(engine: AsyncEngine, days: Iterable[date], cut: tuple[str, str] = FIX) -> None:
    """Make a partition for each UTC day near enough to the database's clock; safe against others doing the same.

    Rows that the default partition already holds for such a day move into the new one.
    """
    async with databases.writing(engine) as db:
        now: datetime = (await db.execute(text("SELECT now()"))).scalar_one()
        for day in sorted(day for day in days if _is_near(day, now)):
            await db.execute(_MAKE, {"table": cut[0], "column": cut[1], "day": day})


async def ensure_coming(engine: AsyncEngine, now: datetime) -> None:
    """Make the partitions of today and the coming days, so that no fix has to wait for one."""
    today = now.astimezone(UTC).date()
    for cut in (FIX, FRAMES):
        await ensure(engine, [today + timedelta(days=ahead) for ahead in range(FUTURE_DAYS + 1)], cut)


def _is_near(day: date, now: datetime) -> bool:
    return -PAST_DAYS <= (day - now.astimezone(UTC).date()).days <= FUTURE_DAYS
