"""A police terminal on the air: JT/T 808 over TCP, seen from the terminal.

It registers once, authenticates on every connection, reports, repeats what is not acknowledged, and deletes a report
only when the platform has acknowledged it. What it could not send is caught up in batches (0x0704, kind 1) as soon as
it is back on the air: the platform must not miss a fix, nor store one twice.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from services.ingest.jt808 import build, messages
from services.ingest.jt808.framing import Frame, Splitter, Version, close_frame, open_frame
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import position, session

FIRST_TIMEOUT_S = 5.0
"""Time to an answer before the first repetition; T(n+1) = T(n) (n+1) (JT/T 808-2013, 6.3, parameter 0x0002)."""
TRIES = 3
INTRODUCTION_TIMEOUT_S = 20.0
"""A registration is not repeated on the same line: each one gets a new code, and the older code is void."""
HEARTBEAT_S = 60.0
BATCH = 20
"""Reports in one 0x0704: its body holds 1,023 bytes."""
WINDOW = 1
"""Batches that may wait for their acknowledgement."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
MOST_KEPT = 20_000
"""Reports a terminal keeps while it is off the air; then the oldest go."""


@dataclass(slots=True)
class Sent:
    """A frame that waits for its answer, and the reports in it."""

    frame: bytes
    due: float
    reports: tuple[position.LocationReport, ...] = ()
    tries: int = 1


@dataclass(slots=True)
class Tally:
    """What a fleet of radios has done."""

    sent: int = 0
    acknowledged: int = 0
    repeated: int = 0
    caught_up: int = 0
    connections: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """How a terminal introduces itself."""

    phone: str
    version: Version
    terminal_id: str
    plate: str


@dataclass(slots=True)
class Radio:
    """One terminal. `report` hands it a position, `tick` lets time pass; `on_air` False puts it out of reach."""

    identity: Identity
    address: tuple[str, int]
    tally: Tally
    on_air: bool = True
    code: str | None = None
    signed_in: bool = False
    kept: deque[position.LocationReport] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    _link: "Link | None" = None
    _waiting: dict[int, Sent] = field(default_factory=dict)
    _serials: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle(range(0x10000)))
    _retry_at: float = 0.0
    _pause_s: float = FIRST_PAUSE_S
    _spoke_at: float = 0.0
    _connecting: "asyncio.Task[None] | None" = None

    @property
    def unacknowledged(self) -> int:
        """Reports that the platform has not acknowledged yet."""
        return len(self.kept) + sum(len(sent.reports) for sent in self._waiting.values())

    def report(self, one: position.LocationReport, now: float) -> None:
        """Send a position, or keep it until that is possible; the present goes before the past."""
        if self.signed_in:
            self._send(one, now, (one,))
        else:
            self.kept.append(one)

    def tick(self, now: float) -> None:
        """Connect, repeat, catch up, give a sign of life: whatever is due at `now` (a monotonic clock, seconds)."""
        if not self.on_air:
            self.drop()
            return
        if self._link is None:
            if now >= self._retry_at and (self._connecting is None or self._connecting.done()):
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
            return
        self._repeat(now)
        if self.signed_in:
            self._catch_up(now)
            if now - self._spoke_at > HEARTBEAT_S:
                self._send(session.Heartbeat(), now)

    def stay_off_until(self, moment: float) -> None:
        """Make no attempt to connect before a moment of the monotonic clock."""
        self._retry_at = moment

    def drop(self) -> None:
        """Leave the air."""
        if self._link is not None:
            self._link.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._retry_at, self._pause_s = loop.time() + self._pause_s, min(self._pause_s * 2, LONGEST_PAUSE_S)
        try:
            await loop.create_connection(lambda: Link(self), *self.address)
        except OSError:
            return

    def connected(self, link: "Link", now: float) -> None:
        """The line is up: authenticate, or register first."""
        self._link = link
        self.tally.connections += 1
        self._introduce(now)

    def disconnected(self) -> None:
        """The line is down: whatever was not acknowledged is kept, oldest first."""
        self._link, self.signed_in = None, False
        lost = [one for sent in self._waiting.values() for one in sent.reports]
        self._waiting.clear()
        self.kept.extendleft(sorted(lost, key=lambda one: one.at, reverse=True))

    def heard(self, frame: Frame, now: float) -> None:
        """An answer of the platform."""
        try:
            message = messages.decode(frame, self.identity.version)
        except RefusedError:
            self.tally.refused += 1
            return
        if isinstance(message, session.RegisterReply):
            self._registered(message, now)
        elif isinstance(message, session.PlatformReply):
            self._answered(message, now)

    def _introduce(self, now: float) -> None:
        who = self.identity
        if self.code is None:
            self._send(build.register(who.version, terminal_id=who.terminal_id, plate=who.plate), now)
        else:
            self._send(build.authenticate(who.version, self.code, imei="", software="demo"), now)

    def _registered(self, reply: session.RegisterReply, now: float) -> None:
        if self._waiting.pop(reply.answered_serial, None) is None:
            return
        if reply.result == session.Registration.OK and reply.code:
            self.code = reply.code
            self._introduce(now)
        else:
            self.tally.refused += 1
            self.drop()

    def _answered(self, reply: session.PlatformReply, now: float) -> None:
        sent = self._waiting.pop(reply.answered_serial, None)
        if sent is None:
            return
        if reply.answered_id == messages.IDS[session.Authenticate]:
            self._authenticated(ok=reply.result == session.Result.OK, now=now)
        elif reply.result == session.Result.OK:
            self.tally.acknowledged += len(sent.reports)
            self._catch_up(now)
        else:
            self.tally.refused += 1

    def _authenticated(self, *, ok: bool, now: float) -> None:
        if ok:
            self.signed_in, self._pause_s = True, FIRST_PAUSE_S
            self._catch_up(now)
        else:
            self.code = None
            self.drop()

    def _catch_up(self, now: float) -> None:
        """Send what was kept, in batches, a few at a time."""
        while self.kept and sum(len(sent.reports) > 1 for sent in self._waiting.values()) < WINDOW:
            reports = tuple(self.kept.popleft() for _ in range(min(BATCH, len(self.kept))))
            self.tally.caught_up += len(reports)
            self._send(build.batch(reports, catch_up=True), now, reports)

    def _repeat(self, now: float) -> None:
        """Repeat frames whose answer is overdue, byte for byte; hang up when that does not help."""
        for sent in self._waiting.values():
            if now >= sent.due:
                if sent.tries == TRIES or not self.signed_in:
                    self.drop()
                    return
                sent.tries += 1
                sent.due = now + FIRST_TIMEOUT_S * sent.tries
                self.tally.repeated += 1
                self._write(sent.frame)

    def _send(self, message: object, now: float, reports: Sequence[position.LocationReport] = ()) -> None:
        serial = next(self._serials)
        frame = close_frame(
            messages.encode(message, phone=self.identity.phone, serial=serial, version=self.identity.version)
        )
        timeout_s = FIRST_TIMEOUT_S if self.signed_in else INTRODUCTION_TIMEOUT_S
        self._waiting[serial] = Sent(frame, now + timeout_s, tuple(reports))
        self.tally.sent += len(reports)
        self._spoke_at = now
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._link is not None:
            self._link.write(frame)


class Link(asyncio.Protocol):
    """The line of one radio."""

    __slots__ = ("_radio", "_splitter", "_time", "_transport")

    def __init__(self, radio: Radio) -> None:
        """Belong to a radio."""
        self._radio = radio
        self._splitter = Splitter()
        self._time = asyncio.get_running_loop().time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves."""
        self._transport = cast("asyncio.Transport", transport)
        self._radio.connected(self, self._time())

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the radio."""
        self._radio.disconnected()

    def data_received(self, data: bytes) -> None:
        """Hand on what the platform says; damage is ignored, the platform repeats nothing."""
        for content in self._splitter.feed(data):
            try:
                frame = open_frame(content)
            except RefusedError:
                continue
            self._radio.heard(frame, self._time())

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        self._transport.write(frame)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def report(
    at: datetime, place: tuple[float, float], speed_mps: float, heading_deg: float, odometer_m: float
) -> position.LocationReport:
    """0x0200 with odometer (0x01), signal (0x30) and satellites (0x31)."""
    extras = ((0x01, int(odometer_m / 100).to_bytes(4, "big")), (0x30, b"\x1f"), (0x31, b"\x18"))
    return build.position(at, *place, altitude_m=62, speed_mps=speed_mps, heading_deg=heading_deg, extras=extras)
