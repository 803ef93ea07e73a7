"""The door for sentences over TCP and UDP: receivers that speak NMEA 0183, terminals for BeiDou short messages.

    $TSID,13900000001,<the device's token>*hh   who speaks; first, and over UDP at least once a minute
    $GNRMC,… $GNGGA,… $GNGSA,…                  his own positions
    $BDTXR,1,0179773,2,1158,A4…*hh              what a card far away said: a position, a call for help, a text

An address that the settings name needs no $TSID. Nothing is accepted from anybody else: who says a number that is not
known waits for an administrator, and so does a card, as rdss:0179773. NMEA 0183 knows no answer. So that nothing is
lost while the database is away, the socket is left unread until what was read is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

import structlog
from prometheus_client import Counter, Gauge

from geo.fix import Fix
from services import fleet, messages, phones
from services.db import engine as databases
from services.errors import InvalidError, UnavailableError
from services.ingest import nmea, rdss
from services.ingest.sentences import Refused, RefusedError, Sentence
from services.pipeline import Pipeline
from services.settings import Settings

STREAMS = Gauge("tianshu_sentences_streams", "Open connections that speak in sentences")
REFUSED = Counter("tianshu_sentences_refused_total", "Sentences that were not accepted", ["reason"])
LOST = Counter("tianshu_sentences_lost_total", "Datagrams and fixes that could not be kept")
IDENTIFY: Final = "TSID"
SETTLED_S: Final = 0.5  # silence after which the sentences of a moment are taken to be complete
IDLE_S: Final = 600.0
LOOK_S: Final = 1.0  # how often a free card looks for messages
RETRY_S: Final = 1.0
RETRIES: Final = 600
TRUST_S: Final = 60.0  # how long a datagram's sender is believed after it has shown its token
MAX_STREAMS: Final = 10_000
MAX_DATAGRAMS: Final = 10_000
_BLOCK: Final = 1 << 14  # a few milliseconds of sentences

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(slots=True)
class Speaker:
    """Somebody at the other end: what he said so far, and for which device he speaks."""

    remote: str
    device_id: int | None = None
    receiver: nmea.Receiver = field(default_factory=nmea.Receiver)
    card: rdss.Card = field(default_factory=rdss.Card)
    heard_s: float = 0.0
    trusted_until_s: float = float("inf")


class Door:
    """Hears speakers, whatever brought their bytes: who they are, what they say, where it goes."""

    def __init__(
        self, engine: databases.Engine, settings: Settings, pipeline: Pipeline, keep: Callable[[fleet.BadFrame], None]
    ) -> None:
        """Choose where fixes go, and where what is refused goes."""
        from services import dispatch  # noqa: PLC0415  40 MB, which a gateway without this door spares

        self._hear_text = dispatch.hear_text
        self._engine, self._settings, self._pipeline, self._keep = engine, settings, pipeline, keep
        self._sources = read_sources(settings.sentences_sources)
        self._future_tolerance = timedelta(seconds=settings.future_tolerance_s)
        self._past_tolerance = timedelta(days=settings.past_tolerance_days)

    async def hear(self, speaker: Speaker, data: bytes) -> None:
        """Take what was said; returns when all of it is stored. No bytes: silence, which ends a moment."""
        now = datetime.now(UTC)
        if speaker.device_id is None:
            await self._recognise(speaker)
        fixes = list[Fix]()
        for event in speaker.receiver.receive(data, now) if data else speaker.receiver.flush(now):
            if isinstance(event, Refused):
                self._refuse(speaker, event.reason, event.detail, event.raw, now)
            elif isinstance(event, nmea.Other):
                fixes += await self._hear_other(speaker, event.sentence, now)
            elif speaker.device_id is None:
                self._refuse(speaker, "unauthenticated", f"say ${IDENTIFY} first", event.raw, now)
            else:
                fixes.append(
                    nmea.to_fix(
                        event, speaker.device_id, now,
                        future_tolerance=self._future_tolerance, past_tolerance=self._past_tolerance,
                    )
                )  # fmt: skip
        await self._store(fixes)

    async def next_message(self, speaker: Speaker) -> bytes | None:
        """Return a waiting message as a sentence, if this terminal's card may speak now."""
        now = datetime.now(UTC)
        if speaker.device_id is None or not speaker.card.is_free(now):
            return None
        try:
            async with databases.writing(self._engine) as db:
                waiting = await messages.take_next(db, now=now)
        except UnavailableError:
            return None
        if waiting:
            speaker.card.put(rdss.text_message(waiting.card, waiting.text))
        return speaker.card.take(now)

    async def _recognise(self, speaker: Speaker) -> None:
        """Know a speaker by the address he speaks from, if the settings name it."""
        phone = self._sources.get(speaker.remote.rpartition(":")[0])
        if phone:
            known = await _patiently(partial(self._find, phone))
            speaker.device_id = known.device_id if known else None

    async def _find(self, phone: str) -> phones.Phone | None:
        async with databases.reading(self._engine) as db:
            return await phones.find(db, phone)

    async def _shown(self, token: str) -> phones.Phone | None:
        async with databases.reading(self._engine) as db:
            return await phones.identify(db, token)

    async def _keep_message(self, device_id: int, received: rdss.Received) -> None:
        async with databases.writing(self._engine) as db:
            new = await messages.keep(db, device_id, received)
            if new and received.content.text:
                await self._hear_text(db, self._settings, device_id, received.content.text, received.at)

    async def _note(self, phone: str, speaker: Speaker, protocol: str) -> None:
        """Put an unknown number on the list of those that wait for an administrator."""
        async with databases.writing(self._engine) as db:
            await fleet.register_terminal(db, fleet.Identity(phone, protocol=protocol, remote=speaker.remote))

    async def _hear_other(self, speaker: Speaker, sentence: Sentence, now: datetime) -> Sequence[Fix]:
        try:
            if sentence.address == IDENTIFY:
                await self._identify(speaker, sentence, now)
                return []
            message = rdss.read(sentence)
        except RefusedError as error:
            self._refuse(speaker, error.reason, error.detail, sentence.raw, now)
            return []
        if message is None:
            return []
        if speaker.device_id is None:
            self._refuse(speaker, "unauthenticated", f"say ${IDENTIFY} first", sentence.raw, now)
            return []
        if isinstance(message, rdss.Txr | rdss.Tci):
            return await self._receive(speaker, message, sentence, now)
        speaker.card.hear(message, now)
        return []

    async def _identify(self, speaker: Speaker, sentence: Sentence, now: datetime) -> None:
        """Believe who shows the token of the number he says."""
        phone, token, *_ = (*sentence.fields, "", "")
        shown = await _patiently(partial(self._shown, token))
        if shown and shown.phone == phone:
            speaker.device_id, speaker.trusted_until_s = shown.device_id, asyncio.get_running_loop().time() + TRUST_S
            return
        speaker.device_id = None
        hidden = b"$%b,%b,(token)" % (IDENTIFY.encode(), phone.encode("gbk", "replace")) if token else sentence.raw
        self._refuse(speaker, "unauthenticated", "the token is not that of this device", hidden, now)
        if phone.isascii() and phone.isdigit() and await _patiently(partial(self._find, phone)) is None:
            await _patiently(partial(self._note, phone, speaker, "nmea"))

    async def _receive(
        self, speaker: Speaker, message: rdss.Txr | rdss.Tci, sentence: Sentence, now: datetime
    ) -> Sequence[Fix]:
        """Take what a card said: a fix if it tells a position or calls for help, else, or besides, a text."""
        received = rdss.receive(message, now)
        phone = messages.phone_of(received.card)
        card = await _patiently(partial(self._find, phone))
        if card is None:
            self._refuse(speaker, "unknown_card", f"no device is known as {phone}", sentence.raw, now)
            if received.card:
                await _patiently(partial(self._note, phone, speaker, "rdss"))
            return []
        if received.position is None or received.calls_for_help:
            await _patiently(partial(self._keep_message, card.device_id, received))
        if received.position is None and not received.calls_for_help:
            return []
        return [
            rdss.to_fix(
                received, card.device_id, now, raw=sentence.raw,
                future_tolerance=self._future_tolerance, past_tolerance=self._past_tolerance,
            )
        ]  # fmt: skip

    async def _store(self, fixes: list[Fix]) -> None:
        """Store fixes."""
        if not fixes:
            return
        try:
            await _patiently(partial(self._pipeline.submit, fixes))
        except UnavailableError:
            LOST.inc(len(fixes))
            log.warning("sentences_lost", fixes=len(fixes))

    def _refuse(self, speaker: Speaker, reason: str, detail: str, raw: bytes, now: datetime) -> None:
        REFUSED.labels(reason).inc()
        self._keep(fleet.BadFrame(now, speaker.remote, None, reason, detail, raw))


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do something in the database; while it is away, try again for ten minutes: nobody sends a sentence twice.

    Raises:
        UnavailableError: it stayed away.
    """
    for _ in range(RETRIES):
        try:
            return await work()
        except UnavailableError:
            await asyncio.sleep(RETRY_S)
    return await work()


def read_sources(text: str) -> dict[str, str]:
    """Read the setting: which address speaks for which device.

    Raises:
        InvalidError: it is not of the form address=number, address=number.
    """
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(address.strip() and number.strip() for address, _, number in pairs):
        raise InvalidError("TIANSHU_SENTENCES_SOURCES is written 192.0.2.7=13900000001, 192.0.2.8=13900000002.")
    return {address.strip(): number.strip() for address, _, number in pairs}


class _Streams:
    """Speakers over TCP."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._writers = dict[asyncio.StreamWriter, Speaker]()
        self._tasks = set[asyncio.Task[Any]]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear one speaker until he goes, is silent for too long, or is replaced."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        speaker = Speaker("{}:{}".format(*writer.get_extra_info("peername", ("?", 0))[:2]))
        self._tasks.add(task)
        self._writers[writer] = speaker
        STREAMS.set(len(self._writers))
        try:
            if len(self._writers) <= MAX_STREAMS:
                await self._converse(reader, writer, speaker)
        except (OSError, UnavailableError) as error:
            log.info("sentences_stream_ended", error=type(error).__name__)
        finally:
            writer.close()
            self._tasks.discard(task)
            del self._writers[writer]
            STREAMS.set(len(self._writers))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, speaker: Speaker) -> None:
        silent_s = 0.0
        while silent_s < IDLE_S:
            wait_s = SETTLED_S if speaker.receiver.is_waiting else LOOK_S
            try:
                data = await asyncio.wait_for(reader.read(_BLOCK), wait_s)
            except TimeoutError:
                silent_s += wait_s
                await self._door.hear(speaker, b"")
            else:
                silent_s = 0.0
                if not data:
                    break
                await self._door.hear(speaker, data)
                self._replace(writer, speaker)
            if sentence := await self._door.next_message(speaker):
                writer.write(sentence)
                await writer.drain()
        await self._door.hear(speaker, b"")

    def _replace(self, writer: asyncio.StreamWriter, speaker: Speaker) -> None:
        """Close older connections that speak for the same device."""
        for other, older in self._writers.items():
            if other is not writer and speaker.device_id is not None and older.device_id == speaker.device_id:
                other.close()

    async def close(self) -> None:
        """Hear what has come, and part."""
        for writer in list(self._writers):
            writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


class _Datagrams(asyncio.DatagramProtocol):
    """Speakers over UDP."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._queue = asyncio.Queue[tuple[bytes, str]](MAX_DATAGRAMS)
        self._speakers = dict[str, Speaker]()  # the one heard last stands last
        self.closing = False

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Take a datagram, if there is room."""
        try:
            self._queue.put_nowait((data + b"\n", f"{addr[0]}:{addr[1]}"))
        except asyncio.QueueFull:
            LOST.inc()

    async def run(self) -> None:
        """Hear one after the other, end the moments of those that fell silent; at the close hear what is left."""
        clock = asyncio.get_running_loop().time
        while not (self.closing and self._queue.empty()):
            try:
                data, remote = await asyncio.wait_for(self._queue.get(), SETTLED_S / 2)
            except TimeoutError:
                data, remote = b"", ""
            if data:
                await self._hear(self._speaker(remote, clock()), data)
            for speaker in [each for each in self._speakers.values() if each.receiver.is_waiting]:
                if self.closing or clock() - speaker.heard_s > SETTLED_S:
                    await self._hear(speaker, b"")

    def _speaker(self, remote: str, now_s: float) -> Speaker:
        speaker = self._speakers.pop(remote, None) or Speaker(remote)
        self._speakers[remote] = speaker
        if len(self._speakers) > MAX_STREAMS:
            del self._speakers[next(iter(self._speakers))]
        speaker.heard_s = now_s
        if speaker.trusted_until_s < now_s:
            speaker.device_id = None
        return speaker

    async def _hear(self, speaker: Speaker, data: bytes) -> None:
        try:
            await self._door.hear(speaker, data)
        except UnavailableError:
            LOST.inc()


@asynccontextmanager
async def serving(
    engine: databases.Engine, settings: Settings, pipeline: Pipeline, keep: Callable[[fleet.BadFrame], None]
) -> AsyncIterator[None]:
    """Hear speakers over TCP and UDP while the block runs, if the settings name a port; `keep` takes what is refused.

    At its end what was said is stored.
    """
    if not settings.sentences_port:
        yield
        return
    host, port, loop = settings.gateway_host, settings.sentences_port, asyncio.get_running_loop()
    door = Door(engine, settings, pipeline, keep)
    streams = _Streams(door)
    server = await asyncio.start_server(streams.serve, host, port)
    transport, datagrams = await loop.create_datagram_endpoint(partial(_Datagrams, door), (host, port))
    hearing = loop.create_task(datagrams.run())
    log.info("sentences_started", port=port)
    try:
        yield
    finally:
        server.close()
        transport.close()
        await streams.close()
        datagrams.closing = True
        await hearing
