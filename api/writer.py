"""The writer: takes batches of fixes from the bus, stores them in PostgreSQL and shows them to the watchers.

Several may run, here or on other machines. A message is acknowledged after the commit that holds its fixes; what can't
be stored goes, fix by fix, to a subject of its own, where it stays for people to look at.
"""

import asyncio
import signal

import structlog
from nats.aio.msg import Msg
from prometheus_client import Counter

from api import page
from geo.fix import Fix
from services import bus
from services.db import engine as databases
from services.db.security import DbRole
from services.errors import UnavailableError
from services.pipeline import WATCHERS, NotStoredError, Pipeline, UnstorableError
from services.settings import Settings
from services.storing import AwayError, Storehouse

AT_ONCE = 64  # messages in work
AGAIN_S = 1.0  # what was not stored is offered again after this long
WRITTEN = Counter("tianshu_writer_messages_total", "Messages from the bus by what became of them", ["outcome"])

log = structlog.get_logger()


class NoBusError(UnavailableError):
    """The settings name no bus."""


class Writer:
    """Takes messages as long as it runs."""

    def __init__(self, source: bus.Bus, pipeline: Pipeline) -> None:
        """Choose where from and where to."""
        self._bus, self._pipeline = source, pipeline
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, stop: asyncio.Event) -> None:
        """Write until told to stop, then finish what was taken."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                async with self._room:
                    messages = await self._bus.fetch(AT_ONCE // 2)
                for message in messages:
                    await self._room.acquire()
                    tasks.create_task(self._write(message))

    async def _write(self, message: Msg) -> None:
        try:
            outcome = await self._store(message)
            WRITTEN.labels(outcome).inc()
        except (NotStoredError, AwayError):
            WRITTEN.labels("again").inc()
            await bus.tell(message.nak(delay=AGAIN_S))
        else:
            await bus.tell(message.ack())
        finally:
            self._room.release()

    async def _store(self, message: Msg) -> str:
        try:
            fixes = bus.decode(message.data)
        except bus.DamagedError:
            await self._set_aside(message.data)
            return "damaged"
        try:
            await self._pipeline.submit(fixes)
        except UnstorableError:
            for fix in fixes:
                await self._store_alone(fix)
            return "refused"
        return "stored"

    async def _store_alone(self, fix: Fix) -> None:
        try:
            await self._pipeline.submit([fix])
        except UnstorableError:
            await self._set_aside(*bus.encode([fix]))

    async def _set_aside(self, message: bytes) -> None:
        log.warning("fixes_set_aside", bytes=len(message))
        await self._bus.publish(bus.REFUSED, message)


async def run(settings: Settings) -> None:
    """Write until SIGTERM or SIGINT.

    Raises:
        NoBusError: the settings name no bus.
    """
    if settings.bus_url is None:
        raise NoBusError("A writer reads from a bus: set TIANSHU_BUS_URL.")
    engine = databases.make_engine(settings.database_address, DbRole.INGEST)
    source = bus.Bus(settings.bus_url.get_secret_value())
    pipeline = Pipeline(engine, settings, store=Storehouse(engine, settings, WATCHERS))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with source.running(), pipeline.running():
            health = await page.start("127.0.0.1", settings.writer_port)
            log.info("writer_started")
            await Writer(source, pipeline).run(stop)
            health.close()
    finally:
        await engine.dispose()
    log.info("writer_stopped")
