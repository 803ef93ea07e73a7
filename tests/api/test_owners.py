"""Several gateways over one database: a device is on one socket, and everybody knows on which."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway import ownership
from api.gateway.server import Gateway
from services import access, areas, owners
from services.db.engine import make_engine, reading, writing
from services.settings import Settings
from tests.builders import database
from tests.builders.database import know
from tests.builders.fences import EAST_M, LAT, LON, STRIP
from tests.builders.terminals import NOW, PHONE, Terminal, a_report

OTHER = "13800000002"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look round often, so that the tests don't wait."""
    monkeypatch.setattr(ownership, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(ownership, "ALIVE_EVERY_S", 0.2)


@pytest.fixture
async def gateways(engine: AsyncEngine, settings: Settings) -> AsyncIterator[list[Gateway]]:
    """Three gateways, each with connections to the database of its own."""
    await know(engine, PHONE)
    await know(engine, OTHER)
    async with AsyncExitStack() as stack:
        served = []
        for _ in range(3):
            own = make_engine(settings.database_address, pool_size=3)
            stack.push_async_callback(own.dispose)
            gateway = Gateway(own, settings.model_copy(update={"gateway_port": 0}))
            served.append(await stack.enter_async_context(gateway.serving()))
        yield served


@pytest.fixture
def connect() -> Callable[[Gateway], Awaitable[Any]]:
    async def signed_in(stack: AsyncExitStack, gateway: Gateway, phone: str = PHONE) -> Terminal:
        terminal = await stack.enter_async_context(Terminal.on(gateway.port, phone))
        await terminal.sign_in()
        return terminal

    return signed_in


async def holders(engine: AsyncEngine) -> dict[str, str]:
    async with reading(engine) as db:
        rows = await db.execute(
            text("SELECT phone, gateway_id FROM gateway_session JOIN device ON device.id = device_id")
        )
        return {phone: gateway_id for phone, gateway_id in rows}  # noqa: C416 -- rows, not pairs


async def until(said: Callable[[], Awaitable[bool]], timeout_s: float = 5) -> None:
    async with asyncio.timeout(timeout_s):
        while not await said():  # noqa: ASYNC110 -- a fact in the database, not an event
            await asyncio.sleep(0.05)


async def is_closed(terminal: Terminal) -> bool:
    try:
        await terminal.hear(3)
    except EOFError:
        return True
    return False


async def test_a_device_that_signs_in_at_another_gateway_is_closed_at_the_first(gateways, engine, connect):
    async with AsyncExitStack() as stack:
        old = await connect(stack, gateways[0])
        bystander = await connect(stack, gateways[0], OTHER)
        assert await holders(engine) == dict.fromkeys((PHONE, OTHER), gateways[0].ownership.gateway_id)
        new = await connect(stack, gateways[1])
        assert await is_closed(old)
        assert (await holders(engine))[PHONE] == gateways[1].ownership.gateway_id
        await new.send(new.report())
        assert (await new.hear()).result == 0
        await bystander.send(bystander.report())
        assert (await bystander.hear()).result == 0


async def test_a_device_that_comes_back_to_the_same_gateway_keeps_its_new_socket(gateways, engine, connect):
    async with AsyncExitStack() as stack:
        old = await connect(stack, gateways[0])
        new = await connect(stack, gateways[0])
        assert await is_closed(old)
        await asyncio.sleep(0.5)
        assert await holders(engine) == {PHONE: gateways[0].ownership.gateway_id}
        await new.send(new.report())
        assert (await new.hear()).result == 0


async def test_who_leaves_is_held_by_nobody(gateways, engine, connect):
    async with AsyncExitStack() as stack:
        await connect(stack, gateways[0])

    async def is_released() -> bool:
        return await holders(engine) == {}

    await until(is_released)


async def test_of_two_claims_to_a_device_that_left_none_remains(gateways, engine):
    """Its sockets may go in any order: one that left while it signed in, and the one before it."""
    async with writing(engine) as db:
        first = await owners.claim_session(db, 1, gateways[0].ownership.gateway_id, "192.0.2.7:5", "2013")
    async with writing(engine) as db:
        second = await owners.claim_session(db, 1, gateways[0].ownership.gateway_id, "192.0.2.7:6", "2013")
    gateways[0].ownership.release(1, second)
    gateways[0].ownership.release(1, first)

    async def is_released() -> bool:
        return await holders(engine) == {}

    await until(is_released)


async def test_a_fix_writes_nothing_about_sessions(gateways, engine, connect):
    row = text("SELECT xmin::text, changed_xid FROM gateway_session")
    async with AsyncExitStack() as stack:
        terminal = await connect(stack, gateways[0])
        async with reading(engine) as db:
            before = (await db.execute(row)).all()
        for number in range(20):
            await terminal.send(terminal.report(number))
            await terminal.hear()
        async with reading(engine) as db:
            assert (await db.execute(row)).all() == before


async def test_what_a_dead_gateway_held_is_held_by_nobody(gateways, engine):
    async with writing(engine) as db:
        await owners.say_alive(db, "dead")
        await db.execute(text("UPDATE gateway SET seen_at = now() - interval '31 s' WHERE id = 'dead'"))
        await owners.claim_session(db, 1, "dead", "192.0.2.7:5", "2013")

    async def is_buried() -> bool:
        async with reading(engine) as db:
            dead = await db.execute(text("SELECT 1 FROM gateway WHERE id = 'dead'"))
            return dead.first() is None and await holders(engine) == {}

    await until(is_buried)


async def test_a_gateway_taken_for_dead_claims_again_what_nobody_else_has(gateways, engine, connect):
    async with AsyncExitStack() as stack:
        lost, kept = await connect(stack, gateways[0]), await connect(stack, gateways[0], OTHER)
        async with writing(engine) as db:
            await db.execute(text("DELETE FROM gateway WHERE id = :id"), {"id": gateways[0].ownership.gateway_id})
            await db.execute(text("DELETE FROM gateway_session"))
            await owners.say_alive(db, "elsewhere")
            await owners.claim_session(db, 1, "elsewhere", "192.0.2.7:5", "2013")

        async def is_shared() -> bool:
            return await holders(engine) == {PHONE: "elsewhere", OTHER: gateways[0].ownership.gateway_id}

        await until(is_shared)
        assert await is_closed(lost)
        await kept.send(kept.report())
        assert (await kept.hear()).result == 0


async def test_an_old_sign_in_that_is_heard_late_leaves_the_device_with_who_has_its_socket(gateways, engine, connect):
    """A gateway that stood still claims a device whose old socket is closed already, and lets go of it at once."""
    async with AsyncExitStack() as stack:
        terminal = await connect(stack, gateways[0])
        async with writing(engine) as db:
            await owners.claim_session(db, 1, "late", "192.0.2.7:5", "2013")
            await db.execute(text("DELETE FROM gateway_session"))

        async def is_claimed_again() -> bool:
            return await holders(engine) == {PHONE: gateways[0].ownership.gateway_id}

        await until(is_claimed_again)
        await terminal.send(terminal.report())
        assert (await terminal.hear()).result == 0

    async def is_released() -> bool:
        return await holders(engine) == {}

    await until(is_released)


async def test_people_see_who_is_connected_where(gateways, engine, connect, mandate):
    who = await mandate("system_admin")
    async with AsyncExitStack() as stack:
        await connect(stack, gateways[2])
        async with reading(engine) as db:
            (seen,) = await owners.sessions(who, db)
            assert (seen.phone, seen.gateway_id) == (PHONE, gateways[2].ownership.gateway_id)
            assert await owners.sessions(who, db, device_id=seen.device_id + 1) == []
    with pytest.raises(access.RoleRefusedError):
        async with reading(engine) as db:
            await owners.sessions(await mandate("investigator"), db)


async def test_a_claim_that_was_replaced_is_not_released(engine):
    await know(engine, PHONE)
    async with writing(engine) as db:
        first = await owners.claim_session(db, 1, "one", "192.0.2.7:5", "2013")
    async with writing(engine) as db:
        second = await owners.claim_session(db, 1, "two", "192.0.2.7:6", "2013")
    async with writing(engine) as db:
        await owners.release_session(db, 1, first)
    assert await holders(engine) == {PHONE: "two"}
    async with reading(engine) as db:
        claimed, _ = await owners.claimed_since(db, second)
    assert [(held.gateway_id, held.claim) for held in claimed] == [("two", second)]
    async with writing(engine) as db:
        await owners.release_session(db, 1, second)
    assert await holders(engine) == {}


async def test_a_way_over_several_gateways_crosses_a_line_where_it_does_and_only_there(
    gateways, engine, connect, mandate
):
    """What a gateway remembers of a device that was elsewhere meanwhile is not where it comes from."""
    who = await mandate("dispatcher")
    async with writing(engine) as db:
        await areas.create_area(
            who, db, name="line", kind="restricted", shape=STRIP, rules=[areas.NewRule("cross")]
        )  # fmt: skip
    start = NOW - timedelta(minutes=5)
    legs = ((0, -300), (1, 300), (0, -300), (0, -600), (1, -900), (0, -600))  # gateway, metres east of the line
    async with AsyncExitStack() as stack:
        at, terminal = -1, None
        for number, (which, east_m) in enumerate(legs):
            if which != at:
                at, terminal = which, await connect(stack, gateways[which])
            place = {"lon_deg": LON + east_m * EAST_M, "lat_deg": LAT}
            answer = await terminal.ask(a_report(at=start + timedelta(seconds=10 * number), **place))
            assert answer.result == 0
            await until(partial(is_empty, engine, "outbox"))
    crossed = await database.rows(engine, "SELECT kind, at FROM alert ORDER BY at")
    assert crossed == [("area_cross", start + timedelta(seconds=10 * number)) for number in (1, 2)]


async def is_empty(engine: AsyncEngine, table: str) -> bool:
    return await database.rows(engine, f"SELECT count(*) FROM {table}") == [(0,)]
