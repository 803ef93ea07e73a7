"""Coverage: what units reach over the roads within a time, as shares and as ground to draw.

Travel times are those of `geo.roads`, so their approximations are the same: no turns, signals or traffic. Ground is
drawn in squares: one is reached when a piece of road in it, or in a neighbour, is. A hole in it is ground with a road
that is not reached, two squares at least; ground without any road belongs to what surrounds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Self

import numpy as np
import shapely
from scipy import ndimage

from geo import crs
from geo.roads import ACCESS_MPS, Anchors, RoadGraph
from geo.roads.values import Bools, Floats, Ints

LIMITS_S: Final = (180.0, 300.0, 600.0)
"""3, 5 and 10 minutes; 5 in town and 10 at the edge is a published rule for arriving at a 110 call."""

CELL_M: Final = 100.0
_SAMPLES_A_CELL = 2
_SMOOTH = 0.75  # of a square: the stairs become lines, and less than half a square moves at once
_LEAST_HOLE = 2  # squares
_DIGITS = 6  # of a degree: 0.1 m


def times_s(graph: RoadGraph, origins: Anchors, targets: Anchors) -> Floats:
    """Return the least time from each origin (rows) to each target (columns); infinite where no road leads.

    One search for each place of the shorter list.
    """
    found = np.empty((len(origins), len(targets)))
    if len(targets) <= len(origins):
        for column in range(len(targets)):
            found[:, column] = graph.times_to(targets[column : column + 1], origins)
        return found
    for row in range(len(origins)):
        found[row] = _times_from(graph, origins[row : row + 1], targets)
    return found


def soonest_s(graph: RoadGraph, origins: Anchors, targets: Anchors, limit_s: float) -> Floats:
    """Return the least time from any origin to each target, infinite beyond the limit; one search for all."""
    return _times_from(graph, origins, targets, limit_s)


def _times_from(graph: RoadGraph, origins: Anchors, targets: Anchors, limit_s: float = np.inf) -> Floats:
    junction_s = graph.junctions.spread(origins.end.ravel(), origins.leave_s.ravel(), limit_s)
    through_s = (junction_s[targets.end] + targets.arrive_s).min(axis=1)
    same = np.flatnonzero(np.isin(targets.street, origins.street) & (targets.street >= 0))
    for row in same:
        along_s, _ = graph.along_street(origins, targets[row : row + 1])
        through_s[row] = min(through_s[row], along_s.min())
    reached: Floats = np.where(through_s <= limit_s, through_s, np.inf)
    return reached


@dataclass(frozen=True, slots=True)
class Reached:
    """What can be reached within a time: the ground in CGCS2000 degrees, and the share of all road kilometres."""

    limit_s: float
    shape: shapely.MultiPolygon
    roads_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A network laid out in squares, made once: points along all roads, the square and the metres of each."""

    graph: RoadGraph
    zone: int  # EPSG code of the Gauss-Krüger zone of the network's middle
    west_m: float
    south_m: float
    shape: tuple[int, int]  # rows, columns
    piece: Ints  # (points,) the position of the piece's beginning
    share: Floats  # (points,) how far along the piece
    length_m: Floats
    cell: tuple[Ints, Ints]

    @classmethod
    def of(cls, graph: RoadGraph) -> Self:
        """Lay out a network.

        Raises:
            CrsError: it lies outside of China's zones.
        """
        west, _, east, _ = graph.bounds_deg
        zone, lanes = crs.zone_for((west + east) / 2), graph.streets
        lon_lat = graph.line_of(lanes.vertex)
        x_m, y_m = crs.project_points(lon_lat[:, 0], lon_lat[:, 1], zone)
        start = lanes.pieces
        long_m = np.hypot(x_m[start + 1] - x_m[start], y_m[start + 1] - y_m[start])
        count = np.ceil(long_m * _SAMPLES_A_CELL / CELL_M).astype(np.int64).clip(1)
        piece = np.repeat(start, count)
        number = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
        share = (number + 0.5) / np.repeat(count, count)
        at_x, at_y = (values[piece] + share * (values[piece + 1] - values[piece]) for values in (x_m, y_m))
        west_m, south_m = float(x_m.min()) - 2 * CELL_M, float(y_m.min()) - 2 * CELL_M
        cell = (((at_y - south_m) // CELL_M).astype(np.int64), ((at_x - west_m) // CELL_M).astype(np.int64))
        shape = (ceil((y_m.max() - south_m) / CELL_M) + 3, ceil((x_m.max() - west_m) / CELL_M) + 3)
        return cls(graph, zone, west_m, south_m, shape, piece, share, np.repeat(long_m / count, count), cell)

    def reached(self, origins: Anchors, limits_s: Sequence[float] = LIMITS_S) -> list[Reached]:
        """Return what the first of the origins reaches within each limit, the longest limit first."""
        time_s = self._times_s(origins, max(limits_s))
        total_m = float(self.length_m.sum())
        limits = sorted(limits_s)
        within = [time_s <= limit_s for limit_s in limits]
        found = [
            Reached(limit_s, shape, float(self.length_m[inside].sum()) / total_m)
            for limit_s, inside, shape in zip(limits, within, self._outlines(within), strict=True)
        ]
        return found[::-1]

    def _times_s(self, origins: Anchors, limit_s: float) -> Floats:
        """Return the least time from any origin to each point along the roads."""
        lanes, joints = self.graph.streets, self.graph.junctions
        junction_s = joints.spread(origins.end.ravel(), origins.leave_s.ravel(), limit_s)
        street = lanes.street_at(self.piece)
        position = self.piece + self.share
        ahead_s, back_s = (lanes.value_at(values, position) for values in (lanes.ahead_s, lanes.back_s))
        first_s, last_s = junction_s[joints.ends[street]].T
        back_whole_s = lanes.back_s[lanes.last[street]]
        time_s = np.minimum(
            np.where(lanes.open[street, 0], first_s + ahead_s, np.inf),
            np.where(lanes.open[street, 1], last_s + back_whole_s - back_s, np.inf),
        )
        for row in np.flatnonzero(origins.on_network & (origins.street >= 0)):
            self._along_own_street(time_s, street, position, origins[row : row + 1])
        return time_s

    def _along_own_street(self, time_s: Floats, street: Ints, position: Floats, origin: Anchors) -> None:
        """Lower the times on the street that an origin stands on: it need not pass an end of it."""
        lanes, own = self.graph.streets, int(origin.street[0])
        points = np.arange(*np.searchsorted(street, [own, own + 1]))
        step = position[points] - origin.position[0]
        ahead_s, back_s = (
            lanes.value_at(values, position[points]) - lanes.value_at(values, origin.position)
            for values in (lanes.ahead_s, lanes.back_s)
        )
        leave_s = float(origin.access_m[0]) / ACCESS_MPS
        along_s = np.where(step > 0, ahead_s, -back_s) + leave_s
        permitted = np.where(step > 0, lanes.open[own, 0], lanes.open[own, 1])
        time_s[points] = np.minimum(time_s[points], np.where(permitted, along_s, np.inf))

    def _outlines(self, within: Sequence[Bools]) -> list[shapely.MultiPolygon]:
        """Return the squares of the points and their neighbours as ground, in degrees; each lies within the next.

        The rings between one limit and the next are made smooth together: an edge that two have in common stays one.
        """
        rings, inner = [], np.zeros(self.shape, np.bool_)
        for inside in within:
            marked = self._marked(inside)
            rings.append(_ground(marked & ~inner))
            inner = marked
        smooth = shapely.coverage_simplify(rings, _SMOOTH)
        return [self._in_degrees(shapely.coverage_union_all(smooth[: number + 1])) for number in range(len(rings))]

    def _marked(self, within: Bools) -> Bools:
        """Return the squares that are reached, their neighbours, and what these enclose without leaving a road out."""
        marked = np.zeros(self.shape, np.bool_)
        marked[self.cell[0][within], self.cell[1][within]] = True
        marked = ndimage.binary_dilation(marked)
        part, count = ndimage.label(~marked)
        squares = np.bincount(part.ravel(), minlength=count + 1)
        roads = np.bincount(part[self.cell], minlength=count + 1)
        filled = (roads == 0) | (squares < _LEAST_HOLE)
        filled[0] = True
        filled[part[0, 0]] = False  # two rows and columns at the border hold no road: all that is around is one
        found: Bools = filled[part]
        return found

    def _in_degrees(self, squares: shapely.Geometry) -> shapely.MultiPolygon:
        metres = shapely.transform(squares, lambda at: at * CELL_M + (self.west_m, self.south_m))
        degrees = shapely.transform(crs.unproject(metres, self.zone), lambda at: at.round(_DIGITS))
        return shapely.MultiPolygon([*shapely.get_parts(degrees)])


def _ground(marked: Bools) -> shapely.Geometry:
    """Return marked squares as ground, a corner of a square at each whole number of columns and rows."""
    edge = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, begin = np.nonzero(edge == 1)
    end = np.nonzero(edge == -1)[1]
    joined = shapely.union_all(shapely.box(begin, row, end, row + 1))
    return shapely.transform(shapely.segmentize(joined, 1.0), np.rint) if edge.any() else shapely.Polygon()
