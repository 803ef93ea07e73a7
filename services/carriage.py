"""Which unit carried which device when (配备记录): what tells whose movements a device's fixes are.

A device changes hands; its fixes do not. Whoever reads a unit's past asks `pieces` for the devices it carried, each
for its time, and whoever shows the present joins `PRESENT` and `HEARD`. The database knows the same and follows it by
itself (`tianshu_look`); see docs/adr/0069.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import Range

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Crew
from services.db.tables.fleet import Carriage, Device, Unit
from services.db.tables.tracks import NewestFix
from services.errors import ConflictError, InvalidError, NotFoundError

PRESENT: Final = and_(Carriage.unit_id == Unit.id, func.upper_inf(Carriage.during))
"""Joins `Carriage` to `Unit`: what a unit carries now."""

HEARD: Final = and_(NewestFix.device_id == Carriage.device_id, Carriage.during.contains(NewestFix.at))
"""Joins `NewestFix` to `Carriage`: where its device was last while the unit carried it."""

WITH_CREW: Final = and_(
    Carriage.unit_id == Crew.unit_id, Carriage.during.overlaps(func.tstzrange(Crew.since, Crew.until, "[]"))
)
"""Joins `Carriage` to `Crew`: what its unit carried while an officer was on it."""


class NoUnitError(NotFoundError):
    """There is no such unit."""


class NoDeviceError(NotFoundError):
    """There is no such device."""


class SinceError(InvalidError):
    """A device can't change hands in the future."""


class CarriedError(ConflictError):
    """From that moment on the device or the unit has another part in the record already."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A device that a unit carried, from `start` to before `end`."""

    device_id: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class CarriageView:
    """A line of the record; `since` None: as long as the unit is known, `until` None: still."""

    unit_id: int
    call_sign: str
    kind: str
    device_id: int | None
    phone: str | None
    plate: str | None
    since: datetime | None
    until: datetime | None


def carried(device_id: Any, at: Any) -> ColumnElement[bool]:
    """Return the condition that a line of `Carriage` tells who carried a device at a moment (columns or values)."""
    return and_(Carriage.device_id == device_id, Carriage.during.contains(at))


def told(device_id: int | None, since: datetime) -> str:
    """Return a hand-over as the audit trail names it."""
    return f"{'no device' if device_id is None else f'device:{device_id}'} since {since.isoformat()}"


def on_duty() -> tuple[ColumnElement[datetime], ColumnElement[datetime | None]]:
    """Return since and until when an officer was on a unit that carried a device; see `WITH_CREW`."""
    since = func.greatest(Crew.since, func.lower(Carriage.during))  # neither minds nulls: there is no such limit
    return since, func.least(Crew.until, func.upper(Carriage.during))


async def pieces(db: ReadSession, unit_id: int, start: datetime, end: datetime) -> list[Piece]:
    """Return the devices a unit carried between two moments, each for its time, in order."""
    window = Range(start, end)
    held = Carriage.during * window
    mine = select(Carriage.device_id, func.lower(held), func.upper(held)).where(
        Carriage.unit_id == unit_id, Carriage.during.overlaps(window)
    )
    return [Piece(*row) for row in await db.execute(mine.order_by(Carriage.during))]


async def carrier(db: ReadSession, device_id: int, at: datetime) -> int | None:
    """Return the unit that carried a device at a moment, if one did."""
    return (await db.execute(select(Carriage.unit_id).where(carried(device_id, at)))).scalar_one_or_none()


async def give_device(
    mandate: access.Mandate,
    db: WriteSession,
    unit_id: int,
    device_id: int | None,
    *,
    since: datetime | None,
    now: datetime,
) -> list[CarriageView]:
    """Let a unit carry a device from a moment on (None: from now), or none; return the unit's record, newest first.

    Whoever carried the device until then carries it no more, and what the unit carried until then it gives back.

    Raises:
        NoUnitError, NoDeviceError: there is no such unit or device.
        SinceError: the moment is in the future.
        CarriedError: the record of the unit or the device goes on behind that moment.
    """  # fmt: skip
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"unit:{unit_id} {told(device_id, since or now)}")
    known = select(Unit.id).where(Unit.id == unit_id).with_for_update()
    if (await db.execute(known)).first() is None:
        raise NoUnitError("There is no unit {unit_id}.", unit_id=unit_id)
    await give(db, unit_id, device_id, since=since, now=now)
    return await _views(db, Carriage.unit_id == unit_id)


async def give(db: WriteSession, unit_id: int, device_id: int | None, *, since: datetime | None, now: datetime) -> None:
    """Write a hand-over down, in the caller's transaction; see `give_device`."""
    since = since or now
    if since > now:
        raise SinceError("A device changes hands now or has done so, not in the future.")
    if device_id is not None and await db.get(Device, device_id) is None:
        raise NoDeviceError("There is no device {device_id}.", device_id=device_id)
    concerned = or_(Carriage.unit_id == unit_id, Carriage.device_id == device_id)
    behind = select(Carriage).where(concerned, Carriage.during.overlaps(Range(since, None))).with_for_update()
    lines = (await db.execute(behind)).scalars().all()
    if any(line.unit_id == unit_id and line.device_id == device_id and line.during.upper is None for line in lines):
        return
    for line in lines:
        await _end(db, line, since)
    if device_id is not None:
        row = {"unit_id": unit_id, "device_id": device_id, "during": Range(since, None)}
        await db.execute(insert(Carriage).values(row))
    moved = {unit_id, *(line.unit_id for line in lines)}
    await db.execute(update(Unit).where(Unit.id.in_(moved)).values(state=Unit.state))  # the stream tells of them


async def give_for_good(db: WriteSession, unit_id: int, device_id: int) -> None:
    """Write down that a unit has always carried a device: where it is the unit that a file names, and no terminal."""
    await db.execute(insert(Carriage).values(unit_id=unit_id, device_id=device_id, during=Range(None, None)))


async def list_units(mandate: access.Mandate, db: ReadSession, *, after_id: int, limit: int) -> list[CarriageView]:
    """Return units, by id, and what each carries now; no positions."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "units and their devices")
    found = _select().outerjoin(Carriage, PRESENT).outerjoin(Device, Device.id == Carriage.device_id)
    rows = await db.execute(found.where(Unit.id > after_id).order_by(Unit.id).limit(limit))
    return [_view(*row) for row in rows]


async def list_of_unit(mandate: access.Mandate, db: ReadSession, unit_id: int) -> list[CarriageView]:
    """Return which devices a unit carried when, newest first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, f"devices of unit:{unit_id}")
    return await _views(db, Carriage.unit_id == unit_id)


async def list_of_device(mandate: access.Mandate, db: ReadSession, device_id: int) -> list[CarriageView]:
    """Return which units carried a device when, newest first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, f"units of device:{device_id}")
    return await _views(db, Carriage.device_id == device_id)


async def _end(db: WriteSession, line: Carriage, since: datetime) -> None:
    """End a line of the record that is still open at a moment.

    Raises:
        CarriedError: it begins at that moment or later, or has ended after it: the past is not written anew.
    """
    lower, upper = line.during.lower, line.during.upper
    if upper is not None or (lower is not None and lower >= since):
        raise CarriedError(
            "Unit {unit_id} and device {device_id} stand in the record until or from {at}: hand over after that.",
            unit_id=line.unit_id, device_id=line.device_id, at=f"{upper or lower:%Y-%m-%d %H:%M:%S} UTC",
        )  # fmt: skip
    await db.execute(update(Carriage).where(Carriage.id == line.id).values(during=Range(lower, since)))


def _select() -> Any:
    return select(Unit.id, Unit.call_sign, Unit.kind, Device.id, Device.phone, Device.plate, Carriage.during)


def _view(*row: Any) -> CarriageView:
    *names, during = row
    return CarriageView(*names, *((during.lower, during.upper) if during else (None, None)))


async def _views(db: ReadSession, *conditions: ColumnElement[bool]) -> list[CarriageView]:
    found = _select().join(Carriage, Carriage.unit_id == Unit.id).join(Device, Device.id == Carriage.device_id)
    rows = await db.execute(found.where(*conditions).order_by(func.lower(Carriage.during).desc().nulls_last()))
    return [_view(*row) for row in rows]
