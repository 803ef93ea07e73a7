"""What happens to every batch of fixes: stored first, durably; then each watcher looks at it.

    put, submit ─┐          ┌─ commit ──> the callers are told (and acknowledge) ──> the watchers, one after the other
    put, submit ─┼─ gather ─┤            fix, newest_fix, outbox: one transaction        each in its own transaction
    put, submit ─┘  ≤ 50 ms └─ failure ─> the callers are told; nothing was stored

A watcher's transaction also takes its name off the outbox row, so every watcher handles every batch exactly once,
whatever dies in between: what is left in the outbox is run again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Self, TypeAlias

import psycopg
import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import any_, delete, exc, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix
from services import alerts, areas, exchange, tracks
from services.db import engine as databases
from services.db import partitions
from services.db.engine import WriteSession
from services.db.tables.tracks import Outbox
from services.errors import InvalidError, UnavailableError
from services.settings import Settings

STORED = Counter("tianshu_fixes_stored_total", "Fixes committed")
REPEATED = Counter("tianshu_fixes_repeated_total", "Fixes that had been stored before")
REFUSED = Counter("tianshu_fixes_refused_total", "Fixes that could not be stored and were not acknowledged")
COMMIT_S = Histogram("tianshu_batch_commit_seconds", "Time a batch takes from the end of gathering to its commit")
WATCHER_FAILURES = Counter("tianshu_watcher_failures_total", "Batches that a watcher failed on", ["watcher"])

SWEEP_EVERY_S = 5.0
PAUSE_AWAY_S = 0.5  # after a failed commit, before the next attempt
MAX_UNWATCHED = 50_000  # fixes that may wait for the watchers before storing waits too
_GATHER_STEPS = 5  # gathering ends early when nothing came for this part of the window
_SWEEP_ROWS = 50

_AWAY = (databases.DatabaseAwayError, psycopg.OperationalError, psycopg.InterfaceError, OSError)
_FAILED = (*_AWAY, psycopg.Error, exc.SQLAlchemyError, InvalidError)

Done: TypeAlias = Callable[[Exception | None], None]
Chunk: TypeAlias = tuple[Sequence[Fix], Done]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who looks at every stored batch: a name for the outbox, what to do, whether the settings want it."""

    name: str
    handle: Callable[[WriteSession, Sequence[Fix], Settings], Awaitable[None]]
    wanted: Callable[[Settings], bool] = lambda _: True


WATCHERS = (
    Watcher("areas", areas.watch),
    Watcher("alarms", alerts.watch_alarms),
    Watcher("exchange", exchange.queue, lambda settings: settings.upper_url is not None),
)


class NotStoredError(UnavailableError):
    """The fixes are not in the database; sending them again is safe."""


class Pipeline:
    """Gathers the fixes of all callers in this process into batches. Works while the block of `running` does."""

    def __init__(self, engine: AsyncEngine, settings: Settings, watchers: Sequence[Watcher] = WATCHERS) -> None:
        """Choose the database, the size of the batches, and the watchers in their order."""
        self._engine, self._settings = engine, settings
        self._watchers = [watcher for watcher in watchers if watcher.wanted(settings)]
        self._chunks = deque[Chunk]()
        self.waiting = 0  # fixes that are not committed yet
        self._arrived = asyncio.Event()
        self._closing = self._all_stored = False
        self._days = set[date]()
        self._unwatched: dict[int, Sequence[Fix]] = {}  # by outbox id, in order
        self._stored, self._watched = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Store and watch while the block runs; at its end what was put is stored and watched before it returns."""
        async with asyncio.TaskGroup() as tasks:
            storing = tasks.create_task(self._store_on())
            watching = tasks.create_task(self._watch_on())
            sweeping = tasks.create_task(self._sweep_on())
            try:
                yield self
            finally:
                self._closing = True
                self._arrived.set()
                await storing
                self._all_stored = True
                self._stored.set()
                await watching
                sweeping.cancel()

    def put(self, fixes: Sequence[Fix], done: Done) -> None:
        """Hand over fixes; `done` is called after their commit with None, or with what prevented it, in order."""
        self._chunks.append((fixes, done))
        self.waiting += len(fixes)
        self._arrived.set()

    async def submit(self, fixes: Sequence[Fix]) -> None:
        """Return after the commit that holds the fixes.

        Raises:
            NotStoredError: the database is away or refused them.
        """
        future = asyncio.get_running_loop().create_future()
        self.put(fixes, partial(_resolve, future))
        await future

    async def run_outbox_once(self) -> int:
        """Show watchers the batches they have not handled, oldest first; return how many rows were looked at."""
        seen, last_id = 0, 0
        while rows := await self._left_over(last_id):
            for row in rows:
                if row.id not in self._unwatched:
                    seen += 1
                    await self._run_again(row)
            last_id = rows[-1].id
        return seen

    async def _store_on(self) -> None:
        while not (self._closing and not self._chunks):
            await self._arrived.wait()
            await self._gather()
            await self._settle(self._take())
            while sum(map(len, self._unwatched.values())) > MAX_UNWATCHED:
                self._watched.clear()
                await self._watched.wait()

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
                    await self._store(fixes)
        except _AWAY as error:
            log.warning("batch_not_stored", fixes=len(fixes), error=type(error).__name__)
            self._tell(chunks, NotStoredError("The database is away; nothing was stored."))
            await asyncio.sleep(PAUSE_AWAY_S)
        except _FAILED as error:
            if len(chunks) > 1:
                await self._settle(chunks[: len(chunks) // 2])
                await self._settle(chunks[len(chunks) // 2 :])
                return
            log.warning("batch_refused", fixes=len(fixes), error=type(error).__name__)
            self._tell(chunks, NotStoredError("The database refused the data; nothing was stored."))
        else:
            self._tell(chunks, None)

    def _tell(self, chunks: list[Chunk], error: Exception | None) -> None:
        count = sum(len(fixes) for fixes, _ in chunks)
        self.waiting -= count
        if error:
            REFUSED.inc(count)
        for _, done in chunks:
            done(error)

    async def _store(self, fixes: Sequence[Fix]) -> None:
        try:
            await self._store_once(fixes)
        except _AWAY:  # a stale connection, a deadlock, or a lost answer to COMMIT: storing again adds nothing twice
            await self._store_once(fixes)

    async def _store_once(self, fixes: Sequence[Fix]) -> None:
        days = {fix.at.date() for fix in fixes} - self._days
        if days:
            await partitions.ensure(self._engine, days)
            self._days |= days
        async with databases.writing(self._engine) as db:
            stored = await tracks.store(db, fixes)
            outbox_id = await self._note(db, stored) if stored and self._watchers else None
        new = len(stored.fixes) if stored else 0
        STORED.inc(new)
        REPEATED.inc(len(fixes) - new)
        if stored and outbox_id:
            self._unwatched[outbox_id] = stored.fixes
            self._stored.set()

    async def _note(self, db: WriteSession, stored: tracks.Stored) -> int:
        row = insert(Outbox).values(
            received_at=stored.received_at, device_ids=stored.device_ids, first_at=stored.first_at,
            last_at=stored.last_at, pending=[watcher.name for watcher in self._watchers],
        )  # fmt: skip
        return int((await db.execute(row.returning(Outbox.id))).scalar_one())

    async def _watch_on(self) -> None:
        """Show the watchers what was stored; batches that piled up meanwhile are shown together."""
        while not (self._all_stored and not self._unwatched):
            await self._stored.wait()
            batches = dict(self._unwatched)
            for watcher in self._watchers:
                await self._show(watcher, batches)
            for outbox_id in batches:
                del self._unwatched[outbox_id]
            self._watched.set()
            if not self._unwatched and not self._all_stored:
                self._stored.clear()

    async def _show(self, watcher: Watcher, batches: Mapping[int, Sequence[Fix]]) -> None:
        """Let a watcher handle batches and tick them off, in one transaction; those it has handled are left out."""
        mine = update(Outbox).where(Outbox.id.in_(batches), literal(watcher.name) == any_(Outbox.pending))
        ticked = mine.values(pending=func.array_remove(Outbox.pending, watcher.name)).returning(Outbox.id)
        try:
            async with databases.writing(self._engine) as db:
                ids = sorted((await db.execute(ticked)).scalars())
                fixes = [fix for outbox_id in ids for fix in batches[outbox_id]]
                if fixes:
                    await watcher.handle(db, fixes, self._settings)
                await db.execute(delete(Outbox).where(Outbox.id.in_(ids), func.cardinality(Outbox.pending) == 0))
        except Exception:  # whatever a watcher raises, the others and the storing go on
            WATCHER_FAILURES.labels(watcher.name).inc()
            log.warning("watcher_failed", watcher=watcher.name, outbox_ids=list(batches), exc_info=True)

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self.run_outbox_once()
            except _FAILED as error:
                log.warning("outbox_not_swept", error=type(error).__name__)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _left_over(self, after_id: int) -> Sequence[Outbox]:
        async with databases.reading(self._engine) as db:
            rows = select(Outbox).where(Outbox.id > after_id).order_by(Outbox.id).limit(_SWEEP_ROWS)
            return (await db.execute(rows)).scalars().all()

    async def _run_again(self, row: Outbox) -> None:
        async with databases.reading(self._engine) as db:
            fixes = await tracks.read_batch(db, row.received_at, row.device_ids, row.first_at, row.last_at)
        known = {watcher.name: watcher for watcher in self._watchers}
        for name in row.pending:
            await self._show(known.get(name, Watcher(name, _look_away)), {row.id: fixes})


async def ensure_partitions(engine: AsyncEngine, now: datetime) -> None:
    """Make the partitions of today and the coming days, so that no fix has to wait for one."""
    await partitions.ensure_coming(engine, now)


async def _look_away(_db: WriteSession, _fixes: Sequence[Fix], _settings: Settings) -> None:
    """Stand in for a watcher that an older version wrote into the outbox and that no longer exists."""


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():  # the caller gave up waiting
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)
