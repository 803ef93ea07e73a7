"""The live stream: one look at the database every 250 ms for all who watch, and one text sent to each of them.

    run ── changed_since(xid) ──> delta ──┬─> listener (a short queue) ──> GET /stream of one page
                                          ├─> listener
                                          └─> one that is too slow is let go, comes again and resumes by its last id

An id is a transaction number: whoever has heard the event n has heard of everything that was committed before n.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any

import structlog
from fastapi import FastAPI
from pydantic import TypeAdapter

from services import access, live
from services.db import engine as databases
from services.db.claims import Claims
from services.errors import UnavailableError

EVERY_S = 0.25
MAX_QUEUED = 40  # events that a slow page may be behind: ten seconds
CHECK_EVERY_S = 2.0  # how soon a stream ends whose session was ended or whose officer lost the right to look
KEEP_ALIVE_S = 15.0  # proxies give up on an answer that is silent for longer
LIFETIME_S = 600.0  # then the page comes again by itself, and its right to look is asked anew
KEEP_ALIVE = b": alive\n\n"
SCREEN = Claims(None, [access.Role.WALL], access.Purpose.DUTY)
"""What everybody who follows may see: one look serves them all, so it sees no more than a screen on the wall."""
_LAST = 2**63 - 1

log = structlog.get_logger()
_json = TypeAdapter(live.Changes)


def write_event(name: str, changes: live.Changes) -> bytes:
    """Return an event of the stream: its id is the moment to resume from."""
    data = _json.dump_json(changes, exclude={"xid"})
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (changes.xid, name.encode(), data)


class Listener:
    """One page's queue of events with their ids, oldest first."""

    def __init__(self, session_id: str = "") -> None:
        """Start with nothing; `session_id` is whose page it is."""
        self._queue = asyncio.Queue[tuple[int, bytes]](MAX_QUEUED)
        self.session_id, self.lost = session_id, False

    def put(self, xid: int, event: bytes) -> None:
        """Queue an event, or give the page up for good when it is too far behind."""
        try:
            self._queue.put_nowait((xid, event))
        except asyncio.QueueFull:
            self.lost = True

    def end(self) -> None:
        """Tell the page nothing more."""
        self.lost = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait((_LAST, b""))

    async def get(self, after_xid: int) -> bytes:
        """Return the next event that is not older than what the page began with; a comment when none comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEEP_ALIVE_S):
                while True:
                    xid, event = await self._queue.get()
                    if xid >= after_xid:
                        return event
        return KEEP_ALIVE


class Hub:
    """Looks at the database for everybody in this process; rests while nobody watches."""

    def __init__(self, engine: databases.Engine, door: databases.Engine) -> None:
        """Choose the database: how the application reads, and where sessions are looked up."""
        self._engine, self._door = engine, door
        self._listeners = set[Listener]()
        self._wanted, self._awake = asyncio.Event(), asyncio.Event()
        self._xid = 0
        self._told: dict[tuple[str, int], Any] = {}

    async def follow(self, look: access.Look, session_id: str, last_id: int | None = None) -> AsyncIterator[bytes]:
        """Yield events: a snapshot, or what was missed since `last_id`, then every change; ends after ten minutes.

        It ends within seconds when the session is ended or the officer may look no more.
        """
        end_s = asyncio.get_running_loop().time() + LIFETIME_S
        with self._listening(session_id) as listener, suppress(UnavailableError):
            await self._awake.wait()
            xid, event = await self._begin(look, last_id)
            while not listener.lost and asyncio.get_running_loop().time() < end_s:
                yield event
                event = await listener.get(xid)

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            if not self._listeners:
                self._awake.clear()
                self._wanted.clear()
                await self._wanted.wait()
            try:
                await (self._look() if self._awake.is_set() else self._wake())
            except UnavailableError:
                log.warning("stream_not_fed")
            except Exception:  # the pages keep their streams whatever happens in one look
                log.exception("stream_not_fed")
            await asyncio.sleep(EVERY_S)

    @contextmanager
    def _listening(self, session_id: str) -> Iterator[Listener]:
        listener = Listener(session_id)
        self._listeners.add(listener)
        self._wanted.set()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def check(self) -> None:
        """Every two seconds, end the streams of those who may look no more; when that can't be asked, end all."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            watching = {listener.session_id for listener in self._listeners}
            permitted = set[str]()
            try:
                if watching:
                    async with databases.reading(self._door) as db:
                        permitted = await access.still_permitted(db, watching, access.Act.VIEW_LIVE)
            except Exception:  # whatever it is: who can't be asked about sees no more
                log.exception("streams_not_checked")
            for listener in list(self._listeners):
                if listener.session_id in watching - permitted:
                    listener.end()

    async def _begin(self, look: access.Look, last_id: int | None) -> tuple[int, bytes]:
        async with databases.reading(self._engine, look.mandate.claims) as db:
            if last_id is not None and last_id <= await live.present(db):  # a greater id is of another database
                changes, name = await live.changed_since(db, last_id), "delta"
            else:
                changes, name = await live.everything(db), "snapshot"
        await look.saw(len(changes.units) + len(changes.calls) + len(changes.alerts))
        return changes.xid, write_event(name, changes)

    async def _wake(self) -> None:
        """Note the moment from which on everything is told, before any listener reads what was before it."""
        async with databases.reading(self._engine) as db:
            self._xid, self._told = await live.present(db), {}
        self._awake.set()

    async def _look(self) -> None:
        async with databases.reading(self._engine, SCREEN) as db:
            changes = await live.changed_since(db, self._xid)
        self._xid = changes.xid
        news = self._news(changes)
        if news.units or news.calls or news.alerts:
            event = write_event("delta", news)
            for listener in self._listeners:
                listener.put(news.xid, event)

    def _news(self, changes: live.Changes) -> live.Changes:
        """Leave out what was told in the same words: one long transaction makes the database repeat everything."""
        told: dict[tuple[str, int], Any] = {("unit", unit[0]): unit for unit in changes.units}
        told |= {("call", call.id): call for call in changes.calls}
        told |= {("alert", alert.id): alert for alert in changes.alerts}
        new = {key for key, value in told.items() if self._told.get(key) != value}
        self._told = told  # what is not in this look can't be repeated in the next
        return replace(
            changes,
            units=[unit for unit in changes.units if ("unit", unit[0]) in new],
            calls=[call for call in changes.calls if ("call", call.id) in new],
            alerts=[alert for alert in changes.alerts if ("alert", alert.id) in new],
        )


@asynccontextmanager
async def start(app: FastAPI) -> AsyncIterator[None]:
    """Run a hub beside the requests, as `app.state.hub`."""
    app.state.hub = Hub(app.state.engine, app.state.door)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(app.state.hub.run()), group.create_task(app.state.hub.check())]
        yield
        for task in tasks:
            task.cancel()
