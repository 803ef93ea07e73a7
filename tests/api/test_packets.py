"""Messages in several packets, and messages that have an answer of their own."""

from datetime import UTC, datetime, timedelta

import pytest

from api.gateway import server
from api.gateway.server import Gateway
from services.ingest.jt808 import build, messages, parts
from services.ingest.jt808.framing import Version, close_frame
from services.ingest.jt808.messages import session
from tests.builders.database import fixes
from tests.builders.terminals import Terminal, a_report


def packets_of(terminal: Terminal, message: object) -> list[bytes]:
    """The frames of a long message, as the terminal sends them."""
    whole = messages.encode(message, phone=terminal.phone, serial=terminal.serial + 1, version=terminal.version)
    frames = parts.split(whole)
    terminal.serial += len(frames)
    return [close_frame(frame) for frame in frames]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LOOK_ROUND_S", 0.1)
    monkeypatch.setattr(parts, "ASK_AFTER", timedelta(seconds=0.3))


@pytest.mark.parametrize("version", [Version.V2013, Version.V2019])
async def test_a_packet_that_was_lost_is_asked_for_and_the_message_counts_once(gateway: Gateway, engine, version):
    async with Terminal.on(gateway.port, version=version) as terminal:
        await terminal.sign_in()
        first = terminal.serial + 1
        frames = packets_of(terminal, build.batch([a_report(number) for number in range(80)]))
        assert len(frames) == 3
        await terminal.send(frames[0], frames[2])
        asked = await terminal.hear()
        form = session.Resend2019 if version is Version.V2019 else session.Resend
        assert asked == form(first, (2,))
        assert await fixes(engine) == 0
        await terminal.send(frames[1])
        answers = [await terminal.hear() for _ in range(3)]
        assert [(answer.answered_serial, answer.result) for answer in answers] == [(first + n, 0) for n in range(3)]
        assert await fixes(engine) == 80


async def test_packets_that_never_come_are_asked_for_three_times(gateway: Gateway):
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        frames = packets_of(terminal, build.batch([a_report(number) for number in range(80)]))
        await terminal.send(frames[1])
        assert [(await terminal.hear()).numbers for _ in range(3)] == [(1, 3)] * 3
        assert await terminal.hears_nothing(1.5)


async def test_a_terminal_of_2019_is_told_the_time_in_utc(gateway: Gateway):
    async with Terminal.on(gateway.port, version=Version.V2019) as terminal:
        await terminal.sign_in()
        told = await terminal.ask(session.QueryTime())
        assert isinstance(told, session.ServerTime)
        assert abs(told.at - datetime.now(UTC)) < timedelta(seconds=10)
