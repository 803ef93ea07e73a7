"""Beats (巡区): ground that patrols answer for. Drawn anew, one keeps its number; reports count by the new one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import ColumnElement, func, insert, select, update

from geo import areas as shapes
from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables import patrols as tables
from services.db.types import from_wkb, plain, point
from services.errors import InvalidError, NotFoundError


class NoBeatError(NotFoundError):
    """There is no such beat, or it has ended."""


class BadBeatError(InvalidError):
    """The shape is not that of an area, or the name is blank."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat by its name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class BeatView(Beat):
    """A beat as it stands; `shape` is a GeoJSON geometry in CGCS2000 degrees."""

    division: str | None
    shape: dict[str, Any]
    active: bool


@dataclass(frozen=True, slots=True)
class Outline(Beat):
    """A beat and its ground, in CGCS2000 degrees."""

    ground: shapely.Geometry


async def create_beat(
    mandate: access.Mandate, db: WriteSession, *, name: str, shape: Mapping[str, Any], division: str | None = None
) -> BeatView:
    """Draw a beat.

    Raises:
        BadBeatError: `shape` is no valid GeoJSON Polygon or MultiPolygon of a sensible size, or the name is blank.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, "new beat")
    drawn = _drawn(name, shape, division)
    row = insert(tables.Beat).values(**drawn, created_by=mandate.account_id).returning(tables.Beat.id)
    beat_id = int((await db.execute(row)).scalar_one())
    return (await _views(db, tables.Beat.id == beat_id))[0]


async def change_beat(
    mandate: access.Mandate,
    db: WriteSession,
    beat_id: int,
    *,
    name: str,
    shape: Mapping[str, Any],
    division: str | None = None,
) -> BeatView:
    """Draw a beat anew under its number: rosters and checkpoints stay with it.

    Raises:
        BadBeatError: see `create_beat`.
        NoBeatError: there is none, or it has ended.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"beat:{beat_id}")
    drawn = _drawn(name, shape, division)
    await check(db, beat_id)
    await db.execute(update(tables.Beat).where(tables.Beat.id == beat_id).values(**drawn))
    return (await _views(db, tables.Beat.id == beat_id))[0]


async def list_beats(mandate: access.Mandate, db: ReadSession, *, active: bool = True) -> list[BeatView]:
    """Return the beats, or those that have ended, in the order they were drawn."""
    await access.grant(mandate, access.Act.VIEW_PATROLS, "beats")
    return await _views(db, tables.Beat.active == active)


async def end_beat(mandate: access.Mandate, db: WriteSession, beat_id: int) -> None:
    """End a beat; rosters that name it keep it.

    Raises:
        NoBeatError: there is none, or it has ended.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"beat:{beat_id}")
    await check(db, beat_id)
    await db.execute(update(tables.Beat).where(tables.Beat.id == beat_id).values(active=False))


async def check(db: ReadSession, beat_id: int | None) -> None:
    """Make sure that a beat, where one is named, is there and active.

    Raises:
        NoBeatError: it is not.
    """
    known = select(tables.Beat.id).where(tables.Beat.id == beat_id, tables.Beat.active)
    if beat_id is not None and (await db.execute(known)).scalar_one_or_none() is None:
        raise NoBeatError("There is no active beat {beat_id}.", beat_id=beat_id)


async def beat_at(db: ReadSession, lon_deg: float, lat_deg: float) -> Beat | None:
    """Return the active beat that a place lies in; of several the one drawn last."""
    here = func.ST_Covers(tables.Beat.shape, point(lon_deg, lat_deg))
    found = select(tables.Beat.id, tables.Beat.name).where(tables.Beat.active, here)
    row = (await db.execute(found.order_by(tables.Beat.id.desc()).limit(1))).one_or_none()
    return Beat(*row) if row else None


async def outlines(db: ReadSession) -> list[Outline]:
    """Return the ground of the active beats: what dispatch asks. No mandate: it is not shown as it is."""
    found = await db.execute(
        select(tables.Beat.id, tables.Beat.name, func.ST_AsBinary(plain(tables.Beat.shape))).where(tables.Beat.active)
    )
    return [Outline(beat_id, name, shapely.from_wkb(bytes(shape))) for beat_id, name, shape in found]


async def _views(db: ReadSession, *conditions: ColumnElement[bool]) -> list[BeatView]:
    beat = tables.Beat
    columns = (beat.id, beat.name, beat.division, func.ST_AsGeoJSON(plain(beat.shape)), beat.active)
    found = await db.execute(select(*columns).where(*conditions).order_by(beat.id))
    return [BeatView(beat_id, name, division, json.loads(shape), active)
            for beat_id, name, division, shape, active in found]  # fmt: skip


def _drawn(name: str, shape: Mapping[str, Any], division: str | None) -> dict[str, Any]:
    """Return the columns of a beat as it is drawn."""
    if not name.strip():
        raise BadBeatError("A beat needs a name.")
    try:
        polygons = shapes.read_shape(shape)
    except shapes.ShapeError as error:
        raise BadBeatError(error.pattern, **error.values) from error
    return {"name": name.strip(), "division": division, "shape": from_wkb(polygons.wkb, "MULTIPOLYGON")}
