"""The table `fix` is cut by UTC day; days far from now share `fix_default`."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db import engine as databases
from services.db.engine import WriteSession

PAST_DAYS = 400  # a year of retention and a month's grace; older fixes, imports mostly, stay in fix_default
FUTURE_DAYS = 2
_LOCK = 4490_01  # the advisory lock's number: any constant that nobody else takes


async def ensure(engine: AsyncEngine, days: Iterable[date]) -> None:
    """Make a partition for each UTC day near enough to the database's clock; safe against others doing the same.

    Rows that `fix_default` already holds for such a day move into the new partition.
    """
    async with databases.writing(engine) as db:
        await db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        now: datetime = (await db.execute(text("SELECT now()"))).scalar_one()
        for day in sorted(day for day in days if _is_near(day, now)):
            if not (await db.execute(text("SELECT to_regclass(:name)"), {"name": _name(day)})).scalar():
                await _create(db, day)


async def ensure_coming(engine: AsyncEngine, now: datetime) -> None:
    """Make the partitions of today and the coming days, so that no fix has to wait for one."""
    today = now.astimezone(UTC).date()
    await ensure(engine, [today + timedelta(days=ahead) for ahead in range(FUTURE_DAYS + 1)])


def _is_near(day: date, now: datetime) -> bool:
    return -PAST_DAYS <= (day - now.astimezone(UTC).date()).days <= FUTURE_DAYS


def _name(day: date) -> str:
    return f"fix_{day:%Y%m%d}"


async def _create(db: WriteSession, day: date) -> None:
    """Attach, rather than create in place: it locks `fix_default` only, readers and writers of other days go on."""
    name, start, end = _name(day), f"'{day} 00:00+00'", f"'{day + timedelta(days=1)} 00:00+00'"
    strays = f"DELETE FROM fix_default WHERE at >= {start} AND at < {end} RETURNING *"
    for statement in (
        f"CREATE TABLE {name} (LIKE fix INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "LOCK TABLE fix_default IN ACCESS EXCLUSIVE MODE",
        f"WITH moved AS ({strays}) INSERT INTO {name} SELECT * FROM moved",
        f"ALTER TABLE fix ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
    ):
        await db.execute(text(statement))
