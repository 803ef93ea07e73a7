"""The simple outlines that a terminal can watch by itself: a circle, an upright rectangle, a polygon without holes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import shapely

from geo import areas, crs

ROUND: Final = 0.01
"""An outline is a circle when its vertices are as far from its middle as each other, but for this share."""

MIN_ROUND: Final = 12
"""With fewer vertices than these it is a polygon, however regular."""

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


def simplest(shape: Mapping[str, Any]) -> Outline:
    """Return the outline of a valid area (GeoJSON MultiPolygon, CGCS2000 degrees) in its simplest form.

    Raises:
        ShapeError: it has holes, or more than one part.
    """
    (part, *others) = cast("shapely.MultiPolygon", shapely.geometry.shape(dict(shape))).geoms
    holes = sum(len(each.interiors) for each in (part, *others))
    if others or holes:
        raise areas.ShapeError(
            f"A terminal watches one outline without holes; parts of this area: {1 + len(others)}, holes: {holes}."
        )
    points = [(round(lon, _MICRO), round(lat, _MICRO)) for lon, lat, *_ in part.exterior.coords[:-1]]
    return _rectangle(points) or _circle(part) or Polygon(tuple(points))


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
