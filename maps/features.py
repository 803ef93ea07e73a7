"""Values become GeoJSON (RFC 7946): feature collections in degrees, ready for a page or a report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo import crs, density

Collection = dict[str, Any]

DIGITS = 7
"""Decimals of a degree: a centimetre."""


def collection(features: Iterable[dict[str, Any]], **members: Any) -> Collection:
    """Return a FeatureCollection; `members` stand beside the features (RFC 7946, 6.1)."""
    return {"type": "FeatureCollection", **members, "features": list(features)}


def feature(shape: BaseGeometry, properties: Mapping[str, Any], key: int | None = None) -> dict[str, Any]:
    """Return a feature of a shape in degrees, rounded to a centimetre."""
    geometry = shapely.geometry.mapping(shapely.transform(shape, lambda points: points.round(DIGITS)))
    identity = {} if key is None else {"id": key}
    return {"type": "Feature", **identity, "properties": dict(properties), "geometry": geometry}


def point(lon_deg: float, lat_deg: float, properties: Mapping[str, Any], key: int | None = None) -> dict[str, Any]:
    """Return a point feature."""
    return feature(shapely.Point(lon_deg, lat_deg), properties, key)


def cells(
    spots: density.HotSpots,
    p_scattered: density.Floats,
    epsg: int,
    kinds: Sequence[Mapping[str, int]],
    **members: Any,
) -> Collection:
    """Return every cell of a hot-spot map with what its score was made of.

    `epsg` is the metric system of the lattice, `kinds` the incidents of each cell by kind, `p_scattered` how often
    luck does as well as a cell. A hot cell is firm when that is seldom; `rank` counts the hot ones from the highest z.
    """
    i, j = spots.lattice.indices
    columns = {
        "i": i.tolist(),
        "j": j.tolist(),
        "n": spots.n.tolist(),
        "neighbours": spots.neighbours.tolist(),
        "neighbourhood_n": spots.neighbourhood_n.tolist(),
        "expected_n": spots.expected_n.round(3).tolist(),
        "gi_star_z": spots.gi_star_z.tolist(),
        "p_two_sided": spots.p_two_sided.tolist(),
        "q_bh": spots.q_bh.tolist(),
        "p_scattered": p_scattered.tolist(),
        "hot": spots.hot.tolist(),
        "firm": (spots.hot & (p_scattered <= density.FDR)).tolist(),
        "rank": _ranks(spots),
        "kinds": [dict(kind) for kind in kinds],
    }
    rows = zip(*columns.values(), strict=True)
    rings = _rings(spots.lattice.boxes, epsg)
    return collection(
        (
            {
                "type": "Feature",
                "id": number,
                "properties": dict(zip(columns, row, strict=True)),
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
            for number, (row, ring) in enumerate(zip(rows, rings, strict=True))
        ),
        **members,
    )


def _ranks(spots: density.HotSpots) -> list[int | None]:
    """Place of each hot cell among the hot ones, from 1."""
    hot = np.flatnonzero(spots.hot)
    ordered = hot[np.argsort(-spots.gi_star_z[hot], kind="stable")]
    places = {int(cell): rank for rank, cell in enumerate(ordered, start=1)}
    return [places.get(cell) for cell in range(len(spots.n))]


def _rings(boxes_m: density.Floats, epsg: int) -> list[list[list[float]]]:
    """Return the closed ring of each box in degrees, counter-clockwise."""
    x_m, y_m = boxes_m[:, [0, 2, 2, 0, 0]], boxes_m[:, [1, 1, 3, 3, 1]]
    lon, lat = crs.unproject_points(x_m, y_m, epsg)
    rings: list[list[list[float]]] = np.stack([lon, lat], axis=-1).round(DIGITS).tolist()
    return rings
