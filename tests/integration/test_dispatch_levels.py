"""The levels of dispatch, and what happens by itself: proposals, refusals, timers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services import dispatch, rosters
from services.db.engine import reading, writing
from services.dispatch import Ground, Step
from services.errors import NotAllowedError
from tests.builders import town
from tests.builders.database import rows
from tests.builders.desk import NOW, Desk, after, alert_kinds, unit_states


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def act(engine, desk, settings):
    return Desk(engine, desk, settings)


@pytest.fixture
def run(act):
    return act.run


async def test_a_proposed_unit_is_reserved_but_not_sent(engine, act, run, desk, settings):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call, other = await act.take(), await act.take()
    proposed = await act.place(call.id, unit_id, Step.PROPOSED)
    assert (proposed.state, proposed.dispatched_at, proposed.proposed_at) == ("proposed", None, NOW)
    assert await unit_states(engine) == ["reserved"]
    assert (await act.read(call.id)).call.state == "open"
    with pytest.raises(dispatch.UnitTakenError, match=f"U1 is proposed for call {call.id} already"):
        await act.place(other.id, unit_id)
    with pytest.raises(dispatch.StepError, match="next may come: dispatched"):
        await act.report(proposed.id, Step.EN_ROUTE)
    sent = await run(lambda db: dispatch.dispatch_proposed(desk, db, settings, proposed.id, now=after(5)))
    assert (sent.state, sent.dispatched_at) == ("dispatched", after(5))
    assert await unit_states(engine) == ["dispatched"]
    assert (await act.read(call.id)).call.state == "assigned"
    with pytest.raises(dispatch.StepError, match="only a proposed unit is sent"):
        await run(lambda db: dispatch.dispatch_proposed(desk, db, settings, proposed.id, now=after(6)))


async def test_setting_out_counts_as_accepting_and_a_refusal_needs_a_reason_and_frees_the_unit(engine, act, run, desk):
    first, second = await town.place_units(engine, [town.SOUTH, town.WEST], NOW)
    call = await act.take()
    one, two = await act.place(call.id, first), await act.place(call.id, second)
    moved = await act.report(one.id, Step.EN_ROUTE, after(30))
    assert moved.accepted_at == after(30)
    with pytest.raises(dispatch.StepError, match="can't be refused any more"):
        await run(lambda db: dispatch.refuse(desk, db, one.id, reason="车辆故障", now=NOW))
    with pytest.raises(dispatch.NoReasonError):
        await run(lambda db: dispatch.refuse(desk, db, two.id, reason=" ", now=NOW))
    refused = await run(lambda db: dispatch.refuse(desk, db, two.id, reason="车辆故障", now=NOW))
    assert (refused.state, refused.reason) == ("refused", "车辆故障")
    withdrawn = await run(lambda db: dispatch.withdraw(desk, db, one.id, reason="误派", now=NOW))
    assert withdrawn.state == "withdrawn"
    assert await unit_states(engine) == ["free", "free"]
    record = await act.read(call.id)
    assert record.call.state == "open"
    assert [event.detail.get("reason") for event in record.events if event.what in {"refused", "withdrawn"}] == [
        "车辆故障", "误派",
    ]  # fmt: skip


async def test_a_unit_that_does_not_accept_is_told_of_once_and_the_next_one_proposed(engine, act):
    first, _, third = await town.place_units(engine, [town.SOUTH, town.WEST, town.SCENE], NOW)
    call = await act.take()
    await act.place(call.id, first)
    assert await act.check(after(59)) == 0
    assert await act.check(after(61)) == 1
    assert await act.check(after(62)) == 0  # run again, as after a restart, nothing doubles
    assert await alert_kinds(engine) == ["call_not_accepted"]
    record = await act.read(call.id)
    late, proposed = record.call.assignments
    assert (late.state, proposed.state, proposed.unit_id, proposed.by_machine) == (
        "dispatched",
        "proposed",
        third,
        True,
    )
    assert [event.who for event in record.events if event.what in {"escalated", "proposed"}] == [None, None]
    assert await unit_states(engine) == ["dispatched", "free", "reserved"]


async def test_the_machine_proposes_to_nobody_when_nobody_is_free(engine, act):
    (only,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    await act.place(call.id, only)
    assert await act.check(after(61)) == 1
    assert len((await act.read(call.id)).call.assignments) == 1


async def test_a_proposal_nobody_decides_on_sets_its_unit_free_again(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    await act.place(call.id, unit_id, Step.PROPOSED)
    await act.check(after(119))
    assert await unit_states(engine) == ["reserved"]
    await act.check(after(121))
    assert await unit_states(engine) == ["free"]
    assert (await act.read(call.id)).call.assignments[0].reason == "nobody decided on it in time"


@pytest.mark.parametrize(
    ("steps", "wait_s", "told"),
    [
        ((), 61, "call_unsigned"),
        ((Step.ACCEPTED,), 301, "call_not_set_out"),
        ((Step.ON_SCENE,), 3601, "call_no_feedback"),
    ],
)
async def test_what_waits_too_long_is_told(engine, act, steps, wait_s, told):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    if steps:
        sent = await act.place(call.id, unit_id)
        for step in steps:
            await act.report(sent.id, step)
    await act.check(after(wait_s - 2))
    assert await alert_kinds(engine) == []
    await act.check(after(wait_s))
    assert await alert_kinds(engine) == [told]
    (detail,) = (await rows(engine, "SELECT detail FROM alert"))[0]
    assert (detail["call_id"], detail["waited_s"]) == (call.id, wait_s)


async def test_a_look_at_the_timers_is_deferred_in_the_transaction_that_starts_them(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    await act.place((await act.take()).id, unit_id)
    jobs = await rows(engine, "SELECT task_name, scheduled_at FROM procrastinate_jobs ORDER BY id")
    assert [name for name, _ in jobs] == ["check_timers"] * 2
    assert all(NOW + timedelta(seconds=60) < at <= NOW + timedelta(seconds=61) for _, at in jobs)


async def test_what_is_reopened_is_explained_and_what_is_closed_has_a_known_result(act, run, desk, settings):
    call = await act.take()

    def close(code):
        return run(lambda db: dispatch.close_call(desk, db, settings, call.id, result="x", result_code=code, now=NOW))

    with pytest.raises(dispatch.NoCodeError, match="settled"):
        await close("nonsense")
    assert (await close("false_alarm")).result_code == "false_alarm"
    with pytest.raises(dispatch.SilentError):
        await run(lambda db: dispatch.reopen_call(desk, db, call.id, reason="", now=NOW))
    again = await run(lambda db: dispatch.reopen_call(desk, db, call.id, reason="报警人再次来电", now=NOW))
    assert (again.state, again.closed_at, again.result_code) == ("open", None, None)
    with pytest.raises(dispatch.CallOpenError):
        await run(lambda db: dispatch.reopen_call(desk, db, call.id, reason="x", now=NOW))
    assert await act.whats(call.id) == ["taken", "closed", "reopened"]


async def test_a_call_without_a_place_is_kept_and_placed_later(engine, act, run, desk, settings):
    await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take((None, None))
    assert (call.lon_deg, call.lat_deg) == (None, None)
    with pytest.raises(dispatch.PlaceUnknownError, match="set it on the map first"):
        async with reading(engine) as db:
            await dispatch.recommend_units(desk, db, None, settings, call_id=call.id, now=NOW)
    change = dispatch.Change(lon_deg=town.SCENE[0], lat_deg=town.SCENE[1], priority=1)
    placed = await run(lambda db: dispatch.amend_call(desk, db, settings, Ground(), call.id, change=change, now=NOW))
    assert (placed.lon_deg, placed.lat_deg, placed.priority) == (*town.SCENE, 1)
    async with reading(engine) as db:
        assert len(await dispatch.recommend_units(desk, db, None, settings, call_id=call.id, now=NOW)) == 1
    amended = (await act.read(call.id)).events[-1]
    assert amended.detail["priority"] == {"before": 2, "after": 1}
    assert amended.detail["lon_deg"] == {"before": None, "after": town.SCENE[0]}


async def test_guidance_is_checked_off_step_by_step_and_every_mark_stands_in_the_log(act, run, desk, settings):
    call = await act.take(kind="domestic_violence")

    def mark(step, done):
        return run(lambda db: dispatch.check_off(desk, db, settings, call.id, step=step, done=done, now=NOW))

    guide = await mark("warn", True)
    assert {step.id for step in guide.steps if step.done} == {"warn"}
    assert next(step for step in guide.steps if step.id == "warn").basis[0].article == "第十六条"
    await mark("warn", True)  # again: nothing new
    await mark("warn", False)
    with pytest.raises(dispatch.NoStepError, match="warn"):
        await mark("nonsense", True)
    record = await act.read(call.id)
    assert [event.what for event in record.events] == ["taken", "step_done", "step_undone"]
    assert record.events[1].detail == {"step": "warn", "kind": "domestic_violence", "version": 1}


async def test_who_is_too_tired_of_another_kind_or_far_from_its_shift_is_left_out_with_the_reason(
    engine, act, desk, settings, run
):
    now = datetime.now(UTC)
    await town.place_units(engine, [town.SOUTH] * 5, now)
    async with writing(engine) as db:
        await db.execute(text("UPDATE unit SET kind = 'drone_team' WHERE id = 2"))
        await db.execute(text("UPDATE newest_fix SET at = at - interval '5 min' WHERE device_id = 3"))
        for unit_id, begun_h in ((1, 2), (2, 2), (3, 2), (4, 11)):
            await db.execute(
                text(
                    "INSERT INTO roster (unit_id, shift, starts_at, ends_at) "
                    "VALUES (:unit, 'day', now() - make_interval(hours => :begun), now() + interval '2 h')"
                ),
                {"unit": unit_id, "begun": begun_h},
            )
    call = await act.take()
    async with reading(engine) as db:
        found = await dispatch.list_candidates(desk, db, town.modes(), settings, call_id=call.id, now=now)
    assert [item.unit.call_sign for item in found.recommended] == ["U1"]
    assert {item.unit.call_sign: item.why for item in found.left_out} == {
        "U2": "wrong_kind", "U3": "stale", "U4": "fatigued", "U5": "off_shift",
    }  # fmt: skip
    (item,) = found.recommended
    assert item.leaves is not None
    assert item.leaves.lost_share > 0.2  # nobody else covers the town


async def test_what_a_unit_leaves_uncovered_is_named_by_beat(engine, act, desk, settings):
    await town.place_units(engine, [town.SOUTH, town.WEST], NOW)
    async with writing(engine) as db:
        for name, place in (("东岸", town.SCENE), ("西岸", town.WEST), ("岛上", town.ISLAND)):
            await rosters.create_beat(desk, db, name=name, shape=town.square(*place))
    call = await act.take()
    async with reading(engine) as db:
        ranked = await dispatch.recommend_units(desk, db, town.modes(), settings, call_id=call.id, now=NOW)
    south, west = (item.leaves for item in ranked)
    assert [(beat.name, beat.lost_share) for beat in south.beats] == [("东岸", 1.0)]
    assert [(beat.name, beat.lost_share) for beat in west.beats] == [("西岸", 1.0)]
    assert town.SCENE in south.places
    assert town.SCENE not in west.places


async def test_a_foot_patrol_walks_and_may_go_against_one_way_streets(engine, act, desk, settings):
    await town.place_units(engine, [town.SOUTH], NOW)
    async with writing(engine) as db:
        await db.execute(text("UPDATE unit SET kind = 'foot'"))
    call = await act.take()
    async with reading(engine) as db:
        (found,) = await dispatch.recommend_units(desk, db, town.modes(), settings, call_id=call.id, now=NOW)
    assert found.mode == "walk"
    assert found.time_s == pytest.approx(2224 / 1.4, rel=0.01)


async def test_all_calls_at_once_are_matched_together_beside_one_by_one(engine, act, desk, settings):
    # the unit in the south is soonest for both calls; alone in the west it is better left to the scene
    await town.place_units(engine, [town.SOUTH, (113.14, 27.84)], NOW)
    north, south = await act.take((113.14, 27.85)), await act.take(town.SCENE)
    async with reading(engine) as db:
        plan = await dispatch.match_all(desk, db, town.modes(), settings, now=NOW)
    assert {match.call_id for match in plan.together} == {north.id, south.id}
    assert plan.total_together_s <= plan.total_one_by_one_s
    assert plan.left == []


async def test_links_are_told_at_both_calls_and_taken_back(act, run, desk):
    one, other = await act.take(), await act.take()
    kind = dispatch.Link.DUPLICATE
    await run(lambda db: dispatch.link_calls(desk, db, other.id, other_id=one.id, kind=kind, now=NOW))
    assert [(link.call_id, link.kind) for link in (await act.read(one.id)).links] == [(other.id, "duplicate")]
    with pytest.raises(dispatch.SameCallError):
        await run(lambda db: dispatch.link_calls(desk, db, one.id, other_id=one.id, kind=kind, now=NOW))
    await run(lambda db: dispatch.unlink_calls(desk, db, one.id, other_id=other.id, now=NOW))
    with pytest.raises(dispatch.NoLinkError):
        await run(lambda db: dispatch.unlink_calls(desk, db, one.id, other_id=other.id, now=NOW))
    assert await act.whats(one.id) == ["taken", "linked", "unlinked"]


async def test_an_officer_may_not_match_or_propose(engine, mandate, settings):
    officer = await mandate("patrol_officer")
    with pytest.raises(NotAllowedError):
        async with reading(engine) as db:
            await dispatch.match_all(officer, db, None, settings, now=NOW)


async def test_two_dispatchers_propose_one_unit_and_one_is_told(engine, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    calls = [await act.take(), await act.take()]
    done = await asyncio.gather(*(act.place(call.id, unit_id, Step.PROPOSED) for call in calls), return_exceptions=True)
    assert sorted(type(item).__name__ for item in done) == ["AssignmentView", "UnitTakenError"]
