"""What people ask of devices: a command is written down and waits; a gateway carries it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, insert, select, update

from services import access, areas
from services.commands import fences, kinds
from services.db import locks
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.commands import Command
from services.db.tables.fleet import Device
from services.errors import ConflictError, InvalidError, NotFoundError
from services.ingest.jt808.framing import Version

OPEN: Final = ("queued", "sent")
STATES: Final = (*OPEN, "acknowledged", "answered", "refused", "timed_out", "expired", "cancelled")
MAX_OPEN: Final = 50
"""Commands of one device that may wait."""
MAX_PAGE: Final = 200


class NotATerminalError(InvalidError):
    """The device does not speak JT/T 808."""


class TooManyError(ConflictError):
    """So many commands of this device wait that another would help nobody."""


class NotQueuedError(ConflictError):
    """The command has left already, or is over."""


@dataclass(frozen=True, slots=True)
class CommandView:
    """A command as it stands; `asked_by` is the officer's user name."""

    id: int
    device_id: int
    kind: str
    parameters: dict[str, Any]
    state: str
    asked_by: str | None
    asked_at: datetime
    expires_at: datetime
    attempts: int
    sent_at: datetime | None
    settled_at: datetime | None
    answer: dict[str, Any] | None
    detail: str | None
    told: dict[str, Any] | None


async def ask(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    device_id: int,
    kind: str,
    parameters: Mapping[str, Any],
    valid_for: timedelta,
    now: datetime,
) -> CommandView:
    """Give a device a command; it is sent at once if the device is connected, else when it comes, within `valid_for`.

    Raises:
        NotFoundError: there is no such device, or no such area to set.
        NotATerminalError: the device speaks something else.
        InvalidError: the device's edition has no such message, or a value does not fit it.
        TooManyError: more than `MAX_OPEN` commands of the device wait.
    """
    await access.grant(mandate, access.Act.COMMAND_DEVICE, f"device:{device_id} {kind}")
    if kinds.KINDS[kind].act is not access.Act.COMMAND_DEVICE:
        await access.grant(mandate, kinds.KINDS[kind].act, f"device:{device_id} {kind}")
    device = await db.get(Device, device_id)
    if device is None:
        raise NotFoundError("There is no device {device_id}.", device_id=device_id)
    if not device.phone.isalnum():
        raise NotATerminalError(
            "Device {device_id} is no JT/T 808 terminal: its number is {phone}.",
            device_id=device_id,
            phone=device.phone,
        )
    said = dict(parameters)
    if kind == "set_area":
        area = await areas.read_area(mandate, db, said["area_id"])
        said |= {"name": area.name} | fences.describe(area)
    kinds.build(kind, said, _edition(device.protocol))
    await locks.hold(db, f"commands of device {device_id}")  # who asks at the same time counts this one, too
    waiting = select(func.count()).where(Command.device_id == device_id, Command.state.in_(OPEN))
    if (await db.execute(waiting)).scalar_one() >= MAX_OPEN:
        raise TooManyError(
            "{most} commands of device {device_id} wait already; cancel some first.", most=MAX_OPEN, device_id=device_id
        )
    row = insert(Command).values(
        device_id=device_id, kind=kind, parameters=said, asked_by=mandate.account_id, asked_at=now, due_at=now,
        expires_at=now + valid_for,
    )  # fmt: skip
    command_id = (await db.execute(row.returning(Command.id))).scalar_one()
    return await _one(db, command_id)


async def list_commands(
    mandate: access.Mandate, db: ReadSession, *, state: str | None, before_id: int | None, limit: int
) -> list[CommandView]:
    """Return commands of all devices, newest first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "commands")
    return await _list(db, *([Command.state == state] if state else []), before_id=before_id, limit=limit)


async def list_of_device(
    mandate: access.Mandate, db: ReadSession, device_id: int, *, before_id: int | None, limit: int
) -> list[CommandView]:
    """Return the commands of one device, newest first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, f"device:{device_id}")
    return await _list(db, Command.device_id == device_id, before_id=before_id, limit=limit)


async def cancel(mandate: access.Mandate, db: WriteSession, command_id: int, *, now: datetime) -> CommandView:
    """Take a command back while it waits.

    Raises:
        NotFoundError: there is no such command.
        NotQueuedError: it has been sent, or is over.
    """
    await access.grant(mandate, access.Act.COMMAND_DEVICE, f"command:{command_id} cancel")
    gone = update(Command).where(Command.id == command_id, Command.state == "queued")
    row = await db.execute(gone.values(state="cancelled", settled_at=now).returning(Command.id))
    stands = await _one(db, command_id)
    if row.first() is None:
        raise NotQueuedError(
            "Command {command_id} does not wait any more: it is {state}.", command_id=command_id, state=stands.state
        )
    return stands


def _edition(protocol: str | None) -> Version:
    return Version(protocol) if protocol in set(Version) else Version.V2013


def _views() -> Select[Any]:
    return select(
        Command.id, Command.device_id, Command.kind, Command.parameters, Command.state, Account.username,
        Command.asked_at, Command.expires_at, Command.attempts, Command.sent_at, Command.settled_at, Command.answer,
        Command.detail, Command.told,
    ).outerjoin(Account, Account.id == Command.asked_by)  # fmt: skip


async def _one(db: ReadSession, command_id: int) -> CommandView:
    row = (await db.execute(_views().where(Command.id == command_id))).one_or_none()
    if row is None:
        raise NotFoundError("There is no command {command_id}.", command_id=command_id)
    return CommandView(*row)


async def _list(db: ReadSession, *which: ColumnElement[bool], before_id: int | None, limit: int) -> list[CommandView]:
    older = [Command.id < before_id] if before_id is not None else []
    rows = await db.execute(_views().where(*which, *older).order_by(Command.id.desc()).limit(min(limit, MAX_PAGE)))
    return [CommandView(*row) for row in rows]
