"""Receivers and short message terminals on real sockets: who is believed, what is stored, what a card may say."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api import sentences
from services import access, fleet, messages
from services.access import Mandate
from services.db.cluster import Cluster
from services.db.engine import make_engine, reading, writing
from services.errors import InvalidError, NotFoundError
from services.ingest import rdss
from services.phones import digest
from services.pipeline import Pipeline
from services.settings import Settings
from tests.builders import sentences as make

PHONE, TOKEN, CARD = "13900000001", "a token", "0179773"
Refusals = list[fleet.BadFrame]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def know(engine: AsyncEngine) -> None:
    """A device with a token, and one that is a card."""
    async with writing(engine) as db:
        await db.execute(
            text("INSERT INTO device (phone, token_hash) VALUES (:phone, :hash), (:card, NULL)"),
            {"phone": PHONE, "hash": digest(TOKEN), "card": f"rdss:{CARD}"},
        )


@asynccontextmanager
async def door(engine: AsyncEngine, settings: Settings, refused: Refusals, **more: object) -> AsyncIterator[None]:
    changed = settings.model_copy(update=more)
    async with Pipeline(engine, settings).running() as pipe, sentences.serving(engine, changed, pipe, refused.append):
        yield


@pytest.fixture
def refused() -> Refusals:
    return []


@pytest.fixture
async def port(
    engine: AsyncEngine, settings: Settings, refused: Refusals, unused_tcp_port_factory: Callable[[], int]
) -> AsyncIterator[int]:
    await know(engine)
    port = unused_tcp_port_factory()
    async with door(engine, settings, refused, sentences_port=port):
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def say(port: int, *lines: bytes) -> None:
    async with connected(port) as (_, writer):
        writer.write(b"".join(lines))
        await writer.drain()
        await asyncio.sleep(0.05)


async def rows(engine: AsyncEngine, query: str, count: int) -> list[tuple[object, ...]]:
    """The rows of a query, once there are so many."""
    found = list[tuple[object, ...]]()
    for _ in range(200):
        async with reading(engine) as db:
            found = [tuple(row) for row in await db.execute(text(query))]
        if len(found) >= count:
            break
        await asyncio.sleep(0.05)
    return found


async def heard(refused: Refusals, count: int) -> None:
    """Wait until so much was refused."""
    async with asyncio.timeout(10):
        while len(refused) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


FIXES = "SELECT device_id, at, source, flags, alarm FROM fix ORDER BY at"


async def test_a_receiver_that_shows_its_token_reports(port: int, engine: AsyncEngine, refused: Refusals) -> None:
    start = now() - timedelta(seconds=10)
    await say(port, make.identify(PHONE, TOKEN), *make.stream(5, start))
    found = await rows(engine, FIXES, 5)
    assert found == [(1, start + timedelta(seconds=number), 4, 0, 0) for number in range(5)]
    assert refused == []


async def test_the_last_moment_does_not_wait_for_the_next(port: int, engine: AsyncEngine) -> None:
    async with connected(port) as (_, writer):
        writer.write(make.identify(PHONE, TOKEN) + make.rmc(now()))
        assert len(await rows(engine, FIXES, 1)) == 1


@pytest.mark.parametrize("first", [b"", make.identify(PHONE, "wrong"), make.identify("13900000009", TOKEN)])
async def test_nobody_is_believed_without_the_token_of_the_number(
    port: int, engine: AsyncEngine, refused: Refusals, first: bytes
) -> None:
    await say(port, first, make.rmc(now()), make.gga(now() + timedelta(seconds=1)))
    await heard(refused, 3 if first else 2)
    assert {each.reason for each in refused} == {"unauthenticated"}
    assert all(TOKEN.encode() not in each.frame for each in refused), "tokens are not kept"
    assert await rows(engine, FIXES, 0) == []


async def test_an_unknown_number_waits_for_an_administrator(port: int, engine: AsyncEngine) -> None:
    await say(port, make.identify("13900000009", "x"))
    assert await rows(engine, "SELECT phone, protocol FROM pending_device", 1) == [("13900000009", "nmea")]


async def test_damage_is_refused_and_the_rest_stored(port: int, engine: AsyncEngine, refused: Refusals) -> None:
    start = now() - timedelta(seconds=5)
    await say(port, make.identify(PHONE, TOKEN), b"\x00\xffnoise$GNR\r\n", make.rmc(start))
    assert len(await rows(engine, FIXES, 1)) == 1
    assert [each.reason for each in refused] == ["start", "checksum"]


async def test_datagrams_are_heard_like_a_stream(port: int, engine: AsyncEngine) -> None:
    start = now() - timedelta(seconds=5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in (make.identify(PHONE, TOKEN), *make.stream(2, start)):
            sender.sendto(line, ("127.0.0.1", port))
        assert len(await rows(engine, FIXES, 2)) == 2


async def test_a_configured_address_needs_no_token(
    engine: AsyncEngine, settings: Settings, refused: Refusals, unused_tcp_port_factory: Callable[[], int]
) -> None:
    await know(engine)
    port = unused_tcp_port_factory()
    async with door(engine, settings, refused, sentences_port=port, sentences_sources=f"127.0.0.1={PHONE}"):
        await say(port, make.rmc(now()))
        assert len(await rows(engine, FIXES, 1)) == 1


def test_a_setting_that_makes_no_sense_is_refused() -> None:
    assert sentences.read_sources(" 192.0.2.7=1, 192.0.2.8 = 2 ,") == {"192.0.2.7": "1", "192.0.2.8": "2"}
    with pytest.raises(InvalidError):
        sentences.read_sources("192.0.2.7")


async def test_a_newer_connection_of_the_same_device_closes_the_older(port: int) -> None:
    async with connected(port) as (reader, older), connected(port) as (_, newer):
        older.write(make.identify(PHONE, TOKEN))
        await asyncio.sleep(0.2)
        newer.write(make.identify(PHONE, TOKEN))
        async with asyncio.timeout(5):
            assert await reader.read() == b""


async def test_what_was_said_before_the_door_closes_is_stored(
    engine: AsyncEngine, settings: Settings, refused: Refusals, unused_tcp_port_factory: Callable[[], int]
) -> None:
    await know(engine)
    port = unused_tcp_port_factory()
    async with door(engine, settings, refused, sentences_port=port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(make.identify(PHONE, TOKEN) + make.rmc(now()))
        await asyncio.sleep(0.2)
    writer.close()
    assert len(await rows(engine, FIXES, 1)) == 1


# -- short messages


def from_card(payload: str, *, clock: str = "", card: str = CARD, mode: int = 0) -> bytes:
    return rdss.write(rdss.Txr(1, card, mode, clock, payload))


async def test_a_position_of_a_card_far_away_is_a_fix_of_its_device(port: int, engine: AsyncEngine) -> None:
    clock = f"{now() - timedelta(minutes=2):%H%M}"
    line = from_card("27.8275,113.1340", clock=clock)
    await say(port, make.identify(PHONE, TOKEN), line, line)
    ((device_id, at, source, flags, alarm),) = await rows(engine, FIXES, 1)
    assert (device_id, source, flags, alarm) == (2, 5, 0, 0)
    assert f"{at:%H%M%S}" == clock + "00"


async def test_a_call_for_help_raises_an_alert_once_and_keeps_the_text(port: int, engine: AsyncEngine) -> None:
    line = from_card("SOS 27.8275,113.1340", clock=f"{now():%H%M}")
    await say(port, make.identify(PHONE, TOKEN), line, line)
    found = await rows(engine, "SELECT kind, severity, device_id, ST_X(place::geometry) FROM alert", 1)
    assert found == [("sos", "urgent", 2, pytest.approx(113.134))]
    assert await rows(engine, "SELECT text, calls_for_help FROM short_message", 1) == [("SOS 27.8275,113.1340", True)]


async def test_a_call_for_help_without_a_position_is_an_alert_without_a_place(port: int, engine: AsyncEngine) -> None:
    await say(port, make.identify(PHONE, TOKEN), from_card("求救"))
    assert await rows(engine, "SELECT kind, place FROM alert", 1) == [("sos", None)]


@pytest.mark.parametrize("clock", ["", "0000"])
async def test_a_text_is_kept_once_and_is_no_fix(port: int, engine: AsyncEngine, clock: str) -> None:
    line = from_card("已到达, 一切正常", clock=clock)
    for _ in range(2):
        await say(port, make.identify(PHONE, TOKEN), line)
    await say(port, make.identify(PHONE, TOKEN), from_card("再见", clock=clock))
    found = await rows(engine, "SELECT device_id, text, direction FROM short_message ORDER BY id", 2)
    assert found == [(2, "已到达, 一切正常", "in"), (2, "再见", "in")]
    assert await rows(engine, FIXES, 0) == []


async def test_an_unknown_card_waits_for_an_administrator(port: int, engine: AsyncEngine, refused: Refusals) -> None:
    await say(port, make.identify(PHONE, TOKEN), from_card("27.8275,113.1340", card="0000042"))
    assert await rows(engine, "SELECT phone FROM pending_device", 1) == [("rdss:0000042",)]
    assert [each.reason for each in refused] == ["unknown_card"]


async def test_nobody_speaks_for_a_card_without_a_token_of_his_own(
    port: int, engine: AsyncEngine, refused: Refusals
) -> None:
    await say(port, from_card("27.8275,113.1340"))
    await heard(refused, 1)
    assert (refused[0].reason, await rows(engine, FIXES, 0)) == ("unauthenticated", [])


async def test_a_waiting_text_is_sent_by_a_terminal_whose_card_may_speak(
    port: int, engine: AsyncEngine, mandate: Callable[..., object]
) -> None:
    desk = await mandate("dispatcher")  # type: ignore[misc]
    await send(desk, engine, "请返回", "收到请回复")
    async with connected(port) as (reader, writer):
        writer.write(make.identify(PHONE, TOKEN) + rdss.write(rdss.messages.Ici("0179774", "", "", 6, 2, 3, "N", 0)))
        async with asyncio.timeout(15):
            first, began = await reader.readline(), asyncio.get_running_loop().time()
            second = await reader.readline()
        assert (first, second) == tuple(rdss.write(rdss.text_message(CARD, said)) for said in ("请返回", "收到请回复"))
        assert asyncio.get_running_loop().time() - began >= 1.9, "the card speaks every two seconds"
    async with reading(engine) as db:
        listed = await messages.list_messages(desk, db, before_id=None, limit=10)
    assert [(each.text, each.direction, each.sent_at is not None) for each in listed] == [
        ("收到请回复", "out", True), ("请返回", "out", True),
    ]  # fmt: skip


async def send(desk: Mandate, engine: AsyncEngine, *texts: str) -> None:
    for said in texts:
        async with writing(engine) as db:
            await messages.send(desk, db, device_id=2, text=said, now=now())


async def test_only_cards_get_texts_and_only_the_desk_sends_them(
    engine: AsyncEngine, mandate: Callable[..., object]
) -> None:
    await know(engine)
    desk, patrol = await mandate("dispatcher"), await mandate("patrol_officer")  # type: ignore[misc]
    async with writing(engine) as db:
        with pytest.raises(InvalidError, match="no BeiDou card"):
            await messages.send(desk, db, device_id=1, text="a", now=now())
        with pytest.raises(InvalidError, match="GBK"):
            await messages.send(desk, db, device_id=2, text="\N{GRINNING FACE}", now=now())
        with pytest.raises(NotFoundError):
            await messages.send(desk, db, device_id=9, text="a", now=now())
        with pytest.raises(access.RoleRefusedError):
            await messages.send(patrol, db, device_id=2, text="a", now=now())


@pytest.mark.faults
async def test_while_the_database_is_away_nothing_that_was_said_is_lost(
    own_cluster: Cluster, refused: Refusals, unused_tcp_port_factory: Callable[[], int]
) -> None:
    engine, port = make_engine(own_cluster.url()), unused_tcp_port_factory()
    settings = Settings(database_url=own_cluster.url())
    await know(engine)
    start = now() - timedelta(seconds=30)
    lines = make.stream(20, start)
    async with door(engine, settings, refused, sentences_port=port), connected(port) as (_, writer):
        writer.write(make.identify(PHONE, TOKEN) + b"".join(lines[:15]))
        await rows(engine, FIXES, 4)
        await asyncio.to_thread(own_cluster.stop)
        writer.write(b"".join(lines[15:]) + from_card("在途"))
        await asyncio.sleep(2)
        await asyncio.to_thread(own_cluster.start)
        assert len(await rows(engine, FIXES, 20)) == 20
        assert len(await rows(engine, "SELECT 1 FROM short_message", 1)) == 1
    await engine.dispose()
