"""Provenance (溯源): the raw frame of a fix beside its decoded values, and what was refused, by reason."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select

from geo.fix import Fix, Quality, Source
from services import access, frames, tracks
from services.db.claims import declare_look
from services.db.engine import ReadSession
from services.db.tables import tracks as tables
from services.errors import InvalidError, NotFoundError, Saying
from services.ingest import shown
from services.ingest.jt808.shown import explain as explain_jt808
from services.ingest.jt809.shown import explain as explain_jt809

MAX_FRAMES: Final = 200
_DECODERS: Final[dict[Source, Callable[[bytes, Fix], list[shown.Field]]]] = {
    Source.JT808: lambda raw, fix: explain_jt808(raw, fix.payload_hash),
    Source.JT809: lambda raw, _: explain_jt809(raw),
    Source.NMEA: lambda raw, _: shown.sentences(raw),
    Source.RDSS: lambda raw, _: shown.sentences(raw),
    Source.HTTP: lambda raw, _: shown.json_item(raw),
    Source.MQTT: lambda raw, _: shown.json_item(raw),
    Source.FILE: lambda raw, _: shown.json_item(raw),
}
"""How what a source sent is read, field by field."""

_PLACE: Final = frozenset({"lon_deg", "lat_deg", "report"})
"""Fields that are no degrees where a plug-in has enciphered them: their bytes stand, their values don't."""


class NoFrameError(NotFoundError):
    """The device has no such fix."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A fix, and what it was read from: None where nothing was kept, without its bytes where they were erased.

    `error` says why it can't be decoded again.
    """

    fix: Fix
    received_at: datetime
    kept: frames.Kept | None
    fields: list[shown.Field] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Frames that were refused for one reason."""

    reason: str
    count: int
    last_at: datetime


async def frames_of(mandate: access.Mandate, db: ReadSession, device_id: int, *, limit: int = 20) -> list[Shown]:
    """Return the last frames of a device, newest first, decoded field by field."""
    async with access.look(mandate, access.Act.VIEW_FRAMES, f"device:{device_id}") as seen:
        await declare_look(db, [f"device:{device_id}"])
        found = await _shown(db, tables.Fix.device_id == device_id, limit=min(limit, MAX_FRAMES))
        seen.rows = len(found)
        return found


async def frame_of(
    mandate: access.Mandate, db: ReadSession, device_id: int, *, at: datetime, payload_hash: int
) -> Shown:
    """Return what one fix was read from.

    Raises:
        NoFrameError: there is no such fix.
    """
    async with access.look(mandate, access.Act.VIEW_FRAMES, f"device:{device_id} {at.isoformat()}") as seen:
        await declare_look(db, [f"device:{device_id}"])
        fix = tables.Fix
        found = await _shown(db, fix.device_id == device_id, fix.at == at, fix.payload_hash == payload_hash, limit=1)
        if not found:
            raise NoFrameError("Device {device_id} has no such fix.", device_id=device_id)
        seen.rows = 1
        return found[0]


async def list_refusals(mandate: access.Mandate, db: ReadSession) -> list[Refusals]:
    """Return how many frames the quarantine holds for each reason, the commonest first."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "quarantine by reason")
    bad, count = tables.Quarantine, func.count()
    rows = select(bad.reason, count, func.max(bad.at)).group_by(bad.reason).order_by(count.desc(), bad.reason)
    return [Refusals(*row) for row in await db.execute(rows)]


async def _shown(db: ReadSession, *conditions: ColumnElement[bool], limit: int) -> list[Shown]:
    newest = tracks.select_fixes().add_columns(tables.Fix.received_at).where(*conditions)
    rows = (await db.execute(newest.order_by(tables.Fix.at.desc(), tables.Fix.payload_hash).limit(limit))).all()
    fixes = [(tracks.as_fix(row), row.received_at) for row in rows]
    wanted = defaultdict[datetime, list[frames.Key]](list)
    for fix, received_at in fixes:
        wanted[received_at].append((fix.device_id, fix.payload_hash))
    kept = await frames.find(db, wanted)
    return await asyncio.to_thread(_decode, fixes, kept)


def _decode(fixes: Sequence[tuple[Fix, datetime]], kept: dict[frames.Key, frames.Kept]) -> list[Shown]:
    return [_explained(fix, at, kept.get((fix.device_id, fix.payload_hash))) for fix, at in fixes]


def _explained(fix: Fix, received_at: datetime, kept: frames.Kept | None) -> Shown:
    if kept is None or kept.raw is None:
        return Shown(fix, received_at, kept)
    try:
        fields = _DECODERS[fix.source](kept.raw, fix)
        if fix.flags & Quality.ENCRYPTED:
            fields = [replace(each, value=None) if each.name in _PLACE else each for each in fields]
        return Shown(fix, received_at, kept, fields)
    except InvalidError as error:
        return Shown(fix, received_at, kept, error=error.sentence)
    except ValueError as error:
        return Shown(fix, received_at, kept, error=Saying("the bytes can't be read: {error}", error=str(error)))
