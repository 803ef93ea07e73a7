"""From a call to a unit on the scene: recommending, sending, reporting, closing, and what goes wrong on the way."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services import access, dispatch
from services.audit import Ledger
from services.db.engine import DatabaseAwayError, make_engine, reading, writing
from services.dispatch import Draft, Ground, Step
from services.errors import InvalidError, NotAllowedError
from services.settings import Settings
from tests.builders import town

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def act(engine, settings, desk):
    """Do one thing in a transaction of its own, as a dispatcher."""

    class Acts:
        async def take(self, place=town.SCENE, key=None, notes=""):
            async with writing(engine) as db:
                draft = Draft("theft", 2, *place, notes=notes)
                return await dispatch.take_call(desk, db, settings, Ground(), draft, now=NOW, request_key=key)

        async def recommend(self, call_id, graph=None, limit=5):
            async with reading(engine) as db:
                return await dispatch.recommend_units(desk, db, graph, settings, call_id=call_id, now=NOW, limit=limit)

        async def send(self, call_id, unit_id, graph=None, who=desk):
            async with writing(engine) as db:
                return await dispatch.assign_unit(who, db, graph, settings, call_id=call_id, unit_id=unit_id, now=NOW)

        async def report(self, assignment_id, step, after_s=60):
            async with writing(engine) as db:
                return await dispatch.report_status(
                    desk, db, assignment_id, step=step, now=NOW + timedelta(seconds=after_s)
                )

        async def close(self, call_id, result="处置完毕"):
            async with writing(engine) as db:
                return await dispatch.close_call(desk, db, settings, call_id, result=result, now=NOW)

        async def read(self, call_id):
            async with reading(engine) as db:
                return await dispatch.read_call(desk, db, call_id)

        async def unit_state(self, unit_id):
            async with reading(engine) as db:
                found = await db.execute(text("SELECT state FROM unit WHERE id = :id"), {"id": unit_id})
                return found.scalar_one()

    return Acts()


async def test_the_river_decides_who_is_soonest_and_the_reason_says_so(engine, act):
    await town.place_units(engine, [town.WEST, town.SOUTH], NOW)
    call = await act.take()
    first, second = await act.recommend(call.id, town.modes())
    assert (first.unit.call_sign, second.unit.call_sign) == ("U2", "U1")
    assert first.time_s == pytest.approx(222.4, abs=0.1)
    assert first.length_m == pytest.approx(2224, abs=1)
    assert first.reason.code == "soonest_not_nearest"
    assert first.reason.values["nearer_call_sign"] == "U1"
    assert first.reason.values["nearer_m"] == pytest.approx(983, abs=2)
    assert second.reason.code == "later_by_road"
    assert second.reason.values["later_s"] == pytest.approx(second.time_s - first.time_s, abs=0.1)
    assert not first.estimated
    assert not second.estimated


async def test_a_unit_no_road_leads_from_is_estimated_and_labelled(engine, act):
    await town.place_units(engine, [town.ISLAND, town.SOUTH], NOW)
    call, graph = await act.take(), town.modes()
    by_sign = {item.unit.call_sign: item for item in await act.recommend(call.id, graph)}
    island = by_sign["U1"]
    assert island.estimated
    assert island.reason.code == "fallback"
    assert island.time_s == pytest.approx(island.length_m * graph.drive.pace_s_per_m)
    assert not by_sign["U2"].estimated
    assert by_sign["U2"].reason.code == "nearest_by_road"


async def test_without_a_network_all_answers_are_estimates_nearest_first(engine, act):
    await town.place_units(engine, [town.SOUTH, town.WEST], NOW)
    found = await act.recommend((await act.take()).id)
    assert [item.unit.call_sign for item in found] == ["U2", "U1"]
    assert all(item.estimated for item in found)


async def test_a_silent_or_busy_unit_is_never_recommended_and_no_more_than_asked_for(engine, act):
    await town.place_units(engine, [town.SOUTH], NOW - timedelta(seconds=121))
    call = await act.take()
    assert await act.recommend(call.id, town.modes()) == []
    async with writing(engine) as db:
        await db.execute(text("UPDATE newest_fix SET at = :at"), {"at": NOW})
    assert len(await act.recommend(call.id, town.modes())) == 1
    assert await act.recommend(call.id, town.modes(), limit=0) == []
    async with writing(engine) as db:
        await db.execute(text("UPDATE unit SET state = 'off_duty'"))
    assert await act.recommend(call.id, town.modes()) == []


async def test_an_assignment_goes_its_way_and_unit_and_call_follow(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    sent = await act.send(call.id, unit_id, town.modes())
    assert (sent.state, sent.dispatched_at) == ("dispatched", NOW)
    assert sent.expected_s == pytest.approx(222.4, abs=0.1)
    for number, (step, unit_state) in enumerate(
        [(Step.EN_ROUTE, "en_route"), (Step.ON_SCENE, "on_scene"), (Step.CLEAR, "free")], 1
    ):
        moved = await act.report(sent.id, step, after_s=60 * number)
        assert getattr(moved, f"{step}_at") == NOW + timedelta(minutes=number)
        assert await act.unit_state(unit_id) == unit_state
        assert (await act.read(call.id)).call.state == "assigned"
    closed = await act.close(call.id)
    assert (closed.state, closed.closed_at) == ("closed", NOW)
    record = await act.read(call.id)
    assert record.result == "处置完毕"
    assert [event.what for event in record.events] == [
        "taken", "signed", "dispatched", "en_route", "on_scene", "clear", "closed",
    ]  # fmt: skip
    assert all(event.account_id for event in record.events)
    assert record.events[2].detail["call_sign"] == "U1"


async def test_a_step_is_never_taken_back_or_twice(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    sent = await act.send((await act.take()).id, unit_id)
    await act.report(sent.id, Step.ON_SCENE)
    for step in (Step.EN_ROUTE, Step.ON_SCENE, Step.DISPATCHED):
        with pytest.raises(dispatch.StepError, match="at on_scene; next may come: clear"):
            await act.report(sent.id, step)
    await act.report(sent.id, Step.CLEAR)
    with pytest.raises(dispatch.StepError, match="nothing more"):
        await act.report(sent.id, Step.CLEAR)


async def test_a_call_nobody_reached_waits_again_when_its_unit_is_called_off(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    sent = await act.send(call.id, unit_id)
    await act.report(sent.id, Step.CLEAR)
    assert (await act.read(call.id)).call.state == "open"
    assert (await act.send(call.id, unit_id)).state == "dispatched"


async def test_of_two_dispatchers_who_take_one_unit_one_wins_and_the_other_is_told(engine, act, mandate):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    other = await mandate("dispatcher")
    calls = [await act.take(), await act.take()]
    done = await asyncio.gather(
        act.send(calls[0].id, unit_id), act.send(calls[1].id, unit_id, who=other), return_exceptions=True
    )
    (lost,) = [item for item in done if isinstance(item, BaseException)]
    (won,) = [item for item in done if not isinstance(item, BaseException)]
    assert isinstance(lost, dispatch.UnitTakenError)
    winner = calls[done.index(won)].id
    assert str(lost) == f"U1 has been sent to call {winner} already. Choose another unit."
    assert len((await act.read(winner)).call.assignments) == 1
    assert (await act.read(sum(call.id for call in calls) - winner)).call.assignments == []


async def test_the_database_itself_refuses_a_second_open_assignment_of_a_unit(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    first, second = await act.take(), await act.take()
    await act.send(first.id, unit_id)
    async with writing(engine) as db:
        await db.execute(text("UPDATE unit SET state = 'free'"))  # as a fault elsewhere might
    with pytest.raises(dispatch.UnitTakenError, match=f"call {first.id} already"):
        await act.send(second.id, unit_id)
    assert (await act.read(second.id)).call.assignments == []


async def test_a_unit_that_is_silent_unknown_or_off_duty_is_not_sent(engine, act):
    silent, off_duty, lost = await town.place_units(engine, [town.SOUTH, town.WEST, town.WEST], NOW)
    call = await act.take()
    async with writing(engine) as db:
        await db.execute(text("UPDATE newest_fix SET at = at - interval '10 min' WHERE device_id = 1"))
        await db.execute(text("UPDATE unit SET state = 'off_duty' WHERE id = :id"), {"id": off_duty})
        await db.execute(text("DELETE FROM newest_fix WHERE device_id = 3"))
    with pytest.raises(dispatch.StaleUnitError, match="U1 was last heard of 600 s ago; 120 s are allowed"):
        await act.send(call.id, silent)
    with pytest.raises(dispatch.UnitTakenError, match="U2 is not free but off_duty"):
        await act.send(call.id, off_duty)
    with pytest.raises(dispatch.StaleUnitError, match="U3 has reported no position"):
        await act.send(call.id, lost)
    with pytest.raises(dispatch.NoUnitError):
        await act.send(call.id, 99)
    with pytest.raises(dispatch.NoCallError):
        await act.send(99, silent)
    with pytest.raises(dispatch.NoAssignmentError):
        await act.report(99, Step.CLEAR)


async def test_a_call_is_closed_with_a_result_once_and_not_under_its_units(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    sent = await act.send(call.id, unit_id)
    with pytest.raises(dispatch.UnitsThereError, match="1 unit"):
        await act.close(call.id)
    await act.report(sent.id, Step.CLEAR)
    with pytest.raises(InvalidError, match="how the call ended"):
        await act.close(call.id, result="  ")
    await act.close(call.id)
    with pytest.raises(dispatch.CallClosedError):
        await act.close(call.id)
    with pytest.raises(dispatch.CallClosedError):
        await act.send(call.id, unit_id)


@pytest.mark.parametrize("place", [(0, 0), (181, 27), (113, 91), (float("nan"), 27)])
async def test_a_call_from_nowhere_is_refused(act, place):
    with pytest.raises(dispatch.PlaceError):
        await act.take(place)


async def test_the_same_key_takes_a_call_once_however_often_it_is_sent(act):
    first, again = await asyncio.gather(act.take(key="a"), act.take(key="a"))
    assert first == again
    assert (await act.take(key="b")).id != first.id
    with pytest.raises(dispatch.KeyUsedError, match=f"call {first.id}"):
        await act.take(key="a", notes="something else")


async def test_pages_of_calls_go_from_new_to_old_without_a_gap(engine, desk, act):
    taken = [(await act.take()).id for _ in range(5)]
    await act.close(taken[2])
    seen, below = [], None
    async with reading(engine) as db:
        while True:
            page = await dispatch.list_calls(desk, db, below_id=below, limit=2)
            seen += [call.id for call in page.items]
            if page.next_cursor is None:
                break
            below = int(page.next_cursor)
        closed = await dispatch.list_calls(desk, db, state=dispatch.CallState.CLOSED)
    assert seen == taken[::-1]
    assert [call.id for call in closed.items] == [taken[2]]


async def test_a_patrol_officer_reports_but_does_not_dispatch(engine, settings, act, mandate):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    officer, call = await mandate("patrol_officer"), await act.take()
    with pytest.raises(NotAllowedError, match="dispatcher"):
        await act.send(call.id, unit_id, who=officer)
    sent = await act.send(call.id, unit_id)
    async with writing(engine) as db:
        moved = await dispatch.report_status(officer, db, sent.id, step=Step.EN_ROUTE, now=NOW)
    assert moved.state == "en_route"


async def test_the_log_of_a_call_can_not_be_changed(engine, act):
    await act.take()
    for statement in ("UPDATE call_event SET what = 'x'", "DELETE FROM call_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with writing(engine) as db:
                await db.execute(text(statement))


async def test_while_the_database_is_away_dispatch_says_so_and_goes_on_when_it_is_back(own_cluster):
    engine = make_engine(own_cluster.url())
    settings, operator = Settings(), access.system_mandate(Ledger(engine))
    await town.place_units(engine, [town.SOUTH], NOW)
    async with writing(engine) as db:
        call = await dispatch.take_call(operator, db, settings, Ground(), Draft("fire", 1, *town.SCENE), now=NOW)

    async def send():
        async with writing(engine) as db:
            return await dispatch.assign_unit(operator, db, None, settings, call_id=call.id, unit_id=1, now=NOW)

    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(DatabaseAwayError, match="Nothing was lost"):
        await send()
    await asyncio.to_thread(own_cluster.start)
    assert (await send()).state == "dispatched"
    await engine.dispose()
