"""Units: who is where, and where a unit has been."""

import asyncio
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response, status
from pydantic import AwareDatetime, Field

from api import deps
from api.schemas import Id, Model, Page
from geo import track
from geo.fix import Fix
from services import carriage, fleet, tracks

router = APIRouter(prefix="/units", tags=["units"])

Row = tuple[float, float, float, float | None, float | None, float | None, int]
COLUMNS = ("at_epoch_s", "lon_deg", "lat_deg", "speed_mps", "heading_deg", "accuracy_m", "flags")


class UnitIn(Model):
    """A unit to create; `division` is a GB/T 2260 code, `device_id` the device it carries, from now if not said."""

    call_sign: str = Field(min_length=1, max_length=40)
    kind: Literal["car", "motorcycle", "foot", "van", "drone_team", "command"]
    equipment: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field([], max_length=20)
    division: str | None = Field(None, pattern=r"^\d{6}$")
    device_id: int | None = Field(None, ge=1, le=2**63 - 1)
    device_since: AwareDatetime | None = None


class HandoverIn(Model):
    """What a unit carries from a moment on, from now if not said; null: nothing."""

    device_id: int | None = Field(ge=1, le=2**63 - 1)
    since: AwareDatetime | None = None


class CarriageOut(Model):
    """A unit carried a device; `since` null: for as long as both are known, `until` null: still."""

    unit_id: int
    call_sign: str
    kind: str
    device_id: int | None
    phone: str | None
    plate: str | None
    since: datetime | None
    until: datetime | None


class UnitOut(Model):
    """A unit; the position is null while none is known."""

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


class StopOut(Model):
    """It stood here."""

    start: datetime
    end: datetime
    lon_deg: float
    lat_deg: float


class GapOut(Model):
    """Nothing was heard, or the unit got another device: nothing is known of the way in between."""

    start: datetime
    end: datetime


class TrackOut(Model):
    """A track as rows of `columns`, in order of time, doubtful fixes included (`flags`); CGCS2000 degrees."""

    unit_id: int
    columns: tuple[str, ...] = COLUMNS
    rows: list[Row]
    stops: list[StopOut]
    gaps: list[GapOut]
    length_m: float


@router.get("")
async def list_units(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Page[UnitOut]:
    """Units with their newest positions, by id."""
    units = await fleet.list_units(who, db, after_id=cursor, limit=limit)
    return Page[UnitOut].of(units, limit)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_unit(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: UnitIn) -> UnitOut:
    """Create a unit."""
    return UnitOut.model_validate(await fleet.create_unit(who, db, **body.model_dump(), now=now))


@router.get("/devices")
async def list_carried(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Page[CarriageOut]:
    """Units by id and the device each carries now, without positions."""
    found = await carriage.list_units(who, db, after_id=cursor, limit=limit)
    return Page[CarriageOut].of(found, limit, key="unit_id")


@router.get("/{unit_id}/devices")
async def list_devices(who: deps.Who, db: deps.ReadDb, unit_id: Id) -> list[CarriageOut]:
    """Which devices a unit carried, and when, newest first."""
    return [CarriageOut.model_validate(one) for one in await carriage.list_of_unit(who, db, unit_id)]


@router.put("/{unit_id}/device")
async def give_device(
    who: deps.Who, db: deps.WriteDb, now: deps.Now, unit_id: Id, body: HandoverIn
) -> list[CarriageOut]:
    """Give a unit another device, or none; whoever carried it before carries it no more. Returns the unit's record."""
    record = await carriage.give_device(who, db, unit_id, body.device_id, since=body.since, now=now)
    return [CarriageOut.model_validate(one) for one in record]


@router.get("/{unit_id}/track", response_model=TrackOut)
async def read_track(who: deps.Who, db: deps.ReadDb, unit_id: Id, start: AwareDatetime, end: AwareDatetime) -> Response:
    """Where a unit was from `start` to before `end` (31 days at most), where it stood, and its silences.

    It is told by the devices that it carried, each for its time; between two of them there is a gap.
    """
    parts = await tracks.read(who, db, unit_id=unit_id, start=start, end=end)
    return Response(await asyncio.to_thread(_summarise, unit_id, parts), media_type="application/json")


def _summarise(unit_id: int, parts: list[list[Fix]]) -> str:
    """Return the track as JSON; a long one takes a second, so not on the event loop."""
    heard = [part for part in parts if part]
    ways = [track.Track.of(part) for part in heard]
    stops = [
        StopOut(start=_time(stop.start_s), end=_time(stop.end_s), lon_deg=stop.lon_deg, lat_deg=stop.lat_deg)
        for way in ways
        for stop in track.stops(way)
    ]
    gaps = [GapOut(start=_time(gap.start_s), end=_time(gap.end_s)) for way in ways for gap in track.gaps(way)]
    gaps += [GapOut(start=before[-1].at, end=after[0].at) for before, after in pairwise(heard)]
    gaps.sort(key=lambda gap: gap.start)
    rows = [
        (fix.at.timestamp(), fix.lon_deg, fix.lat_deg, fix.speed_mps, fix.heading_deg, fix.accuracy_m, int(fix.flags))
        for fix in chain(*heard)
    ]
    length_m = sum(track.length_m(way) for way in ways)
    return TrackOut(unit_id=unit_id, rows=rows, stops=stops, gaps=gaps, length_m=length_m).model_dump_json()


def _time(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
