"""Calls that have to do with each other: what may be the same event is suggested, a person says what is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services import access, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Call, CallLink
from services.db.types import point
from services.dispatch import calls, similar
from services.dispatch.calls import LinkView
from services.dispatch.codes import Link
from services.dispatch.intake import Draft
from services.errors import InvalidError, NotFoundError

_MOST_COMPARED, _MOST_SHOWN = 400, 5


class SameCallError(InvalidError):
    """A call has nothing to do with itself."""


class NoLinkError(NotFoundError):
    """The two calls are not linked."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A call that may be about the same event, and why."""

    call: live.CallView
    why: similar.Likeness

    @property
    def score(self) -> float:
        """How likely, from 0 to 1."""
        return self.why.score


async def similar_to_draft(mandate: access.Mandate, db: ReadSession, draft: Draft, *, now: datetime) -> list[Similar]:
    """Return calls that may be about the same event as one that is just being told; nothing is written."""
    async with access.look(mandate, access.Act.TAKE_CALL, "similar calls") as seen:
        told = similar.Told(now, draft.kind, draft.lon_deg, draft.lat_deg, draft.notes, draft.address)
        found = await _similar(db, told, leaving_out=0)
        seen.rows = len(found)
        return found


async def similar_to_call(mandate: access.Mandate, db: ReadSession, call_id: int) -> list[Similar]:
    """Return calls that may be about the same event, those linked already left out.

    Raises:
        NoCallError: there is no such call.
    """
    async with access.look(mandate, access.Act.VIEW_CALLS, f"call:{call_id}") as seen:
        call = await calls.view(db, call_id)
        linked = {link.call_id for link in await calls.links(db, call_id)}
        found = [item for item in await _similar(db, _told(call), leaving_out=call_id) if item.call.id not in linked]
        seen.rows = len(found)
        return found


async def link_calls(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, other_id: int, kind: Link, now: datetime
) -> list[LinkView]:
    """Say that two calls have to do with each other; return all links of the first.

    Raises:
        SameCallError: it is one call.
        NoCallError: there is none.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id} call:{other_id}")
    if call_id == other_id:
        raise SameCallError("A call is not linked to itself.")
    for one in (call_id, other_id):
        await calls.view(db, one)
    low, high = sorted((call_id, other_id))
    row = insert(CallLink).values(call_id=low, other_id=high, kind=kind.value, at=now, account_id=mandate.account_id)
    both = [CallLink.call_id, CallLink.other_id]
    await db.execute(row.on_conflict_do_update(index_elements=both, set_={"kind": kind.value}))
    for one, other in ((call_id, other_id), (other_id, call_id)):
        await calls.log(db, one, "linked", by=mandate, at=now, detail={"call_id": other, "kind": kind.value})
    return await calls.links(db, call_id)


async def unlink_calls(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, other_id: int, now: datetime
) -> None:
    """Say that two calls have nothing to do with each other after all.

    Raises:
        NoLinkError: they were not linked.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"call:{call_id} call:{other_id}")
    low, high = sorted((call_id, other_id))
    gone = delete(CallLink).where(CallLink.call_id == low, CallLink.other_id == high).returning(CallLink.call_id)
    if (await db.execute(gone)).scalar_one_or_none() is None:
        raise NoLinkError("Calls {call_id} and {other_id} are not linked.", call_id=call_id, other_id=other_id)
    for one, other in ((call_id, other_id), (other_id, call_id)):
        await calls.log(db, one, "unlinked", by=mandate, at=now, detail={"call_id": other})


async def _similar(db: ReadSession, told: similar.Told, *, leaving_out: int) -> list[Similar]:
    window = timedelta(seconds=similar.WINDOW_S)
    near = [Call.taken_at.between(told.at - window, told.at + window), Call.id != leaving_out]
    if told.lon_deg is not None and told.lat_deg is not None:
        within = func.ST_DWithin(Call.place, point(told.lon_deg, told.lat_deg), similar.RADIUS_M)
        near.append(or_(Call.place.is_(None), within))
    ids = (await db.execute(select(Call.id).where(*near).order_by(Call.id.desc()).limit(_MOST_COMPARED))).scalars()
    found = await live.view_calls(db, Call.id.in_(ids.all()))
    ranked = similar.most_alike(told, [_told(call) for call in found])
    return [Similar(found[row], why) for row, why in ranked[:_MOST_SHOWN]]


def _told(call: live.CallView) -> similar.Told:
    return similar.Told(call.taken_at, call.kind, call.lon_deg, call.lat_deg, call.notes, call.address)
