"""Exchange with other platforms (JT/T 809): who may log in, whose vehicle a plate is, what waits for the upper one.

stored batch ── queue (a watcher: once each) ──> forward ── waiting ──> the upper platform ── confirm ──> gone
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from typing import Any, cast

import argon2
from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql

from geo.fix import Fix, Quality, Source
from services import access, fleet, tracks
from services.db.engine import ReadSession, WriteSession
from services.db.tables.exchange import Forward, Platform
from services.db.tables.fleet import Device
from services.db.tables.tracks import Fix as FixRow
from services.errors import ConflictError, InvalidError, NotFoundError
from services.settings import Settings

MAX_PASSWORD = 8  # bytes of the field in 0x1001
NO_COLOR = 9  # JT/T 415: other
DWORD = 0xFFFFFFFF
_UNFIT = Quality.ENCRYPTED | Quality.OUT_OF_RANGE
_hasher = argon2.PasswordHasher()


class Denial(Enum):
    """Why a platform may not log in."""

    ADDRESS = "address"
    ACCESS_CODE = "access_code"
    USER = "user"
    PASSWORD = "password"  # noqa: S105  a reason, not a secret


class PlatformTakenError(ConflictError):
    """The name or the access code belongs to another platform."""


class NoPlatformError(NotFoundError):
    """There is no such platform."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A fix on its way to the upper platform."""

    id: int
    plate: str
    color: int
    fix: Fix


async def add_platform(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    name: str,
    access_code: int,
    user_id: int,
    password: str,
    edition: str,
    addresses: Sequence[str] = (),
    cipher: tuple[int, int, int] | None = None,
) -> Platform:
    """Let a lower platform log in here, from the networks given or from anywhere.

    Raises:
        InvalidError: a value does not fit the protocol, or an address is none.
        PlatformTakenError: the name or the access code is taken.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"platform {name}")
    _check(access_code, user_id, password, addresses, cipher)
    password_hash = await asyncio.to_thread(_hasher.hash, password)
    row = postgresql.insert(Platform).values(
        name=name, access_code=access_code, user_id=user_id, password_hash=password_hash, edition=edition,
        addresses=list(addresses), cipher=list(cipher) if cipher else None,
    )  # fmt: skip
    added = (await db.execute(row.on_conflict_do_nothing().returning(Platform))).scalar_one_or_none()
    if added is None:
        raise PlatformTakenError(
            "The name {name} or the access code {access_code} belongs to another platform.",
            name=name,
            access_code=access_code,
        )
    return added


async def list_platforms(mandate: access.Mandate, db: ReadSession) -> Sequence[Platform]:
    """Return the platforms that may log in, by name."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "platforms")
    return (await db.execute(select(Platform).order_by(Platform.name))).scalars().all()


async def remove_platform(mandate: access.Mandate, db: WriteSession, name: str) -> None:
    """Let a platform log in no more; a connection it has stays until it breaks.

    Raises:
        NoPlatformError: there is no platform of this name.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"platform {name}")
    gone = await db.execute(delete(Platform).where(Platform.name == name).returning(Platform.id))
    if gone.scalar_one_or_none() is None:
        raise NoPlatformError("There is no platform {name}.", name=name)


async def find_platform(db: ReadSession, access_code: int) -> Platform | None:
    """Return the platform of an access code: its edition and cipher have to be known to read what it says."""
    found = select(Platform).where(Platform.access_code == access_code, Platform.active)
    return (await db.execute(found)).scalar_one_or_none()


async def admit(platform: Platform | None, user_id: int, password: str, address: str) -> Denial | None:
    """Say why a platform may not log in, in the order of the results of 0x1002, or None."""
    if platform is None:
        return Denial.ACCESS_CODE
    if not is_allowed(platform, address):
        return Denial.ADDRESS
    if platform.user_id != user_id:
        return Denial.USER
    if not await asyncio.to_thread(_matches, platform.password_hash, password):
        return Denial.PASSWORD
    return None


def is_allowed(platform: Platform, address: str) -> bool:
    """Say whether a platform may come from, or be called back at, an address."""
    try:
        asked = ip_address(address)
    except ValueError:
        return False
    return not platform.addresses or any(asked in ip_network(network) for network in platform.addresses)


async def find_vehicle(db: ReadSession, plate: str, color: int) -> int | None:
    """Return the device of a vehicle: of plate and colour, else the only one of the plate whose colour nobody gave."""
    found = select(Device.id, Device.plate_color).where(
        Device.plate == plate, or_(Device.plate_color == color, Device.plate_color.is_(None))
    )
    rows = (await db.execute(found)).all()
    exact = [row.id for row in rows if row.plate_color is not None]
    if exact or len(rows) == 1:
        return int((exact or [rows[0].id])[0])
    return None


async def note_vehicle(db: WriteSession, plate: str, color: int, remote: str) -> None:
    """Put a vehicle that nobody knows on the list of those that wait for an administrator."""
    number = vehicle_number(plate, color)
    who = fleet.Identity(number, plate=plate, plate_color=color, protocol="jt809", remote=remote)
    await fleet.note_pending(db, who)


def vehicle_number(plate: str, color: int) -> str:
    """The number under which a vehicle without a phone is known: f809 and 16 hex digits of plate and colour."""
    return "f809" + blake2b(f"{plate}\n{color}".encode(), digest_size=8).hexdigest()


# -- upwards ----------------------------------------------------------------------------------------------------------


async def queue(db: WriteSession, fixes: Sequence[Fix], _settings: Settings) -> None:
    """Note the fixes of vehicles with a plate for the upper platform: a watcher of the pipeline.

    Fixes that came from another platform don't go on: two platforms would send them round. Nor do coordinates that are
    encrypted or impossible.
    """
    own = [fix for fix in fixes if fix.source is not Source.JT809 and not fix.flags & _UNFIT]
    if not own:
        return
    ids = {fix.device_id for fix in own}
    found = select(Device.id, Device.plate, Device.plate_color).where(Device.id.in_(ids), Device.plate.is_not(None))
    plates = {row.id: (row.plate, row.plate_color) for row in await db.execute(found)}
    rows = [_row(fix, *plates[fix.device_id]) for fix in own if fix.device_id in plates]
    if rows:
        await db.execute(insert(Forward), rows)


async def waiting(db: ReadSession, *, without: Sequence[int], limit: int) -> list[Outgoing]:
    """Return fixes that wait for the upper platform, oldest first, but for those on their way."""
    same = (
        FixRow.device_id == Forward.device_id, FixRow.at == Forward.at, FixRow.payload_hash == Forward.payload_hash,
    )  # fmt: skip
    found = (
        tracks.select_fixes()
        .add_columns(Forward.id, Forward.plate, Forward.color)
        .join(Forward, and_(*same))
        .where(Forward.id.not_in(without))
        .order_by(Forward.id)
        .limit(limit)
    )
    return [_outgoing(*row) for row in await db.execute(found)]


async def confirm(db: WriteSession, ids: Sequence[int]) -> None:
    """Forget fixes that the upper platform has."""
    await db.execute(delete(Forward).where(Forward.id.in_(ids)))


async def count_waiting(db: ReadSession) -> int:
    """Return how many fixes the upper platform has not confirmed."""
    return int((await db.execute(select(func.count()).select_from(Forward))).scalar_one())


def _outgoing(*row: Any) -> Outgoing:
    *fix, number, plate, color = row
    return Outgoing(number, plate, color, tracks.as_fix(cast("Any", fix)))


def _row(fix: Fix, plate: str, color: int | None) -> dict[str, Any]:
    key = {"device_id": fix.device_id, "at": fix.at, "payload_hash": fix.payload_hash}
    return {**key, "plate": plate, "color": color or NO_COLOR}


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except argon2.exceptions.VerificationError:
        return False


def _check(
    access_code: int, user_id: int, password: str, addresses: Sequence[str], cipher: tuple[int, int, int] | None
) -> None:
    """Refuse what the protocol's fields can't hold."""
    if not (0 < access_code <= DWORD and 0 <= user_id <= DWORD):
        raise InvalidError("Access code and user are numbers up to {most}, the access code at least 1.", most=DWORD)
    if not password.isascii() or not 1 <= len(password) <= MAX_PASSWORD:
        raise InvalidError(
            "A password has 1 to {most} ASCII characters: the protocol has room for no more.", most=MAX_PASSWORD
        )
    if cipher and not (1 <= cipher[0] <= DWORD and all(0 <= value <= DWORD for value in cipher)):
        raise InvalidError("A cipher is three numbers up to {most}, M1 at least 1.", most=DWORD)
    try:
        for network in addresses:
            ip_network(network)
    except ValueError as error:
        raise InvalidError(
            "An address is an IP address or a network such as 10.0.0.0/8: {error}", error=str(error)
        ) from error
