"""A terminal that speaks JT/T 808 over a real socket, for tests of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from services.ingest import jt808
from services.ingest.jt808 import build, messages
from services.ingest.jt808.framing import Frame, Version, open_frame
from services.ingest.jt808.messages import session
from services.ingest.jt808.parts import Assembly

NOW = datetime.now(UTC).replace(microsecond=0)
PHONE = "13800000001"


class _Heard(asyncio.DatagramProtocol):
    """Datagrams as a stream reader gives bytes."""

    def __init__(self) -> None:
        self._queue = asyncio.Queue[bytes]()

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        self._queue.put_nowait(data)

    async def read(self, _size: int) -> bytes:
        return await self._queue.get()


class _Spoken:
    """Datagrams as a stream writer takes bytes."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._transport.sendto(data)

    async def drain(self) -> None:
        """Nothing waits."""


class Terminal:
    """One connection; every message gets the next serial number."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, phone: str, version: Version
    ) -> None:
        self._reader, self._writer = reader, writer
        self.phone, self.version = phone, version
        self.serial = 0
        self.packets: list[Frame] = []
        """What came of messages in several packets."""
        self._splitter = jt808.Splitter()
        self._heard: list[tuple[Frame, Any]] = []
        self._assembly = Assembly()

    @classmethod
    @asynccontextmanager
    async def on(
        cls, port: int, phone: str = PHONE, version: Version = Version.V2013, **options: Any
    ) -> AsyncIterator[Self]:
        """Connect for the length of a block."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
        try:
            yield cls(reader, writer, phone, version)
        finally:
            writer.close()

    @classmethod
    @asynccontextmanager
    async def over_udp(cls, port: int, phone: str = PHONE, version: Version = Version.V2013) -> AsyncIterator[Self]:
        """Speak in datagrams for the length of a block."""
        heard = _Heard()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: heard, remote_addr=("127.0.0.1", port)
        )
        try:
            yield cls(heard, _Spoken(transport), phone, version)  # type: ignore[arg-type]
        finally:
            transport.close()

    def frame(self, message: Any) -> bytes:
        """The bytes of a message, with the next serial number."""
        self.serial += 1
        return jt808.frame(message, phone=self.phone, serial=self.serial, version=self.version)

    async def send(self, *data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(b"".join(data))
        await self._writer.drain()

    async def hear(self, timeout_s: float = 10) -> Any:
        """The next message of the platform; EOFError when it has closed the connection."""
        return (await self.hear_frame(timeout_s))[1]

    async def hear_frame(self, timeout_s: float = 10) -> tuple[Frame, Any]:
        """The next message of the platform with its frame; of several packets, once all have come, with the first."""
        async with asyncio.timeout(timeout_s):
            while not self._heard:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError
                for content in self._splitter.feed(data):
                    self._take(content)
        return self._heard.pop(0)

    def _take(self, content: bytes) -> None:
        frame = open_frame(content)
        if frame.part:
            self.packets.append(frame)
            whole = self._assembly.add(frame, content, NOW)
            if whole is None:
                return
            frame = whole[0]
        self._heard.append((frame, messages.decode(frame, self.version)))

    async def hears_nothing(self, for_s: float = 0.4) -> bool:
        """Whether the platform keeps silent (and the connection open) for so long."""
        try:
            await self.hear(for_s)
        except TimeoutError:
            return True
        return False

    async def ask(self, message: Any) -> Any:
        """Send a message and return the answer."""
        await self.send(self.frame(message))
        return await self.hear()

    async def register(self, terminal_id: str = "T000001", plate: str = "湘B12345") -> session.RegisterReply:
        """Register and return the answer."""
        answer = await self.ask(build.register(self.version, terminal_id=terminal_id, plate=plate))
        assert isinstance(answer, session.RegisterReply)
        return answer

    async def authenticate(self, code: str, imei: str = "") -> int:
        """Authenticate and return the result."""
        answer = await self.ask(build.authenticate(self.version, code, imei=imei))
        assert answer.answered_id == 0x0102
        return int(answer.result)

    async def sign_in(self) -> str:
        """Register, authenticate, and return the code."""
        answer = await self.register()
        assert answer.code is not None
        assert await self.authenticate(answer.code) == session.Result.OK
        return answer.code

    def report(self, number: int = 0, **more: Any) -> bytes:
        """The frame of a position: one a second, the higher the number the older."""
        return self.frame(a_report(number, **more))


def a_report(number: int = 0, *, at: datetime | None = None, lon_deg: float = 113.15, lat_deg: float = 27.83,
             **more: Any) -> Any:  # fmt: skip
    """A position: one a second, the higher the number the older."""
    return build.position(at or NOW - timedelta(seconds=number), lon_deg, lat_deg, **more)


async def confirm(terminal: Terminal, frame: Any, result: int = 0) -> None:
    """Answer a message of the platform: 0 ok, 1 failed, 2 bad, 3 unsupported."""
    await terminal.send(terminal.frame(session.TerminalReply(frame.serial, frame.message_id, result)))
