"""The weekly review: an auditor says, with a password shown anew, what was looked through and what came of it.

The record can't be changed, and its digest stands in the trail, so that the next hourly seal covers it.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from hashlib import sha256

from sqlalchemy import func, insert, select

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.audit import AuditEntry, AuditReview
from services.errors import ConflictError, InvalidError
from services.oversight.unusual import unusual_between
from services.settings import Settings

BEIJING = timezone(timedelta(hours=8))
_WEEK = timedelta(days=7)


class NotOverError(ConflictError):
    """A week is reviewed when it is over."""


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A signed review; `week` is the Monday it begins on."""

    id: int
    week: date
    account_id: int
    username: str | None
    at: datetime
    statement: str
    entries: int
    findings: int
    last_hash: str | None
    digest: str


async def review_week(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    *,
    week: date,
    statement: str,
    password: str,
    now: datetime,
) -> ReviewView:
    """Sign, with the password shown anew, that a week was looked through.

    Raises:
        LoginRefusedError: the password is wrong, or the account locked.
        InvalidError: the day is no Monday, or nothing is said.
        NotOverError: the week is not over.
    """
    look = await access.grant(mandate, access.Act.REVIEW_AUDIT, f"week {week}")
    if week.weekday() != 0 or not statement.strip() or mandate.account_id is None:
        raise InvalidError("A review is of a week that begins on a Monday, and says what was found.")
    start = datetime.combine(week, time(), BEIJING)
    end = start + _WEEK
    if now < end:
        raise NotOverError("The week of {week} is over on {end}; review it then.", week=week, end=f"{end:%Y-%m-%d}")
    await access.check_password(mandate.ledger, mandate.account_id, password, remote=mandate.remote or "", now=now)
    within = AuditEntry.at >= start, AuditEntry.at < end
    entries = int((await db.execute(select(func.count()).where(*within))).scalar_one())
    newest = select(AuditEntry.hash).where(*within).order_by(AuditEntry.id.desc()).limit(1)
    last_hash = (await db.execute(newest)).scalar()
    findings = len(await unusual_between(db, settings, start, end))
    said = {"account_id": mandate.account_id, "week": week, "statement": statement.strip(), "at": now}
    counted = {"entries": entries, "findings": findings, "last_hash": last_hash}
    digest = _digest(said | counted)
    row = insert(AuditReview).values(**said, **counted, digest=digest).returning(AuditReview.id)
    review_id = (await db.execute(row)).scalar_one()
    signed = access.Look(look.mandate, look.act, f"week {week} sha256 {digest.hex()}")
    await signed.saw(entries)
    return ReviewView(
        review_id, week, mandate.account_id, mandate.username, now, statement.strip(), entries, findings,
        last_hash.hex() if last_hash else None, digest.hex(),
    )  # fmt: skip


async def list_reviews(
    mandate: access.Mandate, db: ReadSession, *, below_id: int | None = None, limit: int = 50
) -> list[ReviewView]:
    """Return reviews, newest first."""
    await access.grant(mandate, access.Act.VIEW_AUDIT, "reviews")
    row = AuditReview
    found = select(row, Account.username).outerjoin(Account, Account.id == row.account_id).order_by(row.id.desc())
    if below_id is not None:
        found = found.where(row.id < below_id)
    return [
        ReviewView(
            one.id, one.week, one.account_id, name, one.at, one.statement, one.entries, one.findings,
            one.last_hash.hex() if one.last_hash else None, one.digest.hex(),
        )
        for one, name in await db.execute(found.limit(limit))
    ]  # fmt: skip


def _digest(fields: dict[str, object]) -> bytes:
    """Return the SHA-256 of what a review says: canonical JSON, hashes in hex, times in UTC."""
    plain = {
        name: value.hex() if isinstance(value, bytes) else value.isoformat() if isinstance(value, date) else value
        for name, value in fields.items()
    }
    return sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).digest()
