"""Commands on their way: what each terminal was asked, and who reads the database for what is due.

An answer names the serial number of what it answers, and serial numbers belong to a connection. So each connection
keeps what it has sent; a command that outlives its connection is sent anew on the next one.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from api.gateway import counters
from services import commands
from services.db import engine as databases
from services.errors import InvalidError, Saying, UnavailableError
from services.ingest.jt808 import events, messages, plain
from services.ingest.jt808.messages import session
from services.ingest.jt808.terminal import Terminal
from services.settings import Settings

POLL_S = 0.5
QUIET = timedelta(seconds=3)
"""One packet confirmed and nothing heard of the others for this long: the confirmation is for the whole message."""

MAX_KEPT = 200  # commands of one connection whose answers are still understood, the newest

log = structlog.get_logger()


@dataclass(slots=True)
class _Sent:
    """A command as it was written: its frames, byte for byte, and which of them the terminal has confirmed."""

    command_id: int
    message_id: int
    answered_by: int
    first: int
    frames: list[bytes]
    confirmed: set[int] = field(default_factory=set)
    confirmed_at: datetime | None = None  # when it was last, unless that was enough

    def has(self, serial: int) -> bool:
        """Whether one of the frames has this serial number."""
        return (serial - self.first) & 0xFFFF < len(self.frames)


class Errands:
    """What one terminal was asked."""

    __slots__ = ("_sent", "_terminal")

    def __init__(self, terminal: Terminal) -> None:
        """Belong to a connection."""
        self._terminal = terminal
        self._sent: dict[int, _Sent] = {}

    def write(self, errand: commands.Errand) -> bytes:
        """Return the bytes of a command; the second time on this connection, the very same.

        Raises:
            InvalidError: the terminal's edition can't say it.
        """
        sent = self._sent.get(errand.id)
        if sent is None:
            message = commands.build(errand.kind, errand.parameters, self._terminal.version)
            first = self._terminal.next_serial
            frames = self._terminal.packets(message)
            answered_by = commands.KINDS[errand.kind].answered_by
            sent = _Sent(errand.id, messages.IDS[type(message)], answered_by, first, frames)
            self._sent[errand.id] = sent
            if len(self._sent) > MAX_KEPT:
                del self._sent[next(iter(self._sent))]
        return b"".join(sent.frames)

    def hear(self, event: events.Other | events.Positions, now: datetime) -> commands.Outcome | None:
        """Return what a message of the terminal means for a command, if anything."""
        if isinstance(event, events.Positions):
            return self._answered(event, event.answered_serial, plain.plain(event.reports[0][0]), now)
        match event.body:
            case session.TerminalReply(serial, message_id, result):
                return self._confirmed(serial, message_id, result, now)
        answered = getattr(event.body, "answered_serial", None)
        return self._answered(event, answered, commands.read_answer(event.body), now)

    def again(self, first: int, numbers: tuple[int, ...]) -> bytes:
        """Return packets that the terminal misses (0x0005), of the message whose packet 1 had this serial number."""
        for sent in self._sent.values():
            if sent.first == first:
                sent.confirmed.clear()  # what is confirmed from now on has heard of the others
                return b"".join(sent.frames[number - 1] for number in numbers if 1 <= number <= len(sent.frames))
        return b""

    def conclude(self, now: datetime) -> Iterator[commands.Outcome]:
        """Yield the messages that were confirmed once for all their packets, by the number of any one of them.

        A terminal may confirm each packet or the whole at once (JT/T 808, 4.4.3), and says the same in both cases. Who
        confirms each packet goes on at once, so one confirmation and then silence means the whole.
        """
        for sent in list(self._sent.values()):
            if sent.confirmed_at and len(sent.confirmed) == 1 and now - sent.confirmed_at > QUIET:
                yield self._acknowledged(sent, now)

    def _answered(
        self, event: events.Other | events.Positions, serial: int | None, answer: dict[str, Any], now: datetime
    ) -> commands.Outcome | None:
        """Settle what a message answers: the oldest command that waits for such when it names no serial number."""
        for sent in self._sent.values():
            if sent.answered_by == event.message_id and (serial is None or sent.has(serial)):
                del self._sent[sent.command_id]
                return commands.Outcome(sent.command_id, "answered", now, answer)
        return None

    def _confirmed(self, serial: int, message_id: int, result: int, now: datetime) -> commands.Outcome | None:
        """Take a general reply; a message of several packets is confirmed with its last one, or with all of them.

        One that names another packet may be for the whole, too: see `conclude`.
        """
        sent = next((each for each in self._sent.values() if each.message_id == message_id and each.has(serial)), None)
        if sent is None:
            return None
        if result != session.Result.OK:
            del self._sent[sent.command_id]
            return commands.Outcome(sent.command_id, "refused", now, detail=_refusal(result))
        number = (serial - sent.first) & 0xFFFF
        sent.confirmed.add(number)
        sent.confirmed_at = now
        if number != len(sent.frames) - 1 and len(sent.confirmed) < len(sent.frames):
            return None
        return self._acknowledged(sent, now)

    def _acknowledged(self, sent: _Sent, now: datetime) -> commands.Outcome:
        sent.confirmed_at = None
        if sent.answered_by == commands.GENERAL_REPLY:
            del self._sent[sent.command_id]
        return commands.Outcome(sent.command_id, "acknowledged", now)


_REFUSALS = {1: "failed", 2: "bad_message", 3: "unsupported"}
"""What a terminal may say in 0x0001 (JT/T 808, 8.1)."""


def _refusal(result: int) -> str:
    return _REFUSALS.get(result) or Saying("the terminal answered with result {result}", result=result)


class Holder(Protocol):
    """A connection that speaks for a device."""

    errands: Errands | None

    def run(self, errand: commands.Errand) -> None:
        """Write a command to the terminal."""


class Messenger:
    """Looks for commands that are due for terminals of this gateway; writes down what became of them."""

    def __init__(self, engine: databases.Engine, settings: Settings, holders: Mapping[int, Holder]) -> None:
        """Choose the database and where terminals are found, by device."""
        self._engine, self._settings, self._holders = engine, settings, holders
        self._outcomes = deque[commands.Outcome]()

    def settle(self, outcome: commands.Outcome) -> None:
        """Take what became of a command; returns at once."""
        counters.COMMANDS.labels(outcome.state).inc()
        self._outcomes.append(outcome)

    async def run(self) -> None:
        """Look round twice a second."""
        while True:
            try:
                await self.look_round(datetime.now(UTC))
            except UnavailableError:
                log.warning("commands_not_read", waiting=len(self._outcomes))
            except Exception:  # whatever it was, terminals go on reporting
                log.exception("commands_not_carried")
            await asyncio.sleep(POLL_S)

    async def look_round(self, now: datetime) -> None:
        """Write down what came, give up what is over, send what is due."""
        await self._write_down()
        async with databases.reading(self._engine) as db:
            due = await commands.find_due(db, now)
        if not due:
            return
        mine = [command_id for command_id, device_id in due if device_id in self._holders]
        async with databases.writing(self._engine) as db:
            await commands.give_up(db, self._settings, now)
            errands = await commands.take(db, mine, self._settings, now) if mine else []
        for errand in errands:
            self._send(errand)

    def _send(self, errand: commands.Errand) -> None:
        holder = self._holders.get(errand.device_id)
        if holder is None:  # it left while the database was asked: due again when the answer is overdue
            return
        try:
            holder.run(errand)
        except InvalidError as error:
            self.settle(commands.Outcome(errand.id, "refused", datetime.now(UTC), detail=error.sentence))

    async def _write_down(self) -> None:
        outcomes = list(self._outcomes)
        if outcomes:
            async with databases.writing(self._engine) as db:
                await commands.settle(db, outcomes)
            for _ in outcomes:
                self._outcomes.popleft()
