"""Areas: many polygons with holes in metres, and which of them a fix is inside of or near to.

Each area is measured in the Gauss-Krüger zone of its middle, and its edges are straight there: an edge of 10 km strays
less than 0.1 m from the geodesic that PostGIS draws, one of 100 km at the rim of the zone about 5 m.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo import crs
from geo.told import ToldError

Shape = shapely.Polygon | shapely.MultiPolygon
Indices = NDArray[np.intp]

MAX_VERTICES: Final = 20_000
"""A county's boundary has some thousands."""

MAX_EXTENT_DEG: Final = 10.0
"""A province is smaller, but for the longest ones; beyond, one zone's metres are no metres."""

MIN_AREA_M2: Final = 1.0
"""Less is a slip of the hand."""

_PIECE: Final = 16  # segments of a boundary per leaf of the index
_LONGEST_EDGE_M: Final = 5000.0  # longer edges get vertices: their boxes in degrees are then right within 0.5 m
_DEGREE_M: Final = 110_500.0  # a degree of latitude is nowhere shorter


class ShapeError(ToldError):
    """What was given is not the shape of an area; the sentence says what would be."""


class Disc(Protocol):
    """A place in CGCS2000 degrees, and the radius that holds the true one with 95 % probability."""

    @property
    def lon_deg(self) -> float:
        """Longitude."""

    @property
    def lat_deg(self) -> float:
        """Latitude."""

    @property
    def r95_m(self) -> float:
        """Radius in metres."""


@dataclass(frozen=True, slots=True)
class Area:
    """One area in metres."""

    epsg: int
    metric: Shape

    def passes(self, start: Disc, end: Disc) -> bool:
        """Whether the way between two fixes leads through the area even if both are off by their r95.

        Both ends are moved sideways by their r95, in all four combinations, and every line must meet the area: a
        clipped corner may be missed, a strip that is thinner than the accuracy is not.
        """
        (ax, bx), (ay, by) = crs.project_points([start.lon_deg, end.lon_deg], [start.lat_deg, end.lat_deg], self.epsg)
        length_m = math.hypot(bx - ax, by - ay)
        west, south, east, north = self.metric.bounds
        aside = max(ax, bx) < west or min(ax, bx) > east or max(ay, by) < south or min(ay, by) > north
        if aside or length_m == 0:
            return False
        nx, ny = (ay - by) / length_m, (bx - ax) / length_m
        lines = [
            ((ax + a * nx, ay + a * ny), (bx + b * nx, by + b * ny))
            for a in (-start.r95_m, start.r95_m)
            for b in (-end.r95_m, end.r95_m)
        ]
        return bool(shapely.intersects(self.metric, shapely.linestrings(lines)).all())


class Near(NamedTuple):
    """Pairs of a fix and an area, by index, with the signed distance: negative inside, -inf deep inside."""

    fix: Indices
    area: Indices
    distance_m: crs.Array


class Areas:
    """An index over many areas, for many fixes at once.

    Two trees over boxes in degrees find what can matter: one over whole areas (who is inside), one over pieces of
    their boundaries (who is near an edge), so that a county with ten thousand vertices costs as little as a yard.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        degrees = np.array(shapes, dtype=object)
        self.epsg = np.array([zone_of(shape) for shape in shapes], dtype=np.intp)
        self.metric = _carry(degrees, self.epsg, to_metres=True)
        shapely.prepare(self.metric)
        self._pieces, self._owner = _cut(self.metric)
        self._areas_tree = _tree(self.metric, self.epsg)
        self._pieces_tree = _tree(self._pieces, self.epsg[self._owner])

    def __len__(self) -> int:
        """Return the number of areas."""
        return len(self.epsg)

    def __getitem__(self, area: int) -> Area:
        """Return one area."""
        return Area(int(self.epsg[area]), self.metric[area])

    def measure(self, lon_deg: ArrayLike, lat_deg: ArrayLike, reach_m: ArrayLike) -> Near:
        """Return every pair of a place and an area that it is inside of or within its reach of the edge.

        Args:
            lon_deg: longitudes, CGCS2000.
            lat_deg: latitudes, CGCS2000.
            reach_m: how near to an edge still counts, for each place.
        """
        lon, lat, reach = np.asarray(lon_deg, float), np.asarray(lat_deg, float), np.asarray(reach_m, float)
        margin = reach / _DEGREE_M
        wide = margin / np.cos(np.radians(np.clip(lat, -89, 89)))
        boxes = shapely.box(lon - wide, lat - margin, lon + wide, lat + margin)
        fix, area = self._areas_tree.query(boxes)
        x_m, y_m = _project(lon[fix], lat[fix], self.epsg[area])
        inside = shapely.contains_xy(self.metric[area], x_m, y_m)
        near_fix, piece = self._pieces_tree.query(boxes)
        owner = self._owner[piece]
        points = shapely.points(*_project(lon[near_fix], lat[near_fix], self.epsg[owner]))
        distance_m = shapely.distance(self._pieces[piece], points)
        near = distance_m < reach[near_fix]
        return _merge(len(self), (fix[inside], area[inside]), (near_fix[near], owner[near]), distance_m[near])

    def meet(self, start: ArrayLike, end: ArrayLike, among: NDArray[np.bool_]) -> tuple[Indices, Indices]:
        """Return the pairs of a way and an area that the straight way from start to end touches.

        Args:
            start: rows of (lon, lat) in CGCS2000 degrees.
            end: likewise, where the ways end.
            among: which areas to look at.
        """
        ways = np.stack([np.asarray(start, float), np.asarray(end, float)], axis=1)
        way, area = self._areas_tree.query(shapely.linestrings(ways)) if len(ways) else (np.empty(0, np.intp),) * 2
        way, area = way[among[area]], area[among[area]]
        ends = [_project(ways[way, i, 0], ways[way, i, 1], self.epsg[area]) for i in (0, 1)]
        lines = shapely.linestrings(np.stack([np.column_stack(xy) for xy in ends], axis=1))
        touched = shapely.intersects(self.metric[area], lines)
        return way[touched], area[touched]


def read_shape(geojson: Mapping[str, Any]) -> shapely.MultiPolygon:
    """Return the polygons of a GeoJSON geometry (RFC 7946), whose coordinates are CGCS2000 lon, lat in degrees.

    Raises:
        ShapeError: it is no valid Polygon or MultiPolygon, too large, too small, or outside of China's zones.
    """
    kind, parts = geojson.get("type"), geojson.get("coordinates")
    if kind not in {"Polygon", "MultiPolygon"} or not isinstance(parts, list) or not parts:
        raise ShapeError("An area is a GeoJSON Polygon or MultiPolygon with its coordinates.")
    if "crs" in geojson:
        raise ShapeError("Coordinates are CGCS2000 longitude and latitude in degrees: convert them, and leave crs out.")
    polygons = [_read_polygon(part) for part in (parts if kind == "MultiPolygon" else [parts])]
    return judged(shapely.MultiPolygon(polygons))


def judged(shape: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """Return the shape if it can be an area.

    Raises:
        ShapeError: it is not valid, too large, too small, or outside of China's zones.
    """
    if shapely.get_num_coordinates(shape) > MAX_VERTICES:
        raise ShapeError("An area has at most {most} vertices: simplify its boundary.", most=MAX_VERTICES)
    west, south, east, north = shape.bounds
    if max(east - west, north - south) > MAX_EXTENT_DEG:
        raise ShapeError("An area is at most {most_deg} degrees long and wide.", most_deg=f"{MAX_EXTENT_DEG:.0f}")
    if not shape.is_valid:
        raise ShapeError("The polygon is not valid: {why}.", why=shapely.is_valid_reason(shape))
    try:
        metric = crs.project(shape, zone_of(shape))
    except crs.CrsError as error:
        raise ShapeError("The area lies outside of China: {error}.", error=str(error)) from None
    if metric.area < MIN_AREA_M2:
        raise ShapeError("The area is smaller than a square metre.")
    return shape


def zone_of(shape: Shape) -> int:
    """Return the EPSG code of the Gauss-Krüger zone in the middle of a shape (crs.CrsError outside of China's)."""
    west, _, east, _ = shape.bounds
    return crs.zone_for((west + east) / 2)


def signed_distance_m(shape: Shape, lon_deg: ArrayLike, lat_deg: ArrayLike) -> crs.Array:
    """Return distances of places to the edge of an area in metres, negative inside; exact, and slow for many areas."""
    epsg = zone_of(shape)
    metric = crs.project(shape, epsg)
    x_m, y_m = crs.project_points(lon_deg, lat_deg, epsg)
    distance_m = shapely.distance(metric.boundary, shapely.points(x_m, y_m))
    return np.asarray(np.where(shapely.contains_xy(metric, x_m, y_m), -distance_m, distance_m))


def _read_polygon(rings: Any) -> shapely.Polygon:
    if not isinstance(rings, list) or not rings:
        raise ShapeError("A polygon is a list of rings: the outline first, then its holes.")
    outline, *holes = [_read_ring(ring) for ring in rings]
    return shapely.Polygon(outline, holes)


def _read_ring(ring: Any) -> NDArray[np.float64]:
    try:
        points = np.array([position[:2] for position in ring], dtype=np.float64)
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 4 or (points[0] != points[-1]).any():  # noqa: PLR2004
        raise ShapeError("A ring is a list of at least four [lon, lat] pairs of numbers, the last equal to the first.")
    if not (np.abs(points) <= (180, 90)).all():
        raise ShapeError("Longitudes lie between -180 and 180 degrees, latitudes between -90 and 90: lon comes first.")
    return points


def _merge(count: int, inside: tuple[Indices, Indices], near: tuple[Indices, Indices], distance_m: crs.Array) -> Near:
    """Join who is inside with who is near an edge: the least distance of a pair, with its sign."""
    inside_key, near_key = inside[0] * count + inside[1], near[0] * count + near[1]
    keys = np.union1d(inside_key, near_key)
    signed_m = np.full(len(keys), np.inf)
    np.minimum.at(signed_m, np.searchsorted(keys, near_key), distance_m)
    signed_m[np.searchsorted(keys, inside_key)] *= -1
    return Near(keys // max(count, 1), keys % max(count, 1), signed_m)


def _carry(shapes: NDArray[Any], epsg: Indices, *, to_metres: bool) -> NDArray[Any]:
    """Carry shapes between degrees and the metres of their zones; on the way to metres long edges get vertices."""
    carried = np.empty(len(shapes), dtype=object)
    for zone in np.unique(epsg).tolist():
        mine = epsg == zone
        move = crs.project_points if to_metres else crs.unproject_points

        def carry(xy: NDArray[Any], zone: int = zone, move: Any = move) -> NDArray[Any]:
            return np.column_stack(move(xy[:, 0], xy[:, 1], zone))

        moved = shapely.transform(shapes[mine], carry)
        carried[mine] = shapely.segmentize(moved, _LONGEST_EDGE_M) if to_metres else moved
    return carried


def _project(lon_deg: crs.Array, lat_deg: crs.Array, epsg: Indices) -> tuple[crs.Array, crs.Array]:
    """Carry places to metres, each in the zone of the area it is compared with."""
    x_m, y_m = np.empty(len(lon_deg)), np.empty(len(lon_deg))
    for zone in np.unique(epsg).tolist():
        mine = epsg == zone
        x_m[mine], y_m[mine] = crs.project_points(lon_deg[mine], lat_deg[mine], zone)
    return x_m, y_m


def _cut(metric: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """Cut the boundaries, holes included, into short lines; return them and which area each belongs to."""
    parts, area = shapely.get_parts(metric, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    pieces, owner = [], []
    for ring, index in zip(rings, area[part].tolist(), strict=True):
        xy = shapely.get_coordinates(ring)
        for start in range(0, len(xy) - 1, _PIECE):
            pieces.append(shapely.linestrings(xy[start : start + _PIECE + 1]))
            owner.append(index)
    return np.array(pieces, dtype=object), np.array(owner, dtype=np.intp)


def _tree(metric: NDArray[Any], epsg: Indices) -> shapely.STRtree:
    """Return a tree over the boxes of shapes, in degrees."""
    west, south, east, north = shapely.bounds(_carry(metric, epsg, to_metres=False)).reshape(-1, 4).T
    return shapely.STRtree(shapely.box(west, south, east, north))
