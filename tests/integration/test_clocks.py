"""Clocks of devices are measured by what they send live, and the fixes of a wrong one are flagged."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from geo.fix import NO_DOUBT, Fix, Quality
from services import clocks, storing, tracks
from services.db.engine import reading, writing
from services.db.tables import tracks as tables
from services.db.tables.fleet import Device
from services.pipeline import Pipeline
from tests.builders.fences import LAT, LON, make_device


async def report(engine, device_id: int, offsets_s, flags: Quality = NO_DOUBT) -> None:
    """Store fixes, each told some seconds before it comes."""
    for number, offset_s in enumerate(offsets_s):
        fix = Fix(device_id, datetime.now(UTC) - timedelta(seconds=offset_s), LON, LAT, number, flags=flags)
        async with writing(engine) as db:
            await tracks.store(db, [fix])


async def skew_of(engine, device_id: int) -> float | None:
    async with writing(engine) as db:
        await clocks.measure(db)
    async with reading(engine) as db:
        return (await db.execute(select(Device.clock_skew_s).where(Device.id == device_id))).scalar_one()


@pytest.mark.parametrize("behind_s", [0.5, 3600.0, -7200.0])
async def test_the_skew_of_a_clock_is_the_median_difference_of_its_live_fixes(engine, behind_s):
    device = await make_device(engine)
    await report(engine, device, [behind_s + 0.01 * number for number in range(15)] + [behind_s + 400])
    assert await skew_of(engine, device) == pytest.approx(behind_s, abs=2)


async def test_what_was_kept_and_sent_later_says_nothing_about_a_clock(engine):
    late, buffered, few = [await make_device(engine) for _ in range(3)]
    await report(engine, late, [5000.0] * 12, flags=Quality.LATE)
    await report(engine, buffered, [3000.0 - 10 * number for number in range(20)])
    await report(engine, few, [900.0] * 3)
    assert [await skew_of(engine, device) for device in (late, buffered, few)] == [None, None, None]


async def test_fixes_of_a_device_with_a_wrong_clock_are_flagged_and_others_are_not(engine, settings, monkeypatch):
    monkeypatch.setattr(storing, "SWEEP_EVERY_S", 0.05)
    wrong, right = await make_device(engine), await make_device(engine)
    for device, behind_s in ((wrong, 200.0), (right, 1.0)):
        await report(engine, device, [behind_s] * 12)
        await skew_of(engine, device)
    async with Pipeline(engine, settings).running() as pipeline:
        await asyncio.sleep(0.5)
        now = datetime.now(UTC)
        await pipeline.submit([Fix(device, now, LON, LAT, 99) for device in (wrong, right)])
    async with reading(engine) as db:
        rows = await db.execute(select(tables.Fix.device_id, tables.Fix.flags).where(tables.Fix.payload_hash == 99))
        assert dict(rows.all()) == {wrong: int(Quality.CLOCK_SKEW), right: 0}
