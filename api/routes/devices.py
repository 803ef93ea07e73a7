"""Devices, those that wait to be accepted, and what could not be accepted at all."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import Field

from api import deps
from api.problems import Told
from api.schemas import Id, Model, Page
from services import fleet, owners

router = APIRouter(tags=["devices"])

Limit = Annotated[int, Query(ge=1, le=1000)]


class DeviceIn(Model):
    """A device to accept; plate and terminal id, where given, have to match when it registers."""

    phone: str = Field(
        pattern=r"^[1-9a-f][0-9a-f]{0,19}$",
        description="The number in the JT/T 808 header without leading zeros; hex where a device puts no digits there",
    )
    plate: str | None = Field(None, min_length=1, max_length=20)
    terminal_id: str | None = Field(None, min_length=1, max_length=30)
    plate_color: int | None = Field(
        None, ge=1, le=9, description="JT/T 415: 1 blue, 2 yellow, 3 black, 4 white, 5 green"
    )


class DeviceOut(Model):
    """A device that an administrator has accepted."""

    id: int
    phone: str
    terminal_id: str | None
    imei: str | None
    plate: str | None
    plate_color: int | None
    protocol: str | None
    created_at: datetime
    clock_skew_s: float | None = Field(description="How far its clock is behind ours (negative: ahead); null: unknown")


class SessionOut(Model):
    """A device that is connected now: to which gateway, from where, since when, and the edition it speaks."""

    device_id: int
    gateway_id: str
    remote: str
    protocol: str | None
    since: datetime


class DeviceView(DeviceOut):
    """A device, where it is connected if it is, and when it was heard of last."""

    session: SessionOut | None
    last_seen_at: datetime | None = Field(description="When its newest position came")


class PendingOut(Model):
    """A terminal that knocked and is not known."""

    id: int
    phone: str
    terminal_id: str | None
    maker: str | None
    model: str | None
    plate: str | None
    plate_color: int | None
    protocol: str | None
    remote: str | None
    attempts: int
    first_seen: datetime
    last_seen: datetime


class BadFrameOut(Model):
    """A frame that was not accepted."""

    id: int
    at: datetime
    remote: str | None
    phone: str | None
    reason: str
    detail: str
    told: Told | None
    frame_hex: str


@router.get("/devices")
async def list_devices(
    who: deps.Who, db: deps.ReadDb, cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0, limit: Limit = 200
) -> Page[DeviceOut]:
    """Devices, by id."""
    found = await fleet.list_devices(who, db, after_id=cursor, limit=limit)
    return Page[DeviceOut].of(found, limit)


@router.post("/devices", status_code=status.HTTP_201_CREATED)
async def accept_device(who: deps.Who, db: deps.WriteDb, body: DeviceIn) -> DeviceOut:
    """Accept a device before it has knocked."""
    return DeviceOut.model_validate(await fleet.accept_device(who, db, **body.model_dump()))


@router.get("/devices/sessions")
async def list_sessions(who: deps.Who, db: deps.ReadDb) -> list[SessionOut]:
    """The devices that are connected now, by id."""
    return [SessionOut.model_validate(held) for held in await owners.sessions(who, db)]


@router.get("/devices/pending")
async def list_pending(
    who: deps.Who, db: deps.ReadDb, cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0, limit: Limit = 200
) -> Page[PendingOut]:
    """Terminals that wait to be accepted, who knocked first first."""
    found = await fleet.list_pending(who, db, after_id=cursor, limit=limit)
    return Page[PendingOut].of(found, limit)


@router.post("/devices/pending/{pending_id}/accept", status_code=status.HTTP_201_CREATED)
async def accept_pending(who: deps.Who, db: deps.WriteDb, pending_id: Id) -> DeviceOut:
    """Accept a terminal that waits, bound to the plate and the terminal id that it gave."""
    return DeviceOut.model_validate(await fleet.accept_pending(who, db, pending_id))


@router.get("/devices/{device_id}")
async def read_device(who: deps.Who, db: deps.ReadDb, device_id: Id) -> DeviceView:
    """A device, its connection, and when it was heard of last."""
    device, last_seen_at = await fleet.read_device(who, db, device_id)
    held = await owners.sessions(who, db, device_id=device_id)
    known = DeviceOut.model_validate(device).model_dump()
    return DeviceView(**known, session=SessionOut.model_validate(held[0]) if held else None, last_seen_at=last_seen_at)


@router.get("/quarantine")
async def list_quarantine(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
    reason: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[BadFrameOut]:
    """Frames that were not accepted, newest first, of one reason or all."""
    found = await fleet.list_quarantine(who, db, before_id=cursor, limit=limit, reason=reason)
    items = [
        BadFrameOut(
            id=bad.id, at=bad.at, remote=bad.remote, phone=bad.phone, reason=bad.reason, detail=bad.detail,
            told=Told.model_validate(bad.told) if bad.told else None, frame_hex=bad.frame.hex(),
        )
        for bad in found
    ]  # fmt: skip
    return Page(items=items, next_cursor=str(found[-1].id) if len(found) == limit else None)
