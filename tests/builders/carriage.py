"""Units and the devices they carry, written into the database as they are found."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db.engine import WriteSession, writing
from services.db.tables.fleet import Carriage, Unit

Record = tuple[tuple[int, tuple[int | None, int | None]], ...]
"""Since which minute units 1 and 2 have carried which devices."""
LONG_AGO, LATER = -100_000, 100_000
STILL: Record = ((LONG_AGO, (1, 2)),)
SWAPPED: Record = (*STILL, (1500, (2, 1)))


async def make_unit(db: WriteSession, call_sign: str, device_id: int | None = None, kind: str = "car") -> int:
    """Return a new unit, which has carried the device ever since, if one is named."""
    row = insert(Unit).values(call_sign=call_sign, kind=kind).returning(Unit.id)
    unit_id = int((await db.execute(row)).scalar_one())
    if device_id is not None:
        await carry(db, unit_id, device_id)
    return unit_id


async def carry(
    db: WriteSession, unit_id: int, device_id: int, since: datetime | None = None, until: datetime | None = None
) -> None:
    """Let a unit have carried a device for a time; None: without an end on that side."""
    await db.execute(insert(Carriage).values(unit_id=unit_id, device_id=device_id, during=Range(since, until)))


def pieces(record: Record, unit: int) -> list[tuple[int, int, int]]:
    """Return from and to which minute a unit carried which device, in order."""
    found = list[tuple[int, int, int]]()
    for (start, devices), end in zip(record, [*(minute for minute, _ in record[1:]), LATER], strict=True):
        device = devices[unit - 1]
        if found and found[-1][1:] == (start, device):
            found[-1] = (found[-1][0], end, found[-1][2])
        elif device:
            found.append((start, end, device))
    return found


async def keep(engine: AsyncEngine, record: Record, first: datetime) -> None:
    """Let units 1 and 2 have carried what a record says and nothing else; its minutes count from `first`."""
    async with writing(engine) as db:
        await db.execute(delete(Carriage))
        for unit in (1, 2):
            for start, end, device in pieces(record, unit):
                await carry(db, unit, device, first + timedelta(minutes=start), first + timedelta(minutes=end))
