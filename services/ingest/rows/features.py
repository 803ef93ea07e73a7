"""GeoJSON and Parquet."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO, Final

import ijson
import shapely
from pyarrow import parquet

from services.ingest.rows.values import FileError, Row, Source, unknown

_BATCH: Final = 5000


def read_geojson(file: BinaryIO) -> Source:
    """Read the points of a GeoJSON FeatureCollection, and lines that carry `coordTimes` or `times`."""
    rows = (
        row
        for number, feature in enumerate(ijson.items(file, "features.item", use_float=True), 1)
        for row in _feature(number, feature)
    )
    first = next(rows, None)
    if first is None:
        raise FileError("The GeoJSON holds no features.")
    return Source(tuple(first.values), chain([first], rows), unknown)


def _feature(number: int, feature: Any) -> Iterator[Row]:
    """Yield the rows of one feature."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    geometry = geometry if isinstance(geometry, dict) else {}
    properties = (feature.get("properties") or {}) if isinstance(feature, dict) else {}
    kind, places = geometry.get("type"), geometry.get("coordinates")
    times = properties.get("coordTimes") or properties.get("times")
    if kind == "Point":
        yield _vertex(number, properties, places)
    elif kind == "LineString" and isinstance(times, list) and isinstance(places, list) and len(times) == len(places):
        common = {name: value for name, value in properties.items() if name not in ("coordTimes", "times")}
        for at, place in zip(times, places, strict=True):
            yield _vertex(number, {**common, "at": at}, place)
    else:
        yield Row(number, properties, f"is a {kind}, not a Point, nor a LineString with coordTimes for its points")


def _vertex(number: int, properties: Mapping[str, Any], place: Any) -> Row:
    """Return the row of one position (RFC 7946, 3.1.1: longitude, latitude and perhaps altitude)."""
    if not isinstance(place, list) or len(place) < 2:  # noqa: PLR2004
        return Row(number, properties, "has no coordinates")
    height = {"altitude_m": place[2]} if len(place) > 2 else {}  # noqa: PLR2004
    return Row(number, {**height, **properties, "lon": place[0], "lat": place[1]})


def read_parquet(file: BinaryIO) -> Source:
    """Read Parquet with longitude and latitude columns, or GeoParquet with points as WKB."""
    table = parquet.ParquetFile(file)
    names = [name for name in table.schema_arrow.names if name != "geometry"]
    geometric = len(names) < len(table.schema_arrow.names)

    line, total = 0, max(table.metadata.num_rows, 1)

    def rows() -> Iterator[Row]:
        nonlocal line
        for batch in table.iter_batches(_BATCH):
            for values in batch.to_pylist():
                line += 1
                yield _with_point(line, values) if geometric else Row(line, values)

    return Source((*names, *(("lon", "lat") if geometric else ())), rows(), lambda: line / total)


def _with_point(line: int, values: dict[str, Any]) -> Row:
    """Put the geometry's coordinates in its place."""
    try:
        point = shapely.from_wkb(values.pop("geometry"))
    except (shapely.errors.ShapelyError, TypeError):
        return Row(line, values, "has a geometry that is no WKB")
    if not isinstance(point, shapely.Point) or point.is_empty:
        return Row(line, values, "has no point as geometry")
    return Row(line, {**values, "lon": point.x, "lat": point.y})
