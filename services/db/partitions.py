"""The tables `fix` and `frame_batch` are cut by UTC day; days far from now share their default partitions."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db import engine as databases
from services.db.engine import WriteSession

PAST_DAYS = 400  # a year of retention and a month's grace; older fixes, imports mostly, stay in fix_default
FUTURE_DAYS = 2
FIX, FRAMES = ("fix", "at"), ("frame_batch", "received_at")
"""What is cut by day, and by which column."""

_LOCK = 4490_01  # the advisory lock's number: any constant that nobody else takes


async def ensure(engine: AsyncEngine, days: Iterable[date], cut: tuple[str, str] = FIX) -> None:
    """Make a partition for each UTC day near enough to the database's clock; safe against others doing the same.

    Rows that the default partition already holds for such a day move into the new one.
    """
    async with databases.writing(engine) as db:
        await db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        now: datetime = (await db.execute(text("SELECT now()"))).scalar_one()
        for day in sorted(day for day in days if _is_near(day, now)):
            if not (await db.execute(text("SELECT to_regclass(:name)"), {"name": _name(day, cut)})).scalar():
                await _create(db, day, cut)


async def ensure_coming(engine: AsyncEngine, now: datetime) -> None:
    """Make the partitions of today and the coming days, so that no fix has to wait for one."""
    today = now.astimezone(UTC).date()
    for cut in (FIX, FRAMES):
        await ensure(engine, [today + timedelta(days=ahead) for ahead in range(FUTURE_DAYS + 1)], cut)


def _is_near(day: date, now: datetime) -> bool:
    return -PAST_DAYS <= (day - now.astimezone(UTC).date()).days <= FUTURE_DAYS


def _name(day: date, cut: tuple[str, str]) -> str:
    return f"{cut[0]}_{day:%Y%m%d}"


async def _create(db: WriteSession, day: date, cut: tuple[str, str]) -> None:
    """Attach, rather than create in place: it locks the default partition only, users of other days go on."""
    (table, column), name = cut, _name(day, cut)
    start, end = f"'{day} 00:00+00'", f"'{day + timedelta(days=1)} 00:00+00'"
    strays = f"DELETE FROM {table}_default WHERE {column} >= {start} AND {column} < {end} RETURNING *"
    for statement in (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)",
        f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE",
        f"WITH moved AS ({strays}) INSERT INTO {name} SELECT * FROM moved",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
    ):
        await db.execute(text(statement))
