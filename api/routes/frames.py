"""What devices really sent: raw frames beside their decoded values, and what was refused, by reason."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import deps
from api.problems import Told
from api.schemas import Id, Model, Page
from geo.fix import Quality, Systems
from services import provenance
from services.errors import tell
from services.ingest import shown

router = APIRouter(tags=["devices"])


class FieldOut(Model):
    """One field as decoded: `part` is header, body, extras, … or the sentence it stands in; `raw_hex` its bytes."""

    part: str
    name: str
    value: Any
    unit: str | None
    raw_hex: str


class FrameOut(Model):
    """A fix and the frame it was read from; null where none was kept (before this was kept, or after retention).

    `batch_sha256` is over all frames of the batch that was committed together; `intact` says that they still give it,
    or, after frames of a person were erased from it, what was kept of it then. `erased_by` has the numbers of those
    records of destruction: the frame itself went by the last of them if `raw_hex` is null and the list is not empty.
    `error` says why a frame can't be decoded again, `told` the same for another language. Degrees are
    CGCS2000; flags and systems are words.
    """

    at: datetime
    received_at: datetime
    source: str
    payload_hash: str
    lon_deg: float
    lat_deg: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    flags: list[str]
    systems: list[str]
    raw_hex: str | None
    batch_sha256: str | None
    intact: bool | None
    erased_by: list[int]
    fields: list[FieldOut]
    error: str | None
    told: Told | None


class RefusalsOut(Model):
    """How many frames in the quarantine were refused for one reason, and when the last one was."""

    reason: str
    count: int
    last_at: datetime


@router.get("/devices/{device_id}/frames")
async def list_frames(
    who: deps.Who,
    db: deps.ReadDb,
    device_id: Id,
    limit: Annotated[int, Query(ge=1, le=provenance.MAX_FRAMES)] = 20,
) -> Page[FrameOut]:
    """The last frames of a device, newest first, each beside its values, decoded field by field."""
    found = await provenance.frames_of(who, db, device_id, limit=limit)
    return Page(items=[_out(one) for one in found], next_cursor=None)


@router.get("/quarantine/reasons")
async def list_refusals(who: deps.Who, db: deps.ReadDb) -> list[RefusalsOut]:
    """How many frames were refused, for each reason, the commonest first."""
    return [RefusalsOut.model_validate(one) for one in await provenance.list_refusals(who, db)]


def _out(one: provenance.Shown) -> FrameOut:
    fix, kept = one.fix, one.kept
    return FrameOut(
        at=fix.at, received_at=one.received_at, source=fix.source.name.lower(),
        payload_hash=f"{fix.payload_hash & 2**64 - 1:016x}", lon_deg=fix.lon_deg, lat_deg=fix.lat_deg,
        altitude_m=fix.altitude_m, speed_mps=fix.speed_mps, heading_deg=fix.heading_deg, accuracy_m=fix.accuracy_m,
        flags=_words(fix.flags), systems=_words(fix.systems), raw_hex=kept.raw.hex() if kept and kept.raw else None,
        batch_sha256=kept.digest.hex() if kept else None, intact=kept.intact if kept else None,
        erased_by=kept.erased_by if kept else [], fields=[_field(each) for each in one.fields], error=one.error,
        told=Told.model_validate(tell(one.error)) if one.error else None,
    )  # fmt: skip


def _field(each: shown.Field) -> FieldOut:
    return FieldOut(part=each.part, name=each.name, value=each.value, unit=each.unit, raw_hex=each.raw.hex())


def _words(flags: Quality | Systems) -> list[str]:
    return [flag.name.lower() for flag in flags if flag.name]
