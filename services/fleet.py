"""Devices that report and units that carry them: who is known, who knocks, who is who he says."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from services import access, carriage
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Carriage, Device, PendingDevice, Unit
from services.db.tables.tracks import NewestFix, Quarantine
from services.db.types import plain
from services.errors import ConflictError, NotFoundError, tell

KINDS = ("car", "motorcycle", "foot", "van", "drone_team", "command")
MAX_PENDING = 10_000  # who knocks after that is not remembered: invented phones cost nothing
_SAID = ("terminal_id", "plate", "plate_color", "maker", "model", "protocol", "remote")
_CODE_BYTES = 15  # 20 characters of base64: fits the code of every edition


@dataclass(frozen=True, slots=True)
class Identity:
    """What a terminal says of itself when it registers; text that it did not send is None."""

    phone: str
    terminal_id: str | None = None
    plate: str | None = None
    maker: str | None = None
    model: str | None = None
    protocol: str | None = None
    remote: str | None = None
    plate_color: int | None = None


class Answer(Enum):
    """Why a terminal was not registered."""

    UNKNOWN = "unknown"
    OTHER_TERMINAL = "other_terminal"
    OTHER_VEHICLE = "other_vehicle"


@dataclass(frozen=True, slots=True)
class UnitView:
    """A unit, and where it was last if that is known."""

    id: int
    call_sign: str
    kind: str
    equipment: list[str]
    division: str | None
    state: str
    device_id: int | None
    lon_deg: float | None
    lat_deg: float | None
    at: datetime | None
    speed_mps: float | None
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that was not accepted, as the quarantine keeps it."""

    at: datetime
    remote: str
    phone: str | None
    reason: str
    detail: str
    frame: bytes


class TakenError(ConflictError):
    """The number, the call sign or the device belongs to somebody else already."""


class NobodyWaitsError(NotFoundError):
    """No terminal with this phone has knocked."""


async def register_terminal(db: WriteSession, who: Identity) -> str | Answer:
    """Give a known terminal a new authentication code, of which only the hash is kept, or say why not.

    An unknown one is put on the list of those that wait for an administrator.
    """
    device = (await db.execute(select(Device).where(Device.phone == who.phone).with_for_update())).scalar_one_or_none()
    if device is None:
        await note_pending(db, who)
        return Answer.UNKNOWN
    if device.terminal_id and device.terminal_id != who.terminal_id:
        return Answer.OTHER_TERMINAL
    if device.plate and device.plate != who.plate:
        return Answer.OTHER_VEHICLE
    code = secrets.token_urlsafe(_CODE_BYTES)
    values = {"auth_code_hash": _digest(code), "protocol": who.protocol}
    await db.execute(update(Device).where(Device.id == device.id).values(values))
    return code


async def authenticate_terminal(db: ReadSession, phone: str, code: str, imei: str) -> tuple[int, str | None] | None:
    """Return the id of the device whose code this is and the edition it registered with, or None."""
    device = (await db.execute(select(Device).where(Device.phone == phone))).scalar_one_or_none()
    known = device.auth_code_hash if device else None
    matches = hmac.compare_digest(_digest(code), known or bytes(sha256().digest_size))
    if device is None or known is None or not matches:
        return None
    if device.imei and imei and device.imei != imei:
        return None
    return device.id, device.protocol


async def unregister_terminal(db: WriteSession, device_id: int) -> None:
    """Forget the code of a terminal: it has to register again."""
    await db.execute(update(Device).where(Device.id == device_id).values(auth_code_hash=None))


async def quarantine(db: WriteSession, frames: Sequence[BadFrame]) -> None:
    """Keep frames that were not accepted."""
    rows = [
        {
            "at": bad.at,
            "remote": bad.remote,
            "phone": bad.phone,
            "reason": bad.reason,
            "detail": bad.detail,
            "told": tell(bad.detail),
            "frame": bad.frame,
        }
        for bad in frames
    ]
    await db.execute(insert(Quarantine), rows)


async def list_quarantine(
    mandate: access.Mandate, db: ReadSession, *, before_id: int | None, limit: int, reason: str | None = None
) -> Sequence[Quarantine]:
    """Return frames that were not accepted, newest first, of one reason or all."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "quarantine")
    rows = select(Quarantine).order_by(Quarantine.id.desc()).limit(limit)
    if before_id is not None:
        rows = rows.where(Quarantine.id < before_id)
    if reason is not None:
        rows = rows.where(Quarantine.reason == reason)
    return (await db.execute(rows)).scalars().all()


async def list_devices(mandate: access.Mandate, db: ReadSession, *, after_id: int, limit: int) -> Sequence[Device]:
    """Return devices in the order they were accepted."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "devices")
    rows = select(Device).where(Device.id > after_id).order_by(Device.id).limit(limit)
    return (await db.execute(rows)).scalars().all()


async def read_device(mandate: access.Mandate, db: ReadSession, device_id: int) -> tuple[Device, datetime | None]:
    """Return a device and when its newest position came.

    Raises:
        NotFoundError: there is none.
    """
    await access.grant(mandate, access.Act.VIEW_DEVICES, f"device:{device_id}")
    rows = select(Device, NewestFix.received_at).outerjoin(NewestFix, NewestFix.device_id == Device.id)
    found = (await db.execute(rows.where(Device.id == device_id))).one_or_none()
    if found is None:
        raise NotFoundError("There is no device {device_id}.", device_id=device_id)
    return found[0], found[1]


async def list_pending(
    mandate: access.Mandate, db: ReadSession, *, after_id: int, limit: int
) -> Sequence[PendingDevice]:
    """Return the terminals that wait to be accepted, who knocked first first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "pending")
    rows = select(PendingDevice).where(PendingDevice.id > after_id).order_by(PendingDevice.id).limit(limit)
    return (await db.execute(rows)).scalars().all()


async def accept_device(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    phone: str,
    plate: str | None = None,
    terminal_id: str | None = None,
    plate_color: int | None = None,
) -> Device:
    """Accept a device; plate and terminal id, where given, have to match when it registers.

    Plate and colour (JT/T 415) are also what other platforms know the vehicle by.

    Raises:
        TakenError: the phone is known already.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"device {phone}")
    return await _accept(db, phone, plate, terminal_id, plate_color)


async def accept_pending(mandate: access.Mandate, db: WriteSession, pending_id: int) -> Device:
    """Accept a terminal that waits, bound to the plate and terminal id it gave.

    Raises:
        NobodyWaitsError: no terminal waits under this number.
        TakenError: the phone is known already.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"pending:{pending_id}")
    gone = delete(PendingDevice).where(PendingDevice.id == pending_id)
    said = gone.returning(
        PendingDevice.phone, PendingDevice.plate, PendingDevice.terminal_id, PendingDevice.plate_color
    )
    found = (await db.execute(said)).one_or_none()
    if found is None:
        raise NobodyWaitsError("This terminal does not wait to be accepted any more.")
    return await _accept(db, *found)


async def create_unit(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    call_sign: str,
    kind: str,
    equipment: Sequence[str] = (),
    division: str | None = None,
    device_id: int | None = None,
    device_since: datetime | None = None,
    now: datetime,
) -> UnitView:
    """Create a unit, which carries a device from a moment on (None: from now).

    Raises:
        TakenError: the call sign is taken, or the device is carried by another unit.
        NoDeviceError, SinceError: there is no such device, or the moment is in the future.
    """
    await access.grant(
        mandate, access.Act.MANAGE_DEVICES, f"unit {call_sign} {carriage.told(device_id, device_since or now)}"
    )
    if device_id is not None and await carriage.carrier(db, device_id, now) is not None:
        raise TakenError("Device {device_id} is carried by another unit: hand it over.", device_id=device_id)
    values = {"call_sign": call_sign, "kind": kind, "equipment": list(equipment), "division": division}
    try:
        row = insert(Unit).values(**values).returning(Unit.id)
        unit_id = (await db.execute(row)).scalar_one()
    except IntegrityError as error:
        raise TakenError("The call sign {call_sign} belongs to another unit.", call_sign=call_sign) from error
    if device_id is not None:
        await carriage.give(db, unit_id, device_id, since=device_since, now=now)
    return (await _units(db, after_id=unit_id - 1, limit=1))[0]


async def list_units(mandate: access.Mandate, db: ReadSession, *, after_id: int, limit: int) -> list[UnitView]:
    """Return units with their last positions, by id."""
    async with access.look(mandate, access.Act.VIEW_LIVE, "units") as seen:
        units = await _units(db, after_id=after_id, limit=limit)
        seen.rows = len(units)
        return units


async def _units(db: ReadSession, *, after_id: int, limit: int) -> list[UnitView]:
    place = plain(NewestFix.place)
    rows = (
        select(
            Unit.id, Unit.call_sign, Unit.kind, Unit.equipment, Unit.division, Unit.state, Carriage.device_id,
            func.ST_X(place), func.ST_Y(place), NewestFix.at, NewestFix.speed_mps, NewestFix.heading_deg,
        )
        .outerjoin(Carriage, carriage.PRESENT)
        .outerjoin(NewestFix, carriage.HEARD)
        .where(Unit.id > after_id)
        .order_by(Unit.id)
        .limit(limit)
    )  # fmt: skip
    return [UnitView(*row) for row in await db.execute(rows)]


async def _accept(
    db: WriteSession, phone: str, plate: str | None, terminal_id: str | None, plate_color: int | None = None
) -> Device:
    values = {"phone": phone, "plate": plate or None, "terminal_id": terminal_id or None, "plate_color": plate_color}
    row = postgresql.insert(Device).values(values).on_conflict_do_nothing().returning(Device)
    device = (await db.execute(row)).scalar_one_or_none()
    if device is None:
        raise TakenError("The phone {phone} belongs to a device already.", phone=phone)
    await db.execute(delete(PendingDevice).where(PendingDevice.phone == phone))
    return device


async def note_pending(db: WriteSession, who: Identity) -> None:
    """Put who knocks and is not known on the list of those that wait for an administrator."""
    if (await db.execute(select(func.count()).select_from(PendingDevice))).scalar_one() >= MAX_PENDING:
        return
    said = {name: getattr(who, name) for name in _SAID}
    row = postgresql.insert(PendingDevice).values(phone=who.phone, **said)
    again = {**said, "attempts": PendingDevice.attempts + 1, "last_seen": func.now()}
    await db.execute(row.on_conflict_do_update(index_elements=[PendingDevice.phone], set_=again))


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()
