"""JT/T 808 over UDP: each address that speaks is a connection of its own, over a transport that only looks like one.

Frames are the same as over TCP and so are the rules: nothing before authentication, an acknowledgement after the
commit. What is lost on the way is not acknowledged, and the terminal sends it again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from api.gateway import counters

MAX_SPEAKERS: Final = 20_000
"""Addresses that are listened to at a time; datagrams of further ones are dropped and counted."""

MAX_HELD: Final = 64
"""Datagrams of one address that wait while it is left unread; what comes then is sent again by the terminal."""

FLAG: Final = b"\x7e"
Address = tuple[str | Any, int]


class Way(asyncio.Transport):
    """The way back to one address."""

    def __init__(self, host: "Datagrams", address: Address, protocol: asyncio.Protocol) -> None:
        """Belong to an address."""
        super().__init__({"peername": address})
        self._host, self._address, self._protocol = host, address, protocol
        self._held = deque[bytes]()
        self._reading, self._closing = True, False

    def take(self, data: bytes) -> None:
        """Hand on what came, or keep it until it is read again."""
        if self._reading:
            self._protocol.data_received(data)
        elif len(self._held) < MAX_HELD:
            self._held.append(data)
        else:
            counters.DATAGRAMS_DROPPED.inc()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send frames, each in a datagram of its own."""
        for content in bytes(data).split(FLAG):
            if content and not self._closing:
                self._host.send(FLAG + content + FLAG, self._address)

    def pause_reading(self) -> None:
        """Keep what comes."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand on what was kept, as long as it is read."""
        self._reading = True
        while self._reading and self._held:
            self._protocol.data_received(self._held.popleft())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered here."""

    def is_closing(self) -> bool:
        """Say whether this way is closed."""
        return self._closing

    def close(self) -> None:
        """End; nobody is told, for UDP has no end."""
        if not self._closing:
            self._closing = True
            self._host.forget(self._address)
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close


class Datagrams(asyncio.DatagramProtocol):
    """All addresses that speak."""

    def __init__(self, connect: Callable[[], asyncio.Protocol]) -> None:
        """Choose what a connection is."""
        self._connect = connect
        self._ways = dict[Address, Way]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hear an address, as a new connection if it is new."""
        way = self._ways.get(addr)
        if way is None:
            if len(self._ways) >= MAX_SPEAKERS:
                counters.DATAGRAMS_DROPPED.inc()
                return
            protocol = self._connect()
            way = self._ways[addr] = Way(self, addr, protocol)
            protocol.connection_made(way)
        way.take(data)

    def send(self, data: bytes, address: Address) -> None:
        """Send a datagram."""
        if not self._transport.is_closing():
            self._transport.sendto(data, address)

    def forget(self, address: Address) -> None:
        """Forget an address."""
        self._ways.pop(address, None)


@asynccontextmanager
async def listening(host: str, port: int, connect: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
    """Hear terminals over UDP while the block runs, unless the port is 0."""
    if not port:
        yield
        return
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(connect), (host, port))
    try:
        yield
    finally:
        transport.close()
