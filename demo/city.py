"""The invented streets of Zhuzhou: a grown-looking grid in the urban core and in every town, a ring, a few bridges.

Nothing here is a real street. Only the boundary, the river and the places are real; the network is marked synthetic
wherever it is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from demo import country, ground, lines, network, water
from demo.lines import Level, Line

SEED = 430200
LOBES = (
    (113.0950, 27.8150, 4600.0),
    (113.1580, 27.8250, 3600.0),
    (113.1850, 27.8650, 3400.0),
    (113.1200, 27.8850, 2900.0),
    (113.1650, 27.9250, 2500.0),
    (113.2050, 27.8150, 2200.0),
    (113.0800, 27.7650, 2000.0),
)
"""Centres and radii (lon, lat, m) of what is built up; invented."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One grid: where, how turned, how coarse, how far it reaches."""

    centre: tuple[float, float]
    angle: float  # radians
    half_m: float
    block_m: float  # mean distance of through streets
    warp: lines.Warp
    extent: BaseGeometry  # of the through streets
    core: BaseGeometry  # of the small streets
    ranks: tuple[str, ...]  # classes of the through streets, in turn

    def place(self, uv: lines.Xy) -> lines.Xy:
        """Grid coordinates in metres of the plane."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = uv @ np.array([[cos, sin], [-sin, cos]])
        return self.warp(turned + np.array(self.centre))

    def street(self, start: tuple[float, float], end: tuple[float, float]) -> LineString:
        """A straight line of the grid as it lies in the plane."""
        steps = max(int(np.hypot(end[0] - start[0], end[1] - start[1]) / 80.0), 1)
        return lines.simple(LineString(self.place(np.linspace(start, end, steps + 1))), 6.0)


def _cuts(rng: np.random.Generator, plan: Plan) -> lines.Xy:
    gaps = plan.block_m * rng.uniform(0.75, 1.25, int(2.6 * plan.half_m / plan.block_m))
    cuts = np.cumsum(gaps) - plan.half_m
    return cuts[cuts < plan.half_m]


def _through(plan: Plan, cuts: lines.Xy, other: lines.Xy, *, flip: bool, stems: Iterator[str]) -> Iterator[Line]:
    low, high = other[0] - 20.0, other[-1] + 20.0
    for index, cut in enumerate(cuts):
        rank = plan.ranks[index % len(plan.ranks)]
        ends = ((low, cut), (high, cut)) if flip else ((cut, low), (cut, high))
        reach = plan.extent if rank != "tertiary" else plan.core
        name = lines.named(next(stems), rank)
        for part in lines.pieces(plan.street(*ends).intersection(reach)):
            yield Line(part, rank, name)


def _block(rng: np.random.Generator, plan: Plan, box: tuple[float, float, float, float], name: str) -> Iterator[Line]:
    """The small streets between four through streets: their own little grid, so that they meet those in T's."""
    u0, v0, u1, v1 = box
    for flip, low, high, first, last in ((False, u0, u1, v0, v1), (True, v0, v1, u0, u1)):
        count = int(rng.choice([0, 1, 1, 1, 2, 2]))
        for k in range(count):
            at = low + (high - low) * (k + 1 + rng.uniform(-0.22, 0.22)) / (count + 1)
            ends = ((first - 20.0, at), (last + 20.0, at)) if flip else ((at, first - 20.0), (at, last + 20.0))
            if rng.random() < 0.5:
                ends = ends[::-1]
            for part in lines.pieces(plan.street(*ends).intersection(plan.core)):
                yield Line(part, "residential", name, oneway=rng.random() < 0.12)


def grid(rng: np.random.Generator, plan: Plan, stems: Iterator[str], *, empty: float = 0.08) -> list[Line]:
    """Through streets and, inside the core, the small streets; a share `empty` of the blocks has none."""
    us, vs = _cuts(rng, plan), _cuts(rng, plan)
    drawn = [*_through(plan, us, vs, flip=False, stems=stems), *_through(plan, vs, us, flip=True, stems=stems)]
    for u0, u1 in pairwise(us):
        for v0, v1 in pairwise(vs):
            middle = plan.place(np.array([[(u0 + u1) / 2, (v0 + v1) / 2]]))[0]
            if rng.random() >= empty and plan.core.contains(Point(middle)):
                drawn += _block(rng, plan, (u0, v0, u1, v1), lines.named(next(stems), "residential"))
    return drawn


def urban_extent(land: ground.Ground, rng: np.random.Generator) -> tuple[Polygon, BaseGeometry]:
    """What the ring encloses, and what is built up inside it, less lakes, hills and parks."""
    centres = [(ground.to_metres(Point(lon, lat)), radius) for lon, lat, radius in LOBES]
    built = shapely.union_all([lines.blob(rng, (p.x, p.y), radius) for p, radius in centres])
    inside = land.boundary.buffer(-900.0)
    hull = built.buffer(2500.0).buffer(-1300.0).intersection(inside)
    hull = max(shapely.get_parts(hull), key=lambda part: part.area)
    ring = Polygon(Polygon(hull.exterior).buffer(900.0).buffer(-2100.0).buffer(1200.0).exterior)
    west, south, east, north = built.bounds
    green = [
        lines.blob(rng, (rng.uniform(west, east), rng.uniform(south, north)), rng.uniform(250.0, 750.0))
        for _ in range(22)
    ]
    return ring, built.intersection(ring).difference(shapely.union_all(green))


def draw_urban(land: ground.Ground, rng: np.random.Generator, stems: Iterator[str]) -> tuple[list[Line], Polygon]:
    """All lines of the urban core with ring and bridges, and the ring's polygon."""
    ring, core = urban_extent(land, rng)
    centre = ring.centroid
    warp = lines.Warp(rng, ((330.0, 8200.0), (170.0, 5100.0), (45.0, 1500.0), (18.0, 600.0)))
    ranks = ("primary", "tertiary", "secondary", "tertiary")
    reach = ring.buffer(15.0)
    plan = Plan((centre.x, centre.y), 0.18, 15_000.0, 540.0, warp, reach, core, ranks)
    around = Line(lines.simple(LineString(ring.exterior.coords), 4.0), "trunk", next(stems) + "环线", Level.TRUNK)
    streets = [*water.riverside(land.water, ring, stems), *grid(rng, plan, stems)]
    ring_bridges = list(shapely.get_parts(around.shape.intersection(land.water)))
    crossings = water.choose_crossings(streets, land.water, ring_bridges)
    return water.bridge_over([*streets, around], land.water, crossings), ring


def draw_town(
    rng: np.random.Generator, centre: tuple[float, float], radius_m: float, stems: Iterator[str]
) -> list[Line]:
    """A small grid round a place."""
    extent = lines.blob(rng, centre, radius_m)
    warp = lines.Warp(rng, ((90.0, 1900.0), (18.0, 500.0)))
    ranks = ("secondary", "tertiary", "residential") if radius_m > 1000.0 else ("tertiary", "residential")
    core = extent if radius_m > 1000.0 else Polygon()
    plan = Plan(centre, rng.uniform(-0.6, 0.6), radius_m * 1.2, min(420.0, radius_m / 2), warp, extent, core, ranks)
    return grid(rng, plan, stems, empty=0.25)


def build(land: ground.Ground, seed: int = SEED) -> network.Network:
    """The whole network: the same seed and ground give the same network, byte for byte."""
    rng = np.random.default_rng(seed)
    stems = lines.names(rng)
    streets, ring = draw_urban(land, rng, stems)
    towns = country.settle(land, ring, rng)
    for town in towns:
        if town.radius_m:
            streets += draw_town(rng, town.at, town.radius_m, stems)
    streets += country.draw(land, ring, towns, streets, rng)
    return network.weave(streets, rng)
