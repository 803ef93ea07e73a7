"""Locks by name, held to the end of a transaction: for what no row of a table stands for."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def hold(db: AsyncSession, name: str) -> None:
    """Wait until no other transaction holds this name, and hold it to the end of this one.

    Two names may share a lock (64 bits of a hash): then one waits in vain, and nothing else is wrong.
    """
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
