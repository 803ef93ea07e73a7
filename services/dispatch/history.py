"""Calls of the past, kept by another system: they come in as closed ones, marked in their logs, and never go live."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access
from services.db.engine import ReadSession, WriteSession, writing
from services.db.tables.calls import Assignment, Call, CallEvent
from services.db.tables.fleet import Unit
from services.db.types import point
from services.dispatch import handbook
from services.dispatch.codes import CallState, Step
from services.dispatch.ground import Ground
from services.imports.rejects import RejectFile
from services.ingest import calls as past
from services.ingest import files
from services.settings import Settings

IMPORTED: Final = "imported"
"""What the log of such a call says first."""

_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(func.hashtext("tianshu.calls.import")))


@dataclass(slots=True)
class Told:
    """What came of a file."""

    stored: int = 0
    repeated: int = 0  # had been stored before
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    """What all rows of a file have in common."""

    source: str
    kinds: Mapping[str, tuple[str, int]]  # a code or a name -> the code and its usual priority
    results: Mapping[str, str]
    ground: Ground
    now: datetime
    told: Told = field(default_factory=Told)


async def import_calls(
    mandate: access.Mandate,
    engine: AsyncEngine,
    settings: Settings,
    ground: Ground,
    path: Path,
    *,
    how: past.Options,
    now: datetime,
    rejects: Path,
) -> Told:
    """Store the calls of a CSV file as closed ones; a number that was imported before adds nothing.

    Every thousand rows are committed. The reject file holds line, reason and the columns that are read; it exists only
    if needed.

    Raises:
        InvalidError: the file can't be read, lacks columns, or its reference system is unknown.
    """
    await access.grant(mandate, access.Act.IMPORT_CALLS, path.name)
    tables = handbook.tables(settings)
    kinds = {name: (code, kind.priority) for code, kind in tables.kinds.items() for name in _names(code, kind.name)}
    results = {name: code for code, one in tables.results.items() for name in _names(code, one.name)}
    job = _Job(path.name, kinds, results, ground, now)
    with (
        past.opened(path, how, now=now) as opened,
        RejectFile(rejects, path, opened.columns) as bad,
    ):
        for chunk in opened.chunks:
            async with writing(engine) as db:
                refused = await _store(db, job, chunk.calls)
            rejected = sorted([*chunk.rejected, *refused], key=lambda row: row.line)
            job.told.rejected += bad.write(rejected)
    return job.told


def _names(code: str, words: handbook.Words) -> tuple[str, ...]:
    return code, words.zh, words.en


async def _store(db: WriteSession, job: _Job, calls: Sequence[past.PastCall]) -> list[files.Rejected]:
    """Store what is new and can be understood; return the others with the reason."""
    await db.execute(_ONE_AT_A_TIME)
    keys = {_key(call) for call in calls}
    known = select(Call.request_key).where(Call.taken_by.is_(None), Call.request_key.in_(keys))
    before = set((await db.execute(known)).scalars())
    units = await _units(db, {call.said["unit"] for call in calls})
    good, refused = dict[str, past.PastCall](), list[files.Rejected]()
    for call in calls:
        reason = _unknown(job, units, call)
        if reason:
            refused.append(files.Rejected(call.line, reason, call.values))
        elif _key(call) in before or _key(call) in good:
            job.told.repeated += 1
        else:
            good[_key(call)] = call
    if good:
        await _insert(db, job, units, good)
        job.told.stored += len(good)
    return refused


async def _units(db: ReadSession, call_signs: Iterable[str]) -> dict[str, int]:
    found = await db.execute(select(Unit.call_sign, Unit.id).where(Unit.call_sign.in_(set(call_signs))))
    return {str(call_sign): int(unit_id) for call_sign, unit_id in found}


def _unknown(job: _Job, units: Mapping[str, int], call: past.PastCall) -> str:
    """Return what a call names that nobody here knows; empty if all is known."""
    if call.kind not in job.kinds:
        return f"kind {call.kind!r} is neither a code nor a name of the table of kinds"
    if call.said["result_code"] and call.said["result_code"] not in job.results:
        return f"result_code {call.said['result_code']!r} is neither a code nor a name of the table of results"
    if call.said["unit"] and call.said["unit"] not in units:
        return f"there is no unit {call.said['unit']!r}"
    return ""


async def _insert(db: WriteSession, job: _Job, units: Mapping[str, int], calls: Mapping[str, past.PastCall]) -> None:
    rows = [_row(job, key, call) for key, call in calls.items()]
    found = await db.execute(insert(Call).values(rows).returning(Call.request_key, Call.id))
    numbers = {str(key): int(call_id) for key, call_id in found}
    sent = [
        {
            "call_id": numbers[key], "unit_id": units[call.said["unit"]], "state": Step.CLEAR.value,
            **{moment: call.at.get(moment) for moment in past.UNITS_WAY},
            "clear_at": call.at.get("clear_at", call.closed_at),
        }
        for key, call in calls.items() if call.said["unit"]
    ]  # fmt: skip
    if sent:
        await db.execute(insert(Assignment), sent)
    events = [
        {
            "call_id": numbers[key], "at": job.now, "what": IMPORTED,
            "detail": {"file": job.source, "number": call.number, "line": call.line},
        }
        for key, call in calls.items()
    ]  # fmt: skip
    await db.execute(insert(CallEvent), events)


def _row(job: _Job, key: str, call: past.PastCall) -> dict[str, Any]:
    kind, usual = job.kinds[call.kind]
    place, said = call.place, call.said
    return {
        "kind": kind,
        "priority": call.priority or usual,
        "place": point(*place) if place else None,
        "division": job.ground.division(*place) if place else None,
        "outside": job.ground.is_outside(*place) if place else False,
        "address": said["address"],
        "notes": said["notes"],
        "state": CallState.CLOSED.value,
        "taken_at": call.taken_at,
        "signed_at": call.at.get("signed_at"),
        "feedback_at": call.at.get("feedback_at"),
        "closed_at": call.closed_at,
        "result": said["result"] or None,
        "result_code": job.results.get(said["result_code"]),
        "request_key": key,
    }


def _key(call: past.PastCall) -> str:
    return f"{IMPORTED}:{call.number}"
