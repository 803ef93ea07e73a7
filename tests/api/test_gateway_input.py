"""Whatever comes over the socket, too much, too fast or not at all: the gateway goes on, and says what was wrong."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api import page, quarantine
from api.gateway import connection, server
from api.gateway.server import Gateway
from services import fleet
from services.db.engine import writing
from services.ingest import jt808
from services.ingest.jt808 import messages
from services.ingest.jt808.framing import Version, identity, open_frame
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import session
from services.ingest.jt808.terminal import ANSWERS
from services.settings import Settings
from tests.builders.database import fixes, know, quarantined, rows
from tests.builders.terminals import NOW, PHONE, Terminal, a_report

OK, FAILED, BAD, UNSUPPORTED = 0, 1, 2, 3


# -- what nobody should send


@pytest.mark.parametrize("report", [
    a_report(lon_deg=0.0, lat_deg=0.0),
    a_report(at=NOW + timedelta(minutes=30)),
    a_report(at=datetime(2094, 5, 1, tzinfo=UTC)),
    a_report(at=datetime(2003, 5, 1, tzinfo=UTC)),
    a_report(status=0),
    a_report(status=1 << 1 | 1 << 5),
    a_report(lon_deg=201.0),
], ids=["0/0", "future", "2094", "2003", "not positioned", "encrypted", "off the earth"])  # fmt: skip
async def test_a_doubtful_position_is_acknowledged_and_kept_but_moves_nobody(
    signed_in: Terminal, engine: AsyncEngine, report: object
) -> None:
    assert (await signed_in.ask(a_report(60))).result == OK
    assert (await signed_in.ask(report)).result == OK
    assert await fixes(engine) == 2
    assert await rows(engine, "SELECT at FROM newest_fix") == [(NOW - timedelta(seconds=60),)]


async def test_garbage_closes_nothing_and_is_kept_with_its_reason(signed_in: Terminal, engine: AsyncEngine) -> None:
    noise = random.Random(1).randbytes(3000)  # noqa: S311
    good = signed_in.report(1)
    wrong_check = good[:-2] + bytes([good[-2] ^ 1]) + good[-1:]
    await signed_in.send(
        b"hello\x7e", wrong_check, b"\x7e\x7d\x7e", b"\x7e\x00\x7e", good[: len(good) // 2], b"\x7e" * 5,
        noise, b"\x7e", signed_in.report(2),
    )  # fmt: skip
    answers = []
    while not answers or answers[-1].answered_serial != signed_in.serial:
        answers.append(await signed_in.hear())
    assert answers[-1].result == OK
    reasons = await quarantined(engine, 6)
    assert {"checksum", "escape", "header"} <= set(reasons)
    assert await fixes(engine) == 1


async def test_frames_may_come_byte_by_byte(signed_in: Terminal, engine: AsyncEngine) -> None:
    for byte in signed_in.report():
        await signed_in.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await signed_in.hear()).result == OK


async def test_an_endless_frame_costs_no_memory_and_closes_nothing(signed_in: Terminal, engine: AsyncEngine) -> None:
    for _ in range(50):
        await signed_in.send(b"\x01" * 100_000)
    await signed_in.send(b"\x7e", signed_in.report())
    assert (await signed_in.hear()).result == OK
    assert await quarantined(engine, 1) == ["length"]


async def test_a_flood_of_garbage_is_counted_but_not_kept(signed_in: Terminal, engine: AsyncEngine) -> None:
    dropped = quarantine.NOT_KEPT._value.get()
    await signed_in.send(b"\x7e\x01\x02\x7e" * 5000, signed_in.report())
    assert (await signed_in.hear()).result == OK
    assert quarantine.NOT_KEPT._value.get() > dropped
    await quarantined(engine, 10)
    ((kept,),) = await rows(engine, "SELECT count(*) FROM quarantine")
    assert kept <= 200


async def test_a_message_that_is_not_known_is_answered_so(signed_in: Terminal, engine: AsyncEngine) -> None:
    frame = jt808.Frame(0x0F00, Version.V2013, PHONE, 9, b"?")
    await signed_in.send(jt808.framing.close_frame(frame))
    answer = await signed_in.hear()
    assert (answer.answered_id, answer.result) == (0x0F00, UNSUPPORTED)
    assert await quarantined(engine, 1) == ["unsupported"]


async def test_every_real_frame_gets_what_it_deserves_and_the_gateway_lives(
    gateway: Gateway, engine: AsyncEngine, shared_data: Path
) -> None:
    """155 vectors from other implementations' tests, each on a connection of its own, sent after signing in."""
    accepted = refused = 0
    for vector in json.loads((shared_data / "protocols" / "jt808.json").read_text()):
        digits = vector["hex"]  # one has an odd number of them
        contents = jt808.Splitter().feed(data := bytes.fromhex(digits[: len(digits) // 2 * 2]) + b"\x7e")
        frame = _opened(contents[0]) if contents else None
        phone = identity(frame.phone) if frame else PHONE
        async with Terminal.on(gateway.port, phone, frame.version if frame else Version.V2013) as terminal:
            if phone.isdigit():
                await introduce(engine, phone)
                await terminal.sign_in()
            await terminal.send(data)
            for expected in filter(None, map(_expected, contents)):
                answer = await terminal.hear()
                result = getattr(answer, "result", OK)  # media and the question for the time have answers of their own
                assert result in expected, vector["category"]
                accepted += result == OK
                refused += result != OK
            terminal.serial = 999
            assert (await terminal.ask(session.Heartbeat())).answered_serial == 1000, vector["category"]
    assert accepted > 25
    assert refused > 50
    assert await fixes(engine) > 15


async def introduce(engine: AsyncEngine, phone: str) -> None:
    if (phone,) not in await rows(engine, "SELECT phone FROM device"):
        await know(engine, phone)


def _opened(content: bytes) -> jt808.Frame | None:
    try:
        return open_frame(content)
    except RefusedError:
        return None


def _expected(content: bytes) -> set[int] | None:
    """The results that are right; None where no answer can be given or, of a packet of several, not yet."""
    frame = _opened(content)
    if frame is None or frame.message_id in ANSWERS or (frame.part and frame.part[0] > 1):
        return None
    try:
        messages.decode(frame, frame.version)
    except RefusedError as error:
        return {UNSUPPORTED if error.reason == "unsupported" else BAD}
    return _RESULTS.get(frame.message_id, {UNSUPPORTED})


_RESULTS = {
    0x0002: {OK},
    0x0004: {OK},
    0x0100: {session.Registration.OK},
    0x0102: {FAILED},  # the codes of other people's tests
    0x0200: {OK},
    0x0704: {OK},
    0x0800: {OK},
    0x0801: {OK},
}


# -- those who don't listen, don't speak, or speak too fast


async def test_a_terminal_that_sends_faster_than_the_database_stores_is_left_unread(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_WAITING", 100)
    frames = [signed_in.report(number) for number in range(9000)]
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, gateway.pipeline.waiting)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await signed_in.send(*frames)
    for _ in frames:
        assert (await signed_in.hear()).result == OK
    looking.cancel()
    assert most < 7000  # one read of a socket holds some 5,000 at most
    assert await fixes(engine) == 9000


async def test_a_terminal_that_does_not_read_its_answers_is_left_unread_and_at_last_let_go(
    gateway: Gateway, signed_in: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_UNSENT_BYTES", 1000)
    monkeypatch.setattr(server, "_LOOK_ROUND_S", 0.05)
    monkeypatch.setattr(server, "STUCK_S", 0.2)
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1)
    before = server.counters.CLOSED.labels("stuck")._value.get()
    beats = b"".join(jt808.frame(session.Heartbeat(), phone=PHONE, serial=number) for number in range(1000))
    async with asyncio.timeout(60):
        while server.counters.CLOSED.labels("stuck")._value.get() == before:
            writer.write(beats)
            await asyncio.sleep(0.02)
    assert (await signed_in.ask(session.Heartbeat())).result == OK
    writer.transport.abort()


async def test_a_silent_terminal_is_taken_for_gone(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LOOK_ROUND_S", 0.05)
    monkeypatch.setattr(server, "IDLE_S", 0.3)
    async with (
        Gateway(engine, settings.model_copy(update={"gateway_port": 0})).serving() as served,
        Terminal.on(served.port) as terminal,
    ):
        with pytest.raises(EOFError):
            await terminal.hear()


async def test_a_gateway_that_stops_commits_and_answers_what_came(engine: AsyncEngine, settings: Settings) -> None:
    await know(engine, PHONE)
    gateway = Gateway(engine, settings.model_copy(update={"gateway_port": 0, "batch_window_ms": 1000}))
    stop = asyncio.Event()

    async def serve() -> None:
        async with gateway.serving():
            started.set()
            await stop.wait()

    started = asyncio.Event()
    serving = asyncio.create_task(serve())
    await started.wait()
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        await terminal.send(*(terminal.report(number) for number in range(50)))
        async with asyncio.timeout(5):
            while gateway.pipeline.waiting < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        stop.set()
        assert [(await terminal.hear()).result for _ in range(50)] == [OK] * 50
        with pytest.raises(EOFError):
            await terminal.hear()
    await serving
    assert await fixes(engine) == 50


async def test_the_gateway_says_that_it_lives_and_what_it_counts(gateway: Gateway) -> None:
    async with await page.start("127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert b"alive" in await _get(port, b"/health")
        assert b"tianshu_gateway_connections" in await _get(port, b"/metrics")
        assert b"404" in await _get(port, b"/else")


async def _get(port: int, path: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET %b HTTP/1.0\r\n\r\n" % path)
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_page_visitor_who_speaks_no_http_is_let_go() -> None:
    async with await page.start("127.0.0.1", 0) as listening:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1])
        writer.write(b"x" * 10_000)
        assert await reader.read() == b""
        writer.close()


async def test_those_who_wait_are_remembered_up_to_a_limit(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MAX_PENDING", 3)
    async with writing(engine) as db:
        for number in range(5):
            assert await fleet.register_terminal(db, fleet.Identity(str(number))) is fleet.Answer.UNKNOWN
    assert await rows(engine, "SELECT count(*) FROM pending_device") == [(3,)]
