"""Phone apps that report as a device: the token they show, and the answers they were given.

A token belongs to a device, never to a person; only its hash is kept, and an administrator can take it back.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, DateTime, and_, column, delete, select, update, values
from sqlalchemy.dialects.postgresql import insert

from geo.fix import Fix
from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Device
from services.db.tables.phones import Answer
from services.db.tables.tracks import Fix as FixRow
from services.errors import InvalidError, NotFoundError

KEPT = timedelta(days=1)
"""An answer is repeated for this long; a request that comes again later stores nothing twice all the same."""

_TOKEN_BYTES = 32
Key = tuple[int, datetime, int]


class NoDeviceError(NotFoundError):
    """There is no such device."""


class KeyReusedError(InvalidError):
    """The same idempotency key came with another request (draft-ietf-httpapi-idempotency-key-header, 2.7)."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A device that reports through an app."""

    device_id: int
    phone: str


async def issue_token(mandate: access.Mandate, db: WriteSession, device_id: int) -> str:
    """Return a new token for a device, which replaces the one it had; it is shown this once.

    Raises:
        NoDeviceError: there is no such device.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"token of device {device_id}")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    await _set(db, device_id, digest(token))
    return token


async def revoke_token(mandate: access.Mandate, db: WriteSession, device_id: int) -> None:
    """Take the token of a device back.

    Raises:
        NoDeviceError: there is no such device.
    """
    await access.grant(mandate, access.Act.MANAGE_DEVICES, f"token of device {device_id}")
    await _set(db, device_id, None)


async def identify(db: ReadSession, token: str) -> Phone | None:
    """Return the device whose token this is."""
    found = select(Device.id, Device.phone).where(Device.token_hash == digest(token))
    row = (await db.execute(found)).one_or_none()
    return Phone(*row) if row else None


async def find(db: ReadSession, phone: str) -> Phone | None:
    """Return the device with a number: for doors where somebody else has checked who speaks."""
    row = (await db.execute(select(Device.id, Device.phone).where(Device.phone == phone))).one_or_none()
    return Phone(*row) if row else None


async def recall(db: ReadSession, device_id: int, key: str, request_hash: bytes) -> dict[str, Any] | None:
    """Return what this request was answered before, if it was.

    Raises:
        KeyReusedError: the key came with another request.
    """
    found = select(Answer.request_hash, Answer.answer).where(Answer.device_id == device_id, Answer.key == key)
    row = (await db.execute(found)).one_or_none()
    if row is None:
        return None
    if not hmac.compare_digest(row.request_hash, request_hash):
        raise KeyReusedError("This Idempotency-Key came with another request before. Take a new key for a new request.")
    return dict(row.answer)


async def remember(db: WriteSession, device_id: int, key: str, request_hash: bytes, answer: Mapping[str, Any]) -> None:
    """Keep an answer for when the same request comes again."""
    row = {"device_id": device_id, "key": key, "request_hash": request_hash, "answer": dict(answer)}
    await db.execute(insert(Answer).values(row).on_conflict_do_nothing())


async def forget_answers(db: WriteSession, now: datetime) -> int:
    """Delete answers older than a day and return how many."""
    gone = await db.execute(delete(Answer).where(Answer.at < now - KEPT).returning(Answer.key))
    return len(gone.all())


async def known_of(db: ReadSession, fixes: Sequence[Fix]) -> set[Key]:
    """Return the keys (device, time, hash) of those fixes that are stored already."""
    if not fixes:
        return set()
    asked = values(
        column("device_id", BigInteger), column("at", DateTime(timezone=True)), column("payload_hash", BigInteger),
        name="asked",
    ).data([(fix.device_id, fix.at, fix.payload_hash) for fix in fixes])  # fmt: skip
    same = (FixRow.device_id == asked.c.device_id, FixRow.at == asked.c.at, FixRow.payload_hash == asked.c.payload_hash)
    rows = await db.execute(select(FixRow.device_id, FixRow.at, FixRow.payload_hash).join(asked, and_(*same)))
    return {(row.device_id, row.at, row.payload_hash) for row in rows}


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode()).digest()


async def _set(db: WriteSession, device_id: int, token_hash: bytes | None) -> None:
    row = update(Device).where(Device.id == device_id).values(token_hash=token_hash).returning(Device.id)
    if (await db.execute(row)).scalar_one_or_none() is None:
        raise NoDeviceError("There is no device {device_id}.", device_id=device_id)
