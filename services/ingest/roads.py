"""Road networks out of files: tables of nodes and edges, or OpenStreetMap (PBF, XML, gzipped or not).

Tables: `nodes.csv` (node_id, lon, lat) beside `edges.csv` (source, target, length_m, cost_s, reverse_cost_s, and where
known edge_id, highway, name), each may be gzipped. A cost of -1 forbids the direction.

OpenStreetMap: every way of a class in `CLASS_KMH` is cut at each of its nodes, so that every edge is straight. Its
speed is the tag `maxspeed` when that is a plain number of 5 to 130 (km/h), else that of its class. The class speeds
are an assumption, not measured. Ways closed to motor vehicles (access=no, motor_vehicle=no) are left out.
Tags: https://wiki.openstreetmap.org/wiki/Key:oneway, Key:highway, Key:maxspeed, Key:access.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pandas as pd
from numpy.typing import NDArray

from geo import crs
from geo.roads import FORBIDDEN, Network, NetworkError
from services.errors import InvalidError

CLASS_KMH = {
    "motorway": 100, "trunk": 70, "primary": 50, "secondary": 45, "tertiary": 40, "unclassified": 30,
    "residential": 25, "living_street": 15, "pedestrian": 10, "motorway_link": 50, "trunk_link": 40,
    "primary_link": 35, "secondary_link": 30, "tertiary_link": 30,
}  # fmt: skip
MIN_KMH, MAX_KMH = 5, 130
OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
"""What https://www.openstreetmap.org/copyright asks for."""

_OSM = (".osm", ".osm.gz", ".osm.bz2", ".pbf")
_NODE_COLUMNS = {"node_id": np.int64, "lon": np.float64, "lat": np.float64}
_EDGE_COLUMNS = {
    "source": np.int64, "target": np.int64,
    "length_m": np.float64, "cost_s": np.float64, "reverse_cost_s": np.float64,
}  # fmt: skip
_FORWARD, _BACKWARD = frozenset({"yes", "true", "1"}), frozenset({"-1", "reverse"})
_LENGTH_DIGITS, _COST_DIGITS, _KMH_PER_MPS = 3, 4, 3.6


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """A network and what its edges are called."""

    network: Network
    edge_id: NDArray[np.int64]
    highway: list[str]  # OpenStreetMap's class, empty when not known
    name: list[str]


class RoadFileError(InvalidError):
    """The file is no road network, or a row of it can't be read."""


def read(path: Path) -> Roads:
    """Read a folder with nodes and edges, an edge table with its nodes beside it, or an OpenStreetMap file.

    Raises:
        RoadFileError: nothing readable is there; the sentence names the file, and the line or the edge.
    """
    roads = _read_osm(path) if is_openstreetmap(path) else _read_tables(path)
    try:
        roads.network.check()
    except NetworkError as error:
        raise RoadFileError(f"{path.name}: {error}") from None
    return roads


def is_openstreetmap(path: Path) -> bool:
    """Whether a file is OpenStreetMap's, by its name."""
    return path.name.endswith(_OSM)


def _read_tables(path: Path) -> Roads:
    edge_file = _find(path, "edges") if path.is_dir() else path
    nodes = _table(_find(edge_file.parent, "nodes"), _NODE_COLUMNS)
    edges = _table(edge_file, _EDGE_COLUMNS)
    count = len(edges["source"])
    network = Network(
        nodes["node_id"], nodes["lon"], nodes["lat"],
        edges["source"], edges["target"], edges["length_m"], edges["cost_s"], edges["reverse_cost_s"],
    )  # fmt: skip
    edge_id = (
        _numbers(edge_file, edges["edge_id"], "edge_id", np.int64) if "edge_id" in edges else np.arange(1, count + 1)
    )
    if len(np.unique(edge_id)) < count:
        raise RoadFileError(f"{edge_file.name}: an edge_id is there twice.")
    return Roads(network, edge_id, _words(edges, "highway", count), _words(edges, "name", count))


def _find(folder: Path, stem: str) -> Path:
    for name in (f"{stem}.csv", f"{stem}.csv.gz"):
        if (folder / name).is_file():
            return folder / name
    raise RoadFileError(
        f"No {stem}.csv or {stem}.csv.gz is in {folder}. Give a folder that holds both, or an .osm.pbf."
    )


def _table(path: Path, wanted: Mapping[str, type]) -> dict[str, Any]:
    """Return the columns of a table: those wanted as numbers, the others as text."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise RoadFileError(f"{path.name} can't be read: {error}") from error
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise RoadFileError(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}.")
    columns: dict[str, Any] = {str(name): frame[name] for name in frame}
    return columns | {name: _numbers(path, frame[name], name, kind) for name, kind in wanted.items()}


def _numbers(path: Path, texts: "pd.Series[str]", name: str, kind: type) -> NDArray[Any]:
    numbers = pd.to_numeric(texts, errors="coerce")
    bad = numbers.isna() | ((numbers % 1 != 0) if kind is np.int64 else False)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        sort = "whole number" if kind is np.int64 else "number"
        raise RoadFileError(f"{path.name} line {row + 2}: {name} {texts.iloc[row]!r} is no {sort}.")
    return numbers.to_numpy(kind)


def _words(columns: dict[str, Any], name: str, count: int) -> list[str]:
    return list(columns[name]) if name in columns else [""] * count


@dataclass(frozen=True, slots=True)
class _Way:
    """A road of OpenStreetMap, as far as it concerns us."""

    nodes: list[tuple[int, float, float]]  # id, lon, lat
    highway: str
    name: str
    speed_kmh: float
    forward: bool
    backward: bool


def _read_osm(path: Path) -> Roads:
    if not path.is_file():
        raise RoadFileError(f"There is no file {path}.")
    try:
        ways = list(_ways(path))
    except RuntimeError as error:  # all that osmium raises
        raise RoadFileError(f"{path.name} can't be read as OpenStreetMap: {error}") from error
    nodes = {node: (lon, lat) for way in ways for node, lon, lat in way.nodes}
    pieces = [(way, *pair) for way in ways for pair in zip(way.nodes, way.nodes[1:], strict=False)]
    if not pieces:
        raise RoadFileError(f"{path.name} holds no road: no way has one of the classes {', '.join(CLASS_KMH)}.")
    start, stop = (np.array([piece[end] for piece in pieces]) for end in (1, 2))
    length_m = crs.haversine_m(start[:, 1], start[:, 2], stop[:, 1], stop[:, 2]).round(_LENGTH_DIGITS)
    speed_kmh = np.array([way.speed_kmh for way, _, _ in pieces])
    cost_s = (length_m * _KMH_PER_MPS / speed_kmh).round(_COST_DIGITS)
    lon_deg, lat_deg = np.array(list(nodes.values())).T
    network = Network(
        np.array(list(nodes), np.int64), lon_deg, lat_deg,
        np.array([a for _, (a, _, _), _ in pieces]), np.array([b for _, _, (b, _, _) in pieces]), length_m,
        np.where([way.forward for way, _, _ in pieces], cost_s, FORBIDDEN),
        np.where([way.backward for way, _, _ in pieces], cost_s, FORBIDDEN),
    )  # fmt: skip
    edge_id = np.arange(1, len(pieces) + 1)
    return Roads(network, edge_id, [way.highway for way, _, _ in pieces], [way.name for way, _, _ in pieces])


def _ways(path: Path) -> Iterator[_Way]:
    """Yield the roads, by way id as in the file; nodes that the extract has cut off are left out."""
    for way in osmium.FileProcessor(str(path)).with_locations().with_filter(osmium.filter.KeyFilter("highway")):
        if not isinstance(way, osmium.osm.Way):
            continue
        tags = dict(way.tags)
        if tags["highway"] in CLASS_KMH and "no" not in (tags.get("access"), tags.get("motor_vehicle")):
            nodes = [(node.ref, node.lon, node.lat) for node in way.nodes if node.location.valid()]
            yield _Way(nodes, tags["highway"], tags.get("name", ""), _speed_kmh(tags), *_directions(tags))


def _directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Return whether a way is open forward, and backward. Roundabouts and motorways are one-way unless tagged."""
    oneway = tags.get("oneway")
    implied = oneway is None and (tags.get("junction") == "roundabout" or tags["highway"] == "motorway")
    return oneway not in _BACKWARD, not (implied or oneway in _FORWARD)


def _speed_kmh(tags: Mapping[str, str]) -> float:
    tagged = tags.get("maxspeed", "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", tagged) and MIN_KMH <= float(tagged) <= MAX_KMH:
        return float(tagged)
    return CLASS_KMH[tags["highway"]]
