"""Event time, any lateness: a day uploaded in any order ends as the same tracks, stops, distances and fence events."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from geo.fix import Fix, Quality
from services import alerts, areas
from services.areas import NewRule, replay
from services.db.engine import reading, writing
from services.db.tables.alerts import Alert
from services.pipeline import WATCHERS, Pipeline
from tests.builders.fences import EAST_M, FIELD, LAT, LON, START, STRIP, make_device, way

BEGIN = (datetime.now(UTC) - timedelta(hours=23)).replace(microsecond=0)
DAY_S = 22 * 3600
RULES = (NewRule("enter"), NewRule("leave", confirm_s=60), NewRule("dwell", dwell_s=600), NewRule("cross"))


@pytest.fixture
def draw(engine, mandate):
    async def create(name, shape, *rules):
        async with writing(engine) as db:
            return await areas.create_area(
                await mandate("dispatcher"), db, name=name, kind="restricted", shape=shape, rules=rules
            )

    return create


def a_day(device_id: int, rng: random.Random) -> list[Fix]:
    """Drives east and west over a field and a strip, stands inside and outside, jitters, falls silent."""
    fixes, at_s, east, speed = list[Fix](), 0.0, -3000.0, 12.0
    while at_s < DAY_S:
        if rng.random() < 0.02:
            speed = rng.choice([0.0, 0.0, 8.0, 15.0, -8.0, -15.0])
        if not -4000 < east < 6000:
            speed = -9.0 if east > 0 else 9.0
        step_s = rng.choice([10, 10, 10, 30, 300] if speed == 0 else [10, 10, 15, 20]) + (1800 * (rng.random() < 0.003))
        at_s, east = at_s + step_s, east + speed * step_s
        fixes.append(
            Fix(
                device_id, BEGIN + timedelta(seconds=int(at_s)), LON + (east + rng.gauss(0, 6)) * EAST_M,
                LAT + rng.gauss(0, 5e-5), len(fixes), speed_mps=abs(speed), accuracy_m=rng.choice([None, 8.0, 40.0]),
                flags=Quality.LATE,
            )
        )  # fmt: skip
    return fixes


async def upload(engine, settings, batches: Sequence[Sequence[Fix]]) -> None:
    quick = settings.model_copy(update={"batch_window_ms": 1})
    async with Pipeline(engine, quick, WATCHERS).running() as pipeline:
        for batch in batches:
            await pipeline.submit(batch)


async def effective(engine) -> list[tuple]:
    """The fence events that stand: neither corrected nor withdrawn, as JSON without numbers and times of raising."""
    async with reading(engine) as db:
        spans = {device: (START - timedelta(days=1), datetime.now(UTC)) for device in range(1, 10)}
        found = [each.new for each in await alerts.list_told(db, spans) if each.effective]
    return sorted(
        json.dumps(
            [new.kind, new.severity, str(new.at), new.device_id, new.area_id, new.lon_deg, new.lat_deg, new.detail]
        )
        for new in found
    )


async def forget(engine) -> None:
    async with writing(engine) as db:
        await db.execute(text("TRUNCATE fix, newest_fix, outbox, frame_batch, area_state, alert RESTART IDENTITY"))


async def tracks_of(client, devices) -> list[bytes]:
    span = {"start": BEGIN.isoformat(), "end": (BEGIN + timedelta(hours=24)).isoformat()}
    dispatcher = await client("dispatcher")
    answers = [await dispatcher.get(f"/units/{device}/track", params=span) for device in devices]
    assert all(answer.status_code == 200 for answer in answers)
    return [answer.content for answer in answers]


def in_batches(fixes: list[Fix], rng: random.Random) -> list[list[Fix]]:
    batches, start = [], 0
    while start < len(fixes):
        size = rng.choice([1, 7, 50, 400, 1500])
        batches.append(fixes[start : start + size])
        start += size
    return batches


@pytest.mark.parametrize("seed", range(4))
async def test_a_shuffled_day_gives_byte_for_byte_what_an_ordered_one_gives(engine, settings, client, draw, seed):
    rng = random.Random(seed)  # noqa: S311 -- no secret
    devices = [await make_device(engine, unit_kind="car")]
    await draw("field", FIELD, *RULES)
    await draw("strip", STRIP, NewRule("cross"), NewRule("enter", confirm_fixes=1))
    fixes = [fix for device in devices for fix in a_day(device, rng)]
    fixes.sort(key=lambda fix: fix.at)
    await upload(engine, settings, [fixes[start : start + 500] for start in range(0, len(fixes), 500)])
    ordered, ordered_tracks = await effective(engine), await tracks_of(client, devices)
    assert len(ordered) >= 15
    await forget(engine)
    how = ("anyhow", "newest first", "live with a blind zone", "pieces")[seed]
    await upload(engine, settings, [*disorder(fixes, rng, how), fixes[:50]])
    assert await effective(engine) == ordered
    assert await tracks_of(client, devices) == ordered_tracks
    await upload(engine, settings, in_batches(fixes, rng))
    assert await effective(engine) == ordered, "sent again, it changes nothing"


def disorder(fixes: list[Fix], rng: random.Random, how: str) -> list[list[Fix]]:
    if how == "anyhow":
        return in_batches(rng.sample(fixes, len(fixes)), rng)
    if how == "newest first":
        return in_batches(fixes[::-1], rng)
    if how == "live with a blind zone":
        third = len(fixes) // 3
        blind = fixes[third : 2 * third]
        live = in_batches(fixes[:third] + fixes[2 * third :], rng)
        return live[:-1] + in_batches(rng.sample(blind, len(blind)), rng) + live[-1:]
    pieces = in_batches(fixes, rng)
    return rng.sample(pieces, len(pieces))


async def test_an_alert_that_late_fixes_prove_wrong_is_corrected_by_a_new_one_and_not_rewritten(
    engine, settings, client, draw
):
    device = await make_device(engine, unit_kind="car")
    await draw("strip", STRIP, NewRule("cross"))
    across = way(device, [-300, -200, -100, 200, 300, 400])
    await upload(engine, settings, [across])
    async with reading(engine) as db:
        (before,) = (await db.execute(select(Alert))).scalars()
    around = [
        replace(fix, lat_deg=LAT + 0.02, payload_hash=99) for fix in way(device, [-100, 0, 100], start_s=22, every_s=3)
    ]
    await upload(engine, settings, [around])
    async with reading(engine) as db:
        after, correction = (await db.execute(select(Alert).order_by(Alert.id))).scalars()
    assert (after.key, after.state, after.at, after.detail) == (before.key, "open", before.at, before.detail)
    assert (correction.corrects, correction.kind, correction.state) == (before.id, "area_cross", "open")
    assert correction.detail["withdrawn"] is True
    assert await effective(engine) == []
    shown = (await (await client("dispatcher")).get("/alerts")).json()["items"]
    assert [(each["id"], each["corrects"], each["corrected_by"]) for each in shown] == [(2, 1, None), (1, None, 2)]


async def test_an_event_told_at_the_wrong_moment_is_corrected_by_the_right_one(engine, settings, draw):
    device = await make_device(engine, unit_kind="car")
    await draw("field", FIELD, NewRule("enter"))
    road = way(device, [-300, -200, -100, 100, 200, 300, 400, 500, 600, 700])
    await upload(engine, settings, [road[:3] + road[7:], road[3:7]])
    async with reading(engine) as db:
        first, second = (await db.execute(select(Alert).order_by(Alert.id))).scalars()
    assert (first.at, second.at) == (road[7].at, road[3].at)
    assert second.corrects == first.id
    assert "withdrawn" not in second.detail


async def test_late_fixes_that_change_nothing_tell_nothing(engine, settings, draw):
    device = await make_device(engine, unit_kind="car")
    await draw("field", FIELD, *RULES)
    road = way(device, range(-500, 1500, 50))
    await upload(engine, settings, [road[::2]])
    told = await effective(engine)
    between = [replace(fix, flags=Quality.LATE) for fix in road[21:39:2]]
    await upload(engine, settings, [between])
    async with reading(engine) as db:
        assert len((await db.execute(select(Alert.id))).all()) == len(told)
    assert await effective(engine) == told


async def test_what_came_before_a_rule_was_made_is_no_event_of_it_when_something_late_comes(engine, settings, draw):
    device = await make_device(engine, unit_kind="car")
    await upload(engine, settings, [way(device, range(-500, 1500, 50))])
    await draw("field", FIELD, *RULES)
    await upload(engine, settings, [way(device, [2000, 3000], start_s=1000, every_s=600)])
    told = await effective(engine)
    await upload(engine, settings, [way(device, [-800], start_s=-100), way(device, [2500], start_s=1300)])
    assert [json.loads(each)[0] for each in await effective(engine)] == [json.loads(each)[0] for each in told]


async def test_a_stretch_as_long_as_it_has_to_be_is_read(engine, settings, draw, monkeypatch):
    monkeypatch.setattr(replay, "FIRST_REACH", 1)
    device = await make_device(engine, unit_kind="car")
    await draw("field", FIELD, NewRule("dwell", dwell_s=1200))
    stay = way(device, [-400, -300, *[900] * 300, -300, -400])
    await upload(engine, settings, [stay[:2] + stay[10:150] + stay[160:], stay[150:160], stay[2:10]])
    events = [json.loads(each) for each in await effective(engine)]
    assert [(each[0], each[2]) for each in events] == [("area_dwell", str(stay[2].at + timedelta(seconds=1200)))]
