"""Which device a name in a file means, and when; unknown ones may be made."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import Range, insert

from services import carriage
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Carriage, Device, Unit

IMPORTED: Final = "file:"
"""What the phone of a device begins with that is known from files only: no terminal can register under it."""

_ALWAYS: Final["Range[datetime]"] = Range(None, None)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The devices behind a name, each for its time: a call sign means what the unit carried then."""

    devices: list[tuple[Range[datetime], int]] = field(default_factory=list)

    def device_at(self, at: datetime) -> int | None:
        """Return the device that the name meant at a moment, if it meant one."""
        return next((device_id for during, device_id in self.devices if during.contains(at)), None)


async def find(db: ReadSession, names: Iterable[str]) -> dict[str, Meaning]:
    """Return what is known by these names: a phone before a plate before a call sign."""
    wanted = set(names)
    phones = {phone: name for name in wanted for phone in (name, name.lstrip("0"), IMPORTED + name)}
    by_name = or_(Device.phone.in_(phones), Device.plate.in_(wanted))
    ranked = [dict[str, Meaning](), dict[str, Meaning](), dict[str, Meaning]()]
    for device_id, phone, plate in await db.execute(select(Device.id, Device.phone, Device.plate).where(by_name)):
        for rank, name in enumerate((phones.get(phone), plate)):
            if name in wanted:
                ranked[rank].setdefault(name, Meaning([(_ALWAYS, device_id)]))
    carried = select(Unit.call_sign, Carriage.during, Carriage.device_id).join(Carriage, Carriage.unit_id == Unit.id)
    for call_sign, during, device_id in await db.execute(carried.where(Unit.call_sign.in_(wanted))):
        ranked[2].setdefault(call_sign, Meaning()).devices.append((during, device_id))
    return ranked[2] | ranked[1] | ranked[0]


async def create(db: WriteSession, names: Iterable[str]) -> list[str]:
    """Make a device for each name and an off-duty unit, or take the unit of that name that never carried one."""
    created = sorted(names)
    for name in created:
        device = insert(Device).values(phone=IMPORTED + name).returning(Device.id)
        device_id = (await db.execute(device)).scalar_one()
        await db.execute(insert(Unit).values(call_sign=name, kind="car", state="off_duty").on_conflict_do_nothing())
        unit_id = (await db.execute(select(Unit.id).where(Unit.call_sign == name))).scalar_one()
        await carriage.give_for_good(db, unit_id, device_id)
    return created
