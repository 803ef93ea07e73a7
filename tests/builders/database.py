"""Looks into the database, for tests of doors."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db.engine import reading, writing


async def know(engine: AsyncEngine, phone: str, **more: str) -> None:
    columns = {"phone": phone, **more}
    names, values = ", ".join(columns), ", ".join(f"'{value}'" for value in columns.values())
    async with writing(engine) as db:
        await db.execute(text(f"INSERT INTO device ({names}) VALUES ({values})"))


async def rows(engine: AsyncEngine, query: str) -> list[tuple[object, ...]]:
    async with reading(engine) as db:
        return [tuple(row) for row in await db.execute(text(query))]


async def fixes(engine: AsyncEngine) -> int:
    return int(str((await rows(engine, "SELECT count(*) FROM fix"))[0][0]))


async def quarantined(engine: AsyncEngine, count: int) -> list[str]:
    """The reasons in the quarantine, once there are so many."""
    async with asyncio.timeout(10):
        while len(found := await rows(engine, "SELECT reason FROM quarantine ORDER BY id")) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return [str(reason) for (reason,) in found]
