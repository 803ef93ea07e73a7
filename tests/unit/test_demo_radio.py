"""The demo's terminals keep a report until the platform has acknowledged it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from demo import radio
from demo.radio import Identity, Radio, Tally
from services.ingest.jt808 import events
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import session
from services.ingest.jt808.messages.position import LocationReport
from services.ingest.jt808.terminal import Terminal

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Platform(asyncio.Protocol):
    """A small platform made of the real codec, which may be told to swallow its acknowledgements."""

    def __init__(self, book: "Book") -> None:
        self.book, self.terminal = book, Terminal()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.book.lines.append(self)

    def data_received(self, data: bytes) -> None:
        for event in self.terminal.receive(data, NOW):
            self.book.heard.append(event)
            match event:
                case events.Registering():
                    self.book.registrations += 1
                    reply = self.terminal.reply_registered(event, session.Registration.OK, "secret")
                    self.transport.write(reply)
                case events.Authenticating():
                    ok = event.code == "secret"
                    if ok:
                        self.terminal.authenticated()
                    self.transport.write(self.terminal.reply(event, session.Result.OK if ok else session.Result.FAILED))
                case events.Positions():
                    self.book.bodies += [body for _, body in event.reports]
                    self.book.late += [event.late] * len(event.reports)
                    if not self.book.deaf:
                        self.transport.write(self.terminal.reply(event))


class Book:
    def __init__(self) -> None:
        self.heard: list[events.Event] = []
        self.lines: list[Platform] = []
        self.bodies: list[bytes] = []
        self.late: list[bool] = []
        self.registrations = 0
        self.deaf = False


@asynccontextmanager
async def platform() -> AsyncIterator[tuple[Book, tuple[str, int]]]:
    book = Book()
    server = await asyncio.get_running_loop().create_server(lambda: Platform(book), "127.0.0.1", 0)
    try:
        yield book, server.sockets[0].getsockname()[:2]
    finally:
        for line in book.lines:
            line.transport.abort()
        server.close()
        await server.wait_closed()


def terminal(address: tuple[str, int], version: Version = Version.V2013) -> Radio:
    return Radio(Identity("994302000001", version, "TS00001", "示001警"), address, Tally())


async def until(condition: Callable[[], bool], one: Radio, *, skip_s: float = 0.0) -> None:
    """Let time pass until something is true; `skip_s` runs the terminal's clock ahead."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 10
    while not condition():
        assert loop.time() < deadline
        one.tick(loop.time() + skip_s)
        await asyncio.sleep(0.005)


def report(second: int) -> LocationReport:
    return radio.report(NOW + timedelta(seconds=second), (113.1, 27.8), 8.0, 90.0, 100.0)


@pytest.mark.parametrize("version", [Version.V2013, Version.V2019])
async def test_a_terminal_registers_once_and_authenticates_on_every_connection(version: Version) -> None:
    async with platform() as (book, address):
        one = terminal(address, version)
        await until(lambda: one.signed_in, one)
        book.lines[0].transport.close()
        await until(lambda: not one.signed_in, one)
        one.stay_off_until(0.0)
        await until(lambda: one.signed_in, one)
        assert book.registrations == 1
        assert sum(isinstance(event, events.Authenticating) for event in book.heard) == 2


async def test_a_report_is_forgotten_only_when_acknowledged() -> None:
    async with platform() as (book, address):
        one = terminal(address)
        await until(lambda: one.signed_in, one)
        book.deaf = True
        now = asyncio.get_running_loop().time()
        one.report(report(1), now)
        await until(lambda: len(book.bodies) == 1, one)
        assert one.unacknowledged == 1
        await until(lambda: len(book.bodies) == 2, one, skip_s=6.0)
        assert book.bodies[0] == book.bodies[1]
        book.deaf = False
        await until(lambda: one.unacknowledged == 0, one, skip_s=20.0)
        assert one.tally.acknowledged == 1


async def test_what_was_lost_with_the_line_is_caught_up_in_batches() -> None:
    async with platform() as (book, address):
        one = terminal(address)
        await until(lambda: one.signed_in, one)
        book.deaf = True
        now = asyncio.get_running_loop().time()
        for second in range(30):
            one.report(report(second), now)
        await until(lambda: len(book.bodies) == 30, one)
        book.lines[0].transport.abort()
        await until(lambda: not one.signed_in, one)
        for second in range(30, 70):
            one.report(report(second), now)
        book.deaf = False
        one.stay_off_until(0.0)
        await until(lambda: one.unacknowledged == 0, one)
        assert len(set(book.bodies)) == 70
        assert book.late == [False] * 30 + [True] * 70
        assert book.bodies[30:] == sorted(book.bodies[30:], key=lambda body: body[22:28])


async def test_a_terminal_that_nobody_answers_hangs_up_and_comes_back() -> None:
    async with platform() as (book, address):
        one = terminal(address)
        await until(lambda: one.signed_in, one)
        book.deaf = True
        one.report(report(1), asyncio.get_running_loop().time())
        for skip_s in (6.0, 20.0, 60.0):
            await until(lambda: True, one, skip_s=skip_s)
            one.tick(asyncio.get_running_loop().time() + skip_s)
        await until(lambda: one.tally.connections == 2, one, skip_s=100.0)
        assert one.unacknowledged == 1


async def test_the_pause_before_a_new_attempt_grows() -> None:
    one = terminal(("127.0.0.1", 9))
    for _ in range(8):
        one.stay_off_until(0.0)
        one.tick(asyncio.get_running_loop().time())
        await one._connecting
    assert one._pause_s == radio.LONGEST_PAUSE_S
    assert one.tally.connections == 0


async def test_a_wrong_code_is_thrown_away_and_a_new_one_asked_for() -> None:
    async with platform() as (book, address):
        one = terminal(address)
        one.code = "stale"
        await until(lambda: one.code is None, one)
        one.stay_off_until(0.0)
        await until(lambda: one.signed_in, one)
        assert book.registrations == 1
