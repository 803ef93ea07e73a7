"""All terminals of this process: who is signed in, back-pressure, silence, start and stop."""

import asyncio
import gc
import signal
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

import structlog

from api import page, sentences
from api.gateway import counters, datagrams
from api.gateway.connection import Connection
from api.gateway.errands import Messenger
from api.gateway.ownership import Ownership
from api.quarantine import Quarantine
from geo.fix import Fix
from services import alerts, areas, fleet, media, owners
from services.db import engine as databases
from services.db.security import DbRole
from services.errors import UnavailableError
from services.ingest.jt808 import events
from services.ingest.jt808.framing import Version
from services.pipeline import WATCHERS, Pipeline, Watcher
from services.settings import Settings

IDLE_S = 600.0  # silence after which a terminal is taken for gone: twice the longest usual heartbeat
STUCK_S = 60.0  # a terminal that has not read its answers for this long is taken for gone
MAX_BATCHES = 4  # full batches that may wait for their commit before no socket is read
BACKLOG = 1024
_LOOK_ROUND_S = 5.0
_GOODBYE_S = 5.0

log = structlog.get_logger()


class Gateway:
    """The TCP server and what its connections share."""

    def __init__(self, engine: databases.Engine, settings: Settings, watchers: Sequence[Watcher] = WATCHERS) -> None:
        """Choose the database and the watchers of stored fixes."""
        self._engine, self._settings = engine, settings
        self.pipeline = Pipeline(engine, settings, watchers)
        self.future_tolerance = timedelta(seconds=settings.future_tolerance_s)
        self.past_tolerance = timedelta(days=settings.past_tolerance_days)
        self.time = asyncio.get_running_loop().time
        self.port = 0
        self._max_waiting = MAX_BATCHES * settings.batch_max_fixes
        self._quarantine = Quarantine(engine)
        self.keep = self._quarantine.add
        self._connections = set[Connection]()
        self._signed_in: dict[int, Connection] = {}
        self.ownership = Ownership(engine, self._signed_in, self._lose)
        self._held = set[Connection]()
        self._messenger = Messenger(engine, settings, self._signed_in)
        self.settle = self._messenger.settle
        self._one_left = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Accept terminals while the block runs; at its end commit and answer what they have sent."""
        chosen, connect = self._settings, partial(Connection, self)
        async with (
            asyncio.TaskGroup() as tasks,
            datagrams.listening(chosen.gateway_host, chosen.gateway_udp_port, connect),
            self.pipeline.running(),
        ):
            server = await asyncio.get_running_loop().create_server(
                connect, chosen.gateway_host, chosen.gateway_port, backlog=BACKLOG, ssl=_tls(chosen)
            )
            self.port = server.sockets[0].getsockname()[1]
            self.ownership.begin(self.port)
            work = (self._quarantine.run(), self._look_round(), self.ownership.run(), self._messenger.run())
            chores = [tasks.create_task(chore) for chore in work]
            try:
                yield self
            finally:
                server.close()
                for connection in self._connections:
                    connection.hold("closing")
                for chore in chores:
                    chore.cancel()
                await self._quarantine.flush()
        await self._part()
        await self.ownership.leave()

    # -- what a connection asks for ------------------------------------------------------------------------------------

    def greet(self, connection: Connection) -> None:
        """Know a new connection."""
        self._connections.add(connection)
        counters.CONNECTIONS.set(len(self._connections))

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        self._held.discard(connection)
        self._one_left.set()
        if connection.device_id is not None and self._signed_in.get(connection.device_id) is connection:
            del self._signed_in[connection.device_id]
            self.ownership.release(connection.device_id, connection.claim)
        counters.CONNECTIONS.set(len(self._connections))
        counters.SIGNED_IN.set(len(self._signed_in))

    def is_full(self) -> bool:
        """Say whether more fixes wait for their commit than four batches hold."""
        return self.pipeline.waiting > self._max_waiting

    def hold(self, connection: Connection) -> None:
        """Leave a connection unread until the pipeline has room."""
        self._held.add(connection)
        connection.hold("full")

    def relieve(self) -> None:
        """Read again from those left unread, if there is room."""
        if self._held and not self.is_full():
            held, self._held = self._held, set()
            for connection in held:
                connection.release("full")

    def refuse(self, connection: Connection, event: events.Refused, now: datetime) -> None:
        """Count a frame that was not accepted and keep it if there is room."""
        counters.REFUSED.labels(event.reason).inc()
        self._quarantine.add(
            fleet.BadFrame(now, connection.remote, event.phone, event.reason, event.detail, event.frame)
        )

    async def register(self, who: fleet.Identity) -> str | fleet.Answer:
        """Return a new authentication code, or why the terminal gets none."""
        async with databases.writing(self._engine) as db:
            outcome = await fleet.register_terminal(db, who)
        counters.REGISTRATIONS.labels("ok" if isinstance(outcome, str) else outcome.value).inc()
        return outcome

    async def authenticate(
        self, phone: str, code: str, imei: str, remote: str
    ) -> tuple[int, Version | None, int] | None:
        """Return the device whose code this is, its edition, and our claim to it among all gateways; or None."""
        async with databases.writing(self._engine) as db:
            known = await fleet.authenticate_terminal(db, phone, code, imei)
            claim = 0
            if known:
                claim = await owners.claim_session(db, known[0], self.ownership.gateway_id, remote, known[1])
        counters.AUTHENTICATIONS.labels("ok" if known else "failed").inc()
        return (known[0], Version(known[1]) if known[1] else None, claim) if known else None

    async def unregister(self, device_id: int) -> None:
        """Forget the code of a device."""
        async with databases.writing(self._engine) as db:
            await fleet.unregister_terminal(db, device_id)

    async def keep_medium(self, taken: media.Taken, fixes: list[Fix]) -> bool:
        """Return after the commit of a medium and of where it was taken; say whether there was room for its bytes."""
        await self.pipeline.submit(fixes)
        async with databases.writing(self._engine) as db:
            has_room = await media.keep(db, self._settings, taken)
        if not has_room:
            counters.REFUSED.labels(media.NO_ROOM).inc()
        return has_room

    async def sign_in(self, connection: Connection, device_id: int, claim: int) -> None:
        """Let a connection speak for a device; an older connection that did so before is closed."""
        if connection not in self._connections:  # it left while the database was asked
            self.ownership.release(device_id, claim)
            return
        if connection.device_id not in (None, device_id):
            self._signed_in.pop(connection.device_id, None)
            self.ownership.release(connection.device_id, connection.claim)
        areas.forget(self._engine, device_id)
        older = self._signed_in.get(device_id)
        connection.device_id = device_id
        connection.claim = max(claim, older.claim if older else 0)  # of two that signed in at once, the last one stands
        self._signed_in[device_id] = connection
        counters.SIGNED_IN.set(len(self._signed_in))
        if older is not None and older is not connection:
            await self._take_over(device_id, older, connection.remote)

    # -- chores --------------------------------------------------------------------------------------------------------

    async def _lose(self, device_id: int, remote: str) -> None:
        """Close the connection of a device that has signed in at another gateway."""
        await self._take_over(device_id, self._signed_in.pop(device_id), remote)

    async def _take_over(self, device_id: int, older: Connection, remote: str) -> None:
        older.close("taken_over")
        counters.TAKEOVERS.inc()
        log.info("device_taken_over", device_id=device_id)
        await self._raise_takeover(device_id, older.remote, remote)

    async def _raise_takeover(self, device_id: int, old: str, new: str) -> None:
        """Alert when the device now speaks from another host; once an hour at most."""
        old_host, new_host = old.rpartition(":")[0], new.rpartition(":")[0]
        if old_host == new_host:
            return
        now = datetime.now(UTC)
        key = f"device_takeover:{device_id}:{now:%Y%m%d%H}"
        try:
            async with databases.writing(self._engine) as db:
                await alerts.raise_alert(
                    db, key=key, kind="device_takeover", severity="warning", at=now, device_id=device_id,
                    detail={"from": old_host, "to": new_host},
                )  # fmt: skip
        except UnavailableError:
            log.warning("takeover_not_raised", device_id=device_id)

    async def _look_round(self) -> None:
        """Close the connections of terminals that are gone without a word."""
        while True:
            await asyncio.sleep(_LOOK_ROUND_S)
            now_s = self.time()
            for connection in list(self._connections):
                if connection.stuck_s is not None and now_s - connection.stuck_s > STUCK_S:
                    connection.abort("stuck")
                elif now_s - connection.heard_s > IDLE_S:
                    connection.close("idle")
                else:
                    connection.look_round(datetime.now(UTC))

    async def _part(self) -> None:
        """Close every connection once its answers are written."""
        for connection in list(self._connections):
            connection.close("stopping")
        try:
            async with asyncio.timeout(_GOODBYE_S):
                while self._connections:
                    self._one_left.clear()
                    await self._one_left.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort("stopping")


def spare_collector() -> None:
    """Keep Python's cycle collector from walking through everything after every batch.

    What stands now stays, and what batches are made of holds no cycles: it goes by itself.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Return how the TCP port encrypts, if it does."""
    if settings.gateway_tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.gateway_tls_cert, settings.gateway_tls_key)
    return context


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then commit and answer what came, and return."""
    engine = databases.make_engine(settings.database_address, DbRole.INGEST)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with (
            Gateway(engine, settings).serving() as gateway,
            sentences.serving(engine, settings, gateway.pipeline, gateway.keep),
        ):
            health = await page.start("127.0.0.1", settings.metrics_port)
            spare_collector()
            log.info("gateway_started", port=gateway.port)
            await stop.wait()
            health.close()
    finally:
        await engine.dispose()
    log.info("gateway_stopped")
