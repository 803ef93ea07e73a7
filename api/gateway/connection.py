"""One terminal's socket: what it says goes to the pipeline, and the answer goes out after the commit, in order."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, cast

import structlog

from api.gateway import counters
from api.gateway.errands import Errands
from geo.fix import Fix
from services import commands, fleet, media
from services.errors import UnavailableError
from services.ingest.jt808 import events, positions
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages.media import MediaData, MediaData2011, MediaReply
from services.ingest.jt808.messages.position import Status
from services.ingest.jt808.messages.session import (
    QueryTime,
    Registration,
    Result,
    ServerTime,
    TerminalResend,
)
from services.ingest.jt808.pieces import Piece
from services.ingest.jt808.terminal import Terminal
from services.pipeline import Pipeline

MAX_WAITING = 2_000  # fixes of one terminal that may wait for their commit before its socket is left unread
MAX_UNSENT_BYTES = 64 * 1024  # answers that a slow terminal may leave unread, likewise
Said = events.Positions | events.Heartbeat | events.Other | events.Refused
_ASKING = (events.Registering, events.Authenticating, events.Unregistering, events.Media)
_REGISTRATIONS = {
    fleet.Answer.UNKNOWN: Registration.NO_SUCH_TERMINAL,
    fleet.Answer.OTHER_TERMINAL: Registration.NO_SUCH_TERMINAL,
    fleet.Answer.OTHER_VEHICLE: Registration.NO_SUCH_VEHICLE,
}
_ENCRYPTED = int(Status.ENCRYPTED)  # a flag of an enum costs ten times as much to look at

log = structlog.get_logger()


class Host(Protocol):
    """What a connection asks of the gateway it belongs to."""

    pipeline: Pipeline
    future_tolerance: timedelta
    past_tolerance: timedelta
    time: Callable[[], float]

    def greet(self, connection: "Connection") -> None:
        """Know a new connection."""

    def forget(self, connection: "Connection") -> None:
        """Forget a connection that is gone."""

    def is_full(self) -> bool:
        """Say whether too much waits for its commit."""

    def hold(self, connection: "Connection") -> None:
        """Leave a connection unread until there is room."""

    def relieve(self) -> None:
        """Read again from those left unread, if there is room."""

    def refuse(self, connection: "Connection", event: events.Refused, now: datetime) -> None:
        """Count and keep a frame that was not accepted."""

    async def keep_medium(self, taken: media.Taken, fixes: list[Fix]) -> bool:
        """Return after the commit of a medium and of where it was taken; say whether there was room for its bytes."""

    def settle(self, outcome: commands.Outcome) -> None:
        """Take what became of a command."""

    async def register(self, who: fleet.Identity) -> str | fleet.Answer:
        """Return a new authentication code, or why there is none."""

    async def authenticate(
        self, phone: str, code: str, imei: str, remote: str
    ) -> tuple[int, Version | None, int] | None:
        """Return the device whose code this is, the edition it registered with, and the number of our claim to it."""

    async def unregister(self, device_id: int) -> None:
        """Forget the code of a device."""

    async def sign_in(self, connection: "Connection", device_id: int, claim: int) -> None:
        """Let a connection speak for a device, and no other."""


class Connection(asyncio.Protocol):
    """Nothing is accepted before authentication, nothing is acknowledged before its commit, no content closes it."""

    __slots__ = (
        "_asking", "_gateway", "_held", "_pending", "_task", "_transport", "_waiting",
        "claim", "device_id", "errands", "heard_s", "remote", "stuck_s", "terminal",
    )  # fmt: skip

    def __init__(self, gateway: Host) -> None:
        """Belong to a gateway."""
        self._gateway = gateway
        self.terminal = Terminal()
        self.device_id: int | None = None
        self.errands: Errands | None = None  # from the first command on
        self.claim = 0  # by which the device is ours, of all gateways
        self.remote = ""
        self.heard_s = gateway.time()
        self.stuck_s: float | None = None  # since when it has not read our answers
        self._waiting = 0  # fixes put, not committed
        self._pending = 0  # chunks put, not settled
        self._held = set[str]()  # why the socket is not read at the moment
        self._task: asyncio.Task[None] | None = None

    @property
    def protocol(self) -> str | None:
        """The edition of the standard that the terminal speaks."""
        return self.terminal.version.value

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self.remote = "{}:{}".format(*transport.get_extra_info("peername", ("?", 0))[:2])
        self._gateway.greet(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """End; what was put is committed all the same."""
        self._gateway.forget(self)

    def data_received(self, data: bytes) -> None:
        """Hear what the terminal says."""
        self.heard_s = self._gateway.time()
        self._hear(self.terminal.receive(data, datetime.now(UTC)))

    def pause_writing(self) -> None:
        """Stop reading from a terminal that does not read."""
        self.stuck_s = self._gateway.time()
        self.hold("unsent")

    def resume_writing(self) -> None:
        """Go on when it has read."""
        self.stuck_s = None
        self.release("unsent")

    def hold(self, reason: str) -> None:
        """Leave the socket unread for a reason."""
        if not self._held and not self._transport.is_closing():
            self._transport.pause_reading()
        self._held.add(reason)

    def release(self, reason: str) -> None:
        """Take the reason away; the socket is read again when none is left."""
        self._held.discard(reason)
        if not self._held and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, reason: str) -> None:
        """Close from our side; what was put is committed all the same."""
        counters.CLOSED.labels(reason).inc()
        self._transport.close()

    def abort(self, reason: str) -> None:
        """Close without sending what the terminal does not read."""
        counters.CLOSED.labels(reason).inc()
        self._transport.abort()

    def run(self, errand: commands.Errand) -> None:
        """Give the terminal a command.

        Raises:
            InvalidError: the edition it speaks can't say it.
        """
        if self.errands is None:
            self.errands = Errands(self.terminal)
        self._write(self.errands.write(errand))

    def look_round(self, now: datetime) -> None:
        """Ask for packets that were lost; take confirmations after which nothing came for the whole."""
        self._write(self.terminal.ask_again(now))
        for outcome in self.errands.conclude(now) if self.errands else ():
            self._gateway.settle(outcome)

    def _heed(self, event: events.Other | events.Positions, now: datetime) -> None:
        """See whether a message answers a command."""
        outcome = self.errands.hear(event, now) if self.errands else None
        if outcome:
            self._gateway.settle(outcome)

    def _hear(self, said: Iterator[events.Event]) -> None:
        """Take what needs no database; at a message that does, stop, ask, and go on from there."""
        now = datetime.now(UTC)
        fixes, heard = list[Fix](), list[Said]()
        for event in said:
            if isinstance(event, _ASKING):
                self._put(fixes, heard)
                self.hold("asking")
                self._task = asyncio.get_running_loop().create_task(self._ask(event, said))
                return
            heard.append(event)
            if isinstance(event, events.Positions):
                fixes += self._fixes(event, now)
                if event.answered_serial is not None:
                    self._heed(event, now)
            elif isinstance(event, events.Refused):
                self._gateway.refuse(self, event, now)
            elif isinstance(event, events.Other):
                self._heed(event, now)
        self._put(fixes, heard)

    def _fixes(self, event: events.Positions | events.Media, now: datetime) -> list[Fix]:
        """The fixes of reports; one with enciphered coordinates is also put where people see that there is one."""
        if any(report.status & _ENCRYPTED for report, _ in event.reports):
            self._gateway.refuse(self, _enciphered(event), now)
        device_id, gateway, version = cast("int", self.device_id), self._gateway, self.terminal.version
        return [
            positions.to_fix(
                report, device_id, body, now, version=version, late=event.late, frame=event.frame,
                future_tolerance=gateway.future_tolerance, past_tolerance=gateway.past_tolerance,
            )
            for report, body in event.reports
        ]  # fmt: skip

    def _put(self, fixes: list[Fix], heard: list[Said]) -> None:
        """Answer now if nothing has to be committed first, else after the commit."""
        if not fixes and not self._pending:
            self._answer(heard)
            return
        self._waiting += len(fixes)
        self._pending += 1
        self._gateway.pipeline.put(fixes, partial(self._settle, len(fixes), heard))
        if self._waiting > MAX_WAITING or self._gateway.is_full():
            self._gateway.hold(self)

    def _settle(self, count: int, heard: list[Said], error: Exception | None) -> None:
        """Answer after the commit; what could not be stored stays unanswered, so that the terminal sends it again."""
        self._waiting -= count
        self._pending -= 1
        if error:
            counters.UNANSWERED.inc(count)
            heard = [event for event in heard if not isinstance(event, events.Positions)]
        self._answer(heard)
        if self._waiting <= MAX_WAITING // 2:
            self._gateway.relieve()

    def _answer(self, heard: list[Said]) -> None:
        answers, before = list[bytes](), None
        for event in heard:
            if isinstance(event, events.Other) and (own := self._own_answer(event)):
                answers.append(own)
                continue
            result = self._result(event)
            if (event.serial, event.message_id) != before or not isinstance(event, events.Refused):
                answers.append(self.terminal.reply(event, result))
            before = (event.serial, event.message_id)  # reports refused from a batch: the batch is answered once
        self._write(b"".join(answers))

    def _own_answer(self, event: events.Other) -> bytes:
        """Return the answer to a message that has one of its own."""
        match event.body:
            case QueryTime():
                return self.terminal.send(ServerTime(datetime.now(UTC)))
            case TerminalResend(first, numbers):
                return self.errands.again(first, numbers) if self.errands else b""
            case Piece(number, missing) if missing is not None:
                return self.terminal.send(MediaReply(number, missing))
        return b""

    def _result(self, event: Said) -> Result:
        match event:
            case events.Positions():
                return Result.OK
            case events.Heartbeat():
                return Result.OK if event.phone == self.terminal.phone else Result.FAILED
            case events.Refused():
                return event.result
            case events.Other(body=Piece()):
                return Result.OK
        return Result.UNSUPPORTED

    def _write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    async def _ask(self, event: events.Event, rest: Iterator[events.Event]) -> None:
        """Register, authenticate or unregister, answer, and hear the rest of what came with it."""
        try:
            match event:
                case events.Registering():
                    self._write(await self._register(event))
                case events.Authenticating():
                    self._write(self.terminal.reply(event, await self._authenticate(event)))
                case events.Unregistering():
                    self._write(self.terminal.reply(event, await self._unregister(event)))
                case events.Media():
                    self._write(await self._keep(event, datetime.now(UTC)))
        except UnavailableError:
            counters.UNANSWERED.inc()
        except Exception:  # whatever it was, this terminal and all others go on
            log.exception("terminal_not_answered", message_id=event.message_id)
        self._hear(rest)
        self.release("asking")

    async def _register(self, event: events.Registering) -> bytes:
        body = event.body
        said = fleet.Identity(
            event.phone, _clean(body.terminal_id), _clean(body.plate), _clean(body.maker), _clean(body.model),
            event.version, self.remote,
        )  # fmt: skip
        outcome = await self._gateway.register(said)
        if isinstance(outcome, str):
            return self.terminal.reply_registered(event, Registration.OK, outcome)
        return self.terminal.reply_registered(event, _REGISTRATIONS[outcome])

    async def _authenticate(self, event: events.Authenticating) -> Result:
        known = await self._gateway.authenticate(event.phone, event.code, _clean(event.imei) or "", self.remote)
        if known is None:
            return Result.FAILED
        device_id, version, claim = known
        self.terminal.authenticated(version)
        await self._gateway.sign_in(self, device_id, claim)
        return Result.OK

    async def _keep(self, event: events.Media, now: datetime) -> bytes:
        """Keep a medium and the fix that says where; 0x8800 tells the terminal that it may delete it."""
        fixes, body = self._fixes(event, now), event.body
        where = {"at": fixes[0].at, "fix_at": fixes[0].at, "fix_hash": fixes[0].payload_hash} if fixes else {"at": now}
        data = body.data if isinstance(body, MediaData | MediaData2011) else None
        device_id = cast("int", self.device_id)
        taken = media.Taken(
            device_id, body.id, body.kind, body.format, body.event, body.channel, **where, data=data
        )  # fmt: skip
        if not await self._gateway.keep_medium(taken, fixes):
            return self.terminal.reply(event, Result.FAILED)
        return self.terminal.reply(event) if data is None else self.terminal.send(MediaReply(body.id))

    async def _unregister(self, event: events.Unregistering) -> Result:
        if self.device_id is None or event.phone != self.terminal.phone:
            return Result.FAILED
        await self._gateway.unregister(self.device_id)
        asyncio.get_running_loop().call_soon(self.close, "unregistered")
        return Result.OK


def _enciphered(event: events.Positions | events.Media) -> events.Refused:
    """Return why the coordinates of a report are not taken, though the report is: nobody is to see them as degrees."""
    detail = "the secrecy plug-in has enciphered the coordinates (status bit 5)"
    return events.Refused("enciphered", detail, event.frame, event.phone, event.serial, event.message_id)


def _clean(text: str) -> str | None:
    """Return a terminal's text as the database takes it: without zeros inside, None for nothing."""
    return text.replace("\0", "").strip() or None
