"""The audit trail: append-only, each entry carries the hash of the one before, each is committed on its own."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.db.engine import ReadSession, writing
from services.db.tables.access import AuditEntry

GENESIS = bytes(32)
_CHAIN_LOCK = 0x7A6B  # one writer of the chain at a time


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded: who, what, on whom or what, why, with which result, from where."""

    account_id: int | None
    act: str
    target: str
    purpose: str
    case_no: str | None
    outcome: str
    remote: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trail of one database. A mandate carries it, so that every grant can be written down."""

    engine: AsyncEngine

    async def append(self, entry: Entry, at: datetime | None = None) -> None:
        """Write one entry in a transaction of its own. When it can't be written, the caller fails: no look unseen."""
        moment = at or datetime.now(UTC)
        async with writing(self.engine) as db:
            await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
            newest = select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
            previous = (await db.execute(newest)).scalar() or GENESIS
            await db.execute(
                insert(AuditEntry).values(
                    at=moment, previous_hash=previous, hash=link(previous, moment, entry), **asdict(entry)
                )
            )


def link(previous: bytes, at: datetime, entry: Entry) -> bytes:
    """Return the SHA-256 over the previous hash and the entry's canonical JSON."""
    body = {"at": at.astimezone(UTC).isoformat(timespec="microseconds"), **asdict(entry)}
    return sha256(previous + json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).digest()


async def first_broken(db: ReadSession) -> int | None:
    """Return the id of the first entry whose hash does not follow from the one before, or None when the chain holds."""
    previous = GENESIS
    for row in (await db.execute(select(AuditEntry).order_by(AuditEntry.id))).scalars():
        entry = Entry(row.account_id, row.act, row.target, row.purpose, row.case_no, row.outcome, row.remote)
        if row.previous_hash != previous or row.hash != link(previous, row.at, entry):
            return row.id
        previous = row.hash
    return None
