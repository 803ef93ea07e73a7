"""An officer's own part, from the phone: signing on to a unit, his call, the way there, steps, refusing, SOS.

Whatever is asked or reported here concerns the unit he is on, and no other.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select, update

from geo import crs
from geo.roads import Modes
from services import access, alerts, carriage, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.alerts import Alert
from services.db.tables.calls import Assignment, Crew
from services.db.tables.fleet import Carriage, Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain
from services.dispatch import assignments, calls, guidance, recommend
from services.dispatch.codes import FREE, OFF_DUTY, OVER, Step
from services.dispatch.guidance import GuideView
from services.errors import ConflictError, NotFoundError
from services.settings import Settings


class NotOnUnitError(ConflictError):
    """The officer is on no unit."""


class NoCallOfMineError(NotFoundError):
    """The officer's unit is on no call."""


class BusyError(ConflictError):
    """Nobody leaves a unit that is on a call."""


@dataclass(frozen=True, slots=True)
class MyUnit:
    """The unit an officer is on; the place is None while unknown."""

    id: int
    call_sign: str
    kind: str
    state: str
    device_id: int | None
    lon_deg: float | None
    lat_deg: float | None
    at: datetime | None
    since: datetime


@dataclass(frozen=True, slots=True, eq=False)
class MyRoute:
    """The way to the scene; `estimated`: a straight line, because no road answer was to be had."""

    line: NDArray[np.float64]  # (n, 2) lon, lat
    time_s: float
    length_m: float
    estimated: bool


@dataclass(frozen=True, slots=True)
class Mine:
    """What an officer's phone shows: of the call, only his own unit's assignment."""

    officer: str
    unit: MyUnit | None
    assignment: live.AssignmentView | None = None
    call: live.CallView | None = None
    guidance: GuideView | None = None
    route: MyRoute | None = None


@dataclass(frozen=True, slots=True)
class OpenUnit:
    """A unit that may be signed on to."""

    id: int
    call_sign: str
    kind: str
    division: str | None


async def read_mine(mandate: access.Mandate, db: ReadSession, roads: Modes | None, settings: Settings) -> Mine:
    """Return the officer's unit, its call, the guidance and the way there."""
    async with access.look(mandate, access.Act.SERVE, "own unit") as seen:
        found = await _mine(mandate, db, roads, settings)
        seen.rows = int(found.call is not None)
        return found


async def list_open_units(mandate: access.Mandate, db: ReadSession) -> list[OpenUnit]:
    """Return the units an officer may sign on to, by call sign."""
    await access.grant(mandate, access.Act.SERVE, "units")
    rows = await db.execute(select(Unit.id, Unit.call_sign, Unit.kind, Unit.division).order_by(Unit.call_sign))
    return [OpenUnit(*row) for row in rows]


async def sign_on(mandate: access.Mandate, db: WriteSession, unit_id: int, *, now: datetime) -> None:
    """Join the crew of a unit; one that was off duty is free from now on. Being on another ends with it.

    Raises:
        NoUnitError: there is no such unit.
        BusyError: the unit he is on is on a call.
    """
    await access.grant(mandate, access.Act.SERVE, f"unit:{unit_id}")
    known = select(Unit.id).where(Unit.id == unit_id)
    if (await db.execute(known)).scalar_one_or_none() is None:
        raise assignments.NoUnitError("There is no unit {unit_id}.", unit_id=unit_id)
    await _leave(mandate, db, now)
    await db.execute(insert(Crew).values(account_id=mandate.account_id, unit_id=unit_id, since=now))
    await db.execute(update(Unit).where(Unit.id == unit_id, Unit.state == OFF_DUTY).values(state=FREE))


async def sign_off(mandate: access.Mandate, db: WriteSession, *, now: datetime) -> None:
    """Leave the unit; when nobody is left on it, it is off duty.

    Raises:
        NotOnUnitError: he is on none.
        BusyError: it is on a call.
    """
    await access.grant(mandate, access.Act.SERVE, "own unit")
    if not await _leave(mandate, db, now):
        raise NotOnUnitError("You are on no unit.")


async def report(mandate: access.Mandate, db: WriteSession, *, step: Step, now: datetime) -> None:
    """Report the next step of one's own unit.

    Raises:
        NotOnUnitError, NoCallOfMineError: he is on no unit, or it on no call.
        StepError: it is there already, or beyond.
    """
    await access.grant(mandate, access.Act.SERVE, "own unit")
    held = await _held(mandate, db)
    await assignments.take_step(db, held.id, step=step, by=mandate, now=now)


async def decline(mandate: access.Mandate, db: WriteSession, *, reason: str, now: datetime) -> None:
    """Refuse to go, with a reason.

    Raises:
        NotOnUnitError, NoCallOfMineError: he is on no unit, or it on no call.
        NoReasonError, StepError: without a reason; or the unit has set out already.
    """
    await access.grant(mandate, access.Act.SERVE, "own unit")
    held = await _held(mandate, db)
    await assignments.end(db, held.id, Step.REFUSED, reason=reason, by=mandate, now=now)


async def tell(mandate: access.Mandate, db: WriteSession, *, said: str, now: datetime) -> None:
    """Report back on the call of one's own unit (反馈).

    Raises:
        NotOnUnitError, NoCallOfMineError: he is on no unit, or it on no call.
        SilentError: it says nothing.
    """
    await access.grant(mandate, access.Act.SERVE, "own unit")
    held = await _held(mandate, db)
    await calls.feed_back(db, held.call_id, said, by=mandate, now=now)


async def check_off_mine(
    mandate: access.Mandate, db: WriteSession, settings: Settings, *, step: str, done: bool, now: datetime
) -> None:
    """Check a step of the guidance off, or take that back.

    Raises:
        NotOnUnitError, NoCallOfMineError: he is on no unit, or it on no call.
        NoGuideError, NoStepError: there is no such step.
    """
    await access.grant(mandate, access.Act.SERVE, "own unit")
    held = await _held(mandate, db)
    await guidance.mark(db, settings, held.call_id, step=step, done=done, by=mandate, now=now)


async def call_for_help(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    *,
    place: tuple[float, float] | None,
    accuracy_m: float | None = None,
    now: datetime,
) -> int:
    """Raise an SOS where the phone is, or where the unit was last; return the alert's id, or that of the open one."""
    await access.grant(mandate, access.Act.CALL_FOR_HELP)
    unit = await _unit(mandate, db)
    if place is None and unit and unit.lon_deg is not None and unit.lat_deg is not None:
        place = unit.lon_deg, unit.lat_deg
    device_id = unit.device_id if unit else None
    who = {"who": mandate.display_name, "account_id": mandate.account_id, "accuracy_m": accuracy_m}
    mine = Alert.device_id == device_id if device_id else Alert.detail["account_id"].as_integer() == mandate.account_id
    is_open = select(Alert.id).where(Alert.kind == alerts.SOS, Alert.state != "closed", mine)
    known = (await db.execute(is_open.limit(1))).scalar_one_or_none()
    if known is not None:
        return known
    key = f"{alerts.SOS}:account:{mandate.account_id}:{now.isoformat()}"
    raised = await alerts.raise_help(
        db, settings, key=key, at=now, device_id=device_id, place=place, detail={"fixes": 0, "phone": True, **who}
    )
    return raised if raised is not None else (await db.execute(is_open)).scalar_one()


async def _leave(mandate: access.Mandate, db: WriteSession, now: datetime) -> bool:
    """Leave the unit one is on, if any; say whether there was one."""
    unit = await _unit(mandate, db)
    if unit is None:
        return False
    if unit.state not in {FREE, OFF_DUTY}:
        raise BusyError("{call_sign} is on a call. Report it clear first.", call_sign=unit.call_sign)
    mine = (Crew.account_id == mandate.account_id, Crew.until.is_(None))
    await db.execute(update(Crew).where(*mine).values(until=now))
    left = select(func.count()).where(Crew.unit_id == unit.id, Crew.until.is_(None))
    if (await db.execute(left)).scalar_one() == 0:
        await db.execute(update(Unit).where(Unit.id == unit.id, Unit.state == FREE).values(state=OFF_DUTY))
    return True


async def _unit(mandate: access.Mandate, db: ReadSession) -> MyUnit | None:
    place = plain(NewestFix.place)
    found = (
        select(
            Unit.id, Unit.call_sign, Unit.kind, Unit.state, Carriage.device_id, func.ST_X(place), func.ST_Y(place),
            NewestFix.at, Crew.since,
        )
        .join(Crew, Crew.unit_id == Unit.id)
        .outerjoin(Carriage, carriage.PRESENT)
        .outerjoin(NewestFix, carriage.HEARD)
        .where(Crew.account_id == mandate.account_id, Crew.until.is_(None))
    )  # fmt: skip
    row = (await db.execute(found)).one_or_none()
    return MyUnit(*row) if row else None


async def _held(mandate: access.Mandate, db: ReadSession) -> Any:
    """Return id and call of the assignment of one's own unit; what is merely proposed is not told yet."""
    unit = await _unit(mandate, db)
    if unit is None:
        raise NotOnUnitError("You are on no unit. Sign on first.")
    held = await _sent(db, unit.id)
    if held is None:
        raise NoCallOfMineError("{call_sign} is on no call.", call_sign=unit.call_sign)
    return held


async def _sent(db: ReadSession, unit_id: int) -> Any:
    sent = Assignment.state.not_in([*OVER, Step.PROPOSED])
    found = select(Assignment.id, Assignment.call_id).where(Assignment.unit_id == unit_id, sent)
    return (await db.execute(found)).one_or_none()


async def _mine(mandate: access.Mandate, db: ReadSession, roads: Modes | None, settings: Settings) -> Mine:
    unit = await _unit(mandate, db)
    held = await _sent(db, unit.id) if unit else None
    if unit is None or held is None:
        return Mine(mandate.display_name, unit)
    call = await calls.view(db, held.call_id)
    own = next(one for one in call.assignments if one.id == held.id)
    try:
        guide = await guidance.guide_of(db, settings, call.id)
    except guidance.NoGuideError:
        guide = None
    route = await asyncio.to_thread(way, roads, unit, call)
    return Mine(mandate.display_name, unit, own, replace(call, assignments=[own]), guide, route)


def way(roads: Modes | None, unit: MyUnit, call: live.CallView) -> MyRoute | None:
    """Return the way from a unit to a call, None while either place is unknown."""
    if unit.lon_deg is None or unit.lat_deg is None or call.lon_deg is None or call.lat_deg is None:
        return None
    here, there = (unit.lon_deg, unit.lat_deg), (call.lon_deg, call.lat_deg)
    graph = roads.graph(unit.kind) if roads else None
    route = graph.route(graph.at_places(*here), graph.at_places(*there)) if graph else None
    if route:
        return MyRoute(route.line, route.time_s, route.length_m, estimated=False)
    time_s = recommend.expected_s(roads, unit.kind, here, there) or 0.0
    return MyRoute(np.array([here, there]), time_s, float(crs.haversine_m(*here, *there)), estimated=True)
