"""The ground of the service: which division a place lies in, and the names that come with the map."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import shape


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the map and where it is, in CGCS2000 degrees."""

    name: str
    kind: str  # division, township, place
    lon_deg: float
    lat_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The divisions of the city. A service without a map of them takes every place for its own."""

    codes: tuple[str, ...] = ()
    names: tuple[Name, ...] = ()
    _tree: shapely.STRtree = field(default_factory=lambda: shapely.STRtree([]))

    def division(self, lon_deg: float, lat_deg: float) -> str | None:
        """Return the GB/T 2260 code of the division a place lies in, None outside of all."""
        found = self._tree.query(shapely.Point(lon_deg, lat_deg), predicate="intersects")
        return self.codes[int(found[0])] if len(found) else None

    def is_outside(self, lon_deg: float, lat_deg: float) -> bool:
        """Whether a place lies in no division of ours."""
        return bool(self.codes) and self.division(lon_deg, lat_deg) is None


def build(divisions: Iterable[Mapping[str, Any]], named: Mapping[str, Iterable[Mapping[str, Any]]]) -> Ground:
    """Return the ground of GeoJSON features: divisions with `adcode` and `name_zh`; named ones by their kind."""
    features = list(divisions)
    shapes = [shape(feature["geometry"]) for feature in features]
    names = [_name(feature, "division") for feature in features]
    names += [_name(feature, kind) for kind, group in named.items() for feature in group]
    codes = tuple(str(feature["properties"]["adcode"]) for feature in features)
    return Ground(codes, tuple(name for name in names if name), shapely.STRtree(shapes))


def _name(feature: Mapping[str, Any], kind: str) -> Name | None:
    said = feature["properties"]
    name = said.get("name_zh") or said.get("name")
    if not name or not feature.get("geometry"):
        return None
    inside = shape(feature["geometry"]).representative_point()
    return Name(name, kind, float(said.get("label_lon", inside.x)), float(said.get("label_lat", inside.y)))
