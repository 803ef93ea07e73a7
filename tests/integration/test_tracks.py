"""Fixes are stored once, in the partition of their day, and the newest position only ever moves forward in time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix, Quality, Source, Systems
from services import access, tracks
from services.db import partitions
from services.db.engine import make_engine, reading, writing
from services.errors import NotAllowedError
from tests.builders.carriage import make_unit

NOW = datetime.now(UTC).replace(microsecond=0)
Mandates = Callable[..., Awaitable[access.Mandate]]


def a_fix(device_id: int = 1, *, age_s: float = 0, key: int = 0, lon_deg: float = 113.15, **more: object) -> Fix:
    fix = Fix(device_id, NOW - timedelta(seconds=age_s), lon_deg, 27.83, key or round(age_s * 1000) + 1)
    return replace(fix, **more)


async def store(engine: AsyncEngine, *fixes: Fix) -> list[Fix]:
    async with writing(engine) as db:
        stored = await tracks.store(db, fixes)
    return list(stored.fixes) if stored else []


async def query(engine: AsyncEngine, statement: str) -> list[tuple[object, ...]]:
    async with reading(engine) as db:
        return [tuple(row) for row in await db.execute(text(statement))]


async def newest_place(engine: AsyncEngine, device_id: int = 1) -> tuple[object, ...] | None:
    found = await query(engine, f"SELECT ST_X(place::geometry), at FROM newest_fix WHERE device_id = {device_id}")
    return found[0] if found else None


async def test_what_was_stored_is_read_back_exactly(engine: AsyncEngine, mandate: Mandates) -> None:
    full = Fix(
        7, NOW, 113.123456, 27.654321, -(2**63), altitude_m=-12.5, speed_mps=13.5, heading_deg=359.0, accuracy_m=7.25,
        alarm=2**32 - 1, status=2**32 - 1, systems=Systems.BEIDOU | Systems.GALILEO, flags=Quality.LATE,
        source=Source.FILE,
    )  # fmt: skip
    bare = Fix(7, NOW + timedelta(microseconds=1), -179.9, -89.9, 2**63 - 1)
    odd = Fix(7, NOW + timedelta(seconds=1), 0.5, -0.5, 5, accuracy_m=3.0, heading_deg=0.0)
    await store(engine, full, bare, odd)
    async with reading(engine) as db:
        found = await tracks.read(
            await mandate("dispatcher"), db, device_id=7, start=NOW, end=NOW + timedelta(minutes=1)
        )
    assert found == [[full, bare, odd]]


@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.datetimes(datetime(1950, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
            st.floats(-180, 180),
            st.floats(-90, 90),
            st.integers(-(2**63), 2**63 - 1),
            *[st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)] * 4,
        ),
        max_size=20,
    )
)
def test_any_fix_survives_the_way_into_postgresql_and_back(
    database_url: str, rows: list[tuple[datetime, float, float, int, float | None]]
) -> None:
    fixes = [Fix(number, *row) for number, row in enumerate(rows)]

    async def there_and_back() -> list[Fix]:
        engine = make_engine(database_url)
        async with writing(engine) as db:
            await db.execute(text("TRUNCATE fix, newest_fix"))
            stored = await tracks.store(db, fixes)
            found = await tracks.read_batch(db, *astuple_of(stored)) if stored else []
        await engine.dispose()
        return sorted(found, key=lambda fix: fix.device_id)

    assert [as_single(fix) for fix in asyncio.run(there_and_back())] == [as_single(fix) for fix in fixes]


def astuple_of(stored: tracks.Stored) -> tuple[datetime, list[int], datetime, datetime]:
    return stored.received_at, stored.device_ids, stored.first_at, stored.last_at


def as_single(fix: Fix) -> Fix:
    """Speeds and the like are kept in single precision."""
    names = ("altitude_m", "speed_mps", "heading_deg", "accuracy_m")
    values = {name: getattr(fix, name) for name in names}
    return replace(fix, **{name: None if value is None else np.float32(value) for name, value in values.items()})


async def test_a_replay_adds_nothing(engine: AsyncEngine) -> None:
    fixes = [a_fix(age_s=age) for age in range(50)]
    assert await store(engine, *fixes) == fixes
    assert await store(engine, *reversed(fixes)) == []
    assert await query(engine, "SELECT count(*) FROM fix") == [(50,)]


async def test_of_a_batch_with_repetitions_only_the_new_fixes_count(engine: AsyncEngine) -> None:
    old, new = a_fix(age_s=5), a_fix(age_s=4)
    await store(engine, old)
    assert await store(engine, new, old, new, new) == [new]
    assert await query(engine, "SELECT count(*) FROM fix") == [(2,)]


async def test_another_payload_of_the_same_second_is_another_fix(engine: AsyncEngine) -> None:
    assert len(await store(engine, a_fix(key=1), a_fix(key=2), a_fix(device_id=2, key=1))) == 3


async def test_an_older_fix_moves_nobody(engine: AsyncEngine) -> None:
    await store(engine, a_fix(age_s=10, lon_deg=113.2))
    await store(engine, a_fix(age_s=20, lon_deg=113.9))
    assert await newest_place(engine) == (113.2, NOW - timedelta(seconds=10))
    await store(engine, a_fix(age_s=30, lon_deg=113.8), a_fix(age_s=5, lon_deg=113.3), a_fix(age_s=15, lon_deg=113.7))
    assert await newest_place(engine) == (113.3, NOW - timedelta(seconds=5))


@pytest.mark.parametrize("doubt", [
    Quality.NOT_POSITIONED, Quality.ZERO, Quality.ENCRYPTED, Quality.OUT_OF_RANGE, Quality.FUTURE, Quality.PAST,
])  # fmt: skip
async def test_a_fix_that_is_unusable_or_untimely_is_kept_but_moves_nobody(engine: AsyncEngine, doubt: Quality) -> None:
    good = a_fix(age_s=10)
    await store(engine, good)
    await store(engine, a_fix(flags=doubt, lon_deg=0.0))
    assert await newest_place(engine) == (113.15, good.at)
    assert await query(engine, "SELECT count(*) FROM fix") == [(2,)]


@pytest.mark.parametrize("doubt", [Quality.LATE, Quality.ESTIMATED, Quality.SPEED, Quality.JUMP])
async def test_a_fix_that_is_merely_doubtful_moves(engine: AsyncEngine, doubt: Quality) -> None:
    await store(engine, a_fix(age_s=10))
    await store(engine, a_fix(flags=doubt, lon_deg=113.4))
    assert await newest_place(engine) == (113.4, NOW)


async def test_a_batch_is_found_again_exactly(engine: AsyncEngine) -> None:
    async with writing(engine) as db:
        await tracks.store(db, [a_fix(age_s=100)])
    async with writing(engine) as db:
        stored = await tracks.store(db, [a_fix(age_s=200), a_fix(age_s=1), a_fix(device_id=3)])
    assert stored is not None
    async with reading(engine) as db:
        found = await tracks.read_batch(db, *astuple_of(stored))
    assert sorted(found, key=lambda fix: fix.at) == sorted(stored.fixes, key=lambda fix: fix.at)


async def test_a_day_gets_its_partition_on_demand_and_takes_its_rows_out_of_the_default(engine: AsyncEngine) -> None:
    day = (NOW - timedelta(days=200)).date()
    early = a_fix(age_s=200 * 86400)
    await store(engine, early)
    assert await query(engine, "SELECT tableoid::regclass::text FROM fix") == [("fix_default",)]
    await partitions.ensure(engine, [day])
    assert await query(engine, "SELECT tableoid::regclass::text FROM fix") == [(f"fix_{day:%Y%m%d}",)]
    assert await store(engine, early) == []


async def test_partitions_may_be_asked_for_by_many_at_once(engine: AsyncEngine) -> None:
    days = [NOW.date() - timedelta(days=ago) for ago in range(300, 303)]
    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(partitions.ensure(engine, days))
    names = ", ".join(f"to_regclass('fix_{day:%Y%m%d}') IS NOT NULL" for day in days)
    assert await query(engine, f"SELECT {names}") == [(True, True, True)]


async def test_days_out_of_the_window_share_the_default_partition(engine: AsyncEngine) -> None:
    await partitions.ensure(engine, [date(1980, 1, 6), date(2094, 1, 1)])
    await store(engine, a_fix(at=datetime(2094, 1, 1, tzinfo=UTC), flags=Quality.FUTURE))
    assert await query(engine, "SELECT tableoid::regclass::text FROM fix") == [("fix_default",)]
    assert await query(engine, "SELECT to_regclass('fix_20940101')") == [(None,)]


async def test_the_coming_days_are_made_ahead(engine: AsyncEngine) -> None:
    await partitions.ensure_coming(engine, NOW)
    names = [f"fix_{NOW.date() + timedelta(days=ahead):%Y%m%d}" for ahead in range(3)]
    for name in names:
        assert await query(engine, f"SELECT to_regclass('{name}') IS NOT NULL") == [(True,)]


async def test_an_import_counts_what_was_new(engine: AsyncEngine) -> None:
    fixes = [a_fix(age_s=age) for age in range(0, 200_000, 10_000)]
    assert await tracks.store_many(engine, fixes) == 20
    assert await tracks.store_many(engine, [*fixes, a_fix(age_s=5)]) == 1


async def test_a_track_is_read_by_the_device_its_unit_carries(engine: AsyncEngine, mandate: Mandates) -> None:
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1')"))
        await make_unit(db, "A", 1)
        await make_unit(db, "B")
    await store(engine, a_fix(age_s=60), a_fix(age_s=30), a_fix(device_id=2, age_s=40))
    who, span = await mandate("dispatcher"), {"start": NOW - timedelta(hours=1), "end": NOW}
    async with reading(engine) as db:
        assert await tracks.read(who, db, unit_id=1, **span) == [[a_fix(age_s=60), a_fix(age_s=30)]]
        with pytest.raises(tracks.NoTrackError):
            await tracks.read(who, db, unit_id=2, **span)
        with pytest.raises(tracks.NoTrackError):
            await tracks.read(who, db, unit_id=3, **span)


async def test_a_span_that_is_empty_or_too_long_is_refused(engine: AsyncEngine, mandate: Mandates) -> None:
    who = await mandate("dispatcher")
    async with reading(engine) as db:
        for start, end in [(NOW, NOW), (NOW, NOW - timedelta(1)), (NOW - timedelta(days=31, seconds=1), NOW)]:
            with pytest.raises(tracks.SpanError):
                await tracks.read(who, db, device_id=1, start=start, end=end)


async def test_a_track_that_is_too_much_for_one_answer_is_refused_not_cut(
    engine: AsyncEngine, mandate: Mandates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "MAX_FIXES", 3)
    monkeypatch.setattr(tracks, "_AT_A_TIME", 2)
    who, span = await mandate("dispatcher"), {"start": NOW - timedelta(hours=1), "end": NOW}
    await store(engine, *(a_fix(age_s=age) for age in (3, 2, 1)))
    async with reading(engine) as db:
        assert await tracks.read(who, db, device_id=1, **span) == [[a_fix(age_s=age) for age in (3, 2, 1)]]
    await store(engine, a_fix(age_s=4))
    async with reading(engine) as db:
        with pytest.raises(tracks.SpanError):
            await tracks.read(who, db, device_id=1, **span)


async def test_nobody_reads_a_track_without_the_right(engine: AsyncEngine, mandate: Mandates) -> None:
    who = await mandate("auditor")
    async with reading(engine) as db:
        with pytest.raises(NotAllowedError):
            await tracks.read(who, db, device_id=1, start=NOW - timedelta(hours=1), end=NOW)
    assert await query(engine, "SELECT count(*) FROM audit WHERE outcome = 'refused'") == [(1,)]
