"""Assignments: one unit, one call at a time; steps are taken forward only."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from geo.roads import RoadGraph
from services import access, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Assignment, Call
from services.db.tables.fleet import Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain
from services.dispatch import calls
from services.dispatch.codes import FREE, CallState, Step
from services.dispatch.recommend import expected_s
from services.errors import ConflictError, NotFoundError
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


async def assign_unit(
    mandate: access.Mandate,
    db: WriteSession,
    graph: RoadGraph | None,
    settings: Settings,
    *,
    call_id: int,
    unit_id: int,
    now: datetime,
) -> live.AssignmentView:
    """Send a free unit to a call. Of two who take the same unit at once, one wins and the other is told.

    Raises:
        NoCallError, NoUnitError: there is none.
        CallClosedError: the call is over.
        UnitTakenError: the unit is not free.
        StaleUnitError: its position is unknown or older than allowed.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id} unit:{unit_id}")
    await calls.lock(db, call_id)
    unit = await _lock_unit(db, unit_id)
    if unit.state != FREE:
        raise await _taken(db, unit)
    here = await _fresh_place(db, unit, settings, now)
    scene = await calls.view(db, call_id)
    time_s = await asyncio.to_thread(expected_s, graph, here, (scene.lon_deg, scene.lat_deg))
    row = insert(Assignment).values(
        call_id=call_id, unit_id=unit_id, state=Step.DISPATCHED.value, dispatched_at=now, expected_s=time_s
    )
    try:
        async with db.begin_nested():
            assignment_id = (await db.execute(row.returning(Assignment.id))).scalar_one()
    except IntegrityError:  # the index behind the lock: one open assignment a unit
        raise await _taken(db, unit) from None
    await _follow(db, call_id, unit_id, Step.DISPATCHED)
    detail = {"assignment_id": assignment_id, "unit_id": unit_id, "call_sign": unit.call_sign, "expected_s": time_s}
    await calls.log(db, call_id, Step.DISPATCHED.value, by=mandate, at=now, detail=detail)
    return await _view(db, call_id, assignment_id)


async def report_status(
    mandate: access.Mandate, db: WriteSession, assignment_id: int, *, step: Step, now: datetime
) -> live.AssignmentView:
    """Take an assignment a step forward; the unit and the call follow.

    A unit that is clear is free again. A call whose last unit left without having been on the scene is open again.

    Raises:
        NoAssignmentError: there is none.
        StepError: it is there already, or beyond.
    """
    await access.grant(mandate, access.Act.REPORT_STATUS, f"assignment:{assignment_id}")
    ids = select(Assignment.call_id, Assignment.unit_id).where(Assignment.id == assignment_id)
    found = (await db.execute(ids)).one_or_none()
    if found is None:
        raise NoAssignmentError(f"There is no assignment {assignment_id}.")
    call_id, unit_id = found
    await _lock_any(db, call_id)
    unit = await _lock_unit(db, unit_id)
    state = Step((await db.execute(select(Assignment.state).where(Assignment.id == assignment_id))).scalar_one())
    if step not in state.following:
        allowed = ", ".join(state.following) or "nothing more"
        raise StepError(f"The assignment is at {state}; next may come: {allowed}.")
    values = {"state": step.value, f"{step}_at": now}
    await db.execute(update(Assignment).where(Assignment.id == assignment_id).values(**values))
    await _follow(db, call_id, unit_id, step)
    detail = {"assignment_id": assignment_id, "unit_id": unit_id, "call_sign": unit.call_sign}
    await calls.log(db, call_id, step.value, by=mandate, at=now, detail=detail)
    return await _view(db, call_id, assignment_id)


async def _lock_any(db: WriteSession, call_id: int) -> None:
    await db.execute(select(Call.id).where(Call.id == call_id).with_for_update())


async def _lock_unit(db: WriteSession, unit_id: int) -> Any:
    columns = select(Unit.id, Unit.call_sign, Unit.state, Unit.device_id)
    row = (await db.execute(columns.where(Unit.id == unit_id).with_for_update())).one_or_none()
    if row is None:
        raise NoUnitError(f"There is no unit {unit_id}.")
    return row


async def _taken(db: ReadSession, unit: Any) -> UnitTakenError:
    held = select(Assignment.call_id).where(Assignment.unit_id == unit.id, Assignment.state != Step.CLEAR)
    call_id = (await db.execute(held)).scalar_one_or_none()
    if call_id is None:
        return UnitTakenError(f"{unit.call_sign} is not free but {unit.state}. Choose another unit.")
    return UnitTakenError(f"{unit.call_sign} has been sent to call {call_id} already. Choose another unit.")


async def _fresh_place(db: ReadSession, unit: Any, settings: Settings, now: datetime) -> tuple[float, float]:
    """Return where the unit is, as long as that is not too long ago."""
    place = plain(NewestFix.place)
    newest = select(NewestFix.at, func.ST_X(place), func.ST_Y(place)).where(NewestFix.device_id == unit.device_id)
    found = (await db.execute(newest)).one_or_none()
    if found is None:
        raise StaleUnitError(f"{unit.call_sign} has never reported a position. Choose another unit.")
    at, lon_deg, lat_deg = found
    if now - at > settings.stale_after:
        raise StaleUnitError(
            f"{unit.call_sign} was last heard of {(now - at).total_seconds():.0f} s ago; "
            f"{settings.stale_after_s} s are allowed. Choose another unit."
        )
    return lon_deg, lat_deg


async def _follow(db: WriteSession, call_id: int, unit_id: int, step: Step) -> None:
    """Let the unit's and the call's state follow a step."""
    unit_state = FREE if step is Step.CLEAR else step.value
    await db.execute(update(Unit).where(Unit.id == unit_id).values(state=unit_state))
    held = select(func.count()).where(
        Assignment.call_id == call_id, (Assignment.state != Step.CLEAR) | Assignment.on_scene_at.is_not(None)
    )
    attended = (await db.execute(held)).scalar_one() > 0
    state = CallState.ASSIGNED if attended else CallState.OPEN
    await db.execute(update(Call).where(Call.id == call_id, Call.state != CallState.CLOSED).values(state=state.value))


async def _view(db: ReadSession, call_id: int, assignment_id: int) -> live.AssignmentView:
    call = await calls.view(db, call_id)
    return next(assignment for assignment in call.assignments if assignment.id == assignment_id)
