"""Where batches of fixes are kept: PostgreSQL, in one transaction each; then each watcher looks at what was new.

A watcher's transaction also takes its name off the outbox row, so every watcher handles every batch exactly once,
whatever dies in between: what is left in the outbox is run again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

import psycopg
import psycopg.errors
import structlog
from prometheus_client import Counter
from sqlalchemy import ColumnElement, any_, delete, exc, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix
from services import clocks, tracks
from services.db import engine as databases
from services.db import partitions
from services.db.engine import ReadSession, WriteSession
from services.db.tables.tracks import Outbox
from services.errors import InvalidError, TianshuError, UnavailableError
from services.settings import Settings

STORED = Counter("tianshu_fixes_stored_total", "Fixes committed")
REPEATED = Counter("tianshu_fixes_repeated_total", "Fixes that had been stored before")
WATCHER_FAILURES = Counter("tianshu_watcher_failures_total", "Batches that a watcher failed on", ["watcher"])

SWEEP_EVERY_S = 5.0
MAX_UNWATCHED = 50_000  # fixes that may wait for the watchers before storing waits too
_SWEEP_ROWS = 50

_AWAY = (databases.DatabaseAwayError, psycopg.OperationalError, psycopg.InterfaceError, OSError)
_BARRED = (databases.RowRefusedError, psycopg.errors.InsufficientPrivilege)
_FAILED = (*_AWAY, psycopg.Error, exc.SQLAlchemyError, TianshuError)

log = structlog.get_logger()


class AwayError(UnavailableError):
    """What keeps the fixes does not answer; sending them again is safe."""


class RefusedError(InvalidError):
    """The fixes can't be kept as they are; nothing of the batch was."""


class _OthersError(Exception):
    """A watcher failed on batches of which some were another process's."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who looks at every stored batch: a name for the outbox, what to do, whether the settings want it."""

    name: str
    handle: Callable[[WriteSession, Sequence[Fix], Settings], Awaitable[None]]
    wanted: Callable[[Settings], bool] = lambda _: True
    catch_up: Callable[[WriteSession, Sequence[Fix], Settings], Awaitable[None]] | None = None
    """Handles, first, the fixes that came after newer ones of their device; None: they go with the others."""
    forget: Callable[[AsyncEngine, int], None] | None = None
    """Forgets what this process remembers of a device, when another has handled a batch of it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit added, and when the newest position was before it, of devices that sent something older."""

    fixes: Sequence[Fix]
    overtaken: Mapping[int, datetime]

    @classmethod
    def of(cls, fixes: Sequence[Fix], overtaken: Mapping[str, str]) -> Self:
        """Read what stands in the outbox."""
        return cls(fixes, {int(device): datetime.fromisoformat(at) for device, at in overtaken.items()})

    def late(self) -> list[Fix]:
        """Return the fixes that are older than the newest one was."""
        return [fix for fix in self.fixes if fix.device_id in self.overtaken and fix.at < self.overtaken[fix.device_id]]


class Storehouse:
    """Stores batches in PostgreSQL and shows them to watchers. Works while the block of `running` does."""

    def __init__(self, engine: AsyncEngine, settings: Settings, watchers: Sequence[Watcher]) -> None:
        """Choose the database and the watchers in their order."""
        self._engine, self._settings = engine, settings
        self._watchers = [watcher for watcher in watchers if watcher.wanted(settings)]
        self._closing = False
        self._days = set[date]()
        self._skewed = frozenset[int]()  # devices whose clocks are wrong
        self._unwatched: dict[int, Batch] = {}  # by outbox id, in order
        self._stored, self._watched = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch while the block runs; at its end what was stored is watched before it returns."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch_on())
            sweeping = tasks.create_task(self._sweep_on())
            try:
                yield
            finally:
                self._closing = True
                self._stored.set()
                await watching
                sweeping.cancel()

    async def store(self, fixes: Sequence[Fix]) -> None:
        """Return after the commit that holds the fixes.

        Raises:
            AwayError: the database does not answer, or does not let us in: nothing is wrong with the data.
            RefusedError: it does not take the data.
        """
        try:
            await self._store(fixes)
        except _AWAY as error:
            raise AwayError("The database is away; nothing was stored.") from error
        except _BARRED as error:
            raise AwayError("The database does not permit this process to store; nothing was.") from error
        except _FAILED as error:
            raise RefusedError("The database refused the data; nothing was stored.") from error

    async def has_room(self) -> None:
        """Return when the watchers are not too far behind."""
        while sum(len(batch.fixes) for batch in self._unwatched.values()) > MAX_UNWATCHED:
            self._watched.clear()
            await self._watched.wait()

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
        fixes = clocks.mark(fixes, self._skewed) if self._skewed else fixes
        async with databases.writing(self._engine) as db:
            stored = await tracks.store(db, fixes)
            outbox_id = await self._note(db, stored) if stored and self._watchers else None
        new = len(stored.fixes) if stored else 0
        STORED.inc(new)
        REPEATED.inc(len(fixes) - new)
        if stored and outbox_id:
            self._unwatched[outbox_id] = Batch.of(stored.fixes, stored.overtaken)
            self._stored.set()

    async def _note(self, db: WriteSession, stored: tracks.Stored) -> int:
        row = insert(Outbox).values(
            received_at=stored.received_at, device_ids=stored.device_ids, first_at=stored.first_at,
            last_at=stored.last_at, overtaken=stored.overtaken, pending=[watcher.name for watcher in self._watchers],
        )  # fmt: skip
        return int((await db.execute(row.returning(Outbox.id))).scalar_one())

    async def _watch_on(self) -> None:
        """Show the watchers what was stored; batches that piled up meanwhile are shown together."""
        while not (self._closing and not self._unwatched):
            await self._stored.wait()
            batches = dict(self._unwatched)
            for watcher in self._watchers:
                await self._show(watcher, batches)
            for outbox_id in batches:
                del self._unwatched[outbox_id]
            self._watched.set()
            if not self._unwatched and not self._closing:
                self._stored.clear()

    async def _show(self, watcher: Watcher, batches: Mapping[int, Batch]) -> None:
        """Let a watcher handle batches; where one of another process may be what fails, at least ours."""
        try:
            try:
                await self._show_once(watcher, batches)
            except _OthersError:
                log.warning("watcher_failed_with_others", watcher=watcher.name, exc_info=True)
                await self._show_once(watcher, batches, with_others=False)
        except Exception:  # whatever a watcher raises, the others and the storing go on
            WATCHER_FAILURES.labels(watcher.name).inc()
            log.warning("watcher_failed", watcher=watcher.name, outbox_ids=list(batches), exc_info=True)

    async def _show_once(self, watcher: Watcher, batches: Mapping[int, Batch], *, with_others: bool = True) -> None:
        """Let a watcher handle batches and tick them off, in one transaction; those it has handled are left out.

        Batches of the same devices that other processes stored before and the watcher has not seen come first: a
        watcher sees what a device did in the order in which it was stored, whoever stored it.
        """
        async with databases.writing(self._engine) as db:
            earlier = await self._earlier(db, watcher, batches) if with_others else set[int]()
            mine = select(Outbox.id).where(Outbox.id.in_({*batches, *earlier}), _waits_for(watcher))
            ids = (await db.execute(mine.order_by(Outbox.id).with_for_update())).scalars().all()
            others = await self._read_others(db, set(ids) - batches.keys())
            elsewhere = [batch for outbox_id, batch in batches.items() if outbox_id not in ids]
            self._forget(watcher, [*elsewhere, *others.values()])
            try:
                await self._hand_over(db, watcher, [others[each] if each in others else batches[each] for each in ids])
            except Exception as error:
                if others:
                    raise _OthersError from error
                raise
            pending = func.array_remove(Outbox.pending, watcher.name)
            await db.execute(update(Outbox).where(Outbox.id.in_(ids)).values(pending=pending))
            await db.execute(delete(Outbox).where(Outbox.id.in_(ids), func.cardinality(Outbox.pending) == 0))
        self._forget(watcher, others.values())

    async def _earlier(self, db: ReadSession, watcher: Watcher, batches: Mapping[int, Batch]) -> set[int]:
        """Return earlier batches of other processes that share devices with ours, or with one of these."""
        before = select(Outbox.id, Outbox.device_ids).where(Outbox.id < max(batches, default=0), _waits_for(watcher))
        others = {row.id: row.device_ids for row in await db.execute(before.where(Outbox.id.not_in(batches)))}
        devices = {fix.device_id for batch in batches.values() for fix in batch.fixes} if others else set[int]()
        found = set[int]()
        while linked := {each for each in others.keys() - found if not devices.isdisjoint(others[each])}:
            found |= linked
            devices.update(*(others[each] for each in linked))
        return found

    async def _read_others(self, db: WriteSession, ids: Collection[int]) -> dict[int, Batch]:
        """Read batches that another process stored."""
        rows = (await db.execute(select(Outbox).where(Outbox.id.in_(ids)))).scalars().all() if ids else ()
        return {row.id: await _read(db, row) for row in rows}

    def _forget(self, watcher: Watcher, batches: Iterable[Batch]) -> None:
        if watcher.forget:
            for device_id in {fix.device_id for batch in batches for fix in batch.fixes}:
                watcher.forget(self._engine, device_id)

    async def _hand_over(self, db: WriteSession, watcher: Watcher, batches: Sequence[Batch]) -> None:
        fixes = [fix for batch in batches for fix in batch.fixes]
        if watcher.catch_up and (late := [fix for batch in batches for fix in batch.late()]):
            await watcher.catch_up(db, late, self._settings)
            old = set(map(id, late))
            fixes = [fix for fix in fixes if id(fix) not in old]
        if fixes:
            await watcher.handle(db, fixes, self._settings)

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self.run_outbox_once()
                async with databases.reading(self._engine) as db:
                    self._skewed = await clocks.skewed(db, self._settings)
            except _FAILED as error:
                log.warning("outbox_not_swept", error=type(error).__name__)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _left_over(self, after_id: int) -> Sequence[Outbox]:
        async with databases.reading(self._engine) as db:
            rows = select(Outbox).where(Outbox.id > after_id).order_by(Outbox.id).limit(_SWEEP_ROWS)
            return (await db.execute(rows)).scalars().all()

    async def _run_again(self, row: Outbox) -> None:
        async with databases.reading(self._engine) as db:
            batch = await _read(db, row)
        known = {watcher.name: watcher for watcher in self._watchers}
        for name in row.pending:
            await self._show(known.get(name, Watcher(name, _look_away)), {row.id: batch})


def _waits_for(watcher: Watcher) -> ColumnElement[bool]:
    return literal(watcher.name) == any_(Outbox.pending)


async def _read(db: ReadSession, row: Outbox) -> Batch:
    fixes = await tracks.read_batch(db, row.received_at, row.device_ids, row.first_at, row.last_at)
    return Batch.of(fixes, row.overtaken)


async def _look_away(_db: WriteSession, _fixes: Sequence[Fix], _settings: Settings) -> None:
    """Stand in for a watcher that an older version wrote into the outbox and that no longer exists."""
