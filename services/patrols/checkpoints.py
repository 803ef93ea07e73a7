"""Checkpoints (必到点): places that patrols have to come to. A plan keeps the place it was made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.patrols import Beat, Checkpoint
from services.db.types import plain, point
from services.errors import InvalidError, NotFoundError

LEAST_RADIUS_M, MOST_RADIUS_M = 20.0, 1000.0
"""A smaller one no fix of ordinary accuracy (15 m) would ever prove to be reached."""

MOST_DWELL_S = 4 * 3600
_MAX_LON_DEG, _MAX_LAT_DEG = 180, 90


class NoCheckpointError(NotFoundError):
    """There is no such checkpoint, or it has ended."""


class PlaceError(InvalidError):
    """The checkpoint's place, radius, dwell or name can't be."""


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """A checkpoint as it is asked for; the place is CGCS2000 degrees."""

    name: str
    lon_deg: float
    lat_deg: float
    radius_m: float
    dwell_s: int
    beat_id: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint as it stands; the place is CGCS2000 degrees."""

    id: int
    name: str
    lon_deg: float
    lat_deg: float
    radius_m: float
    dwell_s: int
    beat_id: int | None
    active: bool


async def create_checkpoint(mandate: access.Mandate, db: WriteSession, asked: NewCheckpoint) -> CheckpointView:
    """Set a checkpoint.

    Raises:
        PlaceError: it is nowhere on earth, its radius or dwell is outside of what a fix can prove, or it has no name.
        NoCheckpointError: there is no active beat of that number.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, "new checkpoint")
    row = insert(Checkpoint).values(**await _row(db, asked), created_by=mandate.account_id)
    checkpoint_id = int((await db.execute(row.returning(Checkpoint.id))).scalar_one())
    return (await views(db, Checkpoint.id == checkpoint_id))[0]


async def change_checkpoint(
    mandate: access.Mandate, db: WriteSession, checkpoint_id: int, asked: NewCheckpoint
) -> CheckpointView:
    """Set a checkpoint anew under its number; plans that were made before keep the place, radius and stay they had.

    Raises:
        PlaceError: see `create_checkpoint`.
        NoCheckpointError: there is none, it has ended, or there is no active beat of that number.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"checkpoint:{checkpoint_id}")
    await find(db, [checkpoint_id])
    await db.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(**await _row(db, asked)))
    return (await views(db, Checkpoint.id == checkpoint_id))[0]


async def list_checkpoints(mandate: access.Mandate, db: ReadSession, *, active: bool = True) -> list[CheckpointView]:
    """Return the checkpoints, or those that have ended, in the order they were set."""
    await access.grant(mandate, access.Act.VIEW_PATROLS, "checkpoints")
    return await views(db, Checkpoint.active.is_(active))


async def end_checkpoint(mandate: access.Mandate, db: WriteSession, checkpoint_id: int) -> None:
    """End a checkpoint; plans that name it keep it.

    Raises:
        NoCheckpointError: there is none, or it has ended.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"checkpoint:{checkpoint_id}")
    await find(db, [checkpoint_id])
    await db.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(active=False))


async def find(db: ReadSession, ids: Sequence[int]) -> dict[int, CheckpointView]:
    """Return active checkpoints by their number.

    Raises:
        NoCheckpointError: one is not there, or has ended.
    """
    found = {one.id: one for one in await views(db, Checkpoint.id.in_(ids), Checkpoint.active.is_(True))}
    if missing := set(ids) - found.keys():
        raise NoCheckpointError("There is no active checkpoint {checkpoint_id}.", checkpoint_id=min(missing))
    return found


async def views(db: ReadSession, *conditions: ColumnElement[bool]) -> list[CheckpointView]:
    """Return the checkpoints that meet the conditions, in the order they were set."""
    place = plain(Checkpoint.place)
    columns = (Checkpoint.id, Checkpoint.name, func.ST_X(place), func.ST_Y(place), Checkpoint.radius_m)
    found = select(*columns, Checkpoint.dwell_s, Checkpoint.beat_id, Checkpoint.active).where(*conditions)
    return [CheckpointView(*row) for row in await db.execute(found.order_by(Checkpoint.id))]


async def _row(db: ReadSession, asked: NewCheckpoint) -> dict[str, Any]:
    """Return what stands in the table for a checkpoint that can be."""
    _check(asked)
    beat = select(Beat.id).where(Beat.id == asked.beat_id, Beat.active)
    if asked.beat_id is not None and (await db.execute(beat)).scalar_one_or_none() is None:
        raise NoCheckpointError("There is no active beat {beat_id}.", beat_id=asked.beat_id)
    place = point(asked.lon_deg, asked.lat_deg)
    numbers = {"radius_m": asked.radius_m, "dwell_s": asked.dwell_s, "beat_id": asked.beat_id}
    return {"name": asked.name.strip(), "place": place} | numbers


def _check(asked: NewCheckpoint) -> None:
    if not asked.name.strip():
        raise PlaceError("A checkpoint needs a name.")
    on_earth = ((asked.lon_deg, _MAX_LON_DEG), (asked.lat_deg, _MAX_LAT_DEG))
    if not all(isfinite(angle_deg) and abs(angle_deg) <= most_deg for angle_deg, most_deg in on_earth):
        raise PlaceError("The checkpoint is nowhere on earth: longitude is -180 to 180 degrees, latitude -90 to 90.")
    if not LEAST_RADIUS_M <= asked.radius_m <= MOST_RADIUS_M:
        raise PlaceError(
            "The radius is {least_m} to {most_m} m: a position is exact to some 15 m, so that "
            "no smaller circle could be proven to be reached.",
            least_m=f"{LEAST_RADIUS_M:.0f}",
            most_m=f"{MOST_RADIUS_M:.0f}",
        )
    if not 0 <= asked.dwell_s <= MOST_DWELL_S:
        raise PlaceError("The stay is 0 to {most_s} seconds.", most_s=MOST_DWELL_S)
