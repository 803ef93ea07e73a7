"""Calls (警情): read, signed for, reported back, closed, opened again, and the log of what happened to each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update

from services import access, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.calls import Assignment, Call, CallEvent, CallLink
from services.dispatch import handbook
from services.dispatch.codes import OVER, CallState
from services.errors import ConflictError, InvalidError, NotFoundError, Saying
from services.settings import Settings

MAX_PAGE = 200


class NoCallError(NotFoundError):
    """There is no such call."""


class CallClosedError(ConflictError):
    """Nothing more happens to a closed call until it is opened again."""


class CallOpenError(ConflictError):
    """Only a closed call is opened again."""


class SignedError(ConflictError):
    """Somebody has signed for the call before."""


class UnitsThereError(ConflictError):
    """A call with units on it is not closed."""


class SilentError(InvalidError):
    """Something has to be said, and nothing was."""


@dataclass(frozen=True, slots=True)
class Calls:
    """A page of calls, newest first, and the id to go on below."""

    items: list[live.CallView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a call's log; without an account the machine did it, or a terminal."""

    at: datetime
    account_id: int | None
    who: str | None
    what: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinkView:
    """Another call that has to do with this one."""

    call_id: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call with its result, its links and its whole log."""

    call: live.CallView
    result: str | None
    events: list[Event]
    links: list[LinkView]


async def list_calls(
    mandate: access.Mandate,
    db: ReadSession,
    *,
    state: CallState | None = None,
    below_id: int | None = None,
    limit: int = 50,
) -> Calls:
    """Return a page of calls, newest first, of one state or all."""
    async with access.look(mandate, access.Act.VIEW_CALLS, state or "all") as seen:
        limit = min(limit, MAX_PAGE)
        conditions = [Call.state == state.value] if state else []
        conditions += [Call.id < below_id] if below_id else []
        found = await live.view_calls(db, *conditions, limit=limit + 1)
        seen.rows = len(found[:limit])
        return Calls(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


async def read_call(mandate: access.Mandate, db: ReadSession, call_id: int) -> CallRecord:
    """Return a call with its log.

    Raises:
        NoCallError: there is none.
    """
    async with access.look(mandate, access.Act.VIEW_CALLS, f"call:{call_id}") as seen:
        call = await view(db, call_id)
        seen.rows = 1
        result = (await db.execute(select(Call.result).where(Call.id == call_id))).scalar_one()
        return CallRecord(call, result, await events(db, call_id), await links(db, call_id))


async def sign_call(mandate: access.Mandate, db: WriteSession, call_id: int, *, now: datetime) -> live.CallView:
    """Sign for a call (签收): somebody takes care of it.

    Raises:
        NoCallError, CallClosedError: there is none, or it is over.
        SignedError: somebody was quicker.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    await lock(db, call_id)
    if not await sign(db, call_id, by=mandate, now=now):
        raise SignedError("Call {call_id} has been signed for already.", call_id=call_id)
    return await view(db, call_id)


async def report_back(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, said: str, now: datetime
) -> live.CallView:
    """Write down what was reported back (反馈) on a call.

    Raises:
        SilentError: it says nothing.
        NoCallError, CallClosedError: there is none, or it is over.
    """
    await access.grant(mandate, access.Act.REPORT_STATUS, f"call:{call_id}")
    await lock(db, call_id)
    await feed_back(db, call_id, said, by=mandate, now=now)
    return await view(db, call_id)


async def close_call(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    call_id: int,
    *,
    result: str,
    result_code: str | None = None,
    now: datetime,
) -> live.CallView:
    """Close a call with its result (处警结果) once no unit is on it any more.

    Raises:
        SilentError, NoCodeError: the result is blank, or its code stands in no table.
        NoCallError, CallClosedError: there is none, or it is closed already.
        UnitsThereError: a unit is not clear yet.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    handbook.tables(settings).check_result(result_code)
    text = _spoken(result, Saying("Say how the call ended: what was found, what was done."))
    await lock(db, call_id)
    busy = select(Assignment.unit_id).where(Assignment.call_id == call_id, Assignment.state.not_in(OVER))
    units = (await db.execute(busy)).scalars().all()
    if units:
        raise UnitsThereError(
            "{units} unit(s) are still on call {call_id}: report them clear first.", units=len(units), call_id=call_id
        )
    closed = {"state": CallState.CLOSED.value, "closed_at": now, "result": text, "result_code": result_code}
    await db.execute(update(Call).where(Call.id == call_id).values(**closed))
    await log(db, call_id, "closed", by=mandate, at=now, detail={"result": text, "result_code": result_code})
    return await view(db, call_id)


async def reopen_call(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, reason: str, now: datetime
) -> live.CallView:
    """Open a closed call again, saying why; what was is in its log.

    Raises:
        SilentError: without a reason.
        NoCallError: there is none.
        CallOpenError: it is not closed.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id}")
    text = _spoken(reason, Saying("Say why the call is opened again."))
    closed = select(Call.state).where(Call.id == call_id).with_for_update()
    state = (await db.execute(closed)).scalar_one_or_none()
    if state is None:
        raise NoCallError("There is no call {call_id}.", call_id=call_id)
    if state != CallState.CLOSED:
        raise CallOpenError(
            "Call {call_id} is {state}; only a closed one is opened again.", call_id=call_id, state=state
        )
    again = {"state": CallState.OPEN.value, "closed_at": None, "result": None, "result_code": None}
    await db.execute(update(Call).where(Call.id == call_id).values(**again))
    await log(db, call_id, "reopened", by=mandate, at=now, detail={"reason": text})
    return await view(db, call_id)


async def view(db: ReadSession, call_id: int) -> live.CallView:
    """Return a call as everybody sees it.

    Raises:
        NoCallError: there is none.
    """
    found = await live.view_calls(db, Call.id == call_id)
    if not found:
        raise NoCallError("There is no call {call_id}.", call_id=call_id)
    return found[0]


async def events(db: ReadSession, call_id: int) -> list[Event]:
    """Return the log of a call, oldest first."""
    columns = select(CallEvent.at, CallEvent.account_id, Account.display_name, CallEvent.what, CallEvent.detail)
    found = columns.outerjoin(Account, Account.id == CallEvent.account_id).where(CallEvent.call_id == call_id)
    return [Event(*row) for row in await db.execute(found.order_by(CallEvent.id))]


async def links(db: ReadSession, call_id: int) -> list[LinkView]:
    """Return the calls that have to do with a call, by id."""
    columns = select(CallLink.call_id, CallLink.other_id, CallLink.kind, CallLink.at)
    rows = await db.execute(columns.where(or_(CallLink.call_id == call_id, CallLink.other_id == call_id)))
    found = [LinkView(second if first == call_id else first, kind, at) for first, second, kind, at in rows]
    return sorted(found, key=lambda link: link.call_id)


async def lock(db: WriteSession, call_id: int) -> None:
    """Keep a call for this transaction; whoever needs its units too locks the call first.

    Raises:
        NoCallError: there is none.
        CallClosedError: it is closed.
    """
    state = (await db.execute(select(Call.state).where(Call.id == call_id).with_for_update())).scalar_one_or_none()
    if state is None:
        raise NoCallError("There is no call {call_id}.", call_id=call_id)
    if state == CallState.CLOSED:
        raise CallClosedError("Call {call_id} is closed.", call_id=call_id)


async def sign(db: WriteSession, call_id: int, *, by: access.Mandate, now: datetime) -> bool:
    """Sign for a call unless somebody has; say whether this was the first time."""
    first = update(Call).where(Call.id == call_id, Call.signed_at.is_(None))
    signed = await db.execute(first.values(signed_at=now, signed_by=by.account_id).returning(Call.id))
    if signed.scalar_one_or_none() is None:
        return False
    await log(db, call_id, "signed", by=by, at=now, detail={})
    return True


async def feed_back(db: WriteSession, call_id: int, said: str, *, by: access.Mandate, now: datetime) -> None:
    """Write down what was reported back; the first time is noted at the call.

    Raises:
        SilentError: it says nothing.
    """
    text = _spoken(said, Saying("Say what was found and done."))
    first = update(Call).where(Call.id == call_id, Call.feedback_at.is_(None))
    await db.execute(first.values(feedback_at=now))
    await log(db, call_id, "feedback", by=by, at=now, detail={"text": text})


async def log(
    db: WriteSession, call_id: int, what: str, *, by: access.Mandate | None, at: datetime, detail: dict[str, Any]
) -> None:
    """Add a line to a call's log; `by` None is the machine or a terminal."""
    account_id = by.account_id if by else None
    row = insert(CallEvent).values(call_id=call_id, at=at, account_id=account_id, what=what, detail=detail)
    await db.execute(row)


def _spoken(text: str, otherwise: Saying) -> str:
    if not text.strip():
        raise SilentError(otherwise)
    return text.strip()
