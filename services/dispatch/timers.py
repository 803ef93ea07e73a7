"""Timers of calls: what has waited too long is told once, and the next unit proposed. Run again, nothing doubles.

Nothing is held in memory: what is due stands in the tables, so timers go on after any restart. A job at the moment a
timer runs out is deferred in the transaction that starts it; a sweep every minute finds what that job missed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from geo.roads import Modes
from services import alerts, carriage
from services.db.engine import WriteSession
from services.db.tables.calls import Assignment, Call
from services.db.tables.fleet import Carriage, Unit
from services.db.types import plain
from services.dispatch import assignments, calls, candidates, handbook, recommend
from services.dispatch.codes import CallState, Step
from services.errors import TianshuError
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that ran out: what the alert is called, whom it concerns, since when."""

    kind: str
    call_id: int
    since: datetime
    assignment_id: int | None = None
    unit_id: int | None = None
    call_sign: str | None = None
    device_id: int | None = None

    @property
    def key(self) -> str:
        """The alert's key: one for each time the timer runs."""
        return f"{self.kind}:{self.call_id}:{self.assignment_id or 0}:{self.since.isoformat()}"


async def check(db: WriteSession, roads: Modes | None, settings: Settings, now: datetime) -> int:
    """Tell what has waited too long, propose the next unit where one did not accept; return how much was new."""
    limits = handbook.tables(settings).timers

    def ago(limit_s: int) -> datetime:
        return now - timedelta(seconds=limit_s)

    await _expire(db, ago(limits.proposal_s), now)
    found = [
        *await _unsigned(db, ago(limits.sign_for_s)),
        *await _held(db, "call_not_accepted", Step.DISPATCHED, Assignment.dispatched_at, ago(limits.accept_s)),
        *await _held(db, "call_not_set_out", Step.ACCEPTED, Assignment.accepted_at, ago(limits.set_out_s)),
        *await _held(
            db,
            "call_no_feedback",
            Step.ON_SCENE,
            Assignment.on_scene_at,
            ago(limits.feedback_s),
            Call.feedback_at.is_(None),
        ),
    ]
    told = 0
    for due in found:
        told += await _tell(db, roads, settings, due, now)
    return told


async def _tell(db: WriteSession, roads: Modes | None, settings: Settings, due: Due, now: datetime) -> bool:
    """Raise the alert of a timer, once; a unit that did not accept is backed by a proposal of the next."""
    place = plain(Call.place)
    where = await db.execute(select(func.ST_X(place), func.ST_Y(place)).where(Call.id == due.call_id))
    lon_deg, lat_deg = where.one()
    waited_s = round((now - due.since).total_seconds())
    said = {"call_id": due.call_id, "assignment_id": due.assignment_id, "unit_id": due.unit_id,
            "call_sign": due.call_sign, "waited_s": waited_s}  # fmt: skip
    raised = await alerts.raise_alert(
        db, key=due.key, kind=due.kind, severity="warning", at=now, device_id=due.device_id,
        lon_deg=lon_deg, lat_deg=lat_deg, detail=said,
    )  # fmt: skip
    if raised is None:
        return False
    await calls.log(db, due.call_id, "escalated", by=None, at=now, detail=said | {"alert": due.kind})
    if due.kind == "call_not_accepted" and lon_deg is not None:
        await _propose_next(db, roads, settings, call_id=due.call_id, place=(lon_deg, lat_deg), now=now)
    return True


async def _propose_next(
    db: WriteSession,
    roads: Modes | None,
    settings: Settings,
    *,
    call_id: int,
    place: tuple[float, float],
    now: datetime,
) -> None:
    """Reserve the soonest unit that is free; a person decides whether it goes."""
    kind, _ = await recommend.scene(db, call_id)
    found = await candidates.muster(db, settings, kind=kind, place=place, now=now)
    for item in recommend.rank(roads, *place, found.fit, recommend.LIMIT):
        try:
            await assignments.place_unit(
                db, roads, settings, call_id=call_id, unit_id=item.unit.unit_id, level=Step.PROPOSED, by=None, now=now
            )
        except assignments.UnitTakenError:  # somebody was quicker: the next one
            continue
        return


async def _expire(db: WriteSession, before: datetime, now: datetime) -> None:
    """Set free the units of proposals nobody decided on."""
    old = select(Assignment.id).where(Assignment.state == Step.PROPOSED, Assignment.proposed_at <= before)
    for assignment_id in (await db.execute(old.order_by(Assignment.id))).scalars().all():
        try:
            await assignments.end(
                db, assignment_id, Step.WITHDRAWN, reason="nobody decided on it in time", by=None, now=now
            )
        except TianshuError:  # decided on at this moment
            continue


async def _unsigned(db: WriteSession, before: datetime) -> list[Due]:
    waiting = Call.signed_at.is_(None) & (Call.state != CallState.CLOSED) & (Call.taken_at <= before)
    rows = await db.execute(select(Call.id, Call.taken_at).where(waiting).order_by(Call.id))
    return [Due("call_unsigned", call_id, taken_at) for call_id, taken_at in rows]


async def _held(
    db: WriteSession, kind: str, step: Step, since: Any, before: datetime, *conditions: ColumnElement[bool]
) -> list[Due]:
    """Return the assignments that have stood at a step since before a moment."""
    columns = select(Assignment.call_id, since, Assignment.id, Unit.id, Unit.call_sign, Carriage.device_id)
    joined = columns.join(Unit, Unit.id == Assignment.unit_id).outerjoin(Carriage, carriage.PRESENT)
    held = joined.join(Call, Call.id == Assignment.call_id).where(Call.state != CallState.CLOSED)
    waiting = held.where(Assignment.state == step, since <= before, *conditions)
    rows = await db.execute(waiting.order_by(Assignment.id))
    return [
        Due(kind, call_id, at, assignment_id, unit_id, call_sign, device_id)
        for call_id, at, assignment_id, unit_id, call_sign, device_id in rows
    ]
