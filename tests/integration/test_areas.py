"""Areas: drawn, watched at once, told once, at no cost for those far away."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix, Quality
from services import areas, tracks
from services.areas import NewRule
from services.areas.register import BadRuleError, BadShapeError, EndedError, NoAreaError
from services.db.engine import make_engine, reading, writing
from services.db.tables.alerts import Alert
from services.db.tables.areas import AreaState
from services.errors import NotAllowedError
from services.pipeline import WATCHERS, Pipeline
from services.storing import Storehouse
from tests.builders.fences import FIELD, LAT, LON, STRIP, make_device, way

ENTER, LEAVE, CROSS = NewRule("enter", severity="warning"), NewRule("leave"), NewRule("cross")


@pytest.fixture
def draw(engine, mandate):
    async def create(*rules, shape=FIELD, name="field"):
        async with writing(engine) as db:
            who = await mandate("dispatcher")
            return await areas.create_area(who, db, name=name, kind="restricted", shape=shape, rules=rules)

    return create


@pytest.fixture
def watch(engine, settings):
    async def look(fixes: list[Fix]) -> None:
        async with writing(engine) as db:
            await areas.watch(db, fixes, settings)

    return look


@pytest.fixture
def told(engine):
    async def read() -> list[Alert]:
        async with reading(engine) as db:
            return list((await db.execute(select(Alert).order_by(Alert.id))).scalars())

    return read


async def states(engine: AsyncEngine) -> list[AreaState]:
    async with reading(engine) as db:
        return list((await db.execute(select(AreaState).order_by(AreaState.device_id))).scalars())


async def test_fixes_through_the_pipeline_raise_each_alert_exactly_once(engine, settings, draw, told):
    device = await make_device(engine, unit_kind="car")
    area = await draw(ENTER, LEAVE, NewRule("dwell", dwell_s=30), CROSS)
    drive = way(device, [-600, -300, 300, 600, 900, 1200, 900, 600, 300, -300, -600, -900])
    async with Pipeline(engine, settings).running() as pipe:
        for fix in drive:
            await pipe.submit([fix])
        await pipe.submit(drive)
    async with Pipeline(engine, settings).running() as pipe:
        await pipe.submit(drive)
        await Storehouse(engine, settings, WATCHERS).run_outbox_once()
    alerts = {alert.kind: alert for alert in await told()}
    assert set(alerts) == {"area_enter", "area_leave", "area_dwell", "area_cross"}
    assert len(await told()) == 4
    entered = alerts["area_enter"]
    assert (entered.at, entered.severity, entered.area_id, entered.device_id) == (
        drive[2].at,
        "warning",
        area.id,
        device,
    )
    assert entered.detail["known_at"] == drive[3].at.isoformat()
    assert alerts["area_dwell"].detail["dwell_s"] == 30
    assert alerts["area_leave"].at == drive[9].at


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_how_fixes_are_batched_does_not_change_what_is_told(engine, draw, watch, told, size):
    devices = [await make_device(engine) for _ in range(3)]
    await draw(ENTER, LEAVE)
    await draw(CROSS, shape=STRIP, name="strip")
    drives = [way(d, [-600, -200, 100 + d, 400, 700, 100, -100, -400, 20, -500]) for d in devices]
    fixes = [fix for together in zip(*drives, strict=True) for fix in together]
    for i in range(0, len(fixes), size):
        await watch(fixes[i : i + size])
    found = sorted((a.kind, a.device_id, a.at) for a in await told())
    expected = [
        (kind, d, drives[i][at].at)
        for i, d in enumerate(devices)
        for kind, at in (("area_cross", 2), ("area_cross", 6), ("area_enter", 2), ("area_leave", 6))
    ]
    assert found == sorted(expected)


async def test_the_same_batch_twice_raises_nothing_twice_even_after_a_rollback(engine, settings, draw, watch, told):
    device = await make_device(engine)
    await draw(ENTER, CROSS)
    drive = way(device, [-600, -300, 300, 600, 900])
    async with writing(engine) as db:
        await areas.watch(db, drive, settings)
        await db.rollback()
    assert await told() == []
    await watch(drive)
    await watch(drive)
    assert [alert.kind for alert in await told()] == ["area_enter"]


async def test_an_area_is_watched_from_the_batch_after_it_was_drawn_in_every_process(
    engine, settings, draw, mandate, told
):
    device = await make_device(engine)
    drive = way(device, [-600, 300, 600, -300, -600, -600, 300, 600])
    other = make_engine(settings.database_address)
    for process in (engine, other):
        async with writing(process) as db:
            await areas.watch(db, drive[:1], settings)
    area = await draw(ENTER)
    async with writing(other) as db:
        await areas.watch(db, drive[:5], settings)
    assert [alert.at for alert in await told()] == [drive[1].at]
    async with writing(engine) as db:
        await areas.deactivate_area(await mandate("dispatcher"), db, area.id)
    async with writing(other) as db:
        await areas.watch(db, drive[5:], settings)
    await other.dispose()
    assert len(await told()) == 1
    assert await states(engine) == []


async def test_who_is_never_near_costs_no_row_and_five_statements_at_most(engine, draw, watch):
    devices = [await make_device(engine) for _ in range(20)]
    await draw(ENTER, LEAVE)
    await watch(way(devices[0], [-5000]))
    statements = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    await watch([fix for device in devices for fix in way(device, [-5000, -4000, -3000])])
    assert await states(engine) == []
    assert len([s for s in statements if "area" in s]) <= 3
    assert not [s for s in statements if s.lstrip().upper().startswith(("INSERT", "UPDATE"))]


async def test_who_has_left_sleeps_and_wakes_when_near_again(engine, draw, watch, told):
    device = await make_device(engine)
    await draw(ENTER)
    await watch(way(device, [-600, 300, 600, -600, -900]))
    (asleep,) = await states(engine)
    assert asleep.idle
    await watch(way(device, [-3000] * 5, start_s=100))
    assert (await states(engine))[0].at == asleep.at
    await watch(way(device, [-1000, 300, 600], start_s=1000))
    assert len(await told()) == 2


async def test_standing_inside_is_written_once_a_minute_at_most(engine, draw, watch):
    device = await make_device(engine)
    await draw(ENTER)
    drive = way(device, [-600, 300, 600, *[600] * 100], every_s=1)
    written = set()
    for fix in drive:
        await watch([fix])
        written |= {state.at for state in await states(engine)}
    assert len(written) <= 5


async def test_where_a_device_comes_from_is_read_from_the_store_after_a_restart(
    engine, settings, draw, told, database_url
):
    device = await make_device(engine)
    await draw(CROSS, shape=STRIP)
    await draw(ENTER)
    drive = way(device, [-600, -200, 200, 500])
    async with writing(engine) as db:
        await tracks.store(db, drive)
    fresh = make_engine(settings.database_address)
    async with writing(fresh) as db:
        await areas.watch(db, drive[2:], settings)
    await fresh.dispose()
    assert sorted((alert.kind, alert.at) for alert in await told()) == [
        ("area_cross", drive[2].at),
        ("area_enter", drive[2].at),
    ]


async def test_a_blackout_over_an_area_is_no_crossing_and_leaves_no_row(engine, draw, watch, told):
    device = await make_device(engine)
    await draw(CROSS)
    await watch(way(device, [-1000]))
    await watch(way(device, [4000], start_s=600))
    assert await told() == []
    assert await states(engine) == []


async def test_a_device_that_stood_inside_when_the_area_was_drawn_has_not_entered(engine, draw, watch, told):
    device = await make_device(engine)
    async with writing(engine) as db:
        await tracks.store(db, way(device, [500]))
    await draw(ENTER)
    await watch(way(device, [500, 500, 500], start_s=60))
    assert await told() == []


async def test_late_fixes_change_nothing_and_are_counted(engine, draw, watch, told):
    device = await make_device(engine)
    await draw(ENTER, LEAVE)
    await watch(way(device, [-600, 300, 600, 600, 600, 600]))
    await watch(way(device, [-600, -600, -600], start_s=22, every_s=3))
    assert [alert.kind for alert in await told()] == ["area_enter"]
    assert [state.state["late"] for state in await states(engine)] == [3, 3]
    await watch(way(device, [-600, -600, -600], start_s=100))
    assert [alert.kind for alert in await told()] == ["area_enter", "area_leave"]


@pytest.mark.parametrize("flag", [Quality.ZERO, Quality.NOT_POSITIONED, Quality.FUTURE, Quality.JUMP])
async def test_doubtful_fixes_are_never_evidence(engine, draw, watch, told, flag):
    device = await make_device(engine)
    await draw(ENTER, NewRule("dwell", dwell_s=10))
    sound = way(device, [-600] * 8)
    await watch([replace(fix, flags=flag, lon_deg=LON + 0.01) if i % 8 >= 3 else fix for i, fix in enumerate(sound)])
    assert await told() == []
    assert await states(engine) == []


async def test_a_rule_for_cars_leaves_others_alone(engine, draw, watch, told):
    car, foot, nobody = [await make_device(engine, unit_kind=kind) for kind in ("car", "foot", None)]
    await draw(NewRule("enter", unit_kinds=["car", "van"]))
    await watch([fix for device in (car, foot, nobody) for fix in way(device, [-600, 300, 600, 900])])
    assert [alert.device_id for alert in await told()] == [car]


async def test_a_parked_vehicle_with_jitter_on_the_edge_raises_one_pair_at_most(engine, draw, watch, told):
    devices = [await make_device(engine) for _ in range(8)]
    await draw(ENTER, LEAVE)
    rng = np.random.default_rng(5)
    drives = [way(device, rng.uniform(-15, 15, 360).tolist()) for device in devices[:4]]
    drives += [way(device, rng.normal(0, 15, 360).tolist()) for device in devices[4:]]
    for i in range(0, 360, 40):
        await watch([fix for drive in drives for fix in drive[i : i + 40]])
    found = [(alert.kind, alert.device_id) for alert in await told()]
    assert len(found) == len(set(found))


async def test_two_gateways_that_hold_one_device_do_not_set_its_state_back(engine, settings, draw):
    device = await make_device(engine)
    await draw(ENTER)
    drive = way(device, [-600, 300, 600, 900, 1000, 1100])
    other = make_engine(settings.database_address)
    async with writing(engine) as old:
        await areas.watch(old, drive[:2], settings)
        async with writing(other) as new:
            new_fixes = [replace(fix, at=fix.at + timedelta(minutes=1)) for fix in drive[:3]]
            await old.commit()
            await areas.watch(new, new_fixes, settings)
    async with writing(engine) as db:
        await areas.watch(db, drive[2:3], settings)
    await other.dispose()
    (state,) = await states(engine)
    assert state.at == new_fixes[-1].at


async def test_two_pipelines_that_share_a_device_raise_what_one_would(engine, settings, draw, told):
    """Each fix through the other one, at once: as a device that roams between two gateways."""
    devices = [await make_device(engine) for _ in range(4)]
    await draw(ENTER, LEAVE, CROSS)
    there_and_back = [*range(-600, 700, 100), *range(600, -700, -100)] * 3
    drives = [way(device, there_and_back) for device in devices]
    other = make_engine(settings.database_address)
    async with Pipeline(engine, settings).running() as one, Pipeline(other, settings).running() as two:
        for number, fixes in enumerate(zip(*drives, strict=True)):
            await asyncio.gather(*((one, two)[(number + index) % 2].submit([fix]) for index, fix in enumerate(fixes)))
    await other.dispose()
    found = sorted((alert.device_id, alert.kind, alert.at) for alert in await told())
    alone = [await make_device(engine) for _ in devices]
    async with Pipeline(engine, settings).running() as one:
        for fix in way(alone[0], there_and_back):
            await one.submit([fix])
    wanted = [(alert.kind, alert.at) for alert in await told() if alert.device_id == alone[0]]
    assert len(wanted) == 9
    for device in devices:
        assert [(kind, at) for held_by, kind, at in found if held_by == device] == sorted(wanted)


async def test_an_area_is_drawn_read_listed_and_ended(engine, mandate, draw):
    area = await draw(ENTER)
    assert area.shape["type"] == "MultiPolygon"
    assert area.shape["coordinates"][0][0][0] == pytest.approx([LON, LAT - 0.01])
    who = await mandate("dispatcher")
    async with writing(engine) as db:
        rule = await areas.add_rule(who, db, area.id, LEAVE)
        await areas.deactivate_rule(who, db, area.id, area.rules[0].id)
    async with reading(engine) as db:
        again = await areas.read_area(who, db, area.id)
        assert [(r.trigger, r.active) for r in again.rules] == [("enter", False), ("leave", True)]
        assert again.rules[1] == rule
        assert (await areas.list_areas(who, db)).items == [again]
        with pytest.raises(NoAreaError):
            await areas.read_area(who, db, 999)
    async with writing(engine) as db:
        with pytest.raises(EndedError):
            await areas.deactivate_rule(who, db, area.id, area.rules[0].id)
        with pytest.raises(NoAreaError):
            await areas.deactivate_rule(who, db, area.id, 999)
        await areas.deactivate_area(who, db, area.id)
        with pytest.raises(EndedError):
            await areas.add_rule(who, db, area.id, ENTER)
        with pytest.raises(EndedError):
            await areas.deactivate_area(who, db, area.id)
    async with reading(engine) as db:
        assert (await areas.list_areas(who, db)).items == []
        assert [a.id for a in (await areas.list_areas(who, db, active=False)).items] == [area.id]


async def test_areas_come_in_pages(engine, mandate, draw):
    drawn = [await draw(ENTER, name=f"area {number}") for number in range(5)]
    who = await mandate("patrol_officer")
    async with reading(engine) as db:
        first = await areas.list_areas(who, db, limit=3)
        second = await areas.list_areas(who, db, limit=3, cursor=first.next_cursor)
    assert [a.id for a in (*first.items, *second.items)] == [a.id for a in drawn]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    "rule",
    [
        NewRule("hover"),
        NewRule("dwell"),
        NewRule("dwell", dwell_s=0),
        NewRule("enter", dwell_s=5),
        NewRule("enter", confirm_fixes=0),
        NewRule("enter", confirm_s=-1),
        NewRule("enter", severity="loud"),
        NewRule("enter", unit_kinds=[]),
        NewRule("enter", unit_kinds=["tank"]),
    ],
)
async def test_a_rule_that_can_not_be_watched_is_refused(draw, rule):
    with pytest.raises(BadRuleError):
        await draw(rule)


async def test_a_shape_that_is_none_is_refused_and_leaves_nothing(engine, draw):
    with pytest.raises(BadShapeError, match="GeoJSON"):
        await draw(ENTER, shape={"type": "MultiPoint", "coordinates": [[1, 2]]})
    async with reading(engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM area"))).scalar_one() == 0


async def test_only_who_may_draws(engine, mandate):
    who = await mandate("patrol_officer")
    async with writing(engine) as db:
        with pytest.raises(NotAllowedError):
            await areas.create_area(who, db, name="x", kind="other", shape=FIELD)
