"""Imported road networks: stored as tables, searched as graphs in memory, drawn as vector tiles."""

import asyncio
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, insert, or_, select, text, update

from geo.roads import MAX_SNAP_M, Modes, Network, edges_closed, lines_of
from services import access
from services.db.engine import DatabaseAwayError, ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.roads import RoadClosure, RoadNetwork
from services.db.types import SRID
from services.errors import InvalidError, NotFoundError
from services.ingest.roads import Roads

MAX_ZOOM = 22
FIRST_ZOOM = {
    "motorway": 5, "trunk": 6, "primary": 8, "secondary": 10, "tertiary": 11,
    "motorway_link": 10, "trunk_link": 11, "primary_link": 12, "secondary_link": 13, "tertiary_link": 13,
}  # fmt: skip
"""The first zoom level a class of road is drawn at."""

FIRST_ZOOM_OF_OTHERS = 12
_WORLD_M, _EXTENT = 2 * math.pi * 6_378_137, 4096  # width of the Web Mercator square; units across a tile

_CLOSABLE = ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon")

_NODES = "SELECT node_id, lon_deg, lat_deg FROM road_node WHERE network_id = {} ORDER BY node_id"
_EDGES = "SELECT source, target, length_m, cost_s, reverse_cost_s FROM road_edge WHERE network_id = {} ORDER BY edge_id"
_COPY_NODES = "COPY road_node (network_id, node_id, lon_deg, lat_deg) FROM STDIN"
_COPY_EDGES = (
    "COPY road_edge (network_id, edge_id, source, target, length_m, cost_s, reverse_cost_s, highway, name, shape) "
    "FROM STDIN"
)
_TILE = """
WITH here AS (SELECT ST_TileEnvelope(:z, :x, :y) AS square),
roads AS (
    SELECT highway, name, ST_LineMerge(ST_Collect(shape)) AS line
    FROM road_edge, here
    WHERE network_id = :network_id AND NOT highway = ANY(:hidden) AND (:others OR highway = ANY(:classes))
      AND shape && ST_Transform(ST_Expand(square, :margin_m), :srid)
    GROUP BY highway, name
),
drawn AS (
    SELECT highway, name, ST_AsMVTGeom(ST_Simplify(ST_Transform(line, 3857), :unit_m), square) AS geom FROM roads, here
)
SELECT ST_AsMVT(drawn, 'roads', 4096, 'geom') FROM drawn WHERE geom IS NOT NULL
"""
_MARGIN_UNITS = 64  # lines go on this far into the next tile, so that none ends at the edge


class NoNetworkError(NotFoundError):
    """No network of that name is imported."""


class NoRoadError(InvalidError):
    """Nothing is to be closed where the closure was drawn."""


class NoClosureError(NotFoundError):
    """There is no such closure, or it was lifted before."""


class TileError(InvalidError):
    """The tile's address is outside of its zoom level."""


@dataclass(frozen=True, slots=True)
class NetworkView:
    """An imported network."""

    id: int
    name: str
    attribution: str
    synthetic: bool
    imported_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A network in memory, ready to be searched, the import it comes from, and the closures that are taken out."""

    network_id: int
    closures: tuple[int, ...]
    modes: Modes


@dataclass(frozen=True, slots=True)
class ClosureView:
    """A stretch of road that is closed; `lines` is the GeoJSON of what is closed, in CGCS2000 degrees."""

    id: int
    reason: str
    closed_at: datetime
    until: datetime | None
    closed_by: str | None
    lines: dict[str, Any]
    edges: int


async def import_network(
    mandate: access.Mandate,
    db: WriteSession,
    roads: Roads,
    *,
    name: str,
    attribution: str,
    synthetic: bool,
    now: datetime,
) -> NetworkView:
    """Store a network in place of one of the same name; whoever reads meanwhile sees the old one whole."""
    await access.grant(mandate, access.Act.MANAGE_ROADS, f"roads:{name}")
    if not name.strip():
        raise InvalidError("A network needs a name.")
    await db.execute(delete(RoadNetwork).where(RoadNetwork.name == name))
    row = insert(RoadNetwork).values(name=name, attribution=attribution, synthetic=synthetic, imported_at=now)
    network_id = int((await db.execute(row.returning(RoadNetwork.id))).scalar_one())
    net = roads.network
    ids = np.full(len(net.node_id), network_id)
    await _copy_in(db, _COPY_NODES, zip(*_lists(ids, net.node_id, net.lon_deg, net.lat_deg), strict=True))
    numbers = (net.source, net.target, net.length_m, net.cost_s, net.reverse_cost_s)
    columns = _lists(np.full(len(net.source), network_id), roads.edge_id, *numbers)
    await _copy_in(db, _COPY_EDGES, zip(*columns, roads.highway, roads.name, _shapes(net), strict=True))
    await db.execute(text("SELECT tianshu_analyse_roads()"))
    return NetworkView(network_id, name, attribution, synthetic, now)


async def list_networks(mandate: access.Mandate, db: ReadSession) -> list[NetworkView]:
    """Return all imported networks, by name."""
    await access.grant(mandate, access.Act.VIEW_ROADS)
    rows = await db.execute(select(RoadNetwork).order_by(RoadNetwork.name))
    return [_view(row) for row in rows.scalars()]


async def find_network(db: ReadSession, name: str) -> NetworkView:
    """Return one network. A map of roads is about nobody: no mandate is asked for.

    Raises:
        NoNetworkError: there is none of that name.
    """
    row = (await db.execute(select(RoadNetwork).where(RoadNetwork.name == name))).scalar_one_or_none()
    if row is None:
        raise NoNetworkError("No road network {name} is imported. `tianshu roads import` adds one.", name=name)
    return _view(row)


async def load(
    db: ReadSession, name: str, known: Loaded | None = None, *, cover_s: float = 300.0, now: datetime
) -> Loaded:
    """Return a network in memory: `known` itself while no new import and no other closure has changed it.

    Raises:
        NoNetworkError: there is none of that name.
    """
    network_id = (await find_network(db, name)).id
    shapes = await _closed_shapes(db, name, now)
    if known and known.network_id == network_id:
        if known.closures == tuple(shapes):
            return known
        modes = await asyncio.to_thread(_close, known.modes, list(shapes.values()))
        return Loaded(network_id, tuple(shapes), modes)
    nodes = await _copy_out(db, _NODES.format(network_id), "qdd")
    edges = await _copy_out(db, _EDGES.format(network_id), "qqddd")
    modes = await asyncio.to_thread(_build, Network(*nodes, *edges), cover_s, list(shapes.values()))
    return Loaded(network_id, tuple(shapes), modes)


async def close_road(
    mandate: access.Mandate,
    db: WriteSession,
    loaded: Loaded | None,
    *,
    name: str,
    shape: Mapping[str, Any],
    reason: str,
    until: datetime | None,
    now: datetime,
) -> ClosureView:
    """Close the roads at a point, along a line or in a polygon (GeoJSON), until lifted or until a time.

    Raises:
        NoNetworkError: the network is not the one that is loaded.
        NoRoadError: the shape can't be read, or no road is there; or there is no reason, or its time is over.
    """
    await access.grant(mandate, access.Act.CLOSE_ROADS, f"roads:{name}")
    if loaded is None or (await find_network(db, name)).id != loaded.network_id:
        raise NoNetworkError("The road network {name} is not the one that dispatch computes on.", name=name)
    if not reason.strip() or (until is not None and until <= now):
        raise NoRoadError("A closure has a reason, and its end lies ahead.")
    drawn = _drawn(shape)
    rows = await asyncio.to_thread(edges_closed, loaded.modes.network, drawn)
    if not len(rows):
        raise NoRoadError(
            "No road is there: a point closes the road within {most_m} m of it.", most_m=f"{MAX_SNAP_M:.0f}"
        )
    lines = lines_of(loaded.modes.network, rows)
    values = {"network": name, "reason": reason.strip(), "closed_by": mandate.account_id, "closed_at": now}
    row = insert(RoadClosure).values(**values, until=until, shape=_ewkt(drawn), lines=_ewkt(lines))
    closure_id = (await db.execute(row.returning(RoadClosure.id))).scalar_one()
    return (await _closures(db, RoadClosure.id == closure_id))[0]


async def list_closures(mandate: access.Mandate, db: ReadSession, name: str, *, now: datetime) -> list[ClosureView]:
    """Return what is closed now."""
    await access.grant(mandate, access.Act.VIEW_ROADS, f"roads:{name}")
    return await _closures(db, *_closed_now(name, now))


async def lift_closure(mandate: access.Mandate, db: WriteSession, name: str, closure_id: int, *, now: datetime) -> None:
    """Open a road again.

    Raises:
        NoClosureError: there is no such closure, or it was lifted before.
    """
    await access.grant(mandate, access.Act.CLOSE_ROADS, f"roads:{name}")
    closed = update(RoadClosure).where(RoadClosure.id == closure_id, *_closed_now(name, now))
    lifted = await db.execute(closed.values(lifted_at=now, lifted_by=mandate.account_id).returning(RoadClosure.id))
    if lifted.scalar_one_or_none() is None:
        raise NoClosureError(
            "Nothing is closed on {name} under the number {closure_id}.", name=name, closure_id=closure_id
        )


async def read_tile(db: ReadSession, network: NetworkView, z: int, x: int, y: int) -> bytes:
    """Return a Mapbox Vector Tile with one layer, `roads` (highway, name); small roads only at close zoom levels.

    Raises:
        TileError: there is no such tile.
    """
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise TileError(
            "There is no tile {z}/{x}/{y}: zoom goes from 0 to {most}, x and y from 0 to 2^zoom - 1.",
            z=z,
            x=x,
            y=y,
            most=MAX_ZOOM,
        )
    unit_m = _WORLD_M / 2**z / _EXTENT
    shown = [highway for highway, first in FIRST_ZOOM.items() if z >= first]
    values = {
        "network_id": network.id, "z": z, "x": x, "y": y, "srid": SRID,
        "unit_m": unit_m, "margin_m": unit_m * _MARGIN_UNITS,
        "classes": shown, "hidden": sorted(FIRST_ZOOM.keys() - set(shown)), "others": z >= FIRST_ZOOM_OF_OTHERS,
    }  # fmt: skip
    return bytes((await db.execute(text(_TILE), values)).scalar_one())


def _build(network: Network, cover_s: float, shapes: Sequence[BaseGeometry]) -> Modes:
    return Modes.of(network, cover_s, _rows(network, shapes))


def _close(modes: Modes, shapes: Sequence[BaseGeometry]) -> Modes:
    return modes.closing(_rows(modes.network, shapes))


def _rows(network: Network, shapes: Sequence[BaseGeometry]) -> NDArray[np.int64]:
    found = [edges_closed(network, shape) for shape in shapes]
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def _drawn(geojson: Mapping[str, Any]) -> BaseGeometry:
    try:
        drawn = shape(dict(geojson))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError) as error:
        raise NoRoadError("A closure is a GeoJSON Point, LineString or Polygon.") from error
    west, south, east, north = drawn.bounds or (math.nan,) * 4
    on_earth = -180 <= west <= east <= 180 and -90 <= south <= north <= 90  # noqa: PLR2004 -- false for nan as well
    if drawn.geom_type not in _CLOSABLE or not on_earth or not drawn.is_valid:
        raise NoRoadError("A closure is one of: {kinds}, valid and on earth.", kinds=", ".join(_CLOSABLE))
    return drawn


def _ewkt(drawn: BaseGeometry) -> str:
    return f"SRID={SRID};{drawn.wkt}"


def _closed_now(name: str, now: datetime) -> tuple[Any, ...]:
    goes_on = or_(RoadClosure.until.is_(None), RoadClosure.until > now)
    return (RoadClosure.network == name, RoadClosure.lifted_at.is_(None), goes_on)


async def _closed_shapes(db: ReadSession, name: str, now: datetime) -> dict[int, BaseGeometry]:
    columns = select(RoadClosure.id, func.ST_AsBinary(RoadClosure.shape)).where(*_closed_now(name, now))
    rows = await db.execute(columns.order_by(RoadClosure.id))
    return {closure_id: shapely.from_wkb(bytes(wkb)) for closure_id, wkb in rows}


async def _closures(db: ReadSession, *conditions: Any) -> list[ClosureView]:
    columns = select(
        RoadClosure.id, RoadClosure.reason, RoadClosure.closed_at, RoadClosure.until, Account.display_name,
        func.ST_AsGeoJSON(RoadClosure.lines), func.ST_NumGeometries(RoadClosure.lines),
    ).outerjoin(Account, Account.id == RoadClosure.closed_by)  # fmt: skip
    rows = await db.execute(columns.where(*conditions).order_by(RoadClosure.id))
    return [
        ClosureView(closure_id, reason, closed_at, until, who, json.loads(lines), edges)
        for closure_id, reason, closed_at, until, who, lines, edges in rows
    ]


def _view(row: RoadNetwork) -> NetworkView:
    return NetworkView(row.id, row.name, row.attribution, row.synthetic, row.imported_at)


def _lists(*columns: NDArray[Any]) -> list[list[Any]]:
    return [column.tolist() for column in columns]


def _shapes(network: Network) -> list[str]:
    """Return each edge as a line in hexadecimal EWKB."""
    order = np.argsort(network.node_id)
    ends = np.column_stack((network.source, network.target))
    index = order[np.searchsorted(network.node_id, ends, sorter=order)]
    lines = shapely.linestrings(np.column_stack((network.lon_deg, network.lat_deg))[index])
    placed = shapely.set_srid(np.asarray(lines), SRID)
    return list(shapely.to_wkb(placed, hex=True, include_srid=True))


async def _copy_in(db: WriteSession, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    async with await _cursor(db) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(row)


async def _copy_out(db: ReadSession, query: str, kinds: str) -> list[NDArray[Any]]:
    """Return the columns of a query whose values are all 8 bytes wide and never null (q: bigint, d: double).

    Binary COPY (PostgreSQL's manual, COPY, "Binary Format"): 19 bytes of header; for each row a 16-bit count of fields
    and each field behind its 32-bit length; a count of -1 at the end.
    """
    try:
        async with await _cursor(db) as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
            data = b"".join([bytes(block) async for block in copy])
    except psycopg.OperationalError as error:  # not SQLAlchemy's: COPY goes past it
        raise DatabaseAwayError("The database went away while a road network was read.") from error
    fields = [("count", ">i2")]
    for number, kind in enumerate(kinds):
        fields += [(f"length{number}", ">i4"), (f"value{number}", ">i8" if kind == "q" else ">f8")]
    rows = np.frombuffer(data[19:-2], np.dtype(fields))
    native = {"q": np.int64, "d": np.float64}
    return [rows[f"value{number}"].astype(native[kind]) for number, kind in enumerate(kinds)]


async def _cursor(db: ReadSession) -> psycopg.AsyncCursor[Any]:
    raw = (await (await db.connection()).get_raw_connection()).driver_connection
    return cast("psycopg.AsyncConnection[Any]", raw).cursor()
