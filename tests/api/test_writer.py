"""Gateways publish, writers commit: what the stream has acknowledged is in the database once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats as nats_client
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from api.writer import NoBusError, Writer, run
from geo.fix import Fix
from services import bus
from services.pipeline import NotStoredError, Pipeline, UnstorableError
from services.settings import Settings
from tests.builders import database, nats
from tests.builders.terminals import PHONE, Terminal, a_report

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def bus_url(tmp_path: Path) -> Iterator[str]:
    with nats.server(tmp_path / "stream") as url:
        yield url


@pytest.fixture
def through_bus(settings: Settings, bus_url: str) -> Settings:
    return settings.model_copy(update={"bus_url": SecretStr(bus_url), "gateway_port": 0})


def fixes(first: int, count: int) -> list[Fix]:
    return [Fix(1, NOW - timedelta(seconds=number), 113.15, 27.83, number) for number in range(first, first + count)]


@asynccontextmanager
async def publishing(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Pipeline]:
    async with Pipeline(engine, settings).running() as pipeline:
        async with asyncio.timeout(10):
            while True:
                try:
                    await pipeline.submit(fixes(0, 1))
                except NotStoredError:  # it is still connecting
                    await asyncio.sleep(0.05)
                else:
                    break
        yield pipeline


@asynccontextmanager
async def writing(engine: AsyncEngine, settings: Settings, url: str) -> AsyncIterator[bus.Bus]:
    source, stop = bus.Bus(url), asyncio.Event()
    async with source.running(), Pipeline(engine, settings).running() as pipeline:
        task = asyncio.create_task(Writer(source, pipeline).run(stop))
        yield source
        stop.set()
        await task


async def until(count: int, counted: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while await counted() != count:  # type: ignore[misc]  # noqa: ASYNC110 -- a fact in the database
            await asyncio.sleep(0.05)


async def test_a_terminal_is_answered_when_the_stream_has_its_fix_and_the_writer_stores_it(
    engine, settings, through_bus, bus_url
):
    await database.know(engine, PHONE)
    async with publishing(engine, through_bus), Gateway(engine, through_bus).serving() as gateway:
        async with Terminal.on(gateway.port) as terminal:
            await terminal.sign_in()
            answer = await terminal.ask(a_report(7, alarm=1))
            assert answer.result == 0
        assert await database.fixes(engine) == 0
        async with writing(engine, settings, bus_url):
            await until(2, lambda: database.fixes(engine))
    assert await database.rows(engine, "SELECT kind FROM alert") == [("sos",)]


async def test_what_comes_twice_over_the_bus_is_stored_once(engine, settings, through_bus, bus_url):
    async with publishing(engine, through_bus) as pipeline:
        for _ in range(3):
            await pipeline.submit(fixes(0, 20))
        await pipeline.submit(fixes(20, 1))
    async with writing(engine, settings, bus_url):
        await until(21, lambda: database.fixes(engine))


async def test_a_writer_that_dies_leaves_its_messages_to_another(engine, settings, through_bus, bus_url, monkeypatch):
    monkeypatch.setattr(bus, "CONSUMER", replace(bus.CONSUMER, ack_wait=1.0))
    async with publishing(engine, through_bus) as pipeline:
        await pipeline.submit(fixes(0, 30))
    dead = bus.Bus(bus_url)
    async with dead.running():
        assert await dead.fetch(10)  # taken, never acknowledged
    async with writing(engine, settings, bus_url):
        await until(30, lambda: database.fixes(engine))


async def test_nothing_is_answered_while_the_bus_is_away(engine, settings, tmp_path):
    away = settings.model_copy(update={"bus_url": SecretStr("nats://127.0.0.1:9")})
    async with Pipeline(engine, away).running() as pipeline:
        with pytest.raises(NotStoredError):
            await pipeline.submit(fixes(0, 1))


async def test_what_the_database_would_refuse_is_refused_before_the_bus(engine, through_bus):
    async with publishing(engine, through_bus) as pipeline:
        with pytest.raises(UnstorableError):
            await pipeline.submit([replace(fixes(0, 1)[0], alarm=2**70)])


async def test_what_can_not_be_stored_is_set_aside_and_holds_nobody_up(engine, settings, through_bus, bus_url):
    """The publisher refuses such fixes; a message of another version or hand may hold them all the same."""
    impossible = replace(fixes(3, 1)[0], altitude_m=1e300)
    async with publishing(engine, through_bus):
        pass
    async with writing(engine, settings, bus_url):
        client = await nats_client.connect(bus_url)
        await client.jetstream().publish(bus.FIXES, b"not a message")
        await client.jetstream().publish(bus.FIXES, *bus.encode([*fixes(0, 3), impossible, *fixes(10, 2)]))
        await until(5, lambda: database.fixes(engine))
    reading = await client.jetstream().pull_subscribe(bus.REFUSED, durable="people", stream=bus.STREAM)
    aside = [message.data for message in await reading.fetch(2)]
    await client.close()
    assert sorted(aside) == [*bus.encode([impossible]), b"not a message"]


async def test_a_writer_without_a_bus_says_what_to_set(settings):
    with pytest.raises(NoBusError, match="TIANSHU_BUS_URL"):
        await run(settings)
