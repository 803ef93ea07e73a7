"""Devices change hands: what a device told belongs to the unit that carried it then, and to no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from geo.fix import Fix
from services import access, carriage, dispatch, fleet, live, messages, patrols, tracks
from services.alerts import raise_alert
from services.areas import NewRule, create_area
from services.carriage import CarriedError, NoDeviceError, NoUnitError, SinceError
from services.db.claims import Claims, declare_look
from services.db.engine import ClashError, reading, writing
from services.dispatch import Step
from services.errors import NotAllowedError
from services.ingest.rdss import payloads
from services.patrols import NewCheckpoint, NewStop
from services.pipeline import WATCHERS, Pipeline
from tests.builders import town
from tests.builders.carriage import carry, make_unit
from tests.builders.database import rows
from tests.builders.fences import EAST_M, FIELD, LAT, LON

NOW = datetime.now(UTC).replace(microsecond=0)
NOON = NOW - timedelta(hours=1)
MORNING = NOON - timedelta(hours=1)
NORTH, SOUTH = 27.9, 27.8


@pytest.fixture
async def admin(mandate) -> access.Mandate:
    return await mandate("system_admin")


@pytest.fixture
async def desk(mandate) -> access.Mandate:
    return await mandate("dispatcher")


@pytest.fixture
async def two(engine, admin) -> None:
    """Units 1 and 2 with devices 1, which stays in the north, and 2, in the south; a fix a minute for two hours."""
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1'), ('2'), ('rdss:3')"))
        for number in (1, 2):
            await make_unit(db, f"C{number}", number)
        for device, lat in ((1, NORTH), (2, SOUTH)):
            fixes = [Fix(device, MORNING + timedelta(minutes=n), 113.1, lat, n, accuracy_m=5.0) for n in range(120)]
            await tracks.store(db, fixes)


@pytest.fixture
def give(engine, admin):
    async def hand_over(unit_id, device_id, since=None, now=NOW):
        async with writing(engine) as db:
            return await carriage.give_device(admin, db, unit_id, device_id, since=since, now=now)

    return hand_over


@pytest.fixture
async def swapped(two, give) -> None:
    """They swapped their devices at noon."""
    await give(1, 2, NOON)
    await give(2, 1, NOON)


async def test_who_swap_devices_at_noon_each_keep_their_own_halves(engine, desk, swapped):
    async with reading(engine) as db:
        for unit_id, lats in ((1, [NORTH, SOUTH]), (2, [SOUTH, NORTH])):
            parts = await tracks.read(desk, db, unit_id=unit_id, start=MORNING, end=NOW)
            assert [{fix.lat_deg for fix in part} for part in parts] == [{lat} for lat in lats]
            assert [len(part) for part in parts] == [60, 60]
            assert parts[0][-1].at < NOON <= parts[1][0].at


async def test_the_database_itself_shows_each_its_own_halves(application, swapped):
    claims = Claims(1, ["dispatcher"], "duty")
    for unit_id, first, second in ((1, NORTH, SOUTH), (2, SOUTH, NORTH)):
        async with reading(application.state.engine, claims) as db:
            await declare_look(db, [f"unit:{unit_id}"], MORNING, NOW)
            found = await db.execute(text("SELECT at >= :noon, ST_Y(place::geometry) FROM fix"), {"noon": NOON})
            assert {tuple(row) for row in found} == {(False, first), (True, second)}


async def test_a_unit_that_carried_nothing_then_has_no_track_then(engine, desk, two, give):
    await give(1, None, NOON)
    async with reading(engine) as db:
        (part,) = await tracks.read(desk, db, unit_id=1, start=MORNING, end=NOW)
        assert part[-1].at == NOON - timedelta(minutes=1)
        with pytest.raises(tracks.NoTrackError):
            await tracks.read(desk, db, unit_id=1, start=NOON, end=NOW)


async def test_a_device_given_back_leaves_the_time_between_out(engine, desk, two, give):
    await give(1, None, NOON, now=NOON)
    await give(1, 1, NOON + timedelta(minutes=30))
    async with reading(engine) as db:
        before, after = await tracks.read(desk, db, unit_id=1, start=MORNING, end=NOW)
    assert (len(before), len(after)) == (60, 30)


async def test_what_is_too_much_for_one_answer_counts_all_parts_together(engine, desk, swapped, monkeypatch):
    monkeypatch.setattr(tracks, "MAX_FIXES", 119)
    async with reading(engine) as db:
        with pytest.raises(tracks.SpanError):
            await tracks.read(desk, db, unit_id=1, start=MORNING, end=NOW)


async def test_a_plan_is_judged_by_the_devices_its_unit_carried(engine, desk, swapped):
    async with writing(engine) as db:
        places = [
            await patrols.create_checkpoint(desk, db, NewCheckpoint(name, 113.1, lat, radius_m=60, dwell_s=120))
            for name, lat in (("北", NORTH), ("南", SOUTH))
        ]
        stops = [
            NewStop(places[0].id, window_start=MORNING, window_end=NOON),
            NewStop(places[1].id, window_start=MORNING, window_end=NOON - timedelta(minutes=1)),
            NewStop(places[1].id, window_start=NOON, window_end=NOW),
        ]
        plan = await patrols.create_plan(
            desk, db, unit_id=1, stops=stops, name="巡", starts_at=MORNING, ends_at=NOW, ordered=False
        )
    async with reading(engine) as db:
        found = await patrols.judge_plan(desk, db, plan.id, now=NOW)
    assert [one.visit.verdict for one in found.results] == ["visited", "missed", "visited"]


async def test_an_alert_stays_with_who_carried_the_device_when_it_was_raised(engine, swapped):
    async with writing(engine) as db:
        for name, at in (("before", NOON - timedelta(minutes=1)), ("after", NOON)):
            await raise_alert(db, key=name, kind="cloned_identity", severity="urgent", at=at, device_id=1)
    async with reading(engine) as db:
        assert {alert.at < NOON: alert.unit_id for alert in await live.view_alerts(db)} == {True: 1, False: 2}


async def test_a_short_message_stays_with_who_carried_the_card(engine, desk, two, give):
    async with writing(engine) as db:
        for minutes in (-1, 1):
            content = payloads.Content(b"\xd2\xbb", "一")
            at = NOON + timedelta(minutes=minutes)
            await messages.keep(db, 3, payloads.Received("3", at, True, content, None, False))
    await give(1, 3, MORNING, now=MORNING)
    await give(2, 3, NOON)
    async with reading(engine) as db:
        listed = await messages.list_messages(desk, db, before_id=None, limit=10)
    assert {each.at < NOON: each.call_sign for each in listed} == {True: "C1", False: "C2"}


async def test_who_gets_another_device_is_nowhere_until_it_is_heard(engine, desk, admin, two, give):
    async with reading(engine) as db:
        before = await live.present(db)
    await give(1, 2)
    async with reading(engine) as db:
        told = {row[0]: row[1] for row in (await live.changed_since(db, before)).units}
        assert told == {1: None, 2: None}
        assert [unit.lon_deg for unit in await fleet.list_units(desk, db, after_id=0, limit=9)] == [None, None]
        assert (await live.everything(db)).units == []
        assert await live.free_units_near(db, 113.1, SOUTH, radius_m=1e6, seen_since=MORNING) == []
    async with writing(engine) as db:
        await tracks.store(db, [Fix(2, NOW + timedelta(seconds=1), 113.1, SOUTH, 500)])
    async with reading(engine) as db:
        (unit,) = await live.free_units_near(db, 113.1, SOUTH, radius_m=1e6, seen_since=MORNING)
    assert unit.unit_id == 1


async def test_nobody_is_sent_by_the_place_of_a_device_that_he_got_since(engine, desk, settings, give):
    units = await town.place_units(engine, [town.SCENE, town.WEST], NOW)
    await give(units[0], 2, NOW, now=NOW + timedelta(seconds=5))
    ground = dispatch.Ground()
    async with writing(engine) as db:
        call = await dispatch.take_call(desk, db, settings, ground, dispatch.Draft("theft", 2, *town.SCENE), now=NOW)
    async with writing(engine) as db:
        with pytest.raises(dispatch.StaleUnitError, match="no position"):
            await dispatch.assign_unit(
                desk, db, None, settings, call_id=call.id, unit_id=units[1], level=Step.DISPATCHED, now=NOW
            )


async def test_rules_for_kinds_of_units_ask_who_carried_the_device_then(engine, desk, settings):
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1')"))
        walker, car = await make_unit(db, "F", kind="foot"), await make_unit(db, "C")
        await carry(db, walker, 1, until=NOON)
        await carry(db, car, 1, since=NOON)
        await create_area(
            desk, db, name="field", kind="restricted", shape=FIELD, rules=[NewRule("enter", unit_kinds=["foot"])]
        )

    def way(start: datetime) -> list[Fix]:
        return [
            Fix(1, start + timedelta(seconds=10 * n), LON + (n * 100 - 450) * EAST_M, LAT, n, accuracy_m=5.0)
            for n in range(10)
        ]

    quick = settings.model_copy(update={"batch_window_ms": 1})
    async with Pipeline(engine, quick, WATCHERS).running() as pipeline:
        await pipeline.submit(way(NOW - timedelta(minutes=5)))
        assert await rows(engine, "SELECT kind FROM alert") == []
        await pipeline.submit(way(NOON - timedelta(minutes=5)))  # late: heard after the car's
    assert await rows(engine, "SELECT kind FROM alert") == [("area_enter",)]


async def test_the_record_tells_who_carried_what_when(engine, desk, admin, swapped):
    async with reading(engine) as db:
        of_unit = await carriage.list_of_unit(desk, db, 1)
        of_device = await carriage.list_of_device(desk, db, 1)
        now = await carriage.list_units(desk, db, after_id=0, limit=10)
    assert [(one.device_id, one.since, one.until) for one in of_unit] == [(2, NOON, None), (1, None, NOON)]
    assert [(one.call_sign, one.since, one.until) for one in of_device] == [("C2", NOON, None), ("C1", None, NOON)]
    assert [(one.call_sign, one.phone) for one in now] == [("C1", "2"), ("C2", "1")]


async def test_a_hand_over_is_recorded_with_who_what_and_since_when(engine, swapped):
    found = await rows(engine, "SELECT target, subject FROM audit WHERE act = 'manage_devices' ORDER BY id")
    assert found[-1] == (f"unit:2 device:1 since {NOON.isoformat()}", "unit:2")


async def test_giving_what_is_carried_already_changes_nothing(engine, two, give):
    (line,) = await give(1, 1)
    assert (line.since, line.until) == (None, None)


async def test_the_past_is_not_written_anew(engine, swapped, give):
    for unit_id, device_id, since in ((1, 1, NOON - timedelta(minutes=1)), (1, None, NOON), (2, 3, MORNING)):
        with pytest.raises(CarriedError):
            await give(unit_id, device_id, since)


async def test_nothing_changes_hands_in_the_future_or_to_nobody(engine, two, give):
    with pytest.raises(SinceError):
        await give(1, 2, NOW + timedelta(seconds=1))
    with pytest.raises(NoUnitError):
        await give(9, 2)
    with pytest.raises(NoDeviceError):
        await give(1, 9)
    assert len(await rows(engine, "SELECT FROM carriage")) == 2


async def test_only_the_system_administration_gives_devices(engine, mandate, two):
    for role in ("dispatcher", "patrol_officer", "security_admin", "investigator"):
        async with writing(engine) as db:
            with pytest.raises(NotAllowedError):
                await carriage.give_device(await mandate(role), db, 1, 2, since=None, now=NOW)


@pytest.mark.parametrize(("unit_id", "device_id"), [(1, 3), (3, 1)])
async def test_the_database_lets_nobody_carry_two_and_no_device_be_carried_twice(engine, two, unit_id, device_id):
    async with writing(engine) as db:
        await make_unit(db, "C3")
    with pytest.raises(ClashError):
        async with writing(engine) as db:
            await carry(db, unit_id, device_id, since=NOON, until=NOW)


async def test_of_two_administrators_at_once_one_is_told(engine, two, give):
    async def at_once(unit_id: int) -> str:
        try:
            await give(unit_id, 3, NOON)
        except (CarriedError, ClashError) as error:
            return type(error).__name__
        return "given"

    found = await asyncio.gather(at_once(1), at_once(2))
    assert "given" in found
    carriers = await rows(engine, "SELECT unit_id FROM carriage WHERE device_id = 3 AND upper_inf(during)")
    assert len(carriers) == 1
