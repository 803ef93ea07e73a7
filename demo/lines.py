"""Drawing with lines: warped space, wandering roads, invented names."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

Xy = NDArray[np.float64]
"""Rows of east, north in metres."""

SPEEDS_KMH = {
    "motorway": 100,
    "trunk": 70,
    "primary": 50,
    "secondary": 45,
    "tertiary": 40,
    "unclassified": 30,
    "residential": 25,
    "motorway_link": 50,
}
"""The class defaults of the road data sets (an assumption there, too)."""

_FIRST = "云锦澜翠栖鹭霁昀岚曦沁芷蘅漪璟朗晴霖澄溪鹤麓枫榆桐樟棠莲荻禾芸茗绮瑶琅珑旭皓暄"
_SECOND = "舒序汀亭岭坪浦澜湾垭岗桥塘溪圃阁台园苑渡舟帆峦屿川野畈洲堤泽林泉陌庐轩谷陂埠"
_SUFFIX = {"primary": "大道", "secondary": "路", "tertiary": "路", "residential": "街", "trunk": "大道"}


class Level(IntEnum):
    """What a line meets where it crosses others."""

    STREET = 0  # meets every street
    TRUNK = 1  # meets primary and secondary streets, passes over the others
    MOTORWAY = 2  # passes over everything
    LINK = 3  # meets what its two ends lie on, nothing else


@dataclass(frozen=True, slots=True)
class Line:
    """A road as drawn, before it is cut at its junctions."""

    shape: LineString  # metres
    highway: str
    name: str
    level: Level = Level.STREET
    oneway: bool = False  # in the direction of the shape
    bridge: bool = False


class Warp:
    """A smooth displacement of the plane: a sum of sine waves, so that straight grids bend like grown streets."""

    def __init__(self, rng: np.random.Generator, waves: tuple[tuple[float, float], ...]) -> None:
        """`waves`: amplitude and length of each wave in metres."""
        self._amplitude_m = np.array([amplitude for amplitude, _ in waves])
        angle = rng.uniform(0, 2 * np.pi, len(waves))
        turns = 2 * np.pi / np.array([length for _, length in waves])
        self._wave = np.stack([np.cos(angle), np.sin(angle)]) * turns
        self._phase = rng.uniform(0, 2 * np.pi, (2, len(waves)))

    def __call__(self, xy: Xy) -> Xy:
        """The displaced points."""
        angle = xy @ self._wave
        shift = [(np.sin(angle + phase) * self._amplitude_m).sum(axis=1) for phase in self._phase]
        return np.asarray(xy + np.stack(shift, axis=1))


def wander(rng: np.random.Generator, start: Xy, end: Xy, *, bend: float, step_m: float) -> Xy:
    """A road from `start` to `end` that wanders: midpoints displaced by up to `bend` of their chord, then smoothed."""
    points = np.stack([start, end])
    while np.hypot(*(points[1] - points[0])) > step_m:
        chord = np.diff(points, axis=0)
        across = np.stack([-chord[:, 1], chord[:, 0]], axis=1)
        middle = (points[:-1] + points[1:]) / 2 + across * rng.uniform(-bend, bend, (len(chord), 1))
        points = np.insert(points, np.arange(1, len(points)), middle, axis=0)
    inner = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return np.concatenate([points[:1], inner, points[-1:]])


def smooth(points: Xy, *, rounds: int = 3) -> LineString:
    """A polyline with its corners cut (Chaikin 1974); the ends stay."""
    for _ in range(rounds):
        near, far = points[:-1] * 0.75 + points[1:] * 0.25, points[:-1] * 0.25 + points[1:] * 0.75
        points = np.concatenate([points[:1], np.stack([near, far], axis=1).reshape(-1, 2), points[-1:]])
    return LineString(points)


def blob(rng: np.random.Generator, centre: tuple[float, float], radius_m: float) -> Polygon:
    """A round, slightly lumpy piece of ground."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    lumps = sum(rng.uniform(0.02, 0.09) * np.sin(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    radius = radius_m * (1 + lumps)
    return Polygon(np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1))


def names(rng: np.random.Generator) -> Iterator[str]:
    """Invented street names without suffix, each once; then the same with 东, 西, 南, 北, 中."""
    stems = sorted({first + second for first in _FIRST for second in _SECOND if first != second})
    order = rng.permutation(len(stems))
    for ending in ("", "东", "西", "南", "北", "中"):
        for index in order:
            yield stems[index] + ending


def named(stem: str, highway: str) -> str:
    """A stem with the suffix of its class."""
    return stem + _SUFFIX.get(highway, "路")


def simple(shape: LineString, tolerance_m: float, longest_m: float | None = None) -> LineString:
    """The line with fewer vertices (Douglas and Peucker 1973), but none further apart than `longest_m`."""
    fewer = shapely.simplify(shape, tolerance_m)
    result = fewer if longest_m is None else shapely.segmentize(fewer, longest_m)
    return LineString(result.coords)


def pieces(shape: BaseGeometry) -> list[LineString]:
    """The line strings of a geometry; points and areas are dropped."""
    return [part for part in shapely.get_parts(shape) if isinstance(part, LineString) and part.length > 0]
