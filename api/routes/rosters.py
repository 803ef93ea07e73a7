"""Beats and duty rosters."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, Field

from api import deps
from api.schemas import Id, Model, Page
from services import rosters

router = APIRouter(tags=["patrols"])

WORDS = r"^[^\x00]+$"
"""Text that PostgreSQL can keep."""


class BeatIn(Model):
    """A beat to draw; `shape` is a GeoJSON Polygon or MultiPolygon in CGCS2000 degrees (lon, lat)."""

    name: str = Field(max_length=120, pattern=WORDS)
    division: str | None = Field(None, pattern=r"^[0-9]{6,12}$")
    shape: dict[str, Any]


class BeatOut(Model):
    """A beat as it stands."""

    id: int
    name: str
    division: str | None
    shape: dict[str, Any]
    active: bool


class RosterIn(Model):
    """A duty of a unit: the name of the shift, from when to when, perhaps on a beat."""

    unit_id: int = Field(ge=1, le=2**63 - 1)
    shift: str = Field(max_length=60, pattern=WORDS)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    beat_id: int | None = Field(None, ge=1, le=2**63 - 1)


class RosterOut(RosterIn):
    """A duty as it stands."""

    id: int
    call_sign: str


@router.get("/beats")
async def list_beats(who: deps.Who, db: deps.ReadDb, *, active: bool = True) -> Page[BeatOut]:
    """Active beats (or, with `active=false`, ended ones) in the order they were drawn."""
    return Page(items=[BeatOut.model_validate(beat) for beat in await rosters.list_beats(who, db, active=active)])


@router.post("/beats", status_code=status.HTTP_201_CREATED)
async def create_beat(who: deps.Who, db: deps.WriteDb, body: BeatIn) -> BeatOut:
    """Draw a beat."""
    beat = await rosters.create_beat(who, db, name=body.name, division=body.division, shape=body.shape)
    return BeatOut.model_validate(beat)


@router.put("/beats/{beat_id}")
async def change_beat(who: deps.Who, db: deps.WriteDb, beat_id: Id, body: BeatIn) -> BeatOut:
    """Draw a beat anew under its number."""
    beat = await rosters.change_beat(who, db, beat_id, name=body.name, division=body.division, shape=body.shape)
    return BeatOut.model_validate(beat)


@router.delete("/beats/{beat_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_beat(who: deps.Who, db: deps.WriteDb, beat_id: Id) -> None:
    """End a beat; what names it keeps it."""
    await rosters.end_beat(who, db, beat_id)


@router.get("/rosters")
async def list_rosters(
    who: deps.Who, db: deps.ReadDb, start: Annotated[AwareDatetime, Query()], end: Annotated[AwareDatetime, Query()]
) -> Page[RosterOut]:
    """The duties that overlap a span of 31 days at most, in order of their beginning."""
    found = await rosters.list_rosters(who, db, start=start, end=end)
    return Page(items=[RosterOut.model_validate(one) for one in found])


@router.post("/rosters", status_code=status.HTTP_201_CREATED)
async def add_roster(who: deps.Who, db: deps.WriteDb, body: RosterIn) -> RosterOut:
    """Put a unit on duty; it can be on one duty at a time."""
    return RosterOut.model_validate(await rosters.add_roster(who, db, **body.model_dump()))


@router.delete("/rosters/{roster_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_roster(who: deps.Who, db: deps.WriteDb, roster_id: Id) -> None:
    """Take a duty back."""
    await rosters.delete_roster(who, db, roster_id)
