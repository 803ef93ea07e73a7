"""A stream between gateways and writers (NATS JetStream), where one database is not enough or is away too often.

    gateway: gather ── publish ──> stream ── its own acknowledgement ──> the terminals are answered
    writer:            fetch  <── stream;  submit to a pipeline on PostgreSQL ── commit ──> acknowledge to the stream

A message holds a batch of fixes. What a writer does not acknowledge in time comes again, to whichever writer; fixes are
stored once all the same. What can't be stored is kept in the stream under a subject of its own.

    message:  "TSF1" │ row │ row …    row:  >q device  q µs since 2000  q hash  d lon  d lat  4d optional (NaN: none)
                                            q alarm  q status  h systems  i flags  h source  I length │ raw bytes
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from struct import Struct
from struct import error as StructError  # noqa: N812

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from geo.fix import Fix, Quality, Source, Systems
from services import tracks
from services.errors import InvalidError
from services.storing import AwayError, RefusedError

STREAM, WRITERS = "TIANSHU", "writers"
FIXES, REFUSED = "tianshu.fixes", "tianshu.refused"
MAX_BYTES = 512 * 1024  # of a message, and a fix more; NATS takes twice that by default
AGAIN_S = 15.0  # a message not acknowledged for so long is given to another writer
MAX_UNACKNOWLEDGED = 256  # messages that writers may have at a time
_TIMEOUT_S = 5.0
_FETCH_S = 1.0
_RETRY_S = 1.0

_MAGIC = b"TSF1"
_ROW = Struct(">qqqdd4dqqhihI")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
CONSUMER = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=AGAIN_S, max_ack_pending=MAX_UNACKNOWLEDGED)
_AWAY = (nats.errors.Error, OSError, TimeoutError)

log = structlog.get_logger()


class DamagedError(InvalidError):
    """The bytes are not a message of fixes."""


def encode(fixes: Iterable[Fix]) -> list[bytes]:
    """Return fixes as messages, none longer than half a megabyte.

    Raises:
        RefusedError: a value does not fit, here or in its column.
    """
    messages, rows, size = list[bytes](), list[bytes](), 0
    try:
        for fix in fixes:
            rows += _encode_row(fix), fix.raw
            size += _ROW.size + len(fix.raw)
            if size >= MAX_BYTES:
                messages.append(b"".join((_MAGIC, *rows)))
                rows, size = [], 0
    except (StructError, OverflowError, TypeError) as error:
        raise RefusedError("A fix can't be stored: {error}.", error=str(error)) from error
    return [*messages, b"".join((_MAGIC, *rows))] if rows else messages


def _encode_row(fix: Fix) -> bytes:
    optional = (fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.accuracy_m)
    return _ROW.pack(
        fix.device_id, (fix.at - _EPOCH) // _MICROSECOND, fix.payload_hash, fix.lon_deg, fix.lat_deg,
        *(math.nan if value is None else value for value in optional),
        fix.alarm, fix.status, fix.systems, fix.flags, fix.source, len(fix.raw),
    )  # fmt: skip


def decode(message: bytes) -> list[Fix]:
    """Return the fixes of a message.

    Raises:
        DamagedError: it is not one, or not whole.
    """
    if not message.startswith(_MAGIC):
        raise DamagedError("The message does not begin as a message of fixes does.")
    fixes, start = list[Fix](), len(_MAGIC)
    try:
        while start < len(message):
            device_id, at_us, key, lon_deg, lat_deg, *optional = (row := _ROW.unpack_from(message, start))[:9]
            alarm, status, systems, flags, source, size = row[9:]
            start += _ROW.size
            if start + size > len(message):
                raise DamagedError("The message ends too early.")
            altitude_m, speed_mps, heading_deg, accuracy_m = (
                None if math.isnan(value) else value for value in optional
            )
            fixes.append(Fix(
                device_id, _EPOCH + at_us * _MICROSECOND, lon_deg, lat_deg, key, altitude_m, speed_mps, heading_deg,
                accuracy_m, alarm, status, Systems(systems), Quality(flags), Source(source),
                message[start : start + size],
            ))  # fmt: skip
            start += size
    except (StructError, OverflowError, ValueError) as error:
        raise DamagedError("The message is damaged: {error}.", error=str(error)) from error
    return fixes


class Bus:
    """A connection to the stream, made again whenever it breaks."""

    def __init__(self, url: str) -> None:
        """Choose the server: nats://USER:PASSWORD@host:port, several with commas."""
        self._servers = url.split(",")
        self._client = Client()
        self._is_there = asyncio.Event()  # connected once, and the stream stands
        self._waiting: JetStreamContext.PullSubscription | None = None  # what writers read from

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stay connected while the block runs."""
        opening = asyncio.create_task(self._open())
        try:
            yield
        finally:
            opening.cancel()
            with suppress(*_AWAY):
                await self._client.close()

    async def publish(self, subject: str, message: bytes) -> None:
        """Return when the stream has acknowledged a message.

        Raises:
            AwayError: it does not answer.
        """
        if not (self._is_there.is_set() and self._client.is_connected):
            raise AwayError("The bus is away; nothing was stored.")
        try:
            await self._client.jetstream(timeout=_TIMEOUT_S).publish(subject, message)
        except _AWAY as error:
            raise AwayError("The bus is away; nothing was stored.") from error

    async def fetch(self, most: int) -> list[Msg]:
        """Return messages of fixes that wait for a writer, none after a second without one."""
        try:
            async with asyncio.timeout(_FETCH_S):
                await self._is_there.wait()
            if self._waiting is None:
                self._waiting = await self._client.jetstream(timeout=_TIMEOUT_S).pull_subscribe(
                    FIXES, durable=WRITERS, stream=STREAM, config=CONSUMER
                )
            return await self._waiting.fetch(most, timeout=_FETCH_S)
        except TimeoutError:
            return []
        except _AWAY as error:
            log.warning("bus_not_read", error=type(error).__name__)
            self._waiting = None
            await asyncio.sleep(_RETRY_S)
            return []

    async def _open(self) -> None:
        wanted = StreamConfig(
            STREAM, subjects=[FIXES, REFUSED], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
        )  # fmt: skip
        while not self._is_there.is_set():
            try:
                if not self._client.is_connected:
                    await self._client.connect(self._servers, max_reconnect_attempts=-1, error_cb=_note)
                await self._client.jetstream(timeout=_TIMEOUT_S).add_stream(wanted)
                self._is_there.set()
            except _AWAY as error:
                log.warning("bus_not_reached", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)


class Publisher:
    """Makes batches durable in the stream: a `Store` of the pipeline."""

    def __init__(self, url: str) -> None:
        """Choose the server."""
        self._bus = Bus(url)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stay connected while the block runs."""
        async with self._bus.running():
            yield

    async def store(self, fixes: Sequence[Fix]) -> None:
        """Return when the stream has acknowledged all messages that hold the fixes.

        Raises:
            AwayError: the stream does not answer.
            RefusedError: the database would never take them.
        """
        try:
            tracks.encode(fixes)
        except tracks.UnstorableError as error:
            raise RefusedError("The database would refuse the data; nothing was stored.") from error
        await asyncio.gather(*(self._bus.publish(FIXES, message) for message in encode(fixes)))

    async def has_room(self) -> None:
        """Return at once: the stream is the room."""


async def tell(answer: Awaitable[None]) -> None:
    """Send an answer to the stream; if it does not arrive, the message comes again."""
    with suppress(*_AWAY):
        await answer


async def _note(error: Exception) -> None:
    log.warning("bus_failed", error=type(error).__name__)
