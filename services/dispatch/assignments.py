"""Assignments: one unit, one call at a time. Proposed reserves it, dispatched sends it; steps go forward only."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from geo.roads import Modes
from services import access, carriage, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Assignment, Call
from services.db.tables.fleet import Carriage, Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain
from services.dispatch import calls, deferral, handbook
from services.dispatch.codes import FREE, OVER, REFUSABLE, RESERVED, WITHDRAWABLE, CallState, Step
from services.dispatch.recommend import expected_s
from services.errors import ConflictError, InvalidError, NotFoundError
from services.settings import Settings


class NoUnitError(NotFoundError):
    """There is no such unit."""


class NoAssignmentError(NotFoundError):
    """There is no such assignment."""


class UnitTakenError(ConflictError):
    """The unit is not free: another dispatcher was first, or it is off duty."""


class StaleUnitError(ConflictError):
    """Nobody knows where the unit is now."""


class StepError(ConflictError):
    """An assignment goes forward only."""


class NoReasonError(InvalidError):
    """Nobody refuses or is withdrawn without a reason."""


@dataclass(frozen=True, slots=True)
class _Held:
    """An assignment whose call and unit are locked."""

    id: int
    call_id: int
    unit_id: int
    call_sign: str
    state: Step

    @property
    def detail(self) -> dict[str, Any]:
        return {"assignment_id": self.id, "unit_id": self.unit_id, "call_sign": self.call_sign}


async def assign_unit(
    mandate: access.Mandate,
    db: WriteSession,
    roads: Modes | None,
    settings: Settings,
    *,
    call_id: int,
    unit_id: int,
    level: Step = Step.DISPATCHED,
    now: datetime,
) -> live.AssignmentView:
    """Send a free unit to a call, or propose it. Of two who take the same unit at once, one wins and the other is told.

    Raises:
        NoCallError, NoUnitError: there is none.
        CallClosedError: the call is over.
        UnitTakenError: the unit is not free.
        StaleUnitError: its position is unknown or older than allowed.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id} unit:{unit_id}")
    return await place_unit(db, roads, settings, call_id=call_id, unit_id=unit_id, level=level, by=mandate, now=now)


async def place_unit(
    db: WriteSession,
    roads: Modes | None,
    settings: Settings,
    *,
    call_id: int,
    unit_id: int,
    level: Step,
    by: access.Mandate | None,
    now: datetime,
) -> live.AssignmentView:
    """Do what `assign_unit` does, for a dispatcher, or by the machine, which only ever proposes."""
    await calls.lock(db, call_id)
    unit = await _lock_unit(db, unit_id)
    if unit.state != FREE:
        raise await _taken(db, unit)
    here = await _fresh_place(db, unit, settings, now)
    scene = await calls.view(db, call_id)
    time_s = await asyncio.to_thread(expected_s, roads, unit.kind, here, (scene.lon_deg, scene.lat_deg))
    row = insert(Assignment).values(
        call_id=call_id, unit_id=unit_id, state=level.value, expected_s=time_s, by_machine=by is None,
        **{f"{level}_at": now},
    )  # fmt: skip
    try:
        async with db.begin_nested():
            assignment_id = (await db.execute(row.returning(Assignment.id))).scalar_one()
    except IntegrityError:  # the index behind the lock: one open assignment a unit
        raise await _taken(db, unit) from None
    if by and level is Step.DISPATCHED:
        await calls.sign(db, call_id, by=by, now=now)
    held = _Held(assignment_id, call_id, unit_id, unit.call_sign, level)
    await _settle(db, held, level, by=by, now=now, expected_s=time_s)
    limits = handbook.tables(settings).timers
    await deferral.look_after(db, limits.accept_s if level is Step.DISPATCHED else limits.proposal_s, now)
    return await view(db, call_id, assignment_id)


async def dispatch_proposed(
    mandate: access.Mandate, db: WriteSession, settings: Settings, assignment_id: int, *, now: datetime
) -> live.AssignmentView:
    """Send a unit that was proposed: a person decides, never the machine (个人信息保护法 24).

    Raises:
        NoAssignmentError: there is none.
        StepError: it is not proposed any more.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"assignment:{assignment_id}")
    held = await _hold(db, assignment_id)
    if held.state is not Step.PROPOSED:
        raise StepError("The assignment is at {state}; only a proposed unit is sent.", state=held.state)
    await calls.sign(db, held.call_id, by=mandate, now=now)
    await deferral.look_after(db, handbook.tables(settings).timers.accept_s, now)
    return await _step(db, held, Step.DISPATCHED, by=mandate, now=now)


async def report_status(
    mandate: access.Mandate, db: WriteSession, assignment_id: int, *, step: Step, now: datetime
) -> live.AssignmentView:
    """Take an assignment a step forward; the unit and the call follow.

    A unit that is clear is free again. A call whose last unit left without having been on the scene is open again.

    Raises:
        NoAssignmentError: there is none.
        StepError: it is there already, or beyond, or not dispatched yet.
    """
    await access.grant(mandate, access.Act.REPORT_STATUS, f"assignment:{assignment_id}")
    return await take_step(db, assignment_id, step=step, by=mandate, now=now)


async def take_step(
    db: WriteSession, assignment_id: int, *, step: Step, by: access.Mandate | None, now: datetime
) -> live.AssignmentView:
    """Do what `report_status` does, for an officer or for a terminal."""
    held = await _hold(db, assignment_id)
    if held.state is Step.PROPOSED or step not in held.state.following:
        allowed = ", ".join(held.state.following) or "nothing more"
        raise StepError("The assignment is at {state}; next may come: {allowed}.", state=held.state, allowed=allowed)
    return await _step(db, held, step, by=by, now=now)


async def refuse(
    mandate: access.Mandate, db: WriteSession, assignment_id: int, *, reason: str, now: datetime
) -> live.AssignmentView:
    """Refuse to go, saying why; the unit is free again.

    Raises:
        NoReasonError: nothing was said.
        NoAssignmentError: there is none.
        StepError: the unit has set out already, or it is over.
    """
    await access.grant(mandate, access.Act.REPORT_STATUS, f"assignment:{assignment_id}")
    return await end(db, assignment_id, Step.REFUSED, reason=reason, by=mandate, now=now)


async def withdraw(
    mandate: access.Mandate, db: WriteSession, assignment_id: int, *, reason: str, now: datetime
) -> live.AssignmentView:
    """Take a unit off a call before it is there, saying why; it is free again.

    Raises:
        NoReasonError: nothing was said.
        NoAssignmentError: there is none.
        StepError: the unit is on the scene already, or it is over.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"assignment:{assignment_id}")
    return await end(db, assignment_id, Step.WITHDRAWN, reason=reason, by=mandate, now=now)


async def end(
    db: WriteSession, assignment_id: int, how: Step, *, reason: str, by: access.Mandate | None, now: datetime
) -> live.AssignmentView:
    """End an assignment before its time; see `refuse` and `withdraw`."""
    if not reason.strip():
        raise NoReasonError("Say why.")
    held = await _hold(db, assignment_id)
    if held.state not in (REFUSABLE if how is Step.REFUSED else WITHDRAWABLE):
        raise StepError("The assignment is at {state}; it can't be {how} any more.", state=held.state, how=how)
    values = {"state": how.value, "ended_at": now, "reason": reason.strip(), "eta_at": None, "way": None}
    await db.execute(update(Assignment).where(Assignment.id == assignment_id).values(**values))
    await _settle(db, held, how, by=by, now=now, reason=reason.strip())
    return await view(db, held.call_id, assignment_id)


async def view(db: ReadSession, call_id: int, assignment_id: int) -> live.AssignmentView:
    """Return an assignment of a call."""
    call = await calls.view(db, call_id)
    return next(assignment for assignment in call.assignments if assignment.id == assignment_id)


async def _step(
    db: WriteSession, held: _Held, step: Step, *, by: access.Mandate | None, now: datetime
) -> live.AssignmentView:
    values: dict[str, Any] = {"state": step.value, f"{step}_at": now}
    if step is not Step.DISPATCHED:
        values["accepted_at"] = func.coalesce(Assignment.accepted_at, now)
    if step in {Step.ON_SCENE, Step.CLEAR}:
        values |= {"eta_at": None, "way": None}
    await db.execute(update(Assignment).where(Assignment.id == held.id).values(**values))
    await _settle(db, held, step, by=by, now=now)
    return await view(db, held.call_id, held.id)


async def _settle(
    db: WriteSession, held: _Held, step: Step, *, by: access.Mandate | None, now: datetime, **more: Any
) -> None:
    """Let the unit's and the call's state follow a step, and write it down."""
    unit_state = FREE if step in OVER else RESERVED if step is Step.PROPOSED else step.value
    await db.execute(update(Unit).where(Unit.id == held.unit_id).values(state=unit_state))
    sent = Assignment.state.not_in([*OVER, Step.PROPOSED]) | Assignment.on_scene_at.is_not(None)
    held_by = select(func.count()).where(Assignment.call_id == held.call_id, sent)
    attended = (await db.execute(held_by)).scalar_one() > 0
    state = CallState.ASSIGNED if attended else CallState.OPEN
    open_call = update(Call).where(Call.id == held.call_id, Call.state != CallState.CLOSED)
    await db.execute(open_call.where(Call.state != state.value).values(state=state.value))
    await calls.log(db, held.call_id, step.value, by=by, at=now, detail=held.detail | more)


async def _hold(db: WriteSession, assignment_id: int) -> _Held:
    """Lock an assignment's call, then its unit.

    Raises:
        NoAssignmentError: there is none.
    """
    ids = select(Assignment.call_id, Assignment.unit_id).where(Assignment.id == assignment_id)
    found = (await db.execute(ids)).one_or_none()
    if found is None:
        raise NoAssignmentError("There is no assignment {assignment_id}.", assignment_id=assignment_id)
    call_id, unit_id = found
    await db.execute(select(Call.id).where(Call.id == call_id).with_for_update())
    unit = await _lock_unit(db, unit_id)
    state = (await db.execute(select(Assignment.state).where(Assignment.id == assignment_id))).scalar_one()
    return _Held(assignment_id, call_id, unit_id, unit.call_sign, Step(state))


async def _lock_unit(db: WriteSession, unit_id: int) -> Any:
    columns = select(Unit.id, Unit.call_sign, Unit.kind, Unit.state)
    row = (await db.execute(columns.where(Unit.id == unit_id).with_for_update())).one_or_none()
    if row is None:
        raise NoUnitError("There is no unit {unit_id}.", unit_id=unit_id)
    return row


async def _taken(db: ReadSession, unit: Any) -> UnitTakenError:
    held = select(Assignment.call_id, Assignment.state)
    found = await db.execute(held.where(Assignment.unit_id == unit.id, Assignment.state.not_in(OVER)))
    row = found.one_or_none()
    if row is None:
        return UnitTakenError(
            "{call_sign} is not free but {state}. Choose another unit.", call_sign=unit.call_sign, state=unit.state
        )
    values = {"call_sign": unit.call_sign, "call_id": row.call_id}
    if row.state == Step.PROPOSED:
        return UnitTakenError("{call_sign} is proposed for call {call_id} already. Choose another unit.", **values)
    return UnitTakenError("{call_sign} has been sent to call {call_id} already. Choose another unit.", **values)


async def _fresh_place(db: ReadSession, unit: Any, settings: Settings, now: datetime) -> tuple[float, float]:
    """Return where the unit is, as long as that is not too long ago."""
    place = plain(NewestFix.place)
    newest = select(NewestFix.at, func.ST_X(place), func.ST_Y(place)).select_from(Unit).where(Unit.id == unit.id)
    found = (await db.execute(newest.join(Carriage, carriage.PRESENT).join(NewestFix, carriage.HEARD))).one_or_none()
    if found is None:
        raise StaleUnitError(
            "{call_sign} has reported no position with the device it carries. Choose another unit.",
            call_sign=unit.call_sign,
        )
    at, lon_deg, lat_deg = found
    if now - at > settings.stale_after:
        raise StaleUnitError(
            "{call_sign} was last heard of {age_s} s ago; {most_s} s are allowed. Choose another unit.",
            call_sign=unit.call_sign,
            age_s=f"{(now - at).total_seconds():.0f}",
            most_s=settings.stale_after_s,
        )
    return lon_deg, lat_deg
