"""What is true now: free units near a place, and changes of which none is ever missed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix, Quality
from services import access, live, tracks
from services.db.engine import reading, writing
from services.errors import NotAllowedError

NOW = datetime.now(UTC).replace(microsecond=0)
Mandates = Callable[..., Awaitable[access.Mandate]]


async def write(engine: AsyncEngine, *statements: str) -> None:
    async with writing(engine) as db:
        for statement in statements:
            await db.execute(text(statement))


async def see(engine: AsyncEngine, device_id: int, lon_deg: float, age_s: float = 0, **more: object) -> None:
    async with writing(engine) as db:
        fix = Fix(device_id, NOW - timedelta(seconds=age_s), lon_deg, 27.83, round(age_s), **more)
        await tracks.store(db, [fix])


async def changes(engine: AsyncEngine, xid: int) -> live.Changes:
    async with reading(engine) as db:
        return await live.changed_since(db, xid)


async def a_moment(engine: AsyncEngine) -> int:
    """Return a moment after all that was written, once no older transaction runs in any database of the cluster."""
    async with writing(engine) as db:
        mine = (await db.execute(text("SELECT tianshu_xid()"))).scalar_one()
    async with asyncio.timeout(60):
        while (moment := (await changes(engine, mine)).xid) <= mine:  # noqa: ASYNC110 -- other databases answer to nobody
            await asyncio.sleep(0.02)
    return moment


@pytest.fixture
async def fleet(engine: AsyncEngine) -> AsyncEngine:
    """Five cars in a row eastwards, about 985 m apart."""
    for number in range(1, 6):
        await write(
            engine,
            f"INSERT INTO device (phone) VALUES ('{number}')",
            f"INSERT INTO unit (call_sign, kind) VALUES ('C{number}', 'car')",
            f"INSERT INTO carriage (unit_id, device_id, during) VALUES ({number}, {number}, '(,)')",
        )
        await see(engine, number, 113.10 + number / 100)
    return engine


async def near(engine: AsyncEngine, radius_m: float = 20_000, lon_deg: float = 113.10) -> list[str]:
    async with reading(engine) as db:
        found = await live.free_units_near(db, lon_deg, 27.83, radius_m=radius_m, seen_since=NOW - timedelta(minutes=2))
    return [unit.call_sign for unit in found]


async def test_free_units_come_nearest_first_within_the_radius(fleet: AsyncEngine) -> None:
    assert await near(fleet) == ["C1", "C2", "C3", "C4", "C5"]
    assert await near(fleet, lon_deg=113.16) == ["C5", "C4", "C3", "C2", "C1"]
    assert await near(fleet, radius_m=984) == []
    assert await near(fleet, radius_m=986) == ["C1"]


async def test_units_that_are_busy_silent_or_unlocated_are_not_near(fleet: AsyncEngine) -> None:
    await write(
        fleet,
        "UPDATE unit SET state = 'en_route' WHERE id = 1",
        "UPDATE unit SET state = 'off_duty' WHERE id = 2",
        "UPDATE newest_fix SET at = at - interval '121 s' WHERE device_id = 3",
        "DELETE FROM newest_fix WHERE device_id = 4",
    )
    assert await near(fleet) == ["C5"]


async def test_a_unit_near_says_all_that_dispatch_needs(fleet: AsyncEngine) -> None:
    await write(fleet, "UPDATE unit SET equipment = '{rifle,shield}' WHERE id = 1")
    await see(fleet, 1, 113.2, age_s=-1, speed_mps=12.5, heading_deg=90.0, accuracy_m=8.0)
    async with reading(fleet) as db:
        unit = (await live.free_units_near(db, 113.2, 27.83, radius_m=10, seen_since=NOW))[0]
    assert unit == live.UnitPosition(
        1, "C1", "car", ["rifle", "shield"], "free", 113.2, 27.83, NOW + timedelta(seconds=1), 12.5, 90.0, 8.0
    )


async def test_only_what_changed_is_told(fleet: AsyncEngine) -> None:
    before = await a_moment(fleet)
    assert (await changes(fleet, before)).units == []
    await see(fleet, 2, 113.5, age_s=-5)
    await write(fleet, "UPDATE unit SET state = 'on_scene' WHERE id = 3")
    told = (await changes(fleet, before)).units
    assert {row[0]: (row[1], row[7]) for row in told} == {2: (113.5, "free"), 3: (113.13, "on_scene")}
    assert next(row[6] for row in told if row[0] == 2) == (NOW + timedelta(seconds=5)).timestamp()


async def test_an_older_or_unusable_fix_is_no_change(fleet: AsyncEngine) -> None:
    before = await a_moment(fleet)
    await see(fleet, 2, 113.5, age_s=60)
    await see(fleet, 3, 0.0, age_s=-60, flags=Quality.ZERO)
    assert (await changes(fleet, before)).units == []


async def test_two_transactions_that_commit_out_of_order_are_both_told(fleet: AsyncEngine, database_url: str) -> None:
    """The first to begin is the last to commit: who only remembers the highest number seen would miss it."""
    start = await a_moment(fleet)
    async with await psycopg.AsyncConnection.connect(database_url) as slow:
        await slow.execute("UPDATE unit SET state = 'dispatched' WHERE id = 1")
        await write(fleet, "UPDATE unit SET state = 'dispatched' WHERE id = 2")
        first = await changes(fleet, start)
        assert [row[0] for row in first.units] == [2]
        await write(fleet, "UPDATE unit SET state = 'dispatched' WHERE id = 3")
        second = await changes(fleet, first.xid)
        assert {row[0] for row in second.units} == {2, 3}
        await slow.commit()
    third = await changes(fleet, second.xid)
    assert 1 in {row[0] for row in third.units}
    assert (await changes(fleet, await a_moment(fleet))).units == []


async def test_whatever_many_writers_do_a_reader_who_goes_on_from_the_last_moment_misses_nothing(
    fleet: AsyncEngine, database_url: str
) -> None:
    heard: set[str] = set()
    xid = await a_moment(fleet)
    done = asyncio.Event()

    async def take_calls(writer: int) -> None:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            for number in range(15):
                await connection.execute(
                    "INSERT INTO call (kind, priority, place, address, taken_at) "
                    "VALUES ('theft', 2, 'SRID=4490;POINT(113 27)', %s, now())",
                    [f"{writer}/{number}"],
                )
                await asyncio.sleep(0.001 * ((writer * 7 + number * 3) % 11))
                await connection.commit()

    async def listen() -> None:
        nonlocal xid
        while True:
            last = done.is_set()
            told = await changes(fleet, xid)
            heard.update(call.address for call in told.calls)
            xid = told.xid
            if last:
                return

    listening = asyncio.create_task(listen())
    await asyncio.gather(*(take_calls(writer) for writer in range(6)))
    done.set()
    await listening
    assert heard == {f"{writer}/{number}" for writer in range(6) for number in range(15)}


CALL = (
    "INSERT INTO call (kind, priority, place, address, notes, taken_at, state) "
    "VALUES ('fire', 1, 'SRID=4490;POINT(113.1 27.8)', 'Road 1', 'smoke', now(), '{}')"
)


async def test_a_call_is_told_with_its_units_and_again_when_one_of_them_moves_on(fleet: AsyncEngine) -> None:
    await write(fleet, CALL.format("open"), CALL.format("closed"))
    before = await a_moment(fleet)
    await write(
        fleet, "INSERT INTO assignment (call_id, unit_id, dispatched_at, expected_s) VALUES (1, 2, now(), 61.5)"
    )
    (call,) = (await changes(fleet, before)).calls
    assert (call.id, call.kind, call.priority, call.lon_deg, call.lat_deg) == (1, "fire", 1, 113.1, 27.8)
    assert (call.address, call.notes, call.state) == ("Road 1", "smoke", "open")
    assert [(sent.unit_id, sent.state, sent.expected_s) for sent in call.assignments] == [(2, "dispatched", 61.5)]
    later = await a_moment(fleet)
    await write(fleet, "UPDATE assignment SET state = 'en_route', en_route_at = now()")
    (call,) = (await changes(fleet, later)).calls
    assert call.assignments[0].state == "en_route"


async def test_an_alert_is_told_with_the_names_of_its_unit_and_area(fleet: AsyncEngine) -> None:
    before = await a_moment(fleet)
    await write(
        fleet,
        "INSERT INTO area (name, kind, shape) VALUES ('Depot', 'restricted', 'SRID=4490;MULTIPOLYGON EMPTY')",
        "INSERT INTO alert (key, kind, severity, at, device_id, area_id) VALUES ('k', 'enter', 'notice', now(), 4, 1)",
        "INSERT INTO alert (key, kind, severity, at) VALUES ('l', 'other', 'notice', now())",
    )
    bare, full = (await changes(fleet, before)).alerts
    assert (full.unit_id, full.call_sign, full.area_name, full.lon_deg, full.detail) == (4, "C4", "Depot", None, {})
    assert (bare.unit_id, bare.call_sign, bare.area_name) == (None, None, None)


async def test_everything_is_all_units_and_whatever_is_not_closed(fleet: AsyncEngine) -> None:
    await write(
        fleet,
        CALL.format("open"),
        CALL.format("closed"),
        "INSERT INTO alert (key, kind, severity, at, state) VALUES ('a', 'sos', 'urgent', now(), 'acknowledged')",
        "INSERT INTO alert (key, kind, severity, at, state) VALUES ('b', 'sos', 'urgent', now(), 'closed')",
    )
    async with reading(fleet) as db:
        now = await live.everything(db)
    assert (len(now.units), [call.state for call in now.calls], [alert.state for alert in now.alerts]) == (
        5, ["open"], ["acknowledged"],
    )  # fmt: skip


async def test_nobody_follows_the_live_map_without_the_right(mandate: Mandates) -> None:
    await live.watch(await mandate("patrol_officer"))
    with pytest.raises(NotAllowedError):
        await live.watch(await mandate("auditor"))
