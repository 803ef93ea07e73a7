"""Devices that keep what is not acknowledged and send it again: after a time-out, and after they connect again.

JT/T 808: a message without an answer is sent again with the same serial number, the n-th time after a pause that is n
times the one before; when nothing helps, the line is taken for dead. What was kept meanwhile goes out one by one
(0x0200) or in batches (0x0704, type 1).
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages.position import LocationReport

PAUSE_S = 0.8  # before a message is sent again the first time; devices take some seconds
RETRIES = 2
CONNECT_S = 3.0
BATCH = 15  # most fixes in a 0x0704
EMERGENCY = 1
Line: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
VERSIONS = (Version.V2013, Version.V2019)


def place(device: int, number: int) -> tuple[float, float]:
    """Return where a device is at its n-th fix, (lon, lat) in degrees."""
    return round(113.1 + number * 1e-5, 6), round(27.7 + device % 1000 * 1e-4, 6)


@dataclass(slots=True)
class Sent:
    """A message that waits for its answer."""

    frame: bytes
    numbers: Sequence[int]
    due_s: float
    pause_s: float = PAUSE_S
    tries: int = 1


@dataclass(slots=True)
class Counts:
    """What the devices did, together."""

    sent: int = 0
    repeated: int = 0
    connections: int = 0
    taken_over: int = 0
    left_open: int = 0


@dataclass(slots=True)
class Device:
    """One device: what it has measured, what was acknowledged, what is on its way."""

    id: int
    phone: str
    rng: random.Random
    ports: Sequence[int]
    start: datetime
    window: int
    emergency: int  # the number of the one fix with the button pressed
    counts: Counts
    measured: int = 0  # fixes so far; the next has this number
    acknowledged: set[int] = field(default_factory=set)
    port: int | None = None  # of the gateway it is signed in at
    muted_until_s: float = 0.0
    _code: str | None = None
    _serial: int = 0
    _waiting: dict[int, Sent] = field(default_factory=dict)
    _kept: list[int] = field(default_factory=list)
    _line: Line | None = None
    _hopping: bool = False
    _parting: set[asyncio.Task[None]] = field(default_factory=set)

    def measure(self) -> None:
        """Take one more fix."""
        self._kept.append(self.measured)
        self.measured += 1

    def is_done(self) -> bool:
        """Say whether everything was acknowledged."""
        return len(self.acknowledged) == self.measured

    def at(self, number: int) -> datetime:
        """Return the time of a fix."""
        return self.start + timedelta(seconds=number)

    async def run(self) -> None:
        """Connect, report, connect again, until cancelled."""
        while True:
            try:
                with suppress(OSError, EOFError, TimeoutError):
                    await self._talk()
            finally:
                self._hang_up()
            await asyncio.sleep(self.rng.uniform(0.1, 0.5))

    def cut(self) -> None:
        """Break the line in the middle of a frame."""
        if self._line:
            _, writer = self._line
            writer.write(self._frame(self._report(0))[: self.rng.randrange(1, 30)])
            writer.transport.abort()

    def hop(self) -> None:
        """Turn to another gateway and leave the old socket open, as a device does whose network has changed."""
        self._hopping = self._line is not None

    async def see_old_lines_closed(self, within_s: float) -> None:
        """Count the sockets left behind that no gateway has closed within the time."""
        if self._parting:
            _, left = await asyncio.wait(self._parting, timeout=within_s)
            self.counts.left_open += len(left)
            for task in left:
                task.cancel()

    async def _see_closed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while await reader.read(4096):
                    pass
            self.counts.taken_over += 1
        finally:
            writer.close()

    def _hang_up(self) -> None:
        if self._line:
            self._line[1].close()
        self._line, self.port, self._hopping = None, None, False
        for sent in self._waiting.values():
            self._kept += [number for number in sent.numbers if number not in self.acknowledged]
        self._waiting.clear()

    async def _talk(self) -> None:
        port = self.rng.choice(self.ports)
        async with asyncio.timeout(CONNECT_S):
            line = self._line = await asyncio.open_connection("127.0.0.1", port)
        self.counts.connections += 1
        splitter = jt808.Splitter()
        await self._sign_in(line, splitter)
        self.port = port
        clock = asyncio.get_running_loop().time
        while not self._hopping:
            if clock() >= self.muted_until_s:
                self._send(line[1], clock())
            for answer in await self._hear(line[0], splitter, 0.1):
                self._take(answer)
        self._hopping, self._line = False, None
        task = asyncio.create_task(self._see_closed(*line))
        self._parting.add(task)
        task.add_done_callback(self._parting.discard)

    async def _sign_in(self, line: Line, splitter: jt808.Splitter) -> None:
        if self._code is None:
            version = VERSIONS[self.id % 2]
            answer = await self._ask(line, splitter, build.register(version, terminal_id=f"T{self.id}"))
            self._code = answer.code
        answer = await self._ask(line, splitter, build.authenticate(VERSIONS[self.id % 2], self._code or ""))
        if answer.result != 0:
            self._code = None
            raise EOFError

    async def _ask(self, line: Line, splitter: jt808.Splitter, message: object) -> Any:
        """Send a message and wait for its answer, sending it again as the standard says."""
        frame, serial, pause_s = self._frame(message), self._serial, PAUSE_S
        for tries in range(1, RETRIES + 2):
            if line[1].is_closing():
                raise EOFError
            line[1].write(frame)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    while True:
                        for answer in await self._hear(line[0], splitter, pause_s):
                            if getattr(answer, "answered_serial", None) == serial:
                                return answer
            pause_s *= tries + 1
        raise TimeoutError

    async def _hear(self, reader: asyncio.StreamReader, splitter: jt808.Splitter, timeout_s: float) -> list[Any]:
        """Return what the platform has said, which may be nothing; EOFError when it has closed the line."""
        try:
            async with asyncio.timeout(timeout_s):
                data = await reader.read(65536)
        except TimeoutError:
            return []
        if not data:
            raise EOFError
        return [jt808.read(content)[1] for content in splitter.feed(data)]

    def _take(self, answer: Any) -> None:
        sent = self._waiting.get(getattr(answer, "answered_serial", -1))
        if sent and getattr(answer, "result", None) == 0:
            self.acknowledged.update(sent.numbers)
            del self._waiting[answer.answered_serial]

    def _send(self, writer: asyncio.StreamWriter, now_s: float) -> None:
        if writer.is_closing():
            raise EOFError
        for sent in self._waiting.values():
            if sent.due_s <= now_s:
                self._repeat(writer, sent, now_s)
        while self._kept and len(self._waiting) < self.window:
            count = self.rng.randint(2, BATCH) if len(self._kept) > BATCH else 1
            numbers, self._kept = self._kept[:count], self._kept[count:]
            reports = [self._report(number) for number in numbers]
            frame = self._frame(build.batch(reports, catch_up=True) if count > 1 else reports[0])
            self._waiting[self._serial] = Sent(frame, numbers, now_s + PAUSE_S)
            self.counts.sent += count
            writer.write(frame)

    def _repeat(self, writer: asyncio.StreamWriter, sent: Sent, now_s: float) -> None:
        if sent.tries > RETRIES:
            raise EOFError
        sent.tries += 1
        sent.pause_s *= sent.tries
        sent.due_s = now_s + sent.pause_s
        self.counts.repeated += len(sent.numbers)
        writer.write(sent.frame)

    def _report(self, number: int) -> LocationReport:
        lon_deg, lat_deg = place(self.id, number)
        alarm = EMERGENCY if number == self.emergency else 0
        return build.position(self.at(number), lon_deg, lat_deg, altitude_m=number, speed_mps=1, alarm=alarm)

    def _frame(self, message: object) -> bytes:
        self._serial = (self._serial + 1) & 0xFFFF
        return jt808.frame(message, phone=self.phone, serial=self._serial, version=VERSIONS[self.id % 2])
