"""What the free units reach now, and where they had better wait."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from services import coverage
from services.coverage import Board, Model
from services.db.engine import reading, writing
from services.db.tables.calls import Call
from services.db.types import point
from services.errors import ConflictError, NotAllowedError
from tests.builders import town

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def look(engine, settings, desk):
    board = Board()

    async def read(graph, *, after_s=0, who=desk):
        async with reading(engine) as db:
            now = NOW + timedelta(seconds=after_s)
            return await coverage.read_coverage(who, db, graph, settings, board, now=now)

    return read


@pytest.fixture
def advise(engine, settings, desk):
    async def ask(graph, kind=Model.MEXCLP, units=None, limit_s=200.0):
        async with reading(engine) as db:
            return await coverage.advise_posts(
                desk, db, graph, settings, kind=kind, units=units, limit_s=limit_s, busy=0.2,
                past=timedelta(days=30), now=NOW,
            )  # fmt: skip

    return ask


async def call(engine, place, count, days=1):
    rows = [
        {"kind": "other", "priority": 3, "place": point(*place), "taken_at": NOW - timedelta(days=days)}
        for _ in range(count)
    ]
    async with writing(engine) as db:
        for row in rows:
            await db.execute(insert(Call).values(**row))


async def test_coverage_is_that_of_free_units_heard_of_lately_and_serves_five_seconds(engine, look):
    await town.place_units(engine, [town.SOUTH, town.WEST], NOW)
    await call(engine, town.SCENE, 3)
    await call(engine, town.WEST, 1)
    graph = town.graph()
    both = await look(graph)
    assert (both.units, [ring.limit_s for ring in both.rings]) == (2, [600, 300, 180])
    assert [ring.calls_share for ring in both.rings] == [1.0, 1.0, 0.25]
    async with writing(engine) as db:
        await db.execute(text("UPDATE unit SET state = 'on_scene' WHERE call_sign = 'U1'"))
    assert await look(graph, after_s=4) is both
    one = await look(graph, after_s=6)
    assert (one.units, [ring.calls_share for ring in one.rings]) == (1, [0.25, 0.25, 0.25])
    assert one.rings[0].roads_share < both.rings[0].roads_share
    silent = await look(graph, after_s=200)
    assert (silent.units, silent.rings[0].roads_share) == (0, 0.0)


async def test_a_new_network_is_counted_at_once_and_without_one_it_says_so(engine, look, mandate):
    await town.place_units(engine, [town.SOUTH], NOW)
    first = await look(town.graph())
    assert await look(town.graph()) is not first
    assert first.rings[0].calls_share is None
    with pytest.raises(ConflictError, match="No road network"):
        await look(None)
    with pytest.raises(NotAllowedError):
        await look(town.graph(), who=await mandate("auditor"))


@pytest.mark.parametrize("kind", Model)
async def test_posts_are_where_calls_were_and_a_unit_on_the_wrong_side_is_told_to_move(engine, advise, kind):
    await town.place_units(engine, [town.SCENE, town.SCENE], NOW)
    await call(engine, town.SCENE, 30)
    await call(engine, town.NODES[2], 20)
    await call(engine, town.NODES[5], 15, days=40)
    found = await advise(town.graph(), kind)
    assert found.calls == 50
    assert sorted((round(post.lon_deg, 4), round(post.lat_deg, 4)) for post in found.posts) == [
        town.NODES[2],
        town.SCENE,
    ]
    assert (found.mean_s, found.covered_share) == (pytest.approx(0, abs=0.1), 1.0)
    (move,) = found.moves
    assert (move.lon_deg, move.lat_deg) == pytest.approx(town.NODES[2])
    assert move.gain_share == pytest.approx(0.8 * 0.4 - 0.8 * 0.2 * 0.6)
    assert move.time_s == pytest.approx(334 + 98, abs=2)


async def test_few_calls_or_nobody_free_are_said_so(engine, advise):
    await call(engine, town.SCENE, 19)
    with pytest.raises(ConflictError, match=r"19 calls .* 20 are needed"):
        await advise(town.graph())
    await call(engine, town.SCENE, 1)
    with pytest.raises(ConflictError, match="No unit is free now"):
        await advise(town.graph())
    found = await advise(town.graph(), units=3)
    assert (sum(post.units for post in found.posts), found.moves) == (3, ())


async def test_over_http_coverage_is_geojson_and_posts_are_the_desks(engine, client, application):
    await town.place_units(engine, [town.SOUTH], datetime.now(UTC))
    who = await client("dispatcher")
    assert (await who.get("/coverage")).status_code == 409
    await town.store_roads(engine)
    from api import graph  # noqa: PLC0415

    await graph.refresh(application)
    found = (await who.get("/coverage")).json()
    assert (found["type"], found["units"]) == ("FeatureCollection", 1)
    assert [one["properties"]["limit_s"] for one in found["features"]] == [600, 300, 180]
    assert {one["geometry"]["type"] for one in found["features"]} == {"MultiPolygon"}
    assert (await who.get("/posts/advice")).status_code == 409
    patrol = await client("patrol_officer")
    assert (await patrol.get("/coverage")).status_code == 200
    assert (await patrol.get("/posts/advice")).status_code == 403
