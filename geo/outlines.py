"""What people draw, and the simple outlines that a terminal can watch by itself.

A circle, an upright rectangle, a polygon without holes, or a way with its width.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

import numpy as np
import shapely

from geo import areas, crs

ROUND: Final = 0.01
"""An outline is a circle when its vertices are as far from its middle as each other, but for this share."""

MIN_ROUND: Final = 12
"""With fewer vertices than these it is a polygon, however regular."""

MAX_POINTS: Final = 1000
"""Corners of a line."""

MAX_WIDTH_M: Final = 255
"""One byte in 0x8606."""

MIN_M: Final = 1
MAX_RADIUS_M: Final = 100_000

_QUARTER: Final = 32  # corners in a quarter of a circle: it is 0.03 % smaller than it should be
_MICRO: Final = 6  # digits of a degree on the wire


@dataclass(frozen=True, slots=True)
class Circle:
    """A middle in degrees and a radius in metres."""

    lon_deg: float
    lat_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Sides along the meridians and parallels, in degrees."""

    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Vertices as (lon_deg, lat_deg), each once."""

    points: tuple[tuple[float, float], ...]


Outline = Circle | Rectangle | Polygon


class Form(StrEnum):
    """What a terminal can watch."""

    CIRCLE = "circle"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    ROUTE = "route"


_FORMS: Final = {Circle: Form.CIRCLE, Rectangle: Form.RECTANGLE, Polygon: Form.POLYGON}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, in CGCS2000 degrees: the ground it covers, and the line in its middle if it is a way."""

    shape: shapely.MultiPolygon
    line: shapely.LineString | None = None


def read_drawn(geojson: Mapping[str, Any], width_m: int | None, radius_m: float | None) -> Drawn:
    """Return what was drawn: an area, a LineString of a width, or a Point with a radius; CGCS2000 degrees.

    Raises:
        ShapeError: it is none of these, or its measure is missing or out of range.
    """
    kind = geojson.get("type")
    if (kind == "LineString") != (width_m is not None) or (width_m is not None and not 1 <= width_m <= MAX_WIDTH_M):
        raise areas.ShapeError("A line, and nothing else, has a width of 1 to {most} metres.", most=MAX_WIDTH_M)
    if (kind == "Point") != (radius_m is not None) or (radius_m is not None and not MIN_M <= radius_m <= MAX_RADIUS_M):
        raise areas.ShapeError(
            "A point, and nothing else, has a radius of {least} to {most} metres.", least=MIN_M, most=MAX_RADIUS_M
        )
    if width_m is not None:
        line = shapely.LineString(_read_points(geojson.get("coordinates"), 2))
        return Drawn(_around(line, width_m / 2), line)
    if radius_m is not None:
        return Drawn(_around(shapely.Point(_read_points([geojson.get("coordinates")], 1)[0]), radius_m))
    return Drawn(areas.read_shape(geojson))


def form_of(drawn: Drawn) -> Form | None:
    """Return as what a terminal can watch it, or None: it has holes or several parts."""
    if drawn.line is not None:
        return Form.ROUTE
    try:
        return _FORMS[type(simplest(shapely.geometry.mapping(drawn.shape)))]
    except areas.ShapeError:
        return None


def simplest(shape: Mapping[str, Any]) -> Outline:
    """Return the outline of a valid area (GeoJSON MultiPolygon, CGCS2000 degrees) in its simplest form.

    Raises:
        ShapeError: it has holes, or more than one part.
    """
    (part, *others) = cast("shapely.MultiPolygon", shapely.geometry.shape(dict(shape))).geoms
    holes = sum(len(each.interiors) for each in (part, *others))
    if others or holes:
        raise areas.ShapeError(
            "A terminal watches one outline without holes; parts of this area: {parts}, holes: {holes}. "
            "Draw each part as an area of its own, or leave this one to the server, which watches it as it is drawn.",
            parts=1 + len(others),
            holes=holes,
        )
    points = [(round(lon, _MICRO), round(lat, _MICRO)) for lon, lat, *_ in part.exterior.coords[:-1]]
    return _rectangle(points) or _circle(part) or Polygon(tuple(points))


def _read_points(given: Any, least: int) -> list[tuple[float, float]]:
    """The places of a line, none twice in a row, or the one of a point in a list."""
    try:
        points = [place for place, _ in itertools.groupby((float(lon), float(lat)) for lon, lat, *_ in given)]
    except (TypeError, ValueError, OverflowError):
        points = []
    fits = all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in points)  # noqa: PLR2004  degrees; NaN is none
    if not least <= len(points) <= MAX_POINTS or not fits:
        raise areas.ShapeError("A place is a [lon, lat] pair in degrees; a line has 2 to {most}.", most=MAX_POINTS)
    return points


def _around(middle: shapely.Point | shapely.LineString, reach_m: float) -> shapely.MultiPolygon:
    """Everything within reach of a place or a line, judged as any area is."""
    west, _, east, _ = middle.bounds
    try:
        epsg = crs.zone_for((west + east) / 2)
    except crs.CrsError as error:
        raise areas.ShapeError("The area lies outside of China: {error}.", error=str(error)) from None
    ground = shapely.buffer(crs.project(middle, epsg), reach_m, quad_segs=_QUARTER)
    return areas.judged(shapely.MultiPolygon([crs.unproject(ground, epsg)]))


def _rectangle(points: list[tuple[float, float]]) -> Rectangle | None:
    west, *other_lons = sorted({lon for lon, _ in points})
    south, *other_lats = sorted({lat for _, lat in points})
    if len(points) == 4 and len(other_lons) == len(other_lats) == 1:  # noqa: PLR2004  corners
        return Rectangle(west, south, other_lons[0], other_lats[0])
    return None


def _circle(part: shapely.Polygon) -> Circle | None:
    epsg = areas.zone_of(part)
    metric = crs.project(part, epsg)
    middle = metric.centroid
    corners = shapely.get_coordinates(metric.exterior)[:-1]
    radii_m = np.hypot(corners[:, 0] - middle.x, corners[:, 1] - middle.y)
    if len(corners) < MIN_ROUND or np.ptp(radii_m) > ROUND * radii_m.mean():
        return None
    lon, lat = crs.unproject_points(middle.x, middle.y, epsg)
    return Circle(round(float(lon), _MICRO), round(float(lat), _MICRO), float(radii_m.max()))
