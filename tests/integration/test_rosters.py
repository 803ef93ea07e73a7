"""Beats and rosters: who answers for which ground, who is on duty and since when."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services import rosters
from services.db.engine import reading, writing
from services.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError
from tests.builders import town

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def duty(engine, desk):
    async def add(unit_id, start_h, end_h, **more):
        async with writing(engine) as db:
            return await rosters.add_roster(
                desk,
                db,
                unit_id=unit_id,
                shift="早班",
                starts_at=NOW + start_h * HOUR,
                ends_at=NOW + end_h * HOUR,
                **more,
            )

    return add


async def test_a_unit_is_on_duty_between_the_ends_of_its_roster_and_on_its_beat(engine, desk, duty):
    one, two = await town.place_units(engine, [town.WEST, town.SOUTH], NOW)
    async with writing(engine) as db:
        beat = await rosters.create_beat(desk, db, name="西岸", shape=town.square(*town.WEST))
    added = await duty(one, -2, 6, beat_id=beat.id)
    assert (added.call_sign, added.beat_id) == ("U1", beat.id)
    await duty(two, 1, 9)
    async with reading(engine) as db:
        running = await rosters.on_duty(db, NOW)
        assert list(running) == [one]
        assert (running[one].hours(NOW), running[one].left_h(NOW), running[one].beat_id) == (2, 6, beat.id)
        assert await rosters.on_duty(db, NOW + 6 * HOUR) == {two: (await rosters.on_duty(db, NOW + 2 * HOUR))[two]}
        assert await rosters.beat_at(db, *town.WEST) == rosters.Beat(beat.id, "西岸")
        assert await rosters.beat_at(db, *town.SOUTH) is None


async def test_where_nobody_is_rostered_around_now_the_roster_is_not_in_use(engine, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    await duty(unit_id, 20, 28)
    async with reading(engine) as db:
        assert not await rosters.in_use(db, NOW)
        assert await rosters.in_use(db, NOW + 10 * HOUR)


async def test_hours_of_duty_add_up_within_the_last_day_only(engine, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    await duty(unit_id, -30, -20)
    await duty(unit_id, -5, 3)
    async with reading(engine) as db:
        assert await rosters.hours_worked(db, NOW) == {unit_id: 4 + 5}
        assert await rosters.hours_worked(db, NOW, within=3 * HOUR) == {unit_id: 3}


async def test_nobody_is_on_two_duties_at_once_even_when_two_write_at_once(engine, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    done = await asyncio.gather(duty(unit_id, 0, 8), duty(unit_id, 7, 12), return_exceptions=True)
    (refused,) = [item for item in done if isinstance(item, BaseException)]
    assert isinstance(refused, ConflictError)
    assert "U1 is on duty then: “早班”" in str(refused)
    await duty(unit_id, 12, 20)


async def test_what_can_not_be_a_duty_or_a_beat_is_refused(engine, desk, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    for start, end in ((2, 2), (3, 1), (0, 49), (-(10**7), -(10**7) + 8), (10**6, 10**6 + 8)):
        with pytest.raises(InvalidError, match="ends after it begins"):
            await duty(unit_id, start, end)
    with pytest.raises(NotFoundError, match="no unit 99"):
        await duty(99, 0, 8)
    with pytest.raises(rosters.NoBeatError):
        await duty(unit_id, 0, 8, beat_id=5)
    async with writing(engine) as db:
        with pytest.raises(InvalidError):
            await rosters.create_beat(desk, db, name="x", shape={"type": "Point", "coordinates": [1, 2]})
        with pytest.raises(InvalidError, match="needs a name"):
            await rosters.create_beat(desk, db, name=" ", shape=town.square(*town.WEST))


async def test_an_ended_beat_takes_no_more_duties_and_a_duty_can_be_taken_back(engine, desk, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    async with writing(engine) as db:
        beat = await rosters.create_beat(desk, db, name="西岸", shape=town.square(*town.WEST))
        await rosters.end_beat(desk, db, beat.id)
        assert await rosters.list_beats(desk, db) == []
        assert [one.name for one in await rosters.list_beats(desk, db, active=False)] == ["西岸"]
        with pytest.raises(rosters.NoBeatError):
            await rosters.end_beat(desk, db, beat.id)
    with pytest.raises(rosters.NoBeatError):
        await duty(unit_id, 0, 8, beat_id=beat.id)
    added = await duty(unit_id, 0, 8)
    async with writing(engine) as db:
        await rosters.delete_roster(desk, db, added.id)
        assert await rosters.list_rosters(desk, db, start=NOW - HOUR, end=NOW + HOUR) == []
        with pytest.raises(rosters.NoRosterError):
            await rosters.delete_roster(desk, db, added.id)


async def test_a_patrol_reads_the_roster_but_only_the_desk_writes_it(engine, mandate):
    patrol = await mandate("patrol_officer")
    async with writing(engine) as db:
        assert await rosters.list_rosters(patrol, db, start=NOW, end=NOW + HOUR) == []
        with pytest.raises(NotAllowedError):
            await rosters.add_roster(patrol, db, unit_id=1, shift="早班", starts_at=NOW, ends_at=NOW + HOUR)


async def test_over_http_a_duty_is_written_and_a_naive_time_is_refused(engine, client):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    who = await client("dispatcher")
    body = {"unit_id": unit_id, "shift": "早班", "starts_at": NOW.isoformat(), "ends_at": (NOW + HOUR).isoformat()}
    made = await who.post("/rosters", json=body)
    assert (made.status_code, made.json()["call_sign"]) == (201, "U1")
    assert (await who.post("/rosters", json=body)).status_code == 409
    naive = body | {"starts_at": NOW.replace(tzinfo=None).isoformat()}
    assert (await who.post("/rosters", json=naive)).status_code == 422
    assert (await who.post("/rosters", json=body | {"shift": "早\x00班"})).status_code == 422
    span = {"start": NOW.isoformat(), "end": (NOW + HOUR).isoformat()}
    assert [one["id"] for one in (await who.get("/rosters", params=span)).json()["items"]] == [made.json()["id"]]
    beat = await who.post("/beats", json={"name": "西岸", "shape": town.square(*town.WEST)})
    assert beat.status_code == 201
    assert (await who.get("/beats")).json()["items"] == [beat.json()]
    assert (await who.delete(f"/beats/{beat.json()['id']}")).status_code == 204


async def test_a_beat_that_is_drawn_anew_keeps_its_number_its_duties_and_its_checkpoints(engine, desk, duty):
    (unit_id,) = await town.place_units(engine, [town.WEST], NOW)
    async with writing(engine) as db:
        beat = await rosters.create_beat(desk, db, name="西岸", shape=town.square(*town.WEST))
    await duty(unit_id, -2, 6, beat_id=beat.id)
    async with writing(engine) as db:
        anew = await rosters.change_beat(
            desk, db, beat.id, name="南岸", shape=town.square(*town.SOUTH), division="430203"
        )
        with pytest.raises(InvalidError):
            await rosters.change_beat(desk, db, beat.id, name=" ", shape=town.square(*town.SOUTH))
        assert (anew.id, anew.name, anew.division) == (beat.id, "南岸", "430203")
        assert await rosters.beat_at(db, *town.SOUTH) == rosters.Beat(beat.id, "南岸")
        assert await rosters.beat_at(db, *town.WEST) is None
        assert (await rosters.on_duty(db, NOW))[unit_id].beat_id == beat.id
        await rosters.end_beat(desk, db, beat.id)
        with pytest.raises(NotFoundError):
            await rosters.change_beat(desk, db, beat.id, name="南岸", shape=town.square(*town.SOUTH))


async def test_over_http_a_beat_is_drawn_anew(client):
    who = await client("dispatcher")
    made = (await who.post("/beats", json={"name": "西岸", "shape": town.square(*town.WEST)})).json()
    anew = await who.put(f"/beats/{made['id']}", json={"name": "南岸", "shape": town.square(*town.SOUTH)})
    assert (anew.status_code, anew.json()["id"], anew.json()["name"]) == (200, made["id"], "南岸")
