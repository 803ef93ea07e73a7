"""A road network woven from drawn lines: cut where they meet, tidied, strongly connected, written as two tables.

The tables have the columns of the road data sets: node_id, lon, lat and edge_id, source, target, length_m, speed_kmh,
cost_s, reverse_cost_s, highway, name; every edge is a straight piece between two nodes; -1 forbids a direction.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from demo import ground
from demo.lines import SPEEDS_KMH, Level, Line, Xy

MERGE_M = 6.0
"""Junctions nearer than this are one."""
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG R1), as in the road data sets."""

EDGE_COLUMNS = "edge_id,source,target,length_m,speed_kmh,cost_s,reverse_cost_s,highway,name"
"""Header of the edge table."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes 1, 2, … at lon, lat degrees; edges between them, each a straight piece of road."""

    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    source: Ints  # node ids
    target: Ints
    oneway: NDArray[np.bool_]
    highway: tuple[str, ...]
    name: tuple[str, ...]

    @property
    def length_m(self) -> NDArray[np.float64]:
        """Great-circle lengths of the edges (haversine)."""
        lon, lat = np.radians(self.lon_deg), np.radians(self.lat_deg)
        a, b = self.source - 1, self.target - 1
        h = np.sin((lat[b] - lat[a]) / 2) ** 2 + np.cos(lat[a]) * np.cos(lat[b]) * np.sin((lon[b] - lon[a]) / 2) ** 2
        return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(h)))

    @property
    def speed_kmh(self) -> NDArray[np.float64]:
        """Speeds by class."""
        return np.array([SPEEDS_KMH[highway] for highway in self.highway], dtype=float)

    def write(self, folder: Path) -> Path:
        """The two tables as `nodes.csv` and `edges.csv` in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "nodes.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("node_id", "lon", "lat"))
            for k, (lon, lat) in enumerate(zip(self.lon_deg, self.lat_deg, strict=True), start=1):
                rows.writerow((k, f"{lon:.7f}", f"{lat:.7f}"))
        with (folder / "edges.csv").open("w", newline="", encoding="utf-8") as file:
            file.write(EDGE_COLUMNS + "\n")
            csv.writer(file, lineterminator="\n").writerows(self._edge_rows())
        return folder

    def _edge_rows(self) -> list[tuple[object, ...]]:
        columns = zip(
            self.source, self.target, self.length_m, self.speed_kmh, self.oneway, self.highway, self.name, strict=True
        )
        found: list[tuple[object, ...]] = []
        for k, (source, target, length_m, speed_kmh, oneway, highway, name) in enumerate(columns, start=1):
            cost_s = round(length_m, 3) * 3.6 / speed_kmh
            back = "-1" if oneway else f"{cost_s:.4f}"
            found.append((k, source, target, f"{length_m:.3f}", f"{speed_kmh:g}", f"{cost_s:.4f}", back, highway, name))
        return found


@dataclass(slots=True)
class Section:
    """The run of one line between two junctions."""

    line: Line
    inner: Xy  # shape vertices between the junctions
    length_m: float
    source: int = -1  # junction numbers
    target: int = -1
    oneway: bool = False


def _meet(a: Line, b: Line) -> bool:
    low, high = sorted((a, b), key=lambda line: line.level)
    if high.level is Level.STREET:
        return True
    if high.level is Level.TRUNK:
        return low.level is Level.TRUNK or low.highway in {"primary", "secondary"}
    return False


def _crossings(drawn: Sequence[Line], tree: shapely.STRtree) -> list[tuple[int, float]]:
    """Line number and distance along it of every junction."""
    shapes = tree.geometries
    first, second = tree.query(shapes, predicate="intersects")
    met = [k for k in range(len(first)) if first[k] < second[k] and _meet(drawn[first[k]], drawn[second[k]])]
    first, second = first[met], second[met]
    parts, owner = shapely.get_parts(shapely.intersection(shapes[first], shapes[second]), return_index=True)
    points, part_owner = shapely.get_coordinates(parts, return_index=True)
    owner = owner[part_owner]
    spots = shapely.points(points)
    cuts: list[tuple[int, float]] = []
    for side in (first, second):
        along = shapely.line_locate_point(shapes[side[owner]], spots)
        cuts += zip(side[owner].tolist(), along.tolist(), strict=True)
    return cuts


def _link_feet(drawn: Sequence[Line], tree: shapely.STRtree) -> list[tuple[int, float]]:
    """Where the ends of links rest on other lines."""
    ends = [shapely.Point(line.shape.coords[k]) for line in drawn if line.level is Level.LINK for k in (0, -1)]
    which, touched = tree.query(ends, predicate="dwithin", distance=1.0)
    return [
        (int(k), float(drawn[k].shape.project(ends[end])))
        for end, k in zip(which, touched, strict=True)
        if drawn[k].level is not Level.LINK
    ]


def _sections(drawn: Sequence[Line]) -> tuple[list[Section], Xy]:
    """The lines cut at their junctions, and the two end points of each section (rows 2k and 2k + 1)."""
    tree = shapely.STRtree([line.shape for line in drawn])
    cuts: list[list[float]] = [[] for _ in drawn]
    for number, place in _crossings(drawn, tree) + _link_feet(drawn, tree):
        cuts[number].append(place)
    sections: list[Section] = []
    ends: list[Xy] = []
    for line, found in zip(drawn, cuts, strict=True):
        xy = np.array(line.shape.coords)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        stops = np.unique(np.round([0.0, *found, along[-1]], 3))
        stops = stops[np.concatenate([[True], np.diff(stops) > 1.0])]
        places = np.stack([np.interp(stops, along, xy[:, 0]), np.interp(stops, along, xy[:, 1])], axis=1)
        for k in range(len(stops) - 1):
            inner = xy[(along > stops[k] + 1.0) & (along < stops[k + 1] - 1.0)]
            sections.append(Section(line, inner, float(stops[k + 1] - stops[k]), oneway=line.oneway))
            ends.append(places[k : k + 2])
    return sections, np.concatenate(ends)


def _junctions(sections: list[Section], ends: Xy) -> Xy:
    """Number the junctions, merging those nearer than MERGE_M; their places."""
    pairs = cKDTree(ends).query_pairs(MERGE_M, output_type="ndarray")
    near = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(ends), len(ends)))
    total, number = connected_components(near, directed=False)
    for k, section in enumerate(sections):
        section.source, section.target = int(number[2 * k]), int(number[2 * k + 1])
    weight = np.bincount(number, minlength=total)
    return np.stack([np.bincount(number, ends[:, axis], total) / weight for axis in (0, 1)], axis=1)


def _thin(sections: list[Section], rng: np.random.Generator) -> list[Section]:
    """Without rings, doubles, some small streets at random, and most dead ends."""
    chance = rng.random((2, len(sections)))
    seen: set[tuple[int, int]] = set()
    kept: list[tuple[Section, bool]] = []
    for section, drop, stay in zip(sections, *chance, strict=True):
        pair = (min(section.source, section.target), max(section.source, section.target))
        missing = drop < {"residential": 0.13, "tertiary": 0.02}.get(section.line.highway, 0.0)
        if section.source != section.target and pair not in seen and not missing:
            seen.add(pair)
            kept.append((section, section.line.highway in {"residential", "tertiary"} and stay > 0.12))
    while True:
        degree = Counter(end for section, _ in kept for end in (section.source, section.target))
        left = [
            (section, prune)
            for section, prune in kept
            if min(degree[section.source], degree[section.target]) > 1 or not (prune or section.length_m < 90.0)
        ]
        if len(left) == len(kept):
            return [section for section, _ in kept]
        kept = left


def _components(sections: list[Section], total: int, *, strong: bool) -> Ints:
    """The component number of each junction."""
    arcs = [(s.source, s.target) for s in sections] + [(s.target, s.source) for s in sections if not s.oneway]
    rows, columns = np.array(arcs).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(total, total))
    return np.asarray(connected_components(graph, directed=True, connection="strong" if strong else "weak")[1])


def _connect(sections: list[Section], total: int) -> list[Section]:
    """The largest connected part, with a one-way street opened both ways where it would trap a car."""
    part = _components(sections, total, strong=False)
    largest = np.bincount(part[[section.source for section in sections]]).argmax()
    sections = [section for section in sections if part[section.source] == largest]
    while True:
        part = _components(sections, total, strong=True)
        traps = [s for s in sections if s.oneway and part[s.source] != part[s.target]]
        if not traps:
            return sections
        for section in traps:
            section.oneway = False


def weave(drawn: Sequence[Line], rng: np.random.Generator) -> Network:
    """The strongly connected network of the drawn lines (metres, EPSG:4547)."""
    sections, ends = _sections(drawn)
    junctions = _junctions(sections, ends)
    sections = _connect(_thin(sections, rng), len(junctions))
    used = sorted({end for section in sections for end in (section.source, section.target)})
    number = {junction: k for k, junction in enumerate(used)}
    places, arcs = [junctions[used]], []
    following = len(used)
    for section in sections:
        run = [number[section.source], *range(following, following + len(section.inner)), number[section.target]]
        following += len(section.inner)
        places.append(section.inner)
        arcs += [(a, b, section) for a, b in pairwise(run)]
    degrees = ground.to_degrees(shapely.MultiPoint(np.concatenate(places)))
    lon_lat = np.round(shapely.get_coordinates(degrees), 7)
    return Network(
        lon_deg=lon_lat[:, 0],
        lat_deg=lon_lat[:, 1],
        source=np.array([a for a, _, _ in arcs]) + 1,
        target=np.array([b for _, b, _ in arcs]) + 1,
        oneway=np.array([section.oneway for _, _, section in arcs]),
        highway=tuple(section.line.highway for _, _, section in arcs),
        name=tuple(section.line.name for _, _, section in arcs),
    )
