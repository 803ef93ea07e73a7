"""Calls: taken, read, closed, and the log of what happened to each."""

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql

from services import access, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Assignment, Call, CallEvent
from services.db.types import point
from services.dispatch.codes import CallKind, CallState, Step
from services.errors import ConflictError, InvalidError, NotFoundError

MAX_PAGE = 200
_MAX_LON_DEG, _MAX_LAT_DEG = 180, 90


class NoCallError(NotFoundError):
    """There is no such call."""


class PlaceError(InvalidError):
    """The place of a call can't be true."""


class CallClosedError(ConflictError):
    """Nothing more happens to a closed call."""


class UnitsThereError(ConflictError):
    """A call with units on it is not closed."""


class KeyUsedError(ConflictError):
    """The idempotency key came with another call before."""


@dataclass(frozen=True, slots=True)
class Calls:
    """A page of calls, newest first, and the id to go on below."""

    items: list[live.CallView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a call's log."""

    at: datetime
    account_id: int | None
    what: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call with its result and its whole log."""

    call: live.CallView
    result: str | None
    events: list[Event]


async def take_call(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    kind: CallKind,
    priority: int,
    lon_deg: float,
    lat_deg: float,
    address: str = "",
    notes: str = "",
    now: datetime,
    request_key: str | None = None,
) -> live.CallView:
    """Write a call down; the same `request_key` of the same officer again returns the call of the first time.

    Raises:
        PlaceError: the place is nowhere on earth, or 0/0.
        KeyUsedError: the key came with something else.
    """
    await access.grant(mandate, access.Act.TAKE_CALL)
    _check_place(lon_deg, lat_deg)
    said = {"kind": kind.value, "priority": priority, "address": address, "notes": notes}
    row = postgresql.insert(Call).values(
        **said, place=point(lon_deg, lat_deg), taken_by=mandate.account_id, taken_at=now, request_key=request_key
    )
    new = row.on_conflict_do_nothing(index_elements=[Call.taken_by, Call.request_key]).returning(Call.id)
    call_id = (await db.execute(new)).scalar_one_or_none()
    if call_id is None:
        return await _taken_before(mandate, db, said | {"lon_deg": lon_deg, "lat_deg": lat_deg}, request_key)
    await log(db, call_id, "taken", by=mandate, at=now, detail={"kind": kind.value, "priority": priority})
    return await view(db, call_id)


async def list_calls(
    mandate: access.Mandate,
    db: ReadSession,
    *,
    state: CallState | None = None,
    below_id: int | None = None,
    limit: int = 50,
) -> Calls:
    """Return a page of calls, newest first, of one state or all."""
    look = await access.grant(mandate, access.Act.VIEW_CALLS, state or "all")
    limit = min(limit, MAX_PAGE)
    conditions = [Call.state == state.value] if state else []
    conditions += [Call.id < below_id] if below_id else []
    found = await live.view_calls(db, *conditions, limit=limit + 1)
    await look.saw(len(found[:limit]))
    return Calls(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


async def read_call(mandate: access.Mandate, db: ReadSession, call_id: int) -> CallRecord:
    """Return a call with its log.

    Raises:
        NoCallError: there is none.
    """
    look = await access.grant(mandate, access.Act.VIEW_CALLS, f"call:{call_id}")
    call = await view(db, call_id)
    await look.saw(1)
    result = (await db.execute(select(Call.result).where(Call.id == call_id))).scalar_one()
    columns = select(CallEvent.at, CallEvent.account_id, CallEvent.what, CallEvent.detail)
    rows = await db.execute(columns.where(CallEvent.call_id == call_id).order_by(CallEvent.id))
    return CallRecord(call, result, [Event(*row) for row in rows])


async def close_call(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, result: str, now: datetime
) -> live.CallView:
    """Close a call with its result (处警结果) once no unit is on it any more.

    Raises:
        InvalidError: the result is blank.
        NoCallError: there is none.
        CallClosedError: it is closed already.
        UnitsThereError: a unit is not clear yet.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    if not result.strip():
        raise InvalidError("Say how the call ended: what was found, what was done.")
    await lock(db, call_id)
    busy = select(Assignment.unit_id).where(Assignment.call_id == call_id, Assignment.state != Step.CLEAR)
    units = (await db.execute(busy)).scalars().all()
    if units:
        raise UnitsThereError(f"{len(units)} unit(s) are still on call {call_id}: report them clear first.")
    closed = {"state": CallState.CLOSED.value, "closed_at": now, "result": result.strip()}
    await db.execute(update(Call).where(Call.id == call_id).values(**closed))
    await log(db, call_id, "closed", by=mandate, at=now, detail={"result": result.strip()})
    return await view(db, call_id)


async def view(db: ReadSession, call_id: int) -> live.CallView:
    """Return a call as everybody sees it.

    Raises:
        NoCallError: there is none.
    """
    found = await live.view_calls(db, Call.id == call_id)
    if not found:
        raise NoCallError(f"There is no call {call_id}.")
    return found[0]


async def lock(db: WriteSession, call_id: int) -> None:
    """Keep a call for this transaction; whoever needs its units too locks the call first.

    Raises:
        NoCallError: there is none.
        CallClosedError: it is closed.
    """
    state = (await db.execute(select(Call.state).where(Call.id == call_id).with_for_update())).scalar_one_or_none()
    if state is None:
        raise NoCallError(f"There is no call {call_id}.")
    if state == CallState.CLOSED:
        raise CallClosedError(f"Call {call_id} is closed.")


async def log(
    db: WriteSession, call_id: int, what: str, *, by: access.Mandate, at: datetime, detail: dict[str, Any]
) -> None:
    """Add a line to a call's log."""
    row = insert(CallEvent).values(call_id=call_id, at=at, account_id=by.account_id, what=what, detail=detail)
    await db.execute(row)


def _check_place(lon_deg: float, lat_deg: float) -> None:
    if not (isfinite(lon_deg) and abs(lon_deg) <= _MAX_LON_DEG and isfinite(lat_deg) and abs(lat_deg) <= _MAX_LAT_DEG):
        raise PlaceError("The place is nowhere on earth: longitude is -180 to 180 degrees, latitude -90 to 90.")
    if lon_deg == 0 and lat_deg == 0:
        raise PlaceError("0/0 is what a missing place looks like: set the place on the map.")


async def _taken_before(
    mandate: access.Mandate, db: WriteSession, said: dict[str, Any], request_key: str | None
) -> live.CallView:
    same = select(Call.id).where(Call.taken_by == mandate.account_id, Call.request_key == request_key)
    call = await view(db, (await db.execute(same)).scalar_one())
    if said != {name: getattr(call, name) for name in said}:
        raise KeyUsedError(f"This key was used for call {call.id}, which says something else. Take a new key.")
    return call
