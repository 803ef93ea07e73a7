"""Patrols: checkpoints, plans, what tracks prove of them, and rounds that are proposed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from geo.fix import Fix
from geo.patrol import Verdict
from services import patrols, tracks
from services.db import partitions
from services.db.engine import reading, writing
from services.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError
from services.patrols import NewCheckpoint, NewStop
from tests.builders import town

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(hours=2)
SECOND = timedelta(seconds=1)
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def post(engine, desk):
    async def create(name, place, **more):
        async with writing(engine) as db:
            asked = NewCheckpoint(name, *place, **{"radius_m": 60, "dwell_s": 120} | more)
            return await patrols.create_checkpoint(desk, db, asked)

    return create


@pytest.fixture
def plan(engine, desk):
    async def create(unit_id, *stops, **more):
        span = {"starts_at": START, "ends_at": START + timedelta(hours=1), "name": "早巡"} | more
        async with writing(engine) as db:
            return await patrols.create_plan(desk, db, unit_id=unit_id, stops=stops, **span)

    return create


async def drive(engine, device_id, *legs):
    """Legs of a place and the first and last second after the start: a fix every 30 s."""
    fixes = [
        Fix(device_id, START + second * SECOND, *place, second + 10_000 * number, accuracy_m=5.0)
        for number, (place, first, last) in enumerate(legs, 1)
        for second in range(first, last + 1, 30)
    ]
    await partitions.ensure(engine, {fix.at.date() for fix in fixes})
    async with writing(engine) as db:
        await tracks.store(db, fixes)


async def test_a_track_proves_what_was_visited_missed_and_too_short(engine, desk, mandate, post, plan):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], START - timedelta(hours=1))
    west, scene, island = [await post(name, place) for name, place in
                           (("西岸", town.WEST), ("现场", town.SCENE), ("岛", town.ISLAND))]  # fmt: skip
    made = await plan(unit_id, NewStop(west.id), NewStop(scene.id), NewStop(island.id), ordered=True)
    away = (113.17, 27.85)
    await drive(
        engine, 1, (away, 0, 270), (town.SCENE, 300, 330), (away, 360, 870), (town.WEST, 900, 1110), (away, 1140, 3600)
    )
    async with reading(engine) as db:
        found = await patrols.judge_plan(desk, db, made.id, now=NOW)
    first, second, third = found.results
    assert [one.visit.verdict for one in found.results] == [Verdict.VISITED, Verdict.TOO_SHORT, Verdict.MISSED]
    assert (first.visit.dwell_s, first.visit.dwell_at_most_s) == (210, 270)
    assert first.visit.evidence[0].distance_m < 1
    assert second.out_of_order
    assert not third.out_of_order
    assert (found.fixes, found.silent_s) == (120, 30)
    patrol = await mandate("patrol_officer")
    async with reading(engine) as db:
        with pytest.raises(NotAllowedError):
            await patrols.judge_plan(patrol, db, made.id, now=NOW)


async def test_a_plan_keeps_the_order_the_windows_and_the_stay_of_the_checkpoint(engine, desk, post, plan):
    one, two = await town.place_units(engine, [town.SOUTH, town.WEST], NOW)
    a, b = await post("甲", town.WEST), await post("乙", town.SCENE, dwell_s=300)
    window = {"window_start": START + 600 * SECOND, "window_end": START + 1800 * SECOND}
    made = await plan(one, NewStop(b.id, **window), NewStop(a.id, dwell_s=60))
    await plan(two, NewStop(a.id))
    assert [(stop.name, stop.dwell_s) for stop in made.stops] == [("乙", 300), ("甲", 60)]
    assert (made.stops[0].window_start, made.stops[1].window_start) == (window["window_start"], None)
    span = {"start": START, "end": NOW}
    async with writing(engine) as db:
        assert [p.call_sign for p in await patrols.list_plans(desk, db, **span)] == ["U1", "U2"]
        assert await patrols.list_plans(desk, db, **span, unit_id=one) == [made]
        assert await patrols.list_plans(desk, db, start=NOW, end=NOW + SECOND) == []
        await patrols.cancel_plan(desk, db, made.id)
        assert await patrols.list_plans(desk, db, **span, unit_id=one) == []
        with pytest.raises(patrols.NoPlanError, match="cancelled already"):
            await patrols.cancel_plan(desk, db, made.id)


async def test_what_can_not_be_a_plan_or_a_checkpoint_is_refused(engine, desk, post, plan):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    there = await post("甲", town.WEST)
    late = START + timedelta(hours=2)
    for more in ({"ends_at": START}, {"ends_at": START + timedelta(hours=25)}, {"name": " "}):
        with pytest.raises(InvalidError):
            await plan(unit_id, NewStop(there.id), **more)
    with pytest.raises(patrols.WindowError, match="leaves the time of the plan"):
        await plan(unit_id, NewStop(there.id, window_end=late))
    with pytest.raises(patrols.WindowError, match="leaves the time of the plan"):
        await plan(unit_id, NewStop(there.id, expected_at=late))
    with pytest.raises(patrols.WindowError, match="of this century"):
        await plan(unit_id, NewStop(there.id), starts_at=LONG_AGO, ends_at=LONG_AGO + SECOND)
    with pytest.raises(patrols.WindowError, match="shorter than the stay"):
        await plan(unit_id, NewStop(there.id, window_end=START + 60 * SECOND))
    with pytest.raises(patrols.WindowError, match="1 to 200 stops"):
        await plan(unit_id)
    with pytest.raises(NotFoundError, match="no unit 99"):
        await plan(99, NewStop(there.id))
    with pytest.raises(patrols.NoCheckpointError, match="checkpoint 99"):
        await plan(unit_id, NewStop(99))
    for more in ({"radius_m": 5}, {"dwell_s": -1}, {"beat_id": 9}):
        with pytest.raises((InvalidError, NotFoundError)):
            await post("乙", town.WEST, **more)
    with pytest.raises(patrols.PlaceError, match="nowhere on earth"):
        await post("丙", (200, 10))


async def test_an_ended_checkpoint_takes_no_more_plans(engine, desk, post, plan):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    there = await post("甲", town.WEST)
    made = await plan(unit_id, NewStop(there.id))
    async with writing(engine) as db:
        await patrols.end_checkpoint(desk, db, there.id)
        assert await patrols.list_checkpoints(desk, db) == []
        assert len(await patrols.list_checkpoints(desk, db, active=False)) == 1
        with pytest.raises(patrols.NoCheckpointError):
            await patrols.end_checkpoint(desk, db, there.id)
        assert await patrols.list_plans(desk, db, start=START, end=NOW) == [made]
    with pytest.raises(patrols.NoCheckpointError):
        await plan(unit_id, NewStop(there.id))


async def test_rounds_stay_on_their_bank_of_the_river_and_what_does_not_fit_is_explained(engine, desk, post):
    units = await town.place_units(engine, [town.WEST, town.SOUTH], NOW)
    north, scene = await post("北", town.NODES[2]), await post("现场", town.SCENE)
    island, far = await post("岛", town.ISLAND), await post("远", (113.30, 27.95))
    soon = await post("急", town.NODES[4])
    stops = [NewStop(one.id) for one in (north, scene, island, far)]
    stops.append(NewStop(soon.id, window_start=NOW, window_end=NOW + 150 * SECOND))

    async def propose(graph, unit_ids=units):
        async with reading(engine) as db:
            return await patrols.propose_rounds(
                desk, db, graph, starts_at=NOW, ends_at=NOW + timedelta(hours=2), unit_ids=unit_ids, stops=stops,
                seconds=0.3,
            )  # fmt: skip

    found = await propose(town.graph())
    assert {one.call_sign: [stop.name for stop in one.stops] for one in found.rounds} == {"U1": ["北"], "U2": ["现场"]}
    left = {one.name: one for one in found.left_out}
    assert {name: one.code for name, one in left.items()} == {"岛": "no_road", "远": "off_network", "急": "too_late"}
    assert [unit.late_s for unit in left["岛"].units] == [None, None]
    assert [unit.late_s for unit in left["急"].units] == pytest.approx([334 + 98 - 30, 222 + 334 - 30], abs=3)
    first = found.rounds[0]
    assert first.stops[0].leaves_at == first.stops[0].starts_at + 120 * SECOND
    assert found.drive_s == pytest.approx(2 * 334 + 2 * 222, abs=4)
    with pytest.raises(ConflictError, match="No road network"):
        await propose(None)
    with pytest.raises(NotFoundError, match="no unit 77"):
        await propose(town.graph(), [77])


async def test_a_unit_never_heard_of_begins_no_round(engine, desk, post):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    there = await post("甲", town.SCENE)
    async with writing(engine) as db:
        await tracks.store(db, [])
        await db.execute(tracks.tables.NewestFix.__table__.delete())
    async with reading(engine) as db:
        with pytest.raises(ConflictError, match="U1 has never reported"):
            await patrols.propose_rounds(
                desk, db, town.graph(), starts_at=NOW, ends_at=NOW + timedelta(hours=1), unit_ids=[unit_id],
                stops=[NewStop(there.id)], seconds=0.2,
            )  # fmt: skip


async def test_over_http_a_plan_is_made_and_judged(engine, client):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], START - timedelta(hours=1))
    who = await client("dispatcher")
    point = {"name": "甲", "lon_deg": town.WEST[0], "lat_deg": town.WEST[1]}
    made = await who.post("/checkpoints", json=point)
    assert (made.status_code, made.json()["radius_m"], made.json()["dwell_s"]) == (201, 50, 180)
    body = {
        "unit_id": unit_id, "name": "早巡", "starts_at": START.isoformat(),
        "ends_at": (START + timedelta(hours=1)).isoformat(), "stops": [{"checkpoint_id": made.json()["id"]}],
    }  # fmt: skip
    plan = await who.post("/patrols/plans", json=body)
    assert plan.status_code == 201, plan.text
    await drive(engine, 1, (town.WEST, 0, 600))
    judged = (await who.get("/patrols/compliance", params={"plan_id": plan.json()["id"]})).json()
    assert judged["plan"] == plan.json()
    assert judged["counts"] == {"visited": 1, "too_short": 0, "missed": 0, "unproven": 0, "pending": 0}
    (stop,) = judged["stops"]
    assert (stop["state"], stop["dwell_s"], len(stop["evidence"])) == ("visited", 600, 2)
    assert stop["arrived_at"] == START.isoformat().replace("+00:00", "Z")
    assert (await who.get("/patrols/compliance", params={"plan_id": 99})).status_code == 404
    none = await who.post("/patrols/plans/optimise", json=body | {"unit_ids": [unit_id]})
    assert none.status_code == 409


async def test_the_ends_of_numbers_and_of_time_break_nothing(engine, client):
    await town.place_units(engine, [town.SOUTH], NOW)
    who, far = await client("dispatcher"), 2**63 - 1
    first, last = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
    for span in ({"start": first, "end": last}, {"start": last, "end": first}, {"start": first, "end": first}):
        assert (await who.get("/rosters", params=span)).status_code == 422
        assert (await who.get("/patrols/plans", params=span | {"unit_id": far})).status_code == 422
    stops = [{"checkpoint_id": far, "window_start": first, "window_end": last, "dwell_s": 0}]
    for start, end in ((first, "0001-01-01T08:00:00+14:00"), ("9999-12-31T20:00:00-14:00", last), (first, last)):
        duty = {"unit_id": far, "starts_at": start, "ends_at": end}
        assert (await who.post("/rosters", json=duty | {"shift": "早班", "beat_id": far})).status_code == 422
        assert (await who.post("/patrols/plans", json=duty | {"name": "x", "stops": stops})).status_code == 422
    for path in ("/rosters", "/beats", "/checkpoints", "/patrols/plans"):
        assert (await who.delete(f"{path}/{far}")).status_code == 404
    pole = {"name": "极", "lon_deg": -180, "lat_deg": 90, "beat_id": far}
    assert (await who.post("/checkpoints", json=pole)).status_code == 404
    assert (await who.post("/checkpoints", json=pole | {"beat_id": None})).status_code == 201


async def test_a_checkpoint_that_is_set_anew_keeps_its_number_and_a_plan_the_place_it_was_made_for(
    engine, desk, mandate, post, plan
):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], START - timedelta(hours=1))
    place = await post("西岸", town.WEST)
    made = await plan(unit_id, NewStop(place.id))
    await drive(engine, 1, (town.WEST, 0, 300))
    lon, lat = town.SCENE
    there = NewCheckpoint("现场 ", lon, lat, radius_m=90.0, dwell_s=60)
    async with writing(engine) as db:
        moved = await patrols.change_checkpoint(desk, db, place.id, there)
        with pytest.raises(NotAllowedError):
            await patrols.change_checkpoint(await mandate("patrol_officer"), db, place.id, there)
        with pytest.raises(patrols.PlaceError):
            await patrols.change_checkpoint(desk, db, place.id, replace(there, radius_m=1.0))
        with pytest.raises(NotFoundError):
            await patrols.change_checkpoint(desk, db, place.id, replace(there, beat_id=9))
    assert (moved.id, moved.name, moved.radius_m, moved.lon_deg) == (place.id, "现场", 90, lon)
    async with reading(engine) as db:
        (judged,) = (await patrols.judge_plan(desk, db, made.id, now=NOW)).results
    assert judged.visit.verdict == Verdict.VISITED
    assert (judged.stop.lon_deg, judged.stop.radius_m) == (town.WEST[0], 60)


async def test_over_http_a_checkpoint_is_set_anew_and_an_ended_one_is_not(client):
    who, (lon, lat) = await client("dispatcher"), town.SCENE
    made = (await who.post("/checkpoints", json={"name": "甲", "lon_deg": lon, "lat_deg": lat})).json()
    body = {"name": "乙", "lon_deg": lon, "lat_deg": lat, "radius_m": 80}
    anew = await who.put(f"/checkpoints/{made['id']}", json=body)
    assert (anew.status_code, anew.json()["id"], anew.json()["name"]) == (200, made["id"], "乙")
    await who.delete(f"/checkpoints/{made['id']}")
    assert (await who.put(f"/checkpoints/{made['id']}", json=body)).status_code == 404
