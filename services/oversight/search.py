"""Searching the audit trail, and its sums by officer and by subject."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, distinct, func, null, or_, select

from services import access
from services.db.engine import ReadSession
from services.db.tables.access import Account
from services.db.tables.audit import AuditEntry
from services.errors import InvalidError

MAX_PAGE = 500
MAX_SPAN = timedelta(days=400)
IMPERSONAL = frozenset({
    access.Act.VIEW_AREAS, access.Act.VIEW_PARKS, access.Act.VIEW_ROADS, access.Act.VIEW_DEVICES,
    access.Act.VIEW_METRICS, access.Act.VIEW_AUDIT, access.Act.VIEW_EXPORTS, access.Act.VIEW_ACCOUNTS,
    access.Act.VIEW_CASES,
})  # fmt: skip
PERSONAL = (*sorted(act for act in access.Act if act.startswith("view_") and act not in IMPERSONAL), "export_track")
"""The acts that look at people: officers on the map, callers, tracks; every view that is not said to be none."""
NIGHT = 22, 6
"""From 22 to 6 o'clock, Beijing time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for; None: whatever it is. `subject` is such as unit:5."""

    start: datetime | None = None
    end: datetime | None = None
    account_id: int | None = None
    act: str | None = None
    subject: str | None = None
    outcome: str | None = None
    case_no: str | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry of the trail, with the officer's name of today."""

    id: int
    at: datetime
    account_id: int | None
    username: str | None
    act: str
    target: str
    subject: str | None
    purpose: str
    case_no: str | None
    outcome: str
    rows: int | None
    remote: str | None


@dataclass(frozen=True, slots=True)
class OfficerUse:
    """What one officer did in a time: looks at people, how many of them by night, refusals, subjects, rows seen."""

    account_id: int | None
    username: str | None
    display_name: str | None
    looks: int
    night_looks: int
    refused: int
    subjects: int
    rows: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SubjectUse:
    """How one officer looked at one subject in a time."""

    account_id: int | None
    username: str | None
    looks: int
    refused: int
    rows: int
    purposes: list[str]
    case_nos: list[str]
    first_at: datetime
    last_at: datetime


async def search(
    mandate: access.Mandate, db: ReadSession, wanted: Wanted, *, below_id: int | None = None, limit: int = 100
) -> list[EntryView]:
    """Return entries, newest first."""
    look = await access.grant(mandate, access.Act.VIEW_AUDIT, _target(wanted))
    entry = AuditEntry
    found: Any = select(
        entry.id, entry.at, entry.account_id, Account.username, entry.act, entry.target, entry.subject, entry.purpose,
        entry.case_no, entry.outcome, entry.rows, entry.remote,
    ).outerjoin(Account, Account.id == entry.account_id).where(*_conditions(wanted))  # fmt: skip
    if below_id is not None:
        found = found.where(entry.id < below_id)
    rows = (await db.execute(found.order_by(entry.id.desc()).limit(min(limit, MAX_PAGE)))).all()
    await look.saw(len(rows))
    return [EntryView(*row) for row in rows]


async def summarise_officers(
    mandate: access.Mandate, db: ReadSession, *, start: datetime, end: datetime
) -> list[OfficerUse]:
    """Return what each officer did from `start` to before `end`, who looked most first."""
    look = await access.grant(mandate, access.Act.VIEW_AUDIT, f"officers {start.isoformat()}/{end.isoformat()}")
    check_span(start, end)
    entry, looked = AuditEntry, func.count().filter(is_look())
    sums = (
        looked, func.count().filter(is_look(), is_night()), func.count().filter(entry.outcome == "refused"),
        func.count(distinct(entry.subject)).filter(is_look()), func.coalesce(func.sum(entry.rows), 0),
        func.min(entry.at), func.max(entry.at),
    )  # fmt: skip
    found = _sums((entry.account_id, Account.username, Account.display_name), sums, start, end)
    rows = (await db.execute(found.order_by(looked.desc(), entry.account_id))).all()
    await look.saw(len(rows))
    return [OfficerUse(*row) for row in rows]


async def summarise_subject(
    mandate: access.Mandate, db: ReadSession, subject: str, *, start: datetime, end: datetime
) -> list[SubjectUse]:
    """Return who looked at a subject from `start` to before `end`, who looked most first."""
    look = await access.grant(mandate, access.Act.VIEW_AUDIT, f"of={subject} {start.isoformat()}/{end.isoformat()}")
    check_span(start, end)
    entry, looked = AuditEntry, func.count().filter(AuditEntry.outcome == "allowed")
    sums = (
        looked, func.count().filter(entry.outcome == "refused"), func.coalesce(func.sum(entry.rows), 0),
        func.array_agg(distinct(entry.purpose)),
        func.array_remove(func.array_agg(distinct(entry.case_no)), null()),
        func.min(entry.at), func.max(entry.at),
    )  # fmt: skip
    found = _sums((entry.account_id, Account.username), sums, start, end).where(entry.subject == subject)
    rows = (await db.execute(found.order_by(looked.desc(), entry.account_id))).all()
    await look.saw(len(rows))
    return [SubjectUse(*row) for row in rows]


def is_look() -> ColumnElement[bool]:
    """Return the condition that an entry is a look at people."""
    return (AuditEntry.outcome == "allowed") & AuditEntry.act.in_(PERSONAL)


def is_night() -> ColumnElement[bool]:
    """Return the condition that an entry is of the night, Beijing time."""
    hour = func.extract("hour", local_time())
    return or_(hour >= NIGHT[0], hour < NIGHT[1])


def local_time() -> ColumnElement[Any]:
    """Return an entry's time in Beijing."""
    return func.timezone("Asia/Shanghai", AuditEntry.at)


def check_span(start: datetime, end: datetime) -> None:
    """Refuse an empty time, and one too long to add up.

    Raises:
        InvalidError: it is either.
    """
    if not timedelta() < end - start <= MAX_SPAN:
        raise InvalidError("Ask from a start to a later end, {days} days at most.", days=MAX_SPAN.days)


def _sums(by: tuple[Any, ...], sums: tuple[Any, ...], start: datetime, end: datetime) -> Select[Any]:
    within = AuditEntry.at >= start, AuditEntry.at < end
    return select(*by, *sums).outerjoin(Account, Account.id == AuditEntry.account_id).where(*within).group_by(*by)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [
        getattr(AuditEntry, name) == value
        for name in ("account_id", "act", "subject", "outcome", "case_no")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.start is not None:
        conditions.append(AuditEntry.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(AuditEntry.at < wanted.end)
    return conditions


def _target(wanted: Wanted) -> str:
    """Return what was asked for; the officer asked about is the subject of the look, not those he looked at."""
    whose = [] if wanted.account_id is None else [f"account:{wanted.account_id}"]
    others = (("of", wanted.subject), ("act", wanted.act), ("case", wanted.case_no))
    return " ".join([*whose, *(f"{name}={value}" for name, value in others if value)])
