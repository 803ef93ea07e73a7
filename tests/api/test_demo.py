"""The demo against the real thing: it moves in through the doors, drives on the map and answers calls."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from demo import door, fleet, history, people, run, seed
from demo.board import Board
from demo.caller import MARK, Caller
from demo.crew import Crew
from demo.network import Network
from demo.streets import Streets
from services import access
from services.db.engine import reading, writing
from services.settings import Settings
from tests.builders import demo_city

PASSWORD = "a long enough password"
ROLES = ("dispatcher", "patrol_officer", "park_officer", "system_admin")
UNITS = 10


@dataclass(frozen=True, slots=True)
class Site:
    """The service behind real ports, and the demo's doors to it."""

    settings: Settings
    doors: dict[str, door.Door]
    gateway: Gateway


@pytest.fixture
def network() -> Network:
    return demo_city.network()


@pytest.fixture
def streets() -> Streets:
    return demo_city.streets()


@pytest.fixture
def plans(network: Network) -> list[people.PlannedUnit]:
    """Ten units of one division, cars among them."""
    return [unit for unit in people.units(demo_city.land(), network) if unit.division == "430203"][:UNITS]


@pytest.fixture
async def site(application: FastAPI, engine: AsyncEngine, settings: Settings) -> AsyncIterator[Site]:
    async with writing(engine) as db:
        for role in ROLES:
            await access.create_account(db, role, role, PASSWORD, frozenset({access.Role(role)}))
        keys = application.state.keys
        totp = (await access.enrol_at_once(db, keys, "system_admin", now=datetime.now(UTC))).uri
    logins: dict[str, dict[str, Any]] = {role: {"password": PASSWORD, "roles": [role]} for role in ROLES}
    logins["system_admin"]["totp"] = totp
    here = settings.model_copy(update={"gateway_port": 0})
    async with (
        serving(application) as port,
        Gateway(engine, here).serving() as gateway,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        known = settings.model_copy(update={"api_port": port, "gateway_port": gateway.port})
        yield Site(known, door.doors(client, logins), gateway)


@asynccontextmanager
async def serving(application: FastAPI) -> AsyncIterator[int]:
    config = uvicorn.Config(application, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@asynccontextmanager
async def beside(*jobs: Awaitable[None]) -> AsyncIterator[None]:
    """Run jobs for the length of a block."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 60) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (found := await condition()):  # noqa: ASYNC110 -- the service is asked, it does not call back
            await asyncio.sleep(0.2)
    return found


async def rows(engine: AsyncEngine, query: str) -> list[Any]:
    async with reading(engine) as db:
        return list(await db.execute(text(query)))


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def commands(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that the demo starts find the database."""
    monkeypatch.setenv("TIANSHU_DATABASE_URL", database_url)


@pytest.mark.usefixtures("commands")
async def test_the_city_moves_in_and_a_second_time_adds_nothing(
    site: Site, network: Network, plans: list[people.PlannedUnit], console: Console, engine: AsyncEngine
) -> None:
    tables = ("road_node", "road_edge", "device", "unit", "park", "enterprise", "incident", "area", "area_rule")
    tables += ("beat", "checkpoint", "patrol_plan", "patrol_stop", "call")
    counts = []
    for _ in range(2):
        await run.move_in(site.settings, site.doors, network, plans, console)
        counts.append({table: (await rows(engine, f"SELECT count(*) FROM {table}"))[0][0] for table in tables})
    assert counts[0] == counts[1]
    assert counts[0]["road_edge"] == len(network.source)
    assert (counts[0]["unit"], counts[0]["device"]) == (UNITS, UNITS)
    assert counts[0]["park"] == len(people.PARKS)
    assert counts[0]["incident"] > 3000
    assert counts[0]["patrol_stop"] == counts[0]["checkpoint"] > 0
    assert counts[0]["call"] == history.CALLS
    assert (await rows(engine, "SELECT synthetic FROM road_network"))[0][0] is True
    strays = "SELECT count(*) FROM checkpoint c JOIN beat b ON b.id = c.beat_id WHERE NOT ST_Covers(b.shape, c.place)"
    assert (await rows(engine, strays))[0][0] == 0
    assert (await rows(engine, "SELECT DISTINCT division IS NULL FROM beat")) == [(False,)]
    assert (await rows(engine, "SELECT DISTINCT beat_id IS NULL FROM checkpoint")) == [(False,)]
    marked = "SELECT DISTINCT state, left(notes, 4) FROM call"
    assert (await rows(engine, marked)) == [("closed", MARK)]


async def test_the_fleet_moves_on_the_list_of_units(
    site: Site, streets: Streets, plans: list[people.PlannedUnit], console: Console
) -> None:
    await seed.units(plans, site.doors["system_admin"], site.doors["dispatcher"], console)
    force = fleet.muster(plans, streets, ("127.0.0.1", site.gateway.port), mishaps=False)
    desk = site.doors["dispatcher"]

    async def seen() -> dict[str, tuple[float, float]] | None:
        units = {unit["call_sign"]: (unit["lon_deg"], unit["lat_deg"]) async for unit in desk.pages("/units")}
        return units if all(lon is not None for lon, _ in units.values()) else None

    async with beside(force.run()):
        first = await until(seen)
        assert set(first) == {plan.call_sign for plan in plans}

        async def moved() -> bool:
            now = await seen()
            return now is not None and sum(now[name] != first[name] for name in first) >= UNITS - 2

        await until(moved)
        assert force.signed_in == UNITS
        for call_sign, member in force.members.items():
            lon, lat = (await seen() or {})[call_sign]
            node = streets.nearest(*member.mover.place)
            assert streets.distance_m(node, lon, lat) < streets.distance_m(node, *member.mover.place) + 80.0


async def test_a_unit_that_is_sent_says_that_it_drives_arrives_and_is_clear(
    site: Site, streets: Streets, plans: list[people.PlannedUnit], console: Console
) -> None:
    await seed.units(plans, site.doors["system_admin"], site.doors["dispatcher"], console)
    force = fleet.muster(plans, streets, ("127.0.0.1", site.gateway.port), mishaps=False)
    board, desk = Board(), site.doors["dispatcher"]
    crew = Crew(force, board, site.doors["patrol_officer"], reaction_s=(0.1, 0.2), on_scene_s=(0.5, 0.6))
    member = next(member for member in force.members.values() if member.plan.kind == "car")
    job = run.repeatedly(crew.look, 0.2, console)
    async with beside(force.run(), board.follow(site.doors["patrol_officer"]), job):

        async def unit_id() -> int | None:
            units = [unit async for unit in desk.pages("/units")]
            return next((u["id"] for u in units if u["call_sign"] == member.plan.call_sign and u["at"]), None)

        chosen = await until(unit_id)
        member.mover.wait_s = 3600.0  # at a checkpoint
        end = streets.arcs[member.mover.arc].head
        lon, lat = streets.lon[end], streets.lat[end]
        body = {"kind": "help", "priority": 2, "lon_deg": lon, "lat_deg": lat, "address": "", "notes": "a person's"}
        call = await desk.post("/calls", body)
        await desk.post(f"/calls/{call['id']}/assignments", {"unit_id": chosen})

        async def done() -> dict[str, Any] | None:
            one = (await desk.get(f"/calls/{call['id']}"))["assignments"][0]
            return one if one["state"] == "clear" else None

        sent = await until(done, 90)
    steps = [sent[f"{step}_at"] for step in ("dispatched", "en_route", "on_scene", "clear")]
    assert steps == sorted(steps)
    assert not crew.jobs


async def test_the_demo_telephones_and_tidies_up_after_itself_but_leaves_a_persons_call(
    site: Site, streets: Streets, network: Network, console: Console
) -> None:
    board, desk = Board(), site.doors["dispatcher"]
    caller = Caller(
        board,
        desk,
        streets,
        run.corners(network),
        random.Random(1),  # noqa: S311 -- seeded on purpose
    )
    own = {"kind": "noise", "priority": 4, "lon_deg": 113.1, "lat_deg": 27.8, "address": "", "notes": "a person's"}
    await desk.post("/calls", own)
    async with beside(board.follow(site.doors["patrol_officer"])):
        await until(lambda: _true(board.told))
        for made in range(12):
            await caller.look(made * 1000.0)
            await until(lambda: _true(len(board.calls) == caller.made + 1))
        assert caller.made == 8
        assert sum(call["notes"].startswith(MARK) for call in board.calls.values()) == 8
        assert sum(call["notes"] == "a person's" for call in board.calls.values()) == 1


async def test_when_the_gateway_comes_back_no_second_of_any_unit_is_missing(
    site: Site, streets: Streets, plans: list[people.PlannedUnit], console: Console, engine: AsyncEngine
) -> None:
    await seed.units(plans, site.doors["system_admin"], site.doors["dispatcher"], console)
    here = site.settings.model_copy(update={"gateway_port": 0, "metrics_port": 0})
    async with Gateway(engine, here).serving() as first:
        port = first.port
        force = fleet.muster(plans, streets, ("127.0.0.1", port), mishaps=False)
        job = asyncio.ensure_future(force.run())
        await until(lambda: _true(force.tally.acknowledged > 5 * UNITS))
    try:
        await asyncio.sleep(3.0)
        async with Gateway(engine, here.model_copy(update={"gateway_port": port})).serving():
            await until(lambda: _true(force.signed_in == UNITS and force.unacknowledged < 2 * UNITS))
            job.cancel()
            gaps = "SELECT at - lag(at) OVER (PARTITION BY device_id ORDER BY at) AS step FROM fix"
            steps = await rows(engine, f"SELECT step, count(*) FROM ({gaps}) s WHERE step IS NOT NULL GROUP BY step")
            assert [step for step, _ in steps] == [timedelta(seconds=1)]
    finally:
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job


async def test_the_past_of_a_unit_goes_through_the_gateway_once(
    site: Site, streets: Streets, plans: list[people.PlannedUnit], console: Console, engine: AsyncEngine
) -> None:
    await seed.units(plans, site.doors["system_admin"], site.doors["dispatcher"], console)
    force = fleet.muster(plans[:2], streets, ("127.0.0.1", site.gateway.port), mishaps=False)
    now = datetime.now(UTC).replace(microsecond=0)
    await force.remember({}, now)
    expected = sum(len(member.radio.kept) for member in force.members.values())
    assert expected == 3 * 3600 // 5 + 1800 // 15
    async with beside(force.run()):
        await until(lambda: _true(force.unacknowledged < 5))
    past = await rows(engine, f"SELECT count(*), min(at) FROM fix WHERE at < '{now.isoformat()}'")
    assert past[0][0] == expected
    assert past[0][1] == now - fleet.LONG_PAST
    known = await run.known(site.doors["dispatcher"])
    again = fleet.muster(plans[:2], streets, ("127.0.0.1", site.gateway.port), mishaps=False)
    await again.remember(known, datetime.now(UTC).replace(microsecond=0))
    assert sum(len(member.radio.kept) for member in again.members.values()) < 20


async def _true(value: bool) -> bool:  # noqa: FBT001 -- the value is the answer
    return value
