"""The positions of a device that a person carried: how much is kept, who carried it when, and deletion of a time.

Positions are measured: they are not corrected by hand. Whoever answers a person sees numbers and times, no places; a
copy of the points leaves as every export does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text

from services import access, carriage, frames
from services.db.claims import declare_look
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.calls import Crew
from services.db.tables.fleet import Carriage, Device, Unit
from services.db.tables.media import Medium
from services.db.tables.tracks import Fix, NewestFix, Quarantine
from services.db.types import SRID, plain
from services.errors import InvalidError, NotFoundError
from services.settings import Settings
from services.subjects.records import Hold, refuse_held, write_down

AT_ONCE = 500
"""Positions that one transaction deletes: as many batches of frames at most are packed anew, some seconds of work."""
_KEPT = text("SELECT what, rows, first_at, last_at FROM tianshu_count_kept(:device) WHERE rows > 0")
_HOLDS = text("SELECT reason, until FROM tianshu_hold_track(:device, :start, :end, CAST(:ground AS geometry))")
_DELETE = text(
    "DELETE FROM fix WHERE device_id = :device AND at BETWEEN :first AND :last AND (at, payload_hash) IN "
    "(SELECT * FROM unnest(CAST(:times AS timestamptz[]), CAST(:hashes AS bigint[])))"
)


class NoDeviceError(NotFoundError):
    """There is no such device."""


class TimeError(InvalidError):
    """The time is empty or not over, or nothing is kept of it."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a table tell of the device, and of when."""

    what: str
    rows: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Carried:
    """Who was on a unit while it carried the device, and when."""

    account_id: int
    name: str
    call_sign: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceKept:
    """What is kept of a device, and who carried it."""

    device_id: int
    phone: str
    kept: list[Count]
    carried: list[Carried]


@dataclass(frozen=True, slots=True)
class Deleted:
    """The number of the record, how many positions went, how many batches of frames they stood in, and what is left."""

    record: int
    fixes: int
    batches: int
    left: int


async def list_device(mandate: access.Mandate, db: ReadSession, device_id: int) -> DeviceKept:
    """Return how much is kept of a device, by table, and who carried it.

    Raises:
        NoDeviceError: there is none.
    """
    look = await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"list device:{device_id}")
    phone = await _declared(db, device_id)
    counts = [
        Count(name, *(await db.execute(select(func.count(), func.min(at), func.max(at)).where(mine))).one())
        for name, at, mine in _places(device_id, phone)
    ]
    counts += [Count(*row) for row in await db.execute(_KEPT, {"device": device_id})]
    since, until = carriage.on_duty()
    crews = select(Crew.account_id, Account.display_name, Unit.call_sign, since, until)
    on = crews.join(Unit, Unit.id == Crew.unit_id).join(Account, Account.id == Crew.account_id)
    lines = on.join(Carriage, carriage.WITH_CREW).where(Carriage.device_id == device_id)
    carried = await db.execute(lines.order_by(since.desc()).limit(100))
    found = DeviceKept(device_id, phone, [one for one in counts if one.rows], [Carried(*row) for row in carried])
    await look.saw(sum(one.rows for one in found.kept))
    return found


async def delete_track(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    device_id: int,
    *,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Deleted:
    """Delete the positions of a device with start <= at < end and the frames they were read from, the oldest first.

    One call deletes 500 at most, with a record of its own; go on until nothing is left. With the last go the newest
    position, the frames which were refused, and media of that time, whose files go in the next night. Alerts, commands
    and short messages have times of their own.

    Raises:
        NoDeviceError: there is none.
        TimeError: the time is empty or not over, or nothing is kept of it.
        HeldError: the time is younger than positions are kept at least, a call or alert is open, a case covers it, or
            it is one's own.
        DamagedError: a batch of frames is not what was kept.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"delete device:{device_id}")
    span = f"device:{device_id} {start.isoformat()}/{end.isoformat()}"
    if not start < end <= now:
        raise TimeError("Give a time that is over: from a start to a later end.")
    phone = await _declared(db, device_id)
    of = Fix.device_id == device_id, Fix.at >= start, Fix.at < end
    young = end + timedelta(days=settings.least_track_days)
    holds = [Hold("young", young)] if young > now else []
    ground = func.ST_AsEWKT(func.ST_SetSRID(func.ST_Extent(plain(Fix.place)), SRID))
    asked = {"device": device_id, "start": start, "end": end}
    found = await db.execute(_HOLDS, asked | {"ground": (await db.execute(select(ground).where(*of))).scalar_one()})
    await refuse_held([*holds, *(Hold(*row) for row in found)], mandate, span)
    oldest = select(Fix.received_at, Fix.at, Fix.payload_hash).where(*of).order_by(Fix.at, Fix.payload_hash)
    some = (await db.execute(oldest.limit(AT_ONCE))).all()
    rest = await _delete_rest(db, device_id, phone, start, end) if len(some) < AT_ONCE else 0
    if not some and not rest:
        raise TimeError("Nothing is kept of this time.")
    record = await write_down(db, f"device:{device_id}", len(some) + rest, now, since=start, before=end)
    batches = await _delete_fixes(db, device_id, some, record) if some else 0
    left = (await db.execute(select(func.count()).select_from(Fix).where(*of))).scalar_one()
    return Deleted(record, len(some), batches, left)


async def _delete_fixes(db: WriteSession, device_id: int, some: Sequence[Any], record: int) -> int:
    """Delete fixes and their frames, and return from how many batches."""
    wanted = dict[datetime, set[frames.Key]]()
    for received_at, _, payload in some:
        wanted.setdefault(received_at, set()).add((device_id, payload))
    await declare_look(db, [f"device:{device_id}"], some[0].at, some[-1].at)
    batches = await frames.erase(db, wanted, record)
    keys = {"times": [row.at for row in some], "hashes": [row.payload_hash for row in some]}
    await db.execute(_DELETE, {"device": device_id, "first": some[0].at, "last": some[-1].at, **keys})
    return batches


def _places(device_id: int, phone: str) -> list[tuple[str, Any, ColumnElement[bool]]]:
    """Return the tables whose rows are deleted: by what moment, and which are the device's."""
    return [
        ("fix", Fix.at, Fix.device_id == device_id),
        ("newest_fix", NewestFix.at, NewestFix.device_id == device_id),
        ("quarantine", Quarantine.at, Quarantine.phone == phone),
        ("media", Medium.at, Medium.device_id == device_id),
    ]


async def _delete_rest(db: WriteSession, device_id: int, phone: str, start: datetime, end: datetime) -> int:
    """Delete what else a time left: newest position, refused frames, media; return how many rows went."""
    rows = 0
    for table, (_, at, mine) in zip((NewestFix, Quarantine, Medium), _places(device_id, phone)[1:], strict=True):
        gone = delete(table).where(mine, at >= start, at < end).returning(at)
        rows += len((await db.execute(gone)).all())
    return rows


async def _declared(db: ReadSession, device_id: int) -> str:
    """Tell the database which device this is about, and return its number."""
    await declare_look(db, [f"device:{device_id}"])
    phone = (await db.execute(select(Device.phone).where(Device.id == device_id))).scalar()
    if phone is None:
        raise NoDeviceError("There is no device {device_id}.", device_id=device_id)
    return phone
