"""Writing the audit trail: one chain of hashes, each entry committed before the one who asked is shown anything.

    previous_hash = hash of the entry before; of a day's first entry SHA-256(day ‖ that hash), day as 2026-05-01
    hash          = SHA-256(previous_hash ‖ body), body the entry as JSON, see `body`

Days are UTC; times never fall along the chain, whatever the clocks of several hosts say. Entries of requests that come
at the same time share a commit (group commit): the longer the commit takes, the more of them the next one carries.
A process remembers where it left the chain. One statement goes on from there, and puts nothing in when somebody else
wrote meanwhile; then the process asks where the chain ends, and holds that end until its commit.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.db.engine import RowRefusedError, WriteSession, by_statement, writing
from services.errors import UnavailableError

GENESIS = bytes(32)
MAX_TOGETHER = 200
"""Entries in one commit at most."""
MAX_TEXT = 1000
"""Characters of a text that are kept."""


class TrailError(UnavailableError):
    """The audit trail can't be written, so nothing is shown and nothing is done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded: who, what, on whom or what, why, with which result, from where, how much was seen."""

    account_id: int | None
    act: str
    target: str
    purpose: str
    case_no: str | None
    outcome: str
    remote: str | None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trail of one database. A mandate carries it, so that every grant can be written down.

    `writer` is a small engine of the trail's own: requests that hold all connections of `engine` and wait for their
    grant to be written would otherwise wait for each other.
    """

    engine: AsyncEngine
    writer: AsyncEngine | None = None

    async def append(self, *entries: Entry, at: datetime | None = None) -> None:
        """Return once the entries are committed, side by side; `at` is the present moment if left out.

        Raises:
            TrailError: it can't be written: no look unseen.
            DatabaseAwayError: the database does not answer.
        """
        engine = self.writer or self.engine
        queue = _queues.setdefault(engine.sync_engine, _Queue())
        await queue.put(engine, entries, at or datetime.now(UTC))


def body(at: datetime, entry: Entry) -> bytes:
    """Return the entry as canonical JSON: sorted keys, no white space added, UTF-8, the time in UTC with microseconds.

    `rows` stands in it only where it is known.
    """
    fields = {name: value for name, value in asdict(entry).items() if name != "rows" or value is not None}
    fields["at"] = at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def opening(day: date, last_hash: bytes) -> bytes:
    """Return what a day's first entry follows: made of the date and the last hash before."""
    return sha256(day.isoformat().encode() + last_hash).digest()


class _Queue:
    """Entries of this process that wait to be written; one task writes all that has gathered, again and again."""

    def __init__(self) -> None:
        self._waiting = list[tuple[Sequence[Entry], datetime, asyncio.Future[None]]]()
        self._task: asyncio.Task[None] | None = None
        self._head: _Head | None = None

    async def put(self, engine: AsyncEngine, entries: Sequence[Entry], at: datetime) -> None:
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        self._waiting.append((entries, at, written))
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = asyncio.create_task(self._write_on(engine), name="audit trail")
        await written

    async def _write_on(self, engine: AsyncEngine) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
            known, self._head = self._head, None
            problem: BaseException | None = TrailError("The audit trail was stopped. Nothing was shown; try again.")
            try:
                self._head = await _write(engine, known, [(entry, at) for entries, at, _ in some for entry in entries])
                problem = None
            except UnavailableError as error:
                problem = error
            finally:
                for *_, written in some:
                    _tell(written, problem)


_queues: WeakKeyDictionary[Engine, _Queue] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Head:
    """The end of the chain: the time and the hash of its last entry."""

    at: datetime | None
    hash: bytes


_FIND_HEAD = text("SELECT at, hash FROM tianshu_audit_head()")
_COLUMNS = {
    "at": "timestamptz", "account_id": "bigint", "act": "text", "target": "text", "purpose": "text", "case_no": "text",
    "outcome": "text", "rows": "bigint", "remote": "text", "previous_hash": "bytea", "hash": "bytea",
}  # fmt: skip
_NAMES, _ARRAYS = ", ".join(_COLUMNS), ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())
_GO_ON = text(
    f"INSERT INTO audit ({_NAMES}) SELECT {', '.join(f'e.{name}' for name in _COLUMNS)} "
    f"FROM tianshu_audit_head() AS head, unnest({_ARRAYS}) WITH ORDINALITY AS e({_NAMES}, number) "
    "WHERE coalesce(head.hash, :genesis) = :after ORDER BY e.number"
)
"""Nothing comes back but how many were put in: who writes the trail need not be able to read it."""


async def _write(engine: AsyncEngine, known: _Head | None, entries: Sequence[tuple[Entry, datetime]]) -> _Head:
    """Put entries at the end of the chain, in one statement where the end is as this process left it."""
    try:
        if known is not None:
            async with by_statement(engine) as db:
                if head := await _go_on(db, known, entries):
                    return head
        async with writing(engine) as db:  # other writers wait from the question for the head until the commit
            found = (await db.execute(_FIND_HEAD)).one()
            head = await _go_on(db, _Head(found.at, found.hash or GENESIS), entries)
            if head is None:
                raise TrailError("The end of the audit trail moved while it was held. Nothing was shown.")
            return head
    except (DBAPIError, SQLAlchemyError, RowRefusedError) as error:
        raise TrailError("The audit trail can't be written, so nothing is shown. Tell the administrator.") from error


async def _go_on(
    db: WriteSession | AsyncConnection, after: _Head, entries: Sequence[tuple[Entry, datetime]]
) -> _Head | None:
    """Put entries behind the one that is taken for the last; return the new end, or None when it is not the last."""
    head, rows = after, list[dict[str, Any]]()
    for said, moment in entries:
        entry, at = _clean(said), max(moment.astimezone(UTC), head.at.astimezone(UTC) if head.at else moment)
        new_day = head.at is None or head.at.astimezone(UTC).date() != at.date()
        previous = opening(at.date(), head.hash) if new_day else head.hash
        head = _Head(at, sha256(previous + body(at, entry)).digest())
        rows.append({"at": at, "previous_hash": previous, "hash": head.hash, **asdict(entry)})
    values = {name: [row[name] for row in rows] for name in _COLUMNS}
    done = cast("CursorResult[Any]", await db.execute(_GO_ON, {**values, "genesis": GENESIS, "after": after.hash}))
    return head if done.rowcount == len(rows) else None


def _clean(entry: Entry) -> Entry:
    """Return the entry with texts that every database can keep."""
    texts: dict[str, Any] = {name: value for name, value in asdict(entry).items() if isinstance(value, str)}
    for name, value in texts.items():
        texts[name] = value[:MAX_TEXT].encode("utf-8", "replace").decode().replace("\0", "�")
    return replace(entry, **texts)


def _tell(written: asyncio.Future[None], problem: BaseException | None) -> None:
    if written.done():  # the one who asked has gone
        return
    if problem is None:
        written.set_result(None)
    else:
        written.set_exception(type(problem)(*problem.args))
