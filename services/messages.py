"""BeiDou short messages (北斗短报文): text from cards is kept, text to cards waits for a terminal and its turn."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.dialects import postgresql

from geo.fix import payload_hash
from services import access, carriage
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Carriage, Device, Unit
from services.db.tables.messages import ShortMessage
from services.errors import InvalidError, NotFoundError
from services.ingest import rdss

CARD: Final = "rdss:"
"""What the phone of a device begins with that is a card: no JT/T 808 terminal can register under it."""

AGAIN: Final = timedelta(minutes=10)
"""The same text of the same card within this time, when no time was said, is the same message."""

MAX_PAGE: Final = 200


class NoCardError(InvalidError):
    """The device has no card."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for a terminal: to which card, what."""

    id: int
    card: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A short message, and the unit that carried its card then."""

    id: int
    device_id: int
    call_sign: str | None
    direction: str
    at: datetime
    text: str | None
    calls_for_help: bool
    sent_at: datetime | None


def phone_of(card: str) -> str:
    """Return the phone under which the device of a card is known."""
    return CARD + card


async def keep(db: WriteSession, device_id: int, received: rdss.Received) -> bool:
    """Keep a message of a device's card; say whether it is new."""
    hashed = payload_hash(received.content.data)
    if not received.timed:
        mine = (
            ShortMessage.device_id == device_id,
            ShortMessage.payload_hash == hashed,
            ShortMessage.direction == "in",
        )
        near = ShortMessage.at.between(received.at - AGAIN, received.at + AGAIN)
        if (await db.execute(select(ShortMessage.id).where(*mine, near).limit(1))).first():
            return False
    text = received.content.text
    row = postgresql.insert(ShortMessage).values(
        device_id=device_id, direction="in", at=received.at, text=text.replace("\0", "") if text else None,
        payload=received.content.data, payload_hash=hashed, calls_for_help=received.calls_for_help,
    )  # fmt: skip
    return (await db.execute(row.on_conflict_do_nothing().returning(ShortMessage.id))).first() is not None


async def send(mandate: access.Mandate, db: WriteSession, *, device_id: int, text: str, now: datetime) -> MessageView:
    """Let a text wait for the next turn of a terminal that is connected.

    Raises:
        NotFoundError: there is no such device.
        NoCardError: it has no card.
        InvalidError: the text is empty or can't be sent.
    """
    await access.grant(mandate, access.Act.DISPATCH, f"message to device {device_id}")
    phone = (await db.execute(select(Device.phone).where(Device.id == device_id))).scalar()
    if phone is None:
        raise NotFoundError("There is no device {device_id}.", device_id=device_id)
    if not phone.startswith(CARD):
        raise NoCardError(
            "Device {device_id} has no BeiDou card: its number would begin with {begins}.",
            device_id=device_id,
            begins=CARD,
        )
    rdss.text_message(phone.removeprefix(CARD), text)
    payload = text.encode("gbk")
    values = {"direction": "out", "at": now, "text": text, "payload": payload, "payload_hash": payload_hash(payload)}
    row = insert(ShortMessage).values(device_id=device_id, **values).returning(ShortMessage.id)
    message_id = (await db.execute(row)).scalar_one()
    return (await _views(db, ShortMessage.id == message_id, limit=1))[0]


async def take_next(db: WriteSession, *, now: datetime) -> Waiting | None:
    """Take the oldest message that waits; no other terminal gets it."""
    waiting = (ShortMessage.direction == "out", ShortMessage.sent_at.is_(None))
    oldest = (
        select(ShortMessage.id).where(*waiting).order_by(ShortMessage.id).limit(1).with_for_update(skip_locked=True)
    )
    taken = (
        update(ShortMessage)
        .where(ShortMessage.id == oldest.scalar_subquery(), Device.id == ShortMessage.device_id)
        .values(sent_at=now)
        .returning(ShortMessage.id, Device.phone, ShortMessage.text)
    )
    row = (await db.execute(taken)).one_or_none()
    return Waiting(row.id, row.phone.removeprefix(CARD), row.text) if row else None


async def list_messages(
    mandate: access.Mandate, db: ReadSession, *, before_id: int | None, limit: int
) -> list[MessageView]:
    """Return messages in both directions, newest first."""
    await access.grant(mandate, access.Act.DISPATCH, "short messages")
    older = [] if before_id is None else [ShortMessage.id < before_id]
    return await _views(db, *older, limit=min(limit, MAX_PAGE))


async def _views(db: ReadSession, *conditions: ColumnElement[bool], limit: int) -> list[MessageView]:
    one = ShortMessage
    found = (
        select(one.id, one.device_id, Unit.call_sign, one.direction, one.at, one.text, one.calls_for_help, one.sent_at)
        .outerjoin(Carriage, carriage.carried(one.device_id, one.at))
        .outerjoin(Unit, Unit.id == Carriage.unit_id)
        .where(*conditions)
    )
    return [MessageView(*row) for row in await db.execute(found.order_by(one.id.desc()).limit(limit))]
