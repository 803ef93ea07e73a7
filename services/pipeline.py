"""What happens to every batch of fixes: stored first, durably; then each watcher looks at it.

    put, submit ─┐          ┌─ durable ─> the callers are told (and acknowledge) ──> the watchers, one after the other
    put, submit ─┼─ gather ─┤             fix, newest_fix, outbox: one transaction       each in its own transaction
    put, submit ─┘  ≤ 50 ms └─ failure ─> the callers are told; nothing was stored

Who makes a batch durable is a `Store`: PostgreSQL (`storing`), which also shows it to the watchers, or a stream (`bus`)
from which writers take it to a pipeline of their own on PostgreSQL.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Protocol, Self, TypeAlias

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix
from services import alerts, areas, bus, clones, exchange, storing
from services.db import partitions
from services.db.engine import WriteSession
from services.errors import UnavailableError
from services.settings import Settings
from services.storing import Watcher as Watcher

REFUSED = Counter("tianshu_fixes_refused_total", "Fixes that could not be stored and were not acknowledged")
COMMIT_S = Histogram("tianshu_batch_commit_seconds", "Time a batch takes from the end of gathering to its commit")

PAUSE_AWAY_S = 0.5  # after a failed commit, before the next attempt
_GATHER_STEPS = 5  # gathering ends early when nothing came for this part of the window

Done: TypeAlias = Callable[[Exception | None], None]
Chunk: TypeAlias = tuple[Sequence[Fix], Done]
log = structlog.get_logger()


async def _watch_duty(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:
    """Let dispatch heed what terminals say of their units."""
    from services import dispatch  # noqa: PLC0415  see _is_duty_wanted

    await dispatch.watch_duty(db, fixes, settings)


def _is_duty_wanted(settings: Settings) -> bool:
    """Say whether dispatch is to be asked; if so, load it now: 40 MB that most gateways spare."""
    if settings.unit_duty_from_device:
        from services import dispatch  # noqa: F401, PLC0415
    return settings.unit_duty_from_device


WATCHERS = (
    Watcher("areas", areas.watch, catch_up=areas.catch_up, forget=areas.forget),
    Watcher("alarms", alerts.watch_alarms),
    Watcher("clones", clones.watch),
    Watcher("duty", _watch_duty, _is_duty_wanted),
    Watcher("exchange", exchange.queue, lambda settings: settings.upper_url is not None),
)


class NotStoredError(UnavailableError):
    """The fixes are not in the database; sending them again is safe."""


class UnstorableError(NotStoredError):
    """The fixes can't be stored as they are, however often they are sent."""


class Store(Protocol):
    """Makes batches durable."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Work while the block runs; at its end finish what was stored."""

    async def store(self, fixes: Sequence[Fix]) -> None:
        """Return when the fixes are durable; raise AwayError to be asked again, RefusedError for what never will be."""

    async def has_room(self) -> None:
        """Return when more may be stored."""


class Pipeline:
    """Gathers the fixes of all callers in this process into batches. Works while the block of `running` does."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: Settings,
        watchers: Sequence[Watcher] = WATCHERS,
        *,
        store: Store | None = None,
    ) -> None:
        """Choose the database, the size of the batches, the watchers in their order; a store other than the usual."""
        self._settings = settings
        self._store = store or _choose_store(engine, settings, watchers)
        self._chunks = deque[Chunk]()
        self.waiting = 0  # fixes that are not committed yet
        self._arrived = asyncio.Event()
        self._closing = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Store and watch while the block runs; at its end what was put is stored and watched before it returns."""
        async with self._store.running(), asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._store_on())
            try:
                yield self
            finally:
                self._closing = True
                self._arrived.set()
                await work

    def put(self, fixes: Sequence[Fix], done: Done) -> None:
        """Hand over fixes; `done` is called after their commit with None, or with what prevented it, in order."""
        self._chunks.append((fixes, done))
        self.waiting += len(fixes)
        self._arrived.set()

    async def submit(self, fixes: Sequence[Fix]) -> None:
        """Return after the commit that holds the fixes.

        Raises:
            NotStoredError: the database is away; or UnstorableError: it refused them.
        """
        future = asyncio.get_running_loop().create_future()
        self.put(fixes, partial(_resolve, future))
        await future

    async def _store_on(self) -> None:
        while not (self._closing and not self._chunks):
            await self._arrived.wait()
            await self._gather()
            await self._settle(self._take())
            await self._store.has_room()

    async def _gather(self) -> None:
        """Wait until the batch is full, the window is over, or nobody has sent anything for a fifth of it."""
        step_s, seen = self._settings.batch_window_ms / 1000 / _GATHER_STEPS, -1
        for _ in range(_GATHER_STEPS):
            if self._closing or not seen < self.waiting < self._settings.batch_max_fixes:
                return
            seen = self.waiting
            await asyncio.sleep(step_s)

    def _take(self) -> list[Chunk]:
        taken, count = list[Chunk](), 0
        while self._chunks and (not taken or count + len(self._chunks[0][0]) <= self._settings.batch_max_fixes):
            taken.append(self._chunks.popleft())
            count += len(taken[-1][0])
        if not self._chunks and not self._closing:
            self._arrived.clear()
        return taken

    async def _settle(self, chunks: list[Chunk]) -> None:
        """Commit chunks together; if the data is refused, half by half, so that nobody suffers for another's fix."""
        fixes = [fix for chunk, _ in chunks for fix in chunk]
        try:
            if fixes:
                with COMMIT_S.time():
                    await self._store.store(fixes)
        except storing.AwayError as error:
            log.warning("batch_not_stored", fixes=len(fixes), error=type(error.__cause__).__name__)
            self._tell(chunks, NotStoredError(error.sentence))
            await asyncio.sleep(PAUSE_AWAY_S)
        except storing.RefusedError as error:
            if len(chunks) > 1:
                await self._settle(chunks[: len(chunks) // 2])
                await self._settle(chunks[len(chunks) // 2 :])
                return
            log.warning("batch_refused", fixes=len(fixes), error=type(error.__cause__).__name__)
            self._tell(chunks, UnstorableError(error.sentence))
        else:
            self._tell(chunks, None)

    def _tell(self, chunks: list[Chunk], error: Exception | None) -> None:
        count = sum(len(fixes) for fixes, _ in chunks)
        self.waiting -= count
        if error:
            REFUSED.inc(count)
        for _, done in chunks:
            done(error)


def _choose_store(engine: AsyncEngine, settings: Settings, watchers: Sequence[Watcher]) -> Store:
    if settings.bus_url is not None:
        return bus.Publisher(settings.bus_url.get_secret_value())
    return storing.Storehouse(engine, settings, watchers)


async def ensure_partitions(engine: AsyncEngine, now: datetime) -> None:
    """Make the partitions of today and the coming days, so that no fix has to wait for one."""
    await partitions.ensure_coming(engine, now)


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():  # the caller gave up waiting
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)
