"""Devices, areas and ways to drive for the tests of areas and alerts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix
from services.db.engine import writing
from services.db.tables.fleet import Device
from tests.builders.carriage import make_unit

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
LON, LAT = 113.13, 27.83
EAST_M = 1 / 98_500  # degrees of longitude per metre here

FIELD: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [
        [[LON, LAT - 0.01], [LON + 0.02, LAT - 0.01], [LON + 0.02, LAT + 0.01], [LON, LAT + 0.01], [LON, LAT - 0.01]]
    ],
}
"""About 2 km by 2 km; its western edge is at LON."""

STRIP: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [
        [[LON, LAT - 0.01], [LON + 1e-4, LAT - 0.01], [LON + 1e-4, LAT + 0.01], [LON, LAT + 0.01], [LON, LAT - 0.01]]
    ],
}
"""10 m by 2 km, with the same western edge."""


async def make_device(engine: AsyncEngine, *, unit_kind: str | None = None) -> int:
    """Return a new device, carried by a unit of a kind if one is named."""
    async with writing(engine) as db:
        count = (await db.execute(insert(Device).values(phone="new").returning(Device.id))).scalar_one()
        await db.execute(Device.__table__.update().where(Device.id == count).values(phone=f"1390000{count:04}"))
        if unit_kind:
            await make_unit(db, f"unit {count}", count, unit_kind)
    return int(count)


def way(
    device_id: int,
    metres: Sequence[float],
    *,
    every_s: float = 10,
    start_s: float = 0,
    lat_deg: float = LAT,
    **more: Any,
) -> list[Fix]:
    """Return fixes at distances east of the western edge, one every `every_s` seconds."""
    return [
        Fix(device_id, START + timedelta(seconds=start_s + i * every_s), LON + east * EAST_M, LAT, i, **more)
        for i, east in enumerate(metres)
    ]
