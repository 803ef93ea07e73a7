"""The MQTT door: fixes of phone apps and trackers, a topic per device, acknowledged after the commit.

    tianshu/fix/PHONE    the JSON of POST /fixes, QoS 1; the broker's access list says who may write where

What could not be stored stays unacknowledged: the session is dropped and the broker sends it again.
"""

import asyncio
import signal
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from prometheus_client import Counter

from api import phones
from geo.fix import Fix, Source
from services import fleet
from services import phones as service
from services.db import engine as databases
from services.db.security import DbRole
from services.errors import InvalidError, NotAllowedError, Saying, UnavailableError
from services.pipeline import Pipeline
from services.settings import Settings

TOPICS = "tianshu/fix/+"
CLIENT_ID = "tianshu"
KEPT_S = 24 * 3600  # how long the broker keeps what comes while we are away
WINDOW = 1000  # messages the broker sends before the first is acknowledged
RETRY_S = 5.0
AT_LEAST_ONCE = 1
MAX_KEPT_BYTES = 4096  # of a payload that was not understood

MESSAGES = Counter("tianshu_mqtt_messages_total", "Messages from the broker by what became of them", ["outcome"])

log = structlog.get_logger()


class BadBrokerUrlError(InvalidError):
    """TIANSHU_MQTT_URL is not understood."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and who we are to it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    secure: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read mqtt://USER:PASSWORD@host:port, or mqtts:// for TLS.

        Raises:
            BadBrokerUrlError: it is not of this form; the password is not repeated.
        """
        with suppress(ValueError):
            parts = urlsplit(url)
            if parts.scheme in {"mqtt", "mqtts"} and parts.hostname:
                secure = parts.scheme == "mqtts"
                name, password = (unquote(part) if part else None for part in (parts.username, parts.password))
                return cls(parts.hostname, parts.port or (8883 if secure else 1883), name, password, secure)
        raise BadBrokerUrlError("TIANSHU_MQTT_URL is mqtt://USER:PASSWORD@host:port, or mqtts:// for TLS.")


class Client(aiomqtt.Client):
    """A client that acknowledges a message when it is told to, not when it comes."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        """Keep the session at the broker while we are away."""
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval, kept.ReceiveMaximum = KEPT_S, WINDOW
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=kept,
            tls_context=ssl.create_default_context() if broker.secure else None,
        )
        self._client.manual_ack_set(True)

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that the message is safe."""
        self._client.ack(message.mid, message.qos)


class Door:
    """Reads the topics of all devices."""

    def __init__(
        self,
        engine: databases.Engine,
        settings: Settings,
        pipeline: Pipeline,
        broker: Broker,
        *,
        client_id: str = CLIENT_ID,
        retry_s: float = RETRY_S,
    ) -> None:
        """Choose the database, the pipeline that runs, and the broker."""
        self._engine, self._settings, self._pipeline, self._broker = engine, settings, pipeline, broker
        self._client_id, self._retry_s = client_id, retry_s

    async def run(self) -> None:
        """Read for ever; after a failure of broker or database begin again where it was left."""
        while True:
            try:
                await self._read()
            except (aiomqtt.MqttError, UnavailableError, OSError) as error:
                log.warning("mqtt_interrupted", error=type(error).__name__)
            await asyncio.sleep(self._retry_s)

    async def _read(self) -> None:
        async with Client(self._broker, self._client_id) as client:
            await client.subscribe(TOPICS, qos=AT_LEAST_ONCE)
            log.info("mqtt_subscribed")
            async for message in client.messages:
                batch = [message]
                while len(client.messages):
                    batch.append(await anext(client.messages))
                await self._take(batch)
                for each in batch:
                    client.acknowledge(each)

    async def _take(self, batch: Sequence[aiomqtt.Message]) -> None:
        """Return when everything in these messages that is a fix is committed.

        Raises:
            UnavailableError: it is not; nothing may be acknowledged.
        """
        now, fixes = datetime.now(UTC), list[Fix]()
        for message in batch:
            fixes += await self._fixes(message, now)
        if fixes:
            await self._pipeline.submit(fixes)

    async def _fixes(self, message: aiomqtt.Message, now: datetime) -> list[Fix]:
        """The fixes in a message; what is none is kept in the quarantine, with the reason."""
        number, payload = str(message.topic).rpartition("/")[2], _bytes(message.payload)
        async with databases.reading(self._engine) as db:
            phone = await service.find(db, number)
        if phone is None:
            MESSAGES.labels("unknown_device").inc()
            async with databases.writing(self._engine) as db:
                await fleet.note_pending(db, fleet.Identity(number[:20], protocol="mqtt", remote="mqtt"))
            return []
        try:
            if len(payload) > phones.MAX_BYTES:
                raise InvalidError("A message holds {most} bytes at most.", most=phones.MAX_BYTES)  # noqa: TRY301  with the others
            told = phones.read_fixes(payload, phone, self._settings, now, Source.MQTT)
        except (InvalidError, NotAllowedError) as error:
            MESSAGES.labels("refused").inc()
            await self._keep(number, payload, error.sentence, now)
            return []
        if told.rejected:
            what = "; ".join(f"{each.index}: {each.reason}" for each in told.rejected)[:1000]
            await self._keep(number, payload, Saying("{count} fixes: {what}", count=len(told.rejected), what=what), now)
        MESSAGES.labels("taken").inc()
        return told.fixes

    async def _keep(self, number: str, payload: bytes, detail: str, now: datetime) -> None:
        bad = fleet.BadFrame(now, "mqtt", number, "body", detail, payload[:MAX_KEPT_BYTES])
        async with databases.writing(self._engine) as db:
            await fleet.quarantine(db, [bad])


async def run(settings: Settings) -> None:
    """Read from the broker until SIGTERM or SIGINT; what is not committed then comes again.

    Raises:
        BadBrokerUrlError: no broker is named, or its address is not understood.
    """
    broker = Broker.parse(settings.mqtt_url.get_secret_value() if settings.mqtt_url else "")
    engine = databases.make_engine(settings.database_address, DbRole.INGEST)
    try:
        async with Pipeline(engine, settings).running() as pipeline:
            reading = asyncio.create_task(Door(engine, settings, pipeline, broker).run())
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, reading.cancel)
            with suppress(asyncio.CancelledError):
                await reading
    finally:
        await engine.dispose()
    log.info("mqtt_stopped")


def _bytes(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()
