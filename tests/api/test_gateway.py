"""Terminals on real sockets: who may speak, when the answer comes, and that nothing they send stops the gateway."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway import connection, page, server
from api.gateway.server import Gateway
from services import fleet
from services.db.engine import reading, writing
from services.ingest import jt808
from services.ingest.jt808 import build, messages
from services.ingest.jt808.framing import Version, identity, open_frame
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import session
from services.ingest.jt808.terminal import ANSWERS
from services.settings import Settings
from tests.builders.terminals import NOW, PHONE, Terminal, a_report

OK, FAILED, BAD, UNSUPPORTED = 0, 1, 2, 3


@pytest.fixture
async def gateway(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Gateway]:
    await know(engine, PHONE)
    async with Gateway(engine, settings.model_copy(update={"gateway_port": 0})).serving() as served:
        yield served


@pytest.fixture
async def terminal(gateway: Gateway) -> AsyncIterator[Terminal]:
    async with Terminal.on(gateway.port) as connected:
        yield connected


@pytest.fixture
async def signed_in(terminal: Terminal) -> Terminal:
    await terminal.sign_in()
    return terminal


async def know(engine: AsyncEngine, phone: str, **more: str) -> None:
    columns = {"phone": phone, **more}
    names, values = ", ".join(columns), ", ".join(f"'{value}'" for value in columns.values())
    async with writing(engine) as db:
        await db.execute(text(f"INSERT INTO device ({names}) VALUES ({values})"))


async def rows(engine: AsyncEngine, query: str) -> list[tuple[object, ...]]:
    async with reading(engine) as db:
        return [tuple(row) for row in await db.execute(text(query))]


async def fixes(engine: AsyncEngine) -> int:
    return int(str((await rows(engine, "SELECT count(*) FROM fix"))[0][0]))


async def quarantined(engine: AsyncEngine, count: int) -> list[str]:
    """The reasons in the quarantine, once there are so many."""
    async with asyncio.timeout(10):
        while len(found := await rows(engine, "SELECT reason FROM quarantine ORDER BY id")) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return [str(reason) for (reason,) in found]


# -- who may speak


async def test_a_known_terminal_registers_authenticates_and_reports(terminal: Terminal, engine: AsyncEngine) -> None:
    await terminal.sign_in()
    answer = await terminal.ask(a_report())
    assert (answer.answered_id, answer.answered_serial, answer.result) == (0x0200, terminal.serial, OK)
    assert await fixes(engine) == 1


@pytest.mark.parametrize("version", list(Version))
async def test_every_edition_is_spoken(gateway: Gateway, engine: AsyncEngine, version: Version) -> None:
    async with Terminal.on(gateway.port, version=version) as terminal:
        await terminal.sign_in()
        assert (await terminal.ask(a_report())).result == OK
    expected = 0 if version is Version.V2011 else 3  # the bits of the systems are reserved in 2011
    assert await rows(engine, "SELECT systems FROM fix") == [(expected,)]
    assert await rows(engine, "SELECT protocol FROM device") == [(version.value,)]


async def test_nothing_is_accepted_before_authentication(terminal: Terminal, engine: AsyncEngine) -> None:
    assert (await terminal.ask(a_report())).result == FAILED
    assert (await terminal.ask(build.batch([a_report(1)]))).result == FAILED
    assert (await terminal.ask(session.Heartbeat())).result == FAILED
    assert (await terminal.ask(session.Unregister())).result == FAILED
    await terminal.register()
    assert (await terminal.ask(a_report(2))).result == FAILED
    assert await quarantined(engine, 3) == ["unauthenticated"] * 3
    assert await fixes(engine) == 0


async def test_a_wrong_code_opens_nothing(terminal: Terminal, engine: AsyncEngine) -> None:
    code = (await terminal.register()).code
    for wrong in ("", "x", code[:-1], code + "x", code.swapcase()):
        assert await terminal.authenticate(wrong) == FAILED
    assert (await terminal.ask(a_report())).result == FAILED
    assert await fixes(engine) == 0
    assert await terminal.authenticate(code) == OK


async def test_a_device_that_never_registered_can_not_authenticate(terminal: Terminal) -> None:
    assert await terminal.authenticate("") == FAILED
    terminal.phone = "13999999999"
    assert await terminal.authenticate("anything") == FAILED


async def test_only_the_hash_of_the_code_is_kept_and_a_new_one_replaces_it(
    terminal: Terminal, engine: AsyncEngine
) -> None:
    first = (await terminal.register()).code
    ((kept,),) = await rows(engine, "SELECT auth_code_hash FROM device")
    assert isinstance(kept, bytes)
    assert len(kept) == 32
    assert first.encode() not in kept
    second = (await terminal.register()).code
    assert await terminal.authenticate(first) == FAILED
    assert await terminal.authenticate(second) == OK


async def test_the_code_serves_again_on_the_next_connection(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    code = (await signed_in.register()).code
    async with Terminal.on(gateway.port) as again:
        assert await again.authenticate(code) == OK
        assert (await again.ask(a_report())).result == OK


async def test_what_follows_an_authentication_in_the_same_bytes_is_heard(
    terminal: Terminal, engine: AsyncEngine
) -> None:
    code = (await terminal.register()).code
    await terminal.send(
        terminal.frame(build.authenticate(terminal.version, code)), terminal.report(), terminal.report(1)
    )
    assert [(await terminal.hear()).result for _ in range(3)] == [OK] * 3
    assert await fixes(engine) == 2


async def test_an_unknown_terminal_waits_for_an_administrator_and_keeps_its_connection(
    gateway: Gateway, engine: AsyncEngine
) -> None:
    async with Terminal.on(gateway.port, "13911112222") as stranger:
        for _ in range(2):
            answer = await stranger.register("T9", "湘B99999")
            assert answer.result == session.Registration.NO_SUCH_TERMINAL
            assert answer.code is None
        assert await rows(engine, "SELECT phone, terminal_id, plate, attempts FROM pending_device") == [
            ("13911112222", "T9", "湘B99999", 2)
        ]
        await know(engine, "13911112222")
        await stranger.sign_in()
        assert (await stranger.ask(a_report())).result == OK


async def test_a_terminal_bound_to_an_id_and_a_plate_has_to_show_them(gateway: Gateway, engine: AsyncEngine) -> None:
    await know(engine, "2", terminal_id="T2", plate="湘B00002")
    async with Terminal.on(gateway.port, "2") as terminal:
        assert (await terminal.register("T3", "湘B00002")).result == session.Registration.NO_SUCH_TERMINAL
        assert (await terminal.register("T2", "湘B00003")).result == session.Registration.NO_SUCH_VEHICLE
        assert (await terminal.register("T2", "湘B00002")).result == session.Registration.OK


async def test_an_imei_that_is_known_has_to_match(gateway: Gateway, engine: AsyncEngine) -> None:
    await know(engine, "3", imei="860000000000001")
    async with Terminal.on(gateway.port, "3", Version.V2019) as terminal:
        code = (await terminal.register()).code
        assert await terminal.authenticate(code, imei="860000000000002") == FAILED
        assert await terminal.authenticate(code, imei="860000000000001") == OK


async def test_text_with_zeros_inside_does_not_upset_the_database(gateway: Gateway, engine: AsyncEngine) -> None:
    async with Terminal.on(gateway.port, "13911113333") as stranger:
        assert (await stranger.register("A\0B", "湘\0B")).result == session.Registration.NO_SUCH_TERMINAL
    assert await rows(engine, "SELECT terminal_id, plate FROM pending_device") == [("AB", "湘B")]


async def test_a_terminal_speaks_for_itself_only(signed_in: Terminal, engine: AsyncEngine) -> None:
    await know(engine, "77")
    forged = jt808.frame(a_report(), phone="77", serial=5)
    await signed_in.send(forged)
    assert (await signed_in.hear()).result == FAILED
    assert await fixes(engine) == 0


async def test_a_terminal_that_unregisters_has_to_register_again(gateway: Gateway, signed_in: Terminal) -> None:
    code = (await signed_in.register()).code
    assert (await signed_in.ask(session.Unregister())).result == OK
    with pytest.raises(EOFError):
        await signed_in.hear()
    async with Terminal.on(gateway.port) as again:
        assert await again.authenticate(code) == FAILED


async def test_the_newly_authenticated_connection_wins(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    before = server.counters.TAKEOVERS._value.get()
    async with Terminal.on(gateway.port) as newer:
        code = (await newer.register()).code
        assert (await signed_in.ask(a_report(3))).result == OK  # registering takes nothing from anybody
        assert await newer.authenticate(code) == OK
        with pytest.raises(EOFError):
            await signed_in.hear()
        assert (await newer.ask(a_report(4))).result == OK
    assert server.counters.TAKEOVERS._value.get() == before + 1
    assert await fixes(engine) == 2


async def test_a_takeover_from_another_host_raises_an_alert(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    for _ in range(2):
        async with Terminal.on(gateway.port, local_addr=("127.0.0.2", 0)) as stranger:
            await stranger.sign_in()
        async with Terminal.on(gateway.port) as back:
            await back.sign_in()
    assert await rows(engine, "SELECT kind, device_id, detail->>'to' FROM alert") == [
        ("device_takeover", 1, "127.0.0.2")
    ]


# -- when the answer comes


async def test_answers_come_in_the_order_of_the_messages(signed_in: Terminal) -> None:
    frames = [signed_in.report(number) for number in range(30)]
    frames.insert(10, signed_in.frame(session.Heartbeat()))
    await signed_in.send(*frames)
    heard = [await signed_in.hear() for _ in range(31)]
    serials = [open_frame(jt808.Splitter().feed(frame)[0]).serial for frame in frames]
    assert [answer.answered_serial for answer in heard] == serials
    assert {answer.result for answer in heard} == {OK}


async def test_the_platform_counts_its_own_serial_numbers(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    splitter, serials = jt808.Splitter(), list[int]()
    for number in range(3):
        writer.write(jt808.frame(session.Heartbeat(), phone=PHONE, serial=number))
        serials += [open_frame(content).serial for content in splitter.feed(await reader.read(1000))]
    writer.close()
    assert serials == [0, 1, 2]


async def test_a_fix_is_in_the_database_when_its_answer_comes(signed_in: Terminal, engine: AsyncEngine) -> None:
    for number in range(10):
        assert (await signed_in.ask(a_report(number))).result == OK
        assert await fixes(engine) == number + 1


async def test_a_batch_is_stored_and_marked_late_when_it_was_kept(signed_in: Terminal, engine: AsyncEngine) -> None:
    reports = [a_report(number) for number in range(20)]
    assert (await signed_in.ask(build.batch(reports[:10]))).result == OK
    assert (await signed_in.ask(build.batch(reports[10:], catch_up=True))).result == OK
    assert await rows(engine, "SELECT flags, count(*) FROM fix GROUP BY 1 ORDER BY 1") == [(0, 10), (256, 10)]


async def test_a_batch_with_a_bad_report_is_answered_once_and_keeps_the_good_ones(
    signed_in: Terminal, engine: AsyncEngine
) -> None:
    good = build.batch([a_report(1), a_report(2)])
    message = type(good)(4, 0, (*good.items, b"short", b""))
    assert (await signed_in.ask(message)).result == OK
    assert await signed_in.hears_nothing()
    assert await fixes(engine) == 2
    assert await quarantined(engine, 2) == ["body", "body"]


async def test_duplicate_and_shuffled_uploads_leave_each_fix_once_and_the_newest_position_right(
    signed_in: Terminal, engine: AsyncEngine
) -> None:
    numbers = list(range(40)) * 3
    random.Random(5).shuffle(numbers)  # noqa: S311
    await signed_in.send(*(signed_in.report(number, lon_deg=113 + number / 100) for number in numbers))
    assert {(await signed_in.hear()).result for _ in numbers} == {OK}
    assert await rows(engine, "SELECT count(*), count(DISTINCT at) FROM fix") == [(40, 40)]
    assert await rows(engine, "SELECT at, ST_X(place::geometry) FROM newest_fix") == [(NOW, 113.0)]


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
    dropped = server.counters.NOT_KEPT._value.get()
    await signed_in.send(b"\x7e\x01\x02\x7e" * 5000, signed_in.report())
    assert (await signed_in.hear()).result == OK
    assert server.counters.NOT_KEPT._value.get() > dropped
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
                assert answer.result in expected, vector["category"]
                accepted += answer.result == OK
                refused += answer.result != OK
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
    0x0100: {session.Registration.OK},
    0x0102: {FAILED},  # the codes of other people's tests
    0x0200: {OK},
    0x0704: {OK},
}


# -- those who don't listen, don't speak, or speak too fast


async def test_a_terminal_that_sends_faster_than_the_database_stores_is_left_unread(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_WAITING", 100)
    frames = [signed_in.report(number) for number in range(3000)]
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
    assert most < 2500
    assert await fixes(engine) == 3000


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
