"""Which edges of a network a closure drawn on the map closes."""

from math import cos, radians

import numpy as np
import shapely
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from geo import crs
from geo.roads.values import FORBIDDEN, Bools, Floats, Ints, Network

MAX_SNAP_M = 50.0
"""A point further than this from every road closes nothing."""

ALONG_M, ALONG_DEG = 20.0, 30.0
"""A drawn line closes the edges within so many metres that run its way: both carriageways, no crossing street."""

_STEP_M, _MAX_STEPS = 3.0, 20_000
_TWIN_M = 0.5  # the other direction of the same road, drawn over the first
_M_PER_DEG = radians(crs.EARTH_RADIUS_M)


def edges_closed(network: Network, shape: BaseGeometry) -> Ints:
    """Return the rows of the edges that a point, a line or a polygon in CGCS2000 degrees closes; perhaps none."""
    ends = _ends(network)
    west, south, east, north = shape.bounds
    margin_deg = 2 * MAX_SNAP_M / (_M_PER_DEG * cos(radians(north)))
    low, high = ends.min(axis=1), ends.max(axis=1)
    near = (low <= (east + margin_deg, north + margin_deg)) & (high >= (west - margin_deg, south - margin_deg))
    rows = np.flatnonzero(near.all(axis=1))
    if not len(rows):
        return rows
    scale = np.array([_M_PER_DEG * cos(radians((south + north) / 2)), _M_PER_DEG])
    lines = np.asarray(shapely.linestrings(ends[rows] * scale))
    drawn = shapely.transform(shape, lambda lon_lat: lon_lat * scale)
    if isinstance(drawn, Point):
        return rows[_beside(lines, drawn)]
    if drawn.geom_type in {"LineString", "MultiLineString"}:
        return rows[np.any([_along(lines, ends[rows] * scale, part) for part in shapely.get_parts(drawn)], axis=0)]
    return rows[shapely.intersects(lines, drawn)]


def lines_of(network: Network, rows: Ints) -> shapely.MultiLineString:
    """Return edges as lines, to be drawn."""
    return shapely.MultiLineString(list(_ends(network)[rows]))


def without(network: Network, rows: Ints) -> Network:
    """Return the network with edges closed in both directions."""
    cost_s, reverse_cost_s = network.cost_s.copy(), network.reverse_cost_s.copy()
    cost_s[rows] = reverse_cost_s[rows] = FORBIDDEN
    return Network(
        network.node_id, network.lon_deg, network.lat_deg, network.source, network.target, network.length_m,
        cost_s, reverse_cost_s,
    )  # fmt: skip


def _beside(lines: Floats, drawn: Point) -> Bools:
    away_m = shapely.distance(lines, drawn)
    found: Bools = away_m <= min(MAX_SNAP_M, float(away_m.min()) + _TWIN_M)
    return found


def _along(lines: Floats, ends: Floats, drawn: LineString) -> Bools:
    """Return which lines run along a drawn one, beside it rather than before or behind. Metres on a plane."""
    steps = min(_MAX_STEPS, max(2, int(drawn.length / _STEP_M) + 1))
    at = np.linspace(0, drawn.length, steps)
    points = shapely.line_interpolate_point(drawn, at)
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(drawn, np.minimum(at + 1, drawn.length)))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(drawn, np.maximum(at - 1, 0)))
    bearing = np.arctan2(*(ahead - behind).T[::-1])
    step, line = shapely.STRtree(lines).query(points, predicate="dwithin", distance=ALONG_M)
    own = np.arctan2(*(ends[:, 1] - ends[:, 0]).T[::-1])
    turn = np.abs((bearing[step] - own[line] + np.pi / 2) % np.pi - np.pi / 2)
    passed_m = shapely.line_locate_point(lines[line], points[step])
    beside = (passed_m > 0) & (passed_m < shapely.length(lines[line]))
    found = np.zeros(len(lines), np.bool_)
    found[line[beside & (turn <= np.radians(ALONG_DEG))]] = True
    return found


def _ends(network: Network) -> Floats:
    """Return lon, lat of both ends of every edge."""
    order = np.argsort(network.node_id)
    pairs = np.column_stack((network.source, network.target))
    index = order[np.searchsorted(network.node_id, pairs, sorter=order)]
    found: Floats = np.column_stack((network.lon_deg, network.lat_deg))[index]
    return found
