"""Alerts: raised once, handled in order, an emergency told once and never lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from geo.fix import Quality
from services import alerts, live, tracks
from services.alerts import BadCursorError, NoAlertError, NoReasonError, WrongStateError
from services.db.engine import reading, writing
from services.db.tables.alerts import Alert
from services.errors import NotAllowedError
from services.pipeline import Pipeline
from tests.builders.fences import START, make_device, way

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)


async def stored(engine) -> list[Alert]:
    async with reading(engine) as db:
        return list((await db.execute(select(Alert).order_by(Alert.id))).scalars())


async def set_state(engine, state: str) -> None:
    async with writing(engine) as db:
        await db.execute(update(Alert).values(state=state))


@pytest.fixture
def press(engine, settings):
    """Send fixes with the emergency bit as given, one every 10 s, through the store and the watcher."""

    async def send(device_id: int, bits: list[int], start_s: float = 0, **more) -> None:
        fixes = way(device_id, [50.0 * i for i in range(len(bits))], start_s=start_s, **more)
        fixes = [replace(fix, alarm=bit) for fix, bit in zip(fixes, bits, strict=True)]
        async with writing(engine) as db:
            await tracks.store(db, fixes)
        async with writing(engine) as db:
            await alerts.watch_alarms(db, fixes, settings)

    return send


async def test_the_same_key_is_raised_once(engine):
    async with writing(engine) as db:
        first = await alerts.raise_alert(db, key="a", kind="x", severity="notice", at=START)
        assert await alerts.raise_alert(db, key="a", kind="x", severity="notice", at=START) is None
        second = await alerts.raise_alert(db, key="b", kind="x", severity="notice", at=START, lon_deg=113, lat_deg=27)
    assert [alert.id for alert in await stored(engine)] == [first, second]


async def test_an_alert_goes_from_open_to_acknowledged_to_closed_and_keeps_who_and_when(engine, mandate):
    who = await mandate("dispatcher")
    async with writing(engine) as db:
        alert_id = await alerts.raise_alert(db, key="a", kind="x", severity="notice", at=START)
        with pytest.raises(WrongStateError, match="is open"):
            await alerts.close_alert(who, db, alert_id, reason="seen", now=NOW)
        assert (await alerts.acknowledge_alert(who, db, alert_id, now=NOW)).state == "acknowledged"
    async with writing(engine) as db:
        with pytest.raises(WrongStateError, match="is acknowledged"):
            await alerts.acknowledge_alert(who, db, alert_id, now=NOW)
        with pytest.raises(NoReasonError):
            await alerts.close_alert(who, db, alert_id, reason=" \n", now=NOW)
        later = NOW + timedelta(minutes=5)
        closed = await alerts.close_alert(who, db, alert_id, reason=" a lost dog ", now=later)
    assert (closed.state, closed.close_reason) == ("closed", "a lost dog")
    (row,) = await stored(engine)
    assert (row.acknowledged_by, row.acknowledged_at) == (who.account_id, NOW)
    assert (row.closed_by, row.closed_at) == (who.account_id, later)
    async with writing(engine) as db:
        for step in (
            alerts.acknowledge_alert(who, db, alert_id, now=NOW),
            alerts.close_alert(who, db, alert_id, reason="again", now=NOW),
        ):
            with pytest.raises(WrongStateError, match="is closed"):
                await step
        with pytest.raises(NoAlertError):
            await alerts.acknowledge_alert(who, db, 999, now=NOW)


async def test_a_patrol_officer_sees_alerts_and_does_not_handle_them(engine, mandate):
    who = await mandate("patrol_officer")
    async with writing(engine) as db:
        alert_id = await alerts.raise_alert(db, key="a", kind="x", severity="notice", at=START)
        assert [alert.id for alert in (await alerts.list_alerts(who, db)).items] == [alert_id]
        with pytest.raises(NotAllowedError):
            await alerts.acknowledge_alert(who, db, alert_id, now=NOW)
    auditor = await mandate("auditor")
    async with reading(engine) as db:
        with pytest.raises(NotAllowedError):
            await alerts.list_alerts(auditor, db)


async def test_alerts_come_in_pages_newest_first_and_by_state(engine, mandate):
    who = await mandate("dispatcher")
    async with writing(engine) as db:
        ids = [await alerts.raise_alert(db, key=f"{i}", kind="x", severity="notice", at=START) for i in range(5)]
        await alerts.acknowledge_alert(who, db, ids[2], now=NOW)
    async with reading(engine) as db:
        first = await alerts.list_alerts(who, db, limit=2)
        second = await alerts.list_alerts(who, db, limit=2, cursor=first.next_cursor)
        third = await alerts.list_alerts(who, db, limit=2, cursor=second.next_cursor)
        assert [a.id for page in (first, second, third) for a in page.items] == ids[::-1]
        assert third.next_cursor is None
        assert [a.id for a in (await alerts.list_alerts(who, db, state="acknowledged")).items] == [ids[2]]
        for cursor in ("x", "9" * 30, "-1"):
            with pytest.raises(BadCursorError):
                await alerts.list_alerts(who, db, cursor=cursor)


async def test_an_emergency_is_one_urgent_alert_that_the_following_fixes_are_appended_to(engine, press):
    device = await make_device(engine, unit_kind="foot")
    other = await make_device(engine)
    await press(device, [0, 1, 1, 0, 1, 1 | 2])
    await press(other, [2, 4, 1])
    async with reading(engine) as db:
        second, first = await live.view_alerts(db)
    assert (first.kind, first.severity, first.device_id, first.call_sign) == ("sos", "urgent", device, f"unit {device}")
    assert first.at == START + timedelta(seconds=10)
    assert first.detail["fixes"] == 4
    assert first.detail["last_at"] == (START + timedelta(seconds=50)).isoformat()
    assert first.detail["last_lon_deg"] > first.lon_deg
    assert second.device_id == other


async def test_an_emergency_through_the_pipeline_is_told_once_however_often_it_is_sent(engine, settings):
    device = await make_device(engine)
    fixes = [replace(fix, alarm=1) for fix in way(device, [0, 10, 20])]
    async with Pipeline(engine, settings).running() as pipe:
        await pipe.submit(fixes[:1])
        await pipe.submit(fixes)
    async with writing(engine) as db:
        await alerts.watch_alarms(db, fixes, settings)
    (sos,) = await stored(engine)
    assert (sos.at, sos.detail["fixes"]) == (fixes[0].at, 3)


async def test_a_button_still_pressed_after_closing_is_no_new_emergency_but_pressed_again_it_is(engine, press):
    device = await make_device(engine)
    await press(device, [1, 1])
    await set_state(engine, "acknowledged")
    await press(device, [1, 1], start_s=20)
    await set_state(engine, "closed")
    await press(device, [1, 1], start_s=40)
    assert len(await stored(engine)) == 1
    await press(device, [0, 1, 1], start_s=60)
    assert [(a.state, a.at) for a in await stored(engine)] == [
        ("closed", START),
        ("open", START + timedelta(seconds=70)),
    ]


async def test_after_a_long_silence_a_pressed_button_is_a_new_emergency(engine, press):
    device = await make_device(engine)
    await press(device, [1])
    await set_state(engine, "closed")
    await press(device, [1], start_s=alerts.EPISODE_GAP.total_seconds() + 1)
    assert len(await stored(engine)) == 2


async def test_an_emergency_uploaded_late_is_told_all_the_same(engine, press):
    device = await make_device(engine)
    await press(device, [1], start_s=7200)
    await set_state(engine, "closed")
    await press(device, [1, 1], start_s=0)
    assert sorted(a.at for a in await stored(engine)) == [START, START + timedelta(hours=2)]


async def test_an_emergency_without_a_position_has_no_place_and_is_still_told(engine, press):
    device = await make_device(engine)
    await press(device, [1], flags=Quality.NOT_POSITIONED)
    (sos,) = await stored(engine)
    assert sos.place is None
    await press(device, [1], start_s=10)
    (sos,) = await stored(engine)
    assert "last_lon_deg" in sos.detail


async def test_an_emergency_dated_in_the_future_is_told_at_the_time_it_arrived(engine, settings):
    device = await make_device(engine)
    fix = replace(way(device, [0])[0], alarm=1, at=datetime(2094, 1, 1, tzinfo=UTC), flags=Quality.FUTURE)
    for _ in range(2):
        async with writing(engine) as db:
            await alerts.watch_alarms(db, [fix], settings)
    (sos,) = await stored(engine)
    assert abs(sos.at - datetime.now(UTC)) < timedelta(minutes=5)
