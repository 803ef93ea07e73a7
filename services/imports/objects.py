"""Which device a name in a file means; unknown ones may be made."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Device, Unit

IMPORTED: Final = "file:"
"""What the phone of a device begins with that is known from files only: no terminal can register under it."""


async def find(db: ReadSession, names: Iterable[str]) -> dict[str, int]:
    """Return the devices known by these names: a phone before a plate before a call sign."""
    wanted = set(names)
    phones = {phone: name for name in wanted for phone in (name, name.lstrip("0"), IMPORTED + name)}
    found = select(Device.id, Device.phone, Device.plate, Unit.call_sign).outerjoin(Unit, Unit.device_id == Device.id)
    rows = await db.execute(
        found.where(or_(Device.phone.in_(phones), Device.plate.in_(wanted), Unit.call_sign.in_(wanted)))
    )
    ranked = [dict[str, int](), dict[str, int](), dict[str, int]()]
    for device_id, phone, plate, call_sign in rows:
        for rank, name in enumerate((phones.get(phone), plate, call_sign)):
            if name in wanted:
                ranked[rank].setdefault(name, device_id)
    return ranked[2] | ranked[1] | ranked[0]


async def create(db: WriteSession, names: Iterable[str]) -> dict[str, int]:
    """Make a device and an off-duty unit for each name."""
    created = {}
    for name in sorted(names):
        device = insert(Device).values(phone=IMPORTED + name).returning(Device.id)
        created[name] = (await db.execute(device)).scalar_one()
        unit = insert(Unit).values(call_sign=name, kind="car", state="off_duty", device_id=created[name])
        await db.execute(unit.on_conflict_do_update(index_elements=[Unit.call_sign], set_={"device_id": created[name]}))
    return created
