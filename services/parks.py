"""Industrial parks (园区): what lies in them, what happened in them, and where that gathers.

Places only: nothing here is about a person, and files with personal columns are refused before they get here.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
import shapely
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from geo import areas, crs, density
from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.parks import Enterprise, Incident, Park
from services.db.types import from_wkb, plain, point
from services.errors import ConflictError, InvalidError, NotFoundError, Saying
from services.ingest import incidents
from services.ingest.incidents import Origin, Rejected

LOOKED_FOR = frozenset({Origin.INSPECTION, Origin.PATROL})
"""Found because somebody looked. Ranking by these sends the lookers where they have been (the feedback trap)."""

MIN_CELL_M, MAX_CELL_M, MAX_CELLS = 25.0, 2000.0, 20_000
_CHUNK = 5000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ParkView:
    """A park; its shape in CGCS2000 degrees."""

    id: int
    name: str
    shape: shapely.MultiPolygon
    synthetic: bool
    enterprises: int


@dataclass(frozen=True, slots=True)
class EnterpriseView:
    """An enterprise in a park, CGCS2000 degrees."""

    id: int
    name: str
    industry: str
    lon_deg: float
    lat_deg: float


@dataclass(frozen=True, slots=True)
class NewEnterprise:
    """An enterprise to be entered, CGCS2000 degrees."""

    name: str
    industry: str
    lon_deg: float
    lat_deg: float


@dataclass(frozen=True, slots=True)
class Happened:
    """An incident as far as a map of places needs it."""

    kind: str
    at: datetime
    lon_deg: float
    lat_deg: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file of incidents: added, known before, left out with line and reason."""

    added: int
    known: int
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class ParkHotSpots:
    """Where the incidents of a park gathered in [start, end).

    `p_scattered` says of each cell how often luck alone does as well, `kinds` what happened in it; `left_out` are the
    incidents that took no part, by who noticed them.
    """

    park: ParkView
    start: datetime
    end: datetime
    epsg: int
    spots: density.HotSpots
    p_scattered: density.Floats
    kinds: tuple[Mapping[str, int], ...]
    counted: tuple[Happened, ...]
    left_out: Mapping[str, int]
    inspections_counted: bool


class UnknownParkError(NotFoundError):
    """There is no such park."""


class ParkExistsError(ConflictError):
    """A park of this name exists."""


class ShapeRefusedError(InvalidError):
    """The shape is no usable polygon."""


class OutsideParkError(InvalidError):
    """Enterprises lie outside the park they are entered in."""


async def list_parks(mandate: access.Mandate, db: ReadSession) -> list[ParkView]:
    """Return all parks by name."""
    await access.grant(mandate, access.Act.VIEW_PARKS)
    return [_park_view(row) for row in (await db.execute(_PARKS.order_by(Park.name))).all()]


async def create_park(
    mandate: access.Mandate, db: WriteSession, *, name: str, shape: Mapping[str, Any], synthetic: bool
) -> ParkView:
    """Enter a park; `shape` is a GeoJSON Polygon or MultiPolygon in CGCS2000 degrees.

    Raises:
        ShapeRefusedError: the shape is no valid polygon in China's zones; the sentence says what is wrong.
        ParkExistsError: the name is taken.
    """
    await access.grant(mandate, access.Act.MANAGE_PARKS, name)
    outline = _outline(shape)
    row = insert(Park).values(name=name, synthetic=synthetic, shape=from_wkb(outline.wkb, "MULTIPOLYGON"))
    added = (await db.execute(row.on_conflict_do_nothing().returning(Park.id))).scalar_one_or_none()
    if added is None:
        raise ParkExistsError("There is a park {name} already.", name=name)
    return await _park(db, added)


async def list_enterprises(mandate: access.Mandate, db: ReadSession, park_id: int) -> list[EnterpriseView]:
    """Return the enterprises of a park by name.

    Raises:
        UnknownParkError: there is no such park.
    """
    await access.grant(mandate, access.Act.VIEW_PARKS, f"park {park_id}")
    await _park(db, park_id)
    place = plain(Enterprise.place)
    rows = select(Enterprise.id, Enterprise.name, Enterprise.industry, func.ST_X(place), func.ST_Y(place))
    found = await db.execute(rows.where(Enterprise.park_id == park_id).order_by(Enterprise.name))
    return [EnterpriseView(*row) for row in found.all()]


async def import_enterprises(
    mandate: access.Mandate, db: WriteSession, park_id: int, enterprises: Sequence[NewEnterprise]
) -> int:
    """Enter enterprises of a park, or correct those of the same name; return how many.

    Raises:
        UnknownParkError: there is no such park.
        OutsideParkError: some lie outside of it; nothing is entered then.
    """
    await access.grant(mandate, access.Act.MANAGE_PARKS, f"park {park_id}")
    park = await _park(db, park_id)
    _refuse_outside(park, enterprises)
    rows = {one.name: {"n": one.name, "t": one.industry, "x": one.lon_deg, "y": one.lat_deg} for one in enterprises}
    place = point(bindparam("x"), bindparam("y"))
    new = insert(Enterprise).values(park_id=park_id, name=bindparam("n"), industry=bindparam("t"), place=place)
    corrected = {"industry": new.excluded.industry, "place": new.excluded.place}
    upsert = new.on_conflict_do_update(index_elements=["park_id", "name"], set_=corrected)
    if rows:
        await (await db.connection()).execute(upsert, list(rows.values()))
    return len(rows)


async def import_incidents(
    mandate: access.Mandate, db: WriteSession, data: bytes, *, source: str, epsg: str | int, now: datetime
) -> Imported:
    """Enter the incidents of a CSV file; those of the same source and id are known and stay as they are.

    Raises:
        incidents.PersonalDataError: the file has a column about persons; nothing is entered.
        incidents.ColumnError: a column is missing, detection_origin among those that must be there.
    """
    await access.grant(mandate, access.Act.IMPORT_INCIDENTS, source)
    read = await asyncio.to_thread(lambda: incidents.read_incidents(incidents.decode(data), epsg=epsg, now=now))
    rows = [
        {
            "k": one.kind,
            "e": one.external_id,
            "t": one.at,
            "x": one.lon_deg,
            "y": one.lat_deg,
            "o": one.detection_origin,
        }
        for one in read.rows
    ]
    place = point(bindparam("x"), bindparam("y"))
    columns: dict[str, Any] = {"kind": bindparam("k"), "external_id": bindparam("e"), "at": bindparam("t")}
    new = insert(Incident).values(source=source, place=place, detection_origin=bindparam("o"), **columns)
    connection, added = await db.connection(), 0
    for first in range(0, len(rows), _CHUNK):
        done = await connection.execute(
            new.on_conflict_do_nothing().returning(Incident.id), rows[first : first + _CHUNK]
        )
        added += len(done.all())
    return Imported(added, len(rows) - added, read.rejected)


async def find_hot_spots(
    mandate: access.Mandate,
    db: ReadSession,
    park_id: int,
    *,
    cell_m: float,
    start: datetime,
    end: datetime,
    count_inspections: bool = False,
) -> ParkHotSpots:
    """Score the cells of a park by the incidents of [start, end), Gi* with the false-discovery rate controlled.

    What inspections and patrols found takes no part unless asked for.

    Raises:
        UnknownParkError: there is no such park.
        InvalidError: the period is empty or the cell has an impossible size.
    """
    await access.grant(mandate, access.Act.VIEW_PARKS, f"park {park_id}")
    if not MIN_CELL_M <= cell_m <= MAX_CELL_M:
        raise InvalidError(
            "A cell is {least_m} to {most_m} m wide.", least_m=f"{MIN_CELL_M:g}", most_m=f"{MAX_CELL_M:g}"
        )
    if start >= end:
        raise InvalidError("The period is empty: its start has to lie before its end.")
    park = await _park(db, park_id)
    happened = await _happened(db, park_id, start, end)
    excluded = frozenset() if count_inspections else LOOKED_FOR
    counted = tuple(one for one in happened if one.origin not in excluded)
    left_out = Counter(one.origin.value for one in happened if one.origin in excluded)
    scored = await asyncio.to_thread(_score, park, counted, cell_m)
    return ParkHotSpots(park, start, end, *scored, counted, left_out, count_inspections)


def _score(
    park: ParkView, counted: Sequence[Happened], cell_m: float
) -> tuple[int, density.HotSpots, density.Floats, tuple[Mapping[str, int], ...]]:
    """Lay the grid in the park's Gauss-Krüger zone; return the zone, and of each cell score, luck and kinds."""
    epsg = areas.zone_of(park.shape)
    degrees = np.array([(one.lon_deg, one.lat_deg) for one in counted], dtype=np.float64).reshape(-1, 2)
    xy_m = np.column_stack(crs.project_points(degrees[:, 0], degrees[:, 1], epsg))
    try:
        lattice = density.lay(xy_m, cell_m, area=crs.project(park.shape, epsg))
    except density.DensityError as error:
        raise InvalidError("{error}.", error=Saying(error.pattern, **error.values)) from error
    if len(lattice.boxes) > MAX_CELLS:
        raise InvalidError(
            "{cells} cells are more than {most}: take larger cells.", cells=len(lattice.boxes), most=MAX_CELLS
        )
    kinds = tuple(Counter[str]() for _ in lattice.boxes)
    for one, cell in zip(counted, lattice.locate(xy_m).tolist(), strict=True):
        if cell >= 0:
            kinds[cell][one.kind] += 1
    spots = density.hot_spots(lattice, xy_m)
    return epsg, spots, density.scattered(spots), kinds


async def _happened(db: ReadSession, park_id: int, start: datetime, end: datetime) -> list[Happened]:
    """Return the incidents in a park in [start, end), oldest first."""
    place = plain(Incident.place)
    rows = (
        select(Incident.kind, Incident.at, func.ST_X(place), func.ST_Y(place), Incident.detection_origin)
        .join(Park, func.ST_Covers(Park.shape, Incident.place))
        .where(Park.id == park_id, Incident.at >= start, Incident.at < end)
        .order_by(Incident.at, Incident.id)
    )
    found = (await db.execute(rows)).all()
    return [Happened(kind, at, lon, lat, Origin(origin)) for kind, at, lon, lat, origin in found]


_PARKS = select(
    Park.id,
    Park.name,
    func.ST_AsBinary(plain(Park.shape)),
    Park.synthetic,
    select(func.count()).where(Enterprise.park_id == Park.id).scalar_subquery(),
)


def _park_view(row: Any) -> ParkView:
    """Build a park of a row of `_PARKS`."""
    park_id, name, wkb, synthetic, enterprises = row
    shape = cast("shapely.MultiPolygon", shapely.from_wkb(bytes(wkb)))
    return ParkView(park_id, name, shape, synthetic, enterprises)


async def _park(db: ReadSession, park_id: int) -> ParkView:
    """Return a park, or say that there is none."""
    row = (await db.execute(_PARKS.where(Park.id == park_id))).one_or_none()
    if row is None:
        raise UnknownParkError("There is no park {park_id}.", park_id=park_id)
    return _park_view(row)


def _outline(geojson: Mapping[str, Any]) -> shapely.MultiPolygon:
    """Return the polygons of a GeoJSON geometry."""
    try:
        shape = shapely.geometry.shape(dict(geojson))
    except (shapely.errors.ShapelyError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ShapeRefusedError("The shape is no GeoJSON geometry.") from error
    if isinstance(shape, shapely.Polygon):
        shape = shapely.MultiPolygon([shape])
    if not isinstance(shape, shapely.MultiPolygon) or shape.is_empty:
        raise ShapeRefusedError("The shape has to be a Polygon or a MultiPolygon.")
    if not shape.is_valid:
        raise ShapeRefusedError("The shape is no valid polygon: {why}.", why=shapely.is_valid_reason(shape))
    try:
        areas.zone_of(shape)
    except crs.CrsError as error:
        raise ShapeRefusedError(
            "The shape does not lie in China: {error}. The order is (longitude, latitude).", error=str(error)
        ) from error
    return shapely.force_2d(shape)


def _refuse_outside(park: ParkView, enterprises: Sequence[NewEnterprise]) -> None:
    """Refuse enterprises that lie outside a park: mostly their coordinates are in another system."""
    outside = [one.name for one in enterprises if not park.shape.covers(shapely.Point(one.lon_deg, one.lat_deg))]
    if outside:
        more = Saying(" and {count} more", count=len(outside) - _NAMED) if len(outside) > _NAMED else ""
        raise OutsideParkError(
            "These lie outside {name}: {outside}{more}. "
            "Coordinates are CGCS2000; those of Chinese web maps are GCJ-02 and have to be converted.",
            name=park.name,
            outside=", ".join(outside[:_NAMED]),
            more=more,
        )
