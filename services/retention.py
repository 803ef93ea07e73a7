"""Retention (保存期限): what is kept how long and why stands in a TOML file; a job destroys what has passed.

Fixes go by whole days (partitions), everything else in batches, each in a transaction of its own, so that nobody waits
for long and an interrupted run goes on the next time. What was destroyed is written down and stands in the trail.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access, media
from services.audit import Sealer
from services.db import partitions
from services.db.engine import ReadSession, WriteSession, reading, writing
from services.db.tables.retention import Destruction
from services.errors import InvalidError
from services.settings import Settings

BATCH = 5_000
LEAST_DAYS = {"audit": 184, "calls": 366, "exports": 731, "reviews": 1096, "checks": 1096}
"""The shortest a rule may say; the database refuses less, too. 网络安全法 21: logs are kept for six months at least."""


class RulesError(InvalidError):
    """The file of retention is not as described."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of data, how long it is kept, and why."""

    what: str
    days: int
    basis: str


@dataclass(frozen=True, slots=True)
class Passed:
    """What a rule destroys, or would: everything before a moment, as rows and as whole partitions."""

    rule: Rule
    before: datetime
    rows: int
    partitions: list[str] = field(default_factory=list)
    files: int = 0


_FIX_AGE = "at < :before"
CONFIDENTIAL = "unusual_use"
"""Alerts that are the auditor's alone; nobody closes them."""
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "fixes": ("fix_default", _FIX_AGE),
    "frames": ("frame_batch_default", "received_at < :before"),
    "newest_positions": ("newest_fix", _FIX_AGE),
    "quarantine": ("quarantine", _FIX_AGE),
    "pending_devices": ("pending_device", "last_seen < :before"),
    "media": ("media", "received_at < :before"),
    "short_messages": ("short_message", _FIX_AGE),
    "commands": ("command", "settled_at < :before"),
    "alerts": ("alert", f"(state = 'closed' AND closed_at < :before) OR (kind = '{CONFIDENTIAL}' AND {_FIX_AGE})"),
    "calls": ("call", "state = 'closed' AND closed_at < :before"),
    "duties": ("crew", "until < :before"),
    "rosters": ("roster", "ends_at < :before"),
    "patrol_plans": ("patrol_plan", "ends_at < :before"),
    "handover_notes": ("handover_note", _FIX_AGE),
    "desks": ("desk", "changed_at < :before"),
    "area_states": ("area_state", _FIX_AGE),
    "forwards": ("forward", "queued_at < :before"),
    "exports": ("export_file", _FIX_AGE),
    "export_requests": (
        "export_request",
        "asked_at < :before AND NOT EXISTS (SELECT FROM export_file WHERE request_id = export_request.id)",
    ),
    "carriages": ("carriage", "upper(during) < :before"),
    "authorisations": ("authorisation", "expires_at < :before"),
    "reviews": ("audit_review", _FIX_AGE),
    "checks": ("audit_check", _FIX_AGE),
    "audit": ("audit", _FIX_AGE),
}
"""Kinds of data: the table and which of its rows are older than `before`. What belongs to a row goes with it."""
BY_DAY = {"fixes": partitions.FIX, "frames": partitions.FRAMES}
"""Kinds that lie in a table cut by days, and by which column: whole days are dropped."""
_POINTING = text(
    "SELECT c.conrelid::regclass::text, a.attname, NOT a.attnotnull FROM pg_constraint c "
    "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
    "WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = CAST(:named AS regclass) ORDER BY 1, 2"
)


def read_rules(settings: Settings) -> list[Rule]:
    """Return the rules of the settings' file, or of the shipped one.

    Raises:
        RulesError: it can't be read, names what the service does not know, or keeps the trail for too short a time.
    """
    shipped = resources.files("services") / "retention.toml"
    source = settings.retention_file or shipped
    try:
        table = tomllib.loads(source.read_text(encoding="utf-8"))
        rules = [Rule(what, int(said["days"]), str(said["basis"])) for what, said in table.items()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RulesError(
            f"{Path(str(source)).name} needs a table with days and basis for each kind of data."
        ) from error
    for rule in rules:
        if rule.what not in CONDITIONS:
            raise RulesError(f"There is no kind of data “{rule.what}”. Known: {', '.join(CONDITIONS)}.")
        if rule.days < (least := LEAST_DAYS.get(rule.what, 1)):
            raise RulesError(f"“{rule.what}” is kept for {least} days at least (the audit: 网络安全法 21).")
    return rules


async def list_passed(
    mandate: access.Mandate, engine: AsyncEngine, settings: Settings, *, now: datetime
) -> list[Passed]:
    """Return what would be destroyed now. Nothing is."""
    await access.grant(mandate, access.Act.APPLY_RETENTION, "dry run")
    passed = list[Passed]()
    for rule in read_rules(settings):
        before = _before(rule, settings, now)
        table, condition = CONDITIONS[rule.what]
        async with reading(engine) as db:
            cut = BY_DAY.get(rule.what)
            days = await _old_days(db, before, cut) if cut else []
            counts = [
                f"SELECT count(*) FROM {table} WHERE {condition}",
                *(_count_of(day, cut) for day in days if cut),
            ]
            rows = [
                int((await db.execute(text(one), {"before": before} if ":" in one else {})).scalar_one())
                for one in counts
            ]
        passed.append(Passed(rule, before, sum(rows), days))
    return passed


async def apply(mandate: access.Mandate, engine: AsyncEngine, settings: Settings, *, now: datetime) -> list[Passed]:
    """Destroy what has passed, write it down, and return it."""
    await access.grant(mandate, access.Act.APPLY_RETENTION)
    done = list[Passed]()
    for rule in read_rules(settings):
        before = _before(rule, settings, now)
        if rule.what == "audit" and await _is_any(engine, before):
            Sealer.of(settings).cut(before)
        passed = await _apply(engine, rule, before)
        if rule.what == "media":
            passed = replace(passed, files=await media.sweep(engine, settings))
        if passed.rows or passed.partitions or passed.files:
            await _write_down(mandate, engine, passed, now)
            done.append(passed)
    return done


def _before(rule: Rule, settings: Settings, now: datetime) -> datetime:
    """Return the moment before which a rule destroys: a midnight (UTC), and for the trail nothing unsealed."""
    before = (now - timedelta(days=rule.days)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if rule.what != "audit":
        return before
    sealed = Sealer.of(settings).sealed_until()
    return min(before, sealed) if sealed else datetime.min.replace(tzinfo=UTC)


async def _is_any(engine: AsyncEngine, before: datetime) -> bool:
    async with reading(engine) as db:
        found = text("SELECT EXISTS (SELECT FROM audit WHERE at < :before)")
        return bool((await db.execute(found, {"before": before})).scalar_one())


async def _apply(engine: AsyncEngine, rule: Rule, before: datetime) -> Passed:
    table, condition = CONDITIONS[rule.what]
    days, rows = list[str](), 0
    if rule.what in BY_DAY:
        days, rows = await _drop_days(engine, before, BY_DAY[rule.what])
    oldest = text(f"SELECT ctid::text FROM {table} WHERE {condition} LIMIT {BATCH} FOR UPDATE")
    while True:
        async with writing(engine) as db:
            found = list((await db.execute(oldest, {"before": before})).scalars())
            await _destroy(db, table, "ctid = ANY(CAST(:of AS tid[]))", found)
        rows += len(found)
        if len(found) < BATCH:
            return Passed(rule, before, rows, days)


async def _destroy(db: WriteSession, table: str, which: str, of: list[Any]) -> None:
    """Delete rows and what belongs to them; what only mentions them forgets it."""
    pointing = (await db.execute(_POINTING, {"named": table})).all() if of else []
    ids = (
        list((await db.execute(text(f"SELECT id FROM {table} WHERE {which}"), {"of": of})).scalars())
        if pointing
        else []
    )
    for child, column, may_forget in pointing:
        mine = f"{column} = ANY(CAST(:of AS bigint[]))"
        if may_forget:
            await db.execute(text(f"UPDATE {child} SET {column} = NULL WHERE {mine}"), {"of": ids})
        else:
            await _destroy(db, child, mine, ids)
    if of:
        await db.execute(text(f"DELETE FROM {table} WHERE {which}"), {"of": of})


async def _drop_days(engine: AsyncEngine, before: datetime, cut: tuple[str, str]) -> tuple[list[str], int]:
    """Drop the days that are wholly before a moment; return their names and how many rows they held."""
    rows = 0
    async with reading(engine) as db:
        days = await _old_days(db, before, cut)
    for day in days:
        async with writing(engine) as db:
            await db.execute(text("SET LOCAL lock_timeout = '5s'"))  # whoever waits behind us waits no longer
            rows += int((await db.execute(text("SELECT tianshu_drop_day(:day)"), {"day": day})).scalar_one())
    return days, rows


async def _old_days(db: ReadSession, before: datetime, cut: tuple[str, str]) -> list[str]:
    found = text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = CAST(:parent AS regclass) AND c.relname ~ '_[0-9]{8}$' ORDER BY 1"
    )
    names = [str(name) for name in (await db.execute(found, {"parent": cut[0]})).scalars()]
    return [name for name in names if name.rpartition("_")[2] < f"{before:%Y%m%d}"]


def _count_of(day: str, cut: tuple[str, str]) -> str:
    """Return the query for the number of rows of a day, which is read through its table only."""
    table, column = cut
    start = f"(CAST('{day.rpartition('_')[2]}' AS timestamp) AT TIME ZONE 'UTC')"
    return f"SELECT count(*) FROM {table} WHERE {column} >= {start} AND {column} < {start} + interval '1 day'"


async def _write_down(mandate: access.Mandate, engine: AsyncEngine, passed: Passed, now: datetime) -> None:
    rule = passed.rule
    target = f"{rule.what} before {passed.before:%Y-%m-%d}, partitions {len(passed.partitions)}, files {passed.files}"
    await access.record(mandate, access.Act.APPLY_RETENTION, target, allowed=True, rows=passed.rows)
    said = {"at": now, "what": rule.what, "basis": rule.basis, "before": passed.before}
    async with writing(engine) as db:
        await db.execute(insert(Destruction).values(**said, rows=passed.rows, partitions=passed.partitions))
