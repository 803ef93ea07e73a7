"""Rosters as they are written: one duty of a unit at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, select

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Unit
from services.db.tables.patrols import Roster
from services.errors import ConflictError, InvalidError, NotFoundError
from services.rosters import beats

MAX_DUTY = timedelta(hours=48)
MAX_SPAN = timedelta(days=31)
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class NoRosterError(NotFoundError):
    """There is no such roster entry, or no such unit."""


class SpanError(InvalidError):
    """A time ends before it begins, or is too long."""


class TwiceOnDutyError(ConflictError):
    """The unit is rostered then already."""


@dataclass(frozen=True, slots=True)
class RosterView:
    """A unit's duty."""

    id: int
    unit_id: int
    call_sign: str
    shift: str
    starts_at: datetime
    ends_at: datetime
    beat_id: int | None


async def add_roster(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    unit_id: int,
    shift: str,
    starts_at: datetime,
    ends_at: datetime,
    beat_id: int | None = None,
) -> RosterView:
    """Put a unit on duty.

    Raises:
        SpanError: it ends before it begins, lasts longer than 48 h, or the shift has no name.
        NoRosterError, NoBeatError: there is no such unit, or beat.
        TwiceOnDutyError: the unit is rostered for a part of the time already.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"unit:{unit_id} roster")
    if not timedelta() < ends_at - starts_at <= MAX_DUTY or not EARLIEST < starts_at < LATEST or not shift.strip():
        raise SpanError("A duty of this century has the name of its shift, ends after it begins, lasts 48 h at most.")
    await beats.check(db, beat_id)
    locked = select(Unit.call_sign).where(Unit.id == unit_id).with_for_update()
    call_sign = (await db.execute(locked)).scalar_one_or_none()
    if call_sign is None:
        raise NoRosterError("There is no unit {unit_id}.", unit_id=unit_id)
    other = select(Roster.shift, Roster.starts_at, Roster.ends_at).where(
        Roster.unit_id == unit_id, Roster.starts_at < ends_at, Roster.ends_at > starts_at
    )
    if clash := (await db.execute(other.limit(1))).one_or_none():
        raise TwiceOnDutyError(
            "{call_sign} is on duty then: “{shift}”, {start} to {end}.",
            call_sign=call_sign, shift=clash[0],
            start=f"{clash[1]:%Y-%m-%d %H:%M} UTC", end=f"{clash[2]:%Y-%m-%d %H:%M} UTC",
        )  # fmt: skip
    values = {"unit_id": unit_id, "shift": shift.strip(), "starts_at": starts_at, "ends_at": ends_at}
    row = insert(Roster).values(**values, beat_id=beat_id, created_by=mandate.account_id).returning(Roster.id)
    roster_id = int((await db.execute(row)).scalar_one())
    return (await _views(db, Roster.id == roster_id))[0]


async def list_rosters(mandate: access.Mandate, db: ReadSession, *, start: datetime, end: datetime) -> list[RosterView]:
    """Return the duties that overlap a span, in order of their beginning.

    Raises:
        SpanError: the span is empty or longer than 31 days.
    """
    await access.grant(mandate, access.Act.VIEW_PATROLS, f"rosters {start.isoformat()}/{end.isoformat()}")
    if not timedelta() < end - start <= MAX_SPAN:
        raise SpanError("Rosters are read from a start to a later end, 31 days at most.")
    return await _views(db, Roster.starts_at < end, Roster.ends_at > start)


async def delete_roster(mandate: access.Mandate, db: WriteSession, roster_id: int) -> None:
    """Take a duty back.

    Raises:
        NoRosterError: there is none.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"roster:{roster_id}")
    gone = await db.execute(delete(Roster).where(Roster.id == roster_id).returning(Roster.id))
    if gone.scalar_one_or_none() is None:
        raise NoRosterError("There is no roster entry {roster_id}.", roster_id=roster_id)


async def _views(db: ReadSession, *conditions: ColumnElement[bool]) -> list[RosterView]:
    columns = (
        Roster.id,
        Roster.unit_id,
        Unit.call_sign,
        Roster.shift,
        Roster.starts_at,
        Roster.ends_at,
        Roster.beat_id,
    )
    found = select(*columns).join(Unit, Unit.id == Roster.unit_id).where(*conditions)
    return [RosterView(*row) for row in await db.execute(found.order_by(Roster.starts_at, Roster.id))]
