"""Reconnect storms: however often devices come back, there is one session a device, and nothing is left behind.

Bounded on purpose: 50 identities, 1,200 connections in waves, half of them cut off without a word. An hour of it would
be no other test: what leaks, leaks per connection.
"""

import asyncio
import gc
import random

from sqlalchemy import text

from api.gateway.connection import Connection
from api.gateway.server import Gateway
from services.db.engine import reading
from services.ingest.jt808.framing import Version
from tests.builders.database import know
from tests.builders.terminals import Terminal

IDENTITIES, WAVES = 50, 24


async def settle(gateway: Gateway, connections: int) -> None:
    async with asyncio.timeout(20):
        while len(gateway._connections) > connections:  # noqa: ASYNC110 -- nobody tells a test
            await asyncio.sleep(0.02)


async def come_back(gateway: Gateway, phone: str, code: str, rng: random.Random, held: list[Terminal]) -> None:
    """Connect, authenticate, report, and leave: politely, in the middle of a frame, or not at all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    terminal = Terminal(reader, writer, phone, Version.V2013)
    leaving = rng.random()
    await terminal.authenticate(code)
    if leaving < 0.5:
        await terminal.send(terminal.report()[:20])
        writer.transport.abort()
    elif leaving < 0.8:
        await terminal.send(terminal.report())
        await terminal.hear()
        writer.close()
    else:
        held.append(terminal)  # the next connection of this identity takes over


async def test_sessions_and_tasks_stay_below_devices_through_storms_of_reconnects(gateway: Gateway, engine):
    rng = random.Random(7)  # noqa: S311 -- no secret
    phones = [f"139{number:08}" for number in range(IDENTITIES)]
    codes = {}
    for phone in phones:
        await know(engine, phone)
        async with Terminal.on(gateway.port, phone) as terminal:
            codes[phone] = (await terminal.register()).code
    await settle(gateway, 0)
    gc.collect()
    tasks, sockets = len(asyncio.all_tasks()), sum(isinstance(each, Connection) for each in gc.get_objects())
    held = list[Terminal]()
    for _ in range(WAVES):
        rng.shuffle(phones)
        await asyncio.gather(*(come_back(gateway, phone, codes[phone], rng, held) for phone in phones))
        assert len(gateway._signed_in) <= IDENTITIES
    await settle(gateway, IDENTITIES)
    assert len(gateway._signed_in) <= len(gateway._connections) <= IDENTITIES
    async with reading(engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM gateway_session"))).scalar_one() <= IDENTITIES
    for terminal in held:
        terminal._writer.close()
    await settle(gateway, 0)
    await asyncio.sleep(0.2)
    gc.collect()
    assert len(gateway._signed_in) == 0
    assert len(asyncio.all_tasks()) <= tasks + 5
    assert sum(isinstance(each, Connection) for each in gc.get_objects()) <= sockets + 5, "connections are not let go"
