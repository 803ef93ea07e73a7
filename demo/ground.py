"""The ground the demo city stands on: boundary, districts, river and places, in metres.

CGCS2000, Gauss-Krueger zone of 114° E (EPSG:4547): east and north in metres. The files are those of the base map, so
what the demo invents lies where the map draws it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, shape

METRIC_CRS = "EPSG:4547"
FOLDER = Path(__file__).resolve().parents[1] / "maps" / "data" / "zhuzhou"
URBAN_DISTRICTS = ("430202", "430203", "430204", "430211")
SEATS = {
    "430212": ("渌口", 113.1520, 27.7029),
    "430281": ("醴陵", 113.4970, 27.6667),
    "430223": ("攸县", 113.3606, 26.9917),
    "430224": ("茶陵", 113.5398, 26.7910),
    "430225": ("炎陵", 113.7680, 26.4888),
}
"""County seats outside the urban core: name, lon, lat (GeoNames, CC BY 4.0; about 1 km)."""

Area = Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Ground:
    """Zhuzhou's shape in metres (EPSG:4547)."""

    boundary: Area
    districts: dict[str, tuple[str, Area]]  # GB/T 2260 code -> Chinese name, shape
    river: LineString  # the urban reach of the Xiang, 21.5 km
    upstream: LineString  # the river above it: the border of 天元 and 渌口 runs along it
    places: tuple[tuple[str, Point], ...]

    @property
    def water(self) -> LineString:
        """Both reaches of the river as one line, downstream end first."""
        return LineString([*self.river.coords, *self.upstream.coords])


@cache
def _transformer(*, inverse: bool) -> Transformer:
    pair = (METRIC_CRS, "EPSG:4490") if inverse else ("EPSG:4490", METRIC_CRS)
    return Transformer.from_crs(*pair, always_xy=True)


def to_metres(geometry: Any) -> Any:
    """A geometry of lon, lat degrees (EPSG:4490) in metres (EPSG:4547)."""
    return shapely.transform(geometry, lambda xy: np.column_stack(_transformer(inverse=False).transform(*xy.T)))


def to_degrees(geometry: Any) -> Any:
    """A geometry in metres (EPSG:4547) as lon, lat degrees (EPSG:4490)."""
    return shapely.transform(geometry, lambda xy: np.column_stack(_transformer(inverse=True).transform(*xy.T)))


def _features(folder: Path, name: str) -> list[tuple[dict[str, Any], Any]]:
    collection = json.loads((folder / f"{name}.geojson").read_text(encoding="utf-8"))
    return [(feature["properties"], to_metres(shape(feature["geometry"]))) for feature in collection["features"]]


def _upstream(west: Area, east: Area, river: LineString) -> LineString:
    """The shared border of two districts from the southern end of `river` to where it turns away from the water."""
    south_end = Point(river.coords[-1])
    border = west.boundary.intersection(east.boundary.buffer(5.0))
    window = shapely.box(south_end.x - 5_000, south_end.y - 20_000, south_end.x + 5_000, south_end.y)
    parts = shapely.get_parts(shapely.line_merge(border.intersection(window)))
    reach = max((part for part in parts if part.distance(south_end) < 500.0), key=lambda part: float(part.length))
    near_first = Point(reach.coords[0]).distance(south_end) < 500.0
    return LineString(reach.coords if near_first else reach.coords[::-1])


def load(folder: Path = FOLDER) -> Ground:
    """The ground from `city`, `counties`, `places` and `river_urban` GeoJSON files (lon, lat)."""
    districts = {row["adcode"]: (row["name_zh"], area) for row, area in _features(folder, "counties")}
    river = _features(folder, "river_urban")[0][1]
    return Ground(
        boundary=_features(folder, "city")[0][1],
        districts=districts,
        river=river,
        upstream=_upstream(districts["430211"][1], districts["430212"][1], river),
        places=tuple((row["name_zh"], point) for row, point in _features(folder, "places")),
    )
