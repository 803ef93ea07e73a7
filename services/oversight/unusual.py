"""Unusual use: more than one's own habit, by night against one's habit, at people one knows, at too many in an hour.

A finding says what stands out, never that something was wrong: an auditor looks, and asks.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Date, cast, distinct, func, select

from services import access, alerts
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.alerts import Alert
from services.db.tables.audit import AuditEntry
from services.errors import InvalidError
from services.oversight.search import check_span, is_look, is_night, local_time
from services.settings import Settings

KIND = "unusual_use"
HABIT = timedelta(days=28)
MIN_DAYS = 5
"""Days of use before one has a habit."""
MIN_LOOKS = 20
"""Fewer looks in a day are nothing to wonder about."""
NIGHT_SHARE = 0.2
"""Who looked by night on this part of the days before works nights."""


@dataclass(frozen=True, slots=True)
class Habit:
    """An officer's looks at people on one day (Beijing), and those of them by night."""

    account_id: int
    day: date
    looks: int
    night_looks: int


@dataclass(frozen=True, slots=True)
class Unusual:
    """Something that stands out: volume, hours, acquaintance, subjects. `usual` is what it is compared with."""

    kind: str
    account_id: int
    username: str | None
    day: date
    value: float
    usual: float | None
    subject: str | None = None


class AcquaintancesError(InvalidError):
    """The file of acquaintances can't be read."""


async def find_unusual(
    mandate: access.Mandate, db: ReadSession, settings: Settings, *, start: datetime, end: datetime
) -> list[Unusual]:
    """Return what stands out from `start` to before `end`, newest day first."""
    look = await access.grant(mandate, access.Act.VIEW_AUDIT, f"unusual {start.isoformat()}/{end.isoformat()}")
    check_span(start, end)
    found = await unusual_between(db, settings, start, end)
    await look.saw(len(found))
    return found


async def unusual_between(db: ReadSession, settings: Settings, start: datetime, end: datetime) -> list[Unusual]:
    """Return what stands out in a time, for those who have been granted it."""
    names = {row.id: row.username for row in await db.execute(select(Account.id, Account.username))}
    habits = await _habits(db, start - HABIT, end)
    since = (await db.execute(select(cast(func.timezone("Asia/Shanghai", start), Date)))).scalar_one()
    known = read_acquaintances(settings.acquaintances_file) if settings.acquaintances_file else {}
    found = judge(habits, since, settings.unusual_factor)
    found += await _acquaintances(db, known, {name: number for number, name in names.items()}, start, end)
    found += await _alerted(db, start, end)
    named = [Unusual(one.kind, one.account_id, names.get(one.account_id), *_rest(one)) for one in found]
    return sorted(named, key=lambda one: (-one.day.toordinal(), one.kind, one.account_id))


def judge(habits: Iterable[Habit], since: date, factor: float) -> list[Unusual]:
    """Return the days from `since` on that stand out against the same officer's days before (28 at most)."""
    of: dict[int, list[Habit]] = {}
    for habit in sorted(habits, key=lambda one: one.day):
        of.setdefault(habit.account_id, []).append(habit)
    found = list[Unusual]()
    for days in of.values():
        for day in (day for day in days if day.day >= since):
            before = [one for one in days if day.day - HABIT <= one.day < day.day]
            found += _judge_day(day, before, factor)
    return found


def read_acquaintances(file: Path) -> dict[str, list[str]]:
    """Return whom each officer (by user name) knows privately, as subjects such as unit:5.

    Raises:
        AcquaintancesError: the file is not there or not as described in docs/security.md.
    """
    try:
        table: dict[str, list[str]] = tomllib.loads(file.read_text(encoding="utf-8"))["acquaintances"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise AcquaintancesError(
            "{name} needs a table [acquaintances] of name = [subjects].", name=file.name
        ) from error
    if not all(isinstance(one, list) and all(isinstance(subject, str) for subject in one) for one in table.values()):
        raise AcquaintancesError("{name} needs a list of subjects, such as unit:5, for each name.", name=file.name)
    return table


async def watch_use(db: WriteSession, settings: Settings, now: datetime) -> int:
    """Raise an alert for each officer who looked at more subjects in the last hour than is usual; return how many.

    One alert an officer and hour; it is the auditor's, nobody on duty sees it.
    """
    subjects = func.count(distinct(AuditEntry.subject))
    recent = is_look() & (AuditEntry.at > now - timedelta(hours=1)) & AuditEntry.account_id.is_not(None)
    found = select(AuditEntry.account_id, subjects).where(recent).group_by(AuditEntry.account_id)
    raised = 0
    for account_id, count in await db.execute(found.having(subjects > settings.unusual_subjects_per_hour)):
        raised += await alerts.raise_alert(
            db, key=f"{KIND}:{account_id}:{now:%Y%m%d%H}", kind=KIND, severity="warning", at=now,
            detail={"account_id": account_id, "subjects": count, "limit": settings.unusual_subjects_per_hour},
        ) is not None  # fmt: skip
    return raised


def _judge_day(day: Habit, before: list[Habit], factor: float) -> list[Unusual]:
    found = list[Unusual]()
    usual = median(one.looks for one in before) if len(before) >= MIN_DAYS else None
    if usual is not None and day.looks >= MIN_LOOKS and day.looks > factor * usual:
        found.append(Unusual("volume", day.account_id, None, day.day, day.looks, usual))
    nights = sum(one.night_looks > 0 for one in before)
    if day.night_looks and nights < NIGHT_SHARE * max(len(before), 1):
        found.append(Unusual("hours", day.account_id, None, day.day, day.night_looks, nights))
    return found


def _rest(one: Unusual) -> tuple[Any, ...]:
    return one.day, one.value, one.usual, one.subject


async def _habits(db: ReadSession, start: datetime, end: datetime) -> list[Habit]:
    day = cast(local_time(), Date)
    within = AuditEntry.at >= start, AuditEntry.at < end, is_look(), AuditEntry.account_id.is_not(None)
    sums: Any = select(AuditEntry.account_id, day, func.count(), func.count().filter(is_night())).where(*within)
    return [Habit(*row) for row in await db.execute(sums.group_by(AuditEntry.account_id, day))]


async def _acquaintances(
    db: ReadSession, known: Mapping[str, list[str]], ids: Mapping[str, int], start: datetime, end: datetime
) -> list[Unusual]:
    found = list[Unusual]()
    day = cast(local_time(), Date)
    for name, subjects in known.items():
        mine = AuditEntry.account_id == ids.get(name), AuditEntry.subject.in_(subjects), is_look()
        sums = select(day, AuditEntry.subject, func.count()).where(*mine, AuditEntry.at >= start, AuditEntry.at < end)
        for on, subject, count in await db.execute(sums.group_by(day, AuditEntry.subject)):
            found.append(Unusual("acquaintance", ids[name], None, on, count, None, subject))
    return found


async def _alerted(db: ReadSession, start: datetime, end: datetime) -> list[Unusual]:
    day = cast(func.timezone("Asia/Shanghai", Alert.at), Date)
    found = select(day, Alert.detail).where(Alert.kind == KIND, Alert.at >= start, Alert.at < end)
    return [
        Unusual("subjects", detail["account_id"], None, on, detail["subjects"], detail["limit"])
        for on, detail in await db.execute(found)
    ]
