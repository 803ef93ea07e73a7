"""The invented roads of the country: hamlets, the roads between places, and motorways to the county seats."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay, cKDTree
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from demo import ground, lines, water
from demo.lines import Level, Line

HAMLET_GAP_M = 4700.0
CARRIAGEWAY_M = 14.0
"""Half the distance between the carriageways of a motorway."""
EDGE_M = 900.0
"""Longest straight piece: what is near a road is then near one of its nodes."""
INTERCHANGE_GAP_M = 9000.0
MAIN_ROADS = (("", "渌口"), ("", "醴陵"), ("渌口", "攸县"), ("醴陵", "攸县"), ("攸县", "茶陵"), ("茶陵", "炎陵"))
"""Pairs of seats that a primary road joins; the empty name is the urban core."""
MOTORWAYS = (
    ("虚构高速E1", ((113.215, 27.805), (113.33, 27.79), (113.43, 27.73), (113.475, 27.69))),
    (
        "虚构高速S2",
        (
            (113.20, 27.785),
            (113.19, 27.72),
            (113.21, 27.60),
            (113.27, 27.45),
            (113.26, 27.28),
            (113.31, 27.13),
            (113.335, 27.01),
            (113.40, 26.90),
            (113.485, 26.795),
            (113.55, 26.735),
            (113.68, 26.62),
            (113.755, 26.515),
        ),
    ),
    (
        "虚构高速S3",
        ((113.52, 27.64), (113.50, 27.50), (113.46, 27.35), (113.44, 27.20), (113.40, 27.08), (113.385, 27.02)),
    ),
)
"""Invented courses: lon, lat."""


@dataclass(frozen=True, slots=True)
class Town:
    """A place that roads lead to; a hamlet has no streets of its own (radius 0)."""

    name: str
    at: tuple[float, float]  # metres
    radius_m: float


def settle(land: ground.Ground, ring: Polygon, rng: np.random.Generator) -> list[Town]:
    """County seats, the known places, and invented hamlets where nothing else is near."""
    seats = [(name, ground.to_metres(Point(lon, lat))) for name, lon, lat in ground.SEATS.values()]
    towns = [Town(name, (p.x, p.y), 2300.0 if name == "醴陵" else 1750.0) for name, p in seats]
    for name, point in land.places:
        if not ring.contains(point) and all(point.distance(seat) > 3500.0 for _, seat in seats):
            towns.append(Town(name, (point.x, point.y), float(rng.uniform(380.0, 650.0))))
    inside, core = land.boundary.buffer(-1500.0), ring.buffer(2200.0)
    shapely.prepare(inside)
    shapely.prepare(core)
    west, south, east, north = land.boundary.bounds
    darts = rng.uniform((west, south), (east, north), (9000, 2))
    taken = np.array([town.at for town in towns])
    for dart in darts[shapely.contains_xy(inside, *darts.T) & ~shapely.contains_xy(core, *darts.T)]:
        if np.hypot(*(taken - dart).T).min() >= HAMLET_GAP_M:
            taken = np.concatenate([taken, dart[np.newaxis]])
            towns.append(Town("", (float(dart[0]), float(dart[1])), float(rng.choice([0.0, 0.0, 0.0, 300.0]))))
    return towns


def _neighbours(points: lines.Xy) -> lines.Xy:
    """Pairs of points with no third inside the circle over them (Gabriel and Sokal 1969), as rows of two indices."""
    corners = Delaunay(points).simplices
    pairs = np.unique(
        np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1), axis=0
    )
    middle = points[pairs].mean(axis=1)
    radius = np.hypot(*(points[pairs[:, 0]] - middle).T)
    nearest, _ = cKDTree(points).query(middle)
    return np.asarray(pairs[nearest >= radius - 1e-6])


def _rims(streets: list[Line], ring: Polygon) -> lines.Xy:
    """Where through streets reach the ring, 2 km apart at least: country roads begin there."""
    edge = ring.exterior
    found: list[Point] = []
    for street in streets:
        if street.highway in {"primary", "secondary"}:
            for x, y in (street.shape.coords[0], street.shape.coords[-1]):
                end = Point(x, y)
                if edge.distance(end) < 40.0 and all(end.distance(other) > 2000.0 for other in found):
                    found.append(edge.interpolate(edge.project(end)))
    return np.array([(p.x, p.y) for p in found])


def _route(graph: csr_array, start: int, ends: list[int]) -> list[tuple[int, int]]:
    """Pairs along the shortest way from `start` to the nearest of `ends`."""
    length, before = dijkstra(graph, directed=False, indices=np.array([start]), return_predecessors=True)
    at = min(ends, key=lambda end: float(length[0, end]))
    way = []
    while at != start and before[0, at] >= 0:
        previous = int(before[0, at])
        way.append((min(at, previous), max(at, previous)))
        at = previous
    return way


def _classes(graph: csr_array, towns: list[Town], rims: list[int]) -> dict[tuple[int, int], str]:
    """The class of each road: main roads between seats, lesser ones to the places, the rest by chance of the tree."""
    index = {town.name: k for k, town in enumerate(towns) if town.name}
    rank: dict[tuple[int, int], str] = {}
    tree = minimum_spanning_tree(graph).tocoo()
    for a, b in zip(tree.row, tree.col, strict=True):
        rank[int(min(a, b)), int(max(a, b))] = "tertiary"
    seats = [index[name] for name, _, _ in ground.SEATS.values()]
    for k in range(len(towns)):
        if towns[k].name and k not in seats:
            rank.update(dict.fromkeys(_route(graph, k, seats + rims), "secondary"))
    for first, second in MAIN_ROADS:
        ends = [index[first]] if first else rims
        rank.update(dict.fromkeys(_route(graph, index[second], ends), "primary"))
    return rank


def _road(inside: BaseGeometry, rng: np.random.Generator, start: lines.Xy, end: lines.Xy) -> LineString:
    """A wandering road that stays `inside`; a straight one where the others would not."""
    for bend in (0.16, 0.1, 0.05):
        curve = lines.smooth(lines.wander(rng, start, end, bend=bend, step_m=700.0), rounds=1)
        road = lines.simple(curve, 12.0, EDGE_M)
        if inside.contains(road):
            return road
    return lines.simple(LineString([start, end]), 12.0, EDGE_M)


def _roads(
    land: ground.Ground, ring: Polygon, towns: list[Town], rims: lines.Xy, rng: np.random.Generator
) -> Iterator[Line]:
    points = np.concatenate([np.array([town.at for town in towns]), rims])
    pairs = _neighbours(points)
    straight = shapely.linestrings(points[pairs])
    core, rim_ids = ring.buffer(-30.0), list(range(len(towns), len(points)))
    wet = shapely.intersects(straight, land.river) | shapely.intersects(straight, core)
    inside_city = land.boundary.buffer(-120.0)
    shapely.prepare(inside_city)
    inside = shapely.contains(inside_city, straight)
    both_rim = (pairs >= len(towns)).all(axis=1)
    pairs = pairs[inside & ~wet & ~both_rim]
    length = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    graph = csr_array((length, pairs.T), shape=(len(points), len(points)))
    rank = _classes(graph, towns, rim_ids)
    numbers = {"primary": count(901), "secondary": count(921), "tertiary": count(501), "unclassified": count(701)}
    letters = {"primary": "虚构省道S", "secondary": "虚构县道X", "tertiary": "虚构乡道Y", "unclassified": "虚构村道C"}
    for a, b in pairs:
        kind = rank.get((int(a), int(b)), "unclassified")
        road = _road(inside_city, rng, points[a], points[b])
        if kind != "unclassified" or rng.random() < 0.75:
            yield Line(road, kind, f"{letters[kind]}{next(numbers[kind])}")


def _carriageways(name: str, course: LineString) -> tuple[Line, Line]:
    there, back = (
        Line(lines.simple(LineString(way.coords), 4.0, EDGE_M), "motorway", name, Level.MOTORWAY, oneway=True)
        for way in (course.offset_curve(-CARRIAGEWAY_M), course.offset_curve(CARRIAGEWAY_M).reverse())
    )
    return there, back


def _link(start: Point, end: Point) -> Line:
    return Line(LineString([start, end]), "motorway_link", "", Level.LINK)


def _interchange(ways: tuple[Line, Line], road: LineString, at: Point) -> Iterator[Line]:
    """A link from each carriageway to the road, on its own side of the crossing."""
    along = road.project(at)
    sides = [road.interpolate(max(along - 150.0, 0.0)), road.interpolate(along + 150.0)]
    for way in ways:
        leave = way.shape.interpolate(max(way.shape.project(at) - 220.0, 0.0))
        yield _link(leave, min(sides, key=leave.distance))


def _motorway(name: str, course: LineString, roads: list[Line]) -> Iterator[Line]:
    ways = _carriageways(name, course)
    yield from ways
    for place in (Point(course.coords[0]), Point(course.coords[-1])):
        nearest = min(roads, key=lambda road: float(road.shape.distance(place))).shape
        foot = nearest.interpolate(nearest.project(place))
        for way in ways:
            yield _link(min((Point(way.shape.coords[0]), Point(way.shape.coords[-1])), key=place.distance), foot)
    served = 0.0
    crossings = [
        (course.project(at), at, road.shape)
        for road in roads
        for at in shapely.get_parts(course.intersection(road.shape))
        if isinstance(at, Point)
    ]
    for along, at, road in sorted(crossings, key=lambda item: item[0]):
        if min(along - served, course.length - along) > INTERCHANGE_GAP_M:
            served = along
            yield from _interchange(ways, road, at)


def draw(
    land: ground.Ground, ring: Polygon, towns: list[Town], streets: list[Line], rng: np.random.Generator
) -> list[Line]:
    """Country roads and motorways; few cross the river."""
    roads = list(_roads(land, ring, towns, _rims(streets, ring), rng))
    crossings = water.choose_crossings(roads, land.upstream, [])[:3]
    roads = water.bridge_over(roads, land.water, crossings, skip=water.BRIDGES + 2)
    worthy = [line for line in [*streets, *roads] if line.highway in {"trunk", "primary", "secondary", "tertiary"}]
    motorways = [line for name, course in MOTORWAYS for line in _motorway(name, _course(rng, course), worthy)]
    return roads + motorways


def _course(rng: np.random.Generator, waypoints: tuple[tuple[float, float], ...]) -> LineString:
    """A motorway through `waypoints` (lon, lat) in long gentle curves."""
    points = np.array([ground.to_metres(Point(lon, lat)).coords[0] for lon, lat in waypoints])
    bent = [lines.wander(rng, a, b, bend=0.06, step_m=5000.0)[:-1] for a, b in pairwise(points)]
    return lines.smooth(np.concatenate([*bent, points[-1:]]))
