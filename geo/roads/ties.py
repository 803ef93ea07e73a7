"""Tying places to streets: which point of which road is nearest, and what is to go from there to both ends."""

from math import cos, inf, radians

import numpy as np
import shapely
from numpy.typing import ArrayLike

from geo import crs
from geo.roads.junctions import Junctions
from geo.roads.values import Anchors, Floats, Ints

ACCESS_MPS = 15 / 3.6
"""Speed between a place and its nearest road: a yard or a lane, as for living streets (shortest class speed of OSM)."""

MAX_ACCESS_M = 1000.0
"""A place further from every road than this has no answer."""

_NODE_CAPACITY = 4  # of the index: searching for the nearest piece is fastest with small nodes
_M_PER_DEG = radians(crs.EARTH_RADIUS_M)


class Ties:
    """An index of the straight pieces of all streets but those of stubs."""

    def __init__(self, lon_lat: Floats, junctions: Junctions) -> None:
        """Lay the index, in metres on a plane."""
        self._lon_lat, self._junctions, self._streets = lon_lat, junctions, junctions.streets
        self._middle_deg = (lon_lat.min(axis=0) + lon_lat.max(axis=0)) / 2
        pieces = self._streets.pieces
        self._piece = pieces[junctions.in_large_parts()[self._streets.street_at(pieces)]]
        ends_m = self.plane_m(lon_lat[self._streets.vertex[np.column_stack((self._piece, self._piece + 1))]])
        self._tree = shapely.STRtree(np.asarray(shapely.linestrings(ends_m)), node_capacity=_NODE_CAPACITY)

    @property
    def nodes(self) -> Ints:
        """The nodes that places may be tied to."""
        return np.unique(self._streets.vertex[self._piece])

    def plane_m(self, lon_lat: Floats) -> Floats:
        """Return metres east and north of the network's middle: within 0.4 % for half a degree to north or south."""
        scale = np.array([_M_PER_DEG * cos(radians(self._middle_deg[1])), _M_PER_DEG])
        flat: Floats = (lon_lat - self._middle_deg) * scale
        return flat

    def at_places(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> Anchors:
        """Tie places to the nearest point of the nearest road; those beyond `MAX_ACCESS_M` stay off the network."""
        place = np.column_stack((np.atleast_1d(np.asarray(lon_deg, float)), np.atleast_1d(np.asarray(lat_deg, float))))
        point = self.plane_m(place)
        piece = self._piece[self._tree.nearest(shapely.points(point))]
        start, stop = (self._lon_lat[self._streets.vertex[position]] for position in (piece, piece + 1))
        along, from_start = self.plane_m(stop) - self.plane_m(start), point - self.plane_m(start)
        share = np.clip((along * from_start).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-9), 0, 1)
        access_m = np.hypot(*(share[:, None] * along - from_start).T)
        access_m[access_m > MAX_ACCESS_M] = inf
        touch = start + share[:, None] * (stop - start)
        return self._anchor(place, touch, self._streets.street_at(piece), piece + share, access_m)

    def at_nodes(self, index: Ints) -> Anchors:
        """Return nodes, by their index, as places: exact, with nothing between them and the network."""
        position, place = self._streets.node_at[index], self._lon_lat[index]
        inside = position >= 0
        street = np.where(inside, self._streets.street_at(position), -1)
        anchors = self._anchor(place, place, street, position.astype(np.float64), np.zeros(len(index)))
        anchors.end[~inside] = self._junctions.number[index[~inside], None]
        for ways in (anchors.leave_s, anchors.arrive_s, anchors.way_m):
            ways[~inside] = 0
        return anchors

    def _anchor(self, place: Floats, touch: Floats, street: Ints, position: Floats, access_m: Floats) -> Anchors:
        lanes, last, off_m = self._streets, self._streets.last[street], access_m[:, None]
        ahead_s, back_s, along_m = (
            lanes.value_at(values, position) for values in (lanes.ahead_s, lanes.back_s, lanes.along_m)
        )
        at_end = np.column_stack((position == lanes.first[street], position == last))  # there already, open or not
        leave_s = np.column_stack((back_s, lanes.ahead_s[last] - ahead_s))
        arrive_s = np.column_stack((ahead_s, lanes.back_s[last] - back_s))
        return Anchors(
            place, touch, street, position, self._junctions.ends[street],
            np.where(lanes.open[street][:, ::-1] | at_end, leave_s, inf) + off_m / ACCESS_MPS,
            np.where(lanes.open[street] | at_end, arrive_s, inf) + off_m / ACCESS_MPS,
            np.column_stack((along_m, lanes.along_m[last] - along_m)) + off_m, access_m,
        )  # fmt: skip
