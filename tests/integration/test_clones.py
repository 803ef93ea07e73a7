"""A cloned identity raises one alert, however many fixes show it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from geo.fix import Fix
from services.db.engine import reading, writing
from services.db.tables.alerts import Alert
from services.pipeline import Pipeline
from tests.builders.fences import LAT, LON, make_device

NOW = datetime.now(UTC).replace(microsecond=0)


async def alerts(engine) -> list[Alert]:
    async with reading(engine) as db:
        return list((await db.execute(select(Alert).order_by(Alert.id))).scalars())


async def test_one_identity_in_two_places_raises_one_alert_not_one_a_fix(engine, settings):
    cloned, honest = await make_device(engine), await make_device(engine)
    quick = settings.model_copy(update={"batch_window_ms": 1})
    async with Pipeline(engine, quick).running() as pipeline:
        for n in range(40):
            at = NOW - timedelta(seconds=3600 - 10 * n)
            east = 0.5 if n % 2 else 0.0
            await pipeline.submit([Fix(cloned, at, LON + east, LAT, n), Fix(honest, at, LON + n * 1e-3, LAT, n)])
    (told,) = await alerts(engine)
    assert (told.kind, told.severity, told.device_id) == ("cloned_identity", "urgent", cloned)
    assert abs(told.detail["other_lon_deg"] - LON) in (0.0, 0.5)
    async with writing(engine) as db:
        await db.execute(update(Alert).values(state="closed", closed_at=NOW))
    async with Pipeline(engine, quick).running() as pipeline:
        for n in range(400, 420):
            await pipeline.submit([Fix(cloned, NOW + timedelta(seconds=10 * n), LON + n % 2 * 0.5, LAT, n)])
    assert len(await alerts(engine)) == 2
