"""Roads as a directed graph: how long it takes from many places to one, and which way.

Least times after Dijkstra (1959), on the reversed graph, so that one search answers for every unit, and over junctions
only (see `streets`). What is left out: turns cost nothing and none is forbidden, signals and traffic are not known. The
piece between a place and its nearest road is driven in a straight line at `ACCESS_MPS`.

Time is in seconds, length in metres, places are (lon, lat) in degrees of CGCS2000 (WGS 84 is the same to a decimetre).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo import crs
from geo.pace import DEFAULT_PACE_S_PER_M
from geo.roads import junctions, streets
from geo.roads.ties import ACCESS_MPS, Ties
from geo.roads.values import FORBIDDEN, Anchors, Floats, Ints, Journey, Network, Route, Table, UnknownNodeError

_FIT_M = (300.0, 5000.0)
_FIT_TARGETS, _FIT_ORIGINS, _FIT_MIN = 16, 2000, 30
_FIRST_LIMIT_S, _LIMIT_SLACK, _LIMIT_STEP, _LAST_LIMIT_S = 60.0, 1.5, 2.5, 3600.0
_FIRST_TIED = 4  # times as many places as are asked for are tied to roads at first
_PLANE_ERROR = 1.01


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The least time from every junction to one place, and the next junction on the way."""

    graph: "RoadGraph"
    target: Anchors  # one row
    time_s: Floats  # (junctions,) infinite where no road leads, or beyond the limit of the search
    following: NDArray[np.int32]  # (junctions,) the next one; the number of junctions itself means: arrived

    def times_s(self, origins: Anchors) -> Floats:
        """Return the least time from each origin."""
        along_s, _ = self.graph.along_street(origins, self.target)
        least: Floats = np.minimum(self._through_ends(origins).min(axis=1), along_s)
        return least

    def soonest(self, origins: Anchors, count: int) -> list[Journey]:
        """Return the fastest ways of the `count` origins of least time, soonest first."""
        rows = np.argsort(self.times_s(origins), kind="stable")[:count]
        return [journey for row in rows if (journey := self.journey(origins, int(row)))]

    def journey(self, origins: Anchors, row: int) -> Journey | None:
        """Return the fastest way from one of the origins, or None when no road leads."""
        here = origins[row : row + 1]
        time_s, passed = self._way(here)
        return Journey(row, time_s, self._length_m(here, passed)) if isfinite(time_s) else None

    def route(self, origins: Anchors, row: int) -> Route | None:
        """Return the fastest way from one of the origins with its line, or None when no road leads."""
        here, there = origins[row : row + 1], self.target
        time_s, passed = self._way(here)
        if not isfinite(time_s):
            return None
        nodes = self.graph.line_of(self._nodes(here, passed))
        points = np.concatenate((here.place, here.touch, nodes, there.touch, there.place))
        moved = np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))
        return Route(time_s, self._length_m(here, passed), points[moved])

    def _through_ends(self, origins: Anchors) -> Floats:
        through: Floats = self.time_s[origins.end] + origins.leave_s
        return through

    def _way(self, here: Anchors) -> tuple[float, list[int]]:
        """Return the least time and the junctions passed: none when the way stays on one street."""
        through, along_s = self._through_ends(here)[0], float(self.graph.along_street(here, self.target)[0][0])
        end = int(through.argmin())
        if along_s <= through[end]:
            return along_s, []
        passed, arrived = [int(here.end[0, end])], len(self.time_s)
        while (after := int(self.following[passed[-1]])) != arrived:
            passed.append(after)
        return float(through[end]), passed

    def _sides(self, here: Anchors, passed: list[int]) -> tuple[int, int]:
        """Return by which end the origin's street is left, and by which the target's is entered."""
        arrive_s = np.where(self.target.end[0] == passed[-1], self.target.arrive_s[0], inf)
        return int(self._through_ends(here)[0].argmin()), int(arrive_s.argmin())

    def _length_m(self, here: Anchors, passed: list[int]) -> float:
        if not passed:
            return float(self.graph.along_street(here, self.target)[1][0])
        leaving, entering = self._sides(here, passed)
        on_streets_m = here.way_m[0, leaving] + self.target.way_m[0, entering]
        return float(on_streets_m + self.graph.junctions.length_m(passed))

    def _nodes(self, here: Anchors, passed: list[int]) -> Ints:
        """Return the nodes passed, those inside of streets too, in their order."""
        there, lanes = self.target, self.graph.streets
        if not passed:
            return lanes.between(float(here.position[0]), float(there.position[0]))
        leaving, entering = self._sides(here, passed)
        stretches = [
            lanes.between(float(who.position[0]), float((lanes.first, lanes.last)[side][who.street[0]]))
            if who.street[0] >= 0 else np.empty(0, np.int64)
            for who, side in ((here, leaving), (there, entering))
        ]  # fmt: skip
        return np.concatenate((stretches[0], self.graph.junctions.nodes(passed), stretches[1][::-1]))


class RoadGraph:
    """A network ready to be searched. It is never changed, so threads may share it."""

    def __init__(self, network: Network) -> None:
        """Chain the edges to streets, join those at junctions, and index them for places beside the road.

        Raises:
            NetworkError: the tables are no network.
        """
        network.check()
        self.network = network
        self._lon_lat: Floats = np.column_stack((network.lon_deg, network.lat_deg))
        self._order = np.argsort(network.node_id)
        tail, head = self._index(network.source), self._index(network.target)
        tail, head = np.concatenate((tail, head)), np.concatenate((head, tail))
        time_s, length_m = np.concatenate((network.cost_s, network.reverse_cost_s)), np.tile(network.length_m, 2)
        driven = (time_s != FORBIDDEN) & (tail != head)
        self.streets = streets.lay(len(self._lon_lat), tail[driven], head[driven], time_s[driven], length_m[driven])
        self.junctions = junctions.Junctions(self.streets)
        self._ties = Ties(self._lon_lat, self.junctions)

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        west, south = self._lon_lat.min(axis=0)
        east, north = self._lon_lat.max(axis=0)
        return float(west), float(south), float(east), float(north)

    @property
    def nodes(self) -> Ints:
        """Indices of the nodes that places may be tied to: those of no stub."""
        return self._ties.nodes

    @cached_property
    def pace_s_per_m(self) -> float:
        """Time per metre of straight line, the median of trips of 0.3 to 5 km over this network."""
        nodes = self._ties.nodes
        origins = self._ties.at_nodes(nodes[:: max(1, len(nodes) // _FIT_ORIGINS)])
        targets = self._ties.at_nodes(nodes[:: max(1, len(nodes) // _FIT_TARGETS)][:_FIT_TARGETS])
        ratios = []
        for row in range(len(targets)):
            airline_m = crs.haversine_m(*origins.place.T, *targets.place[row])
            time_s = self.times_to(targets[row : row + 1], origins)
            fair = (airline_m >= _FIT_M[0]) & (airline_m <= _FIT_M[1]) & np.isfinite(time_s)
            ratios.append(time_s[fair] / airline_m[fair])
        found = np.concatenate(ratios)
        return float(np.median(found)) if len(found) >= _FIT_MIN else DEFAULT_PACE_S_PER_M

    @cached_property
    def top_mps(self) -> float:
        """The highest speed over ground that any piece of road allows, infinite if one takes no time."""
        lanes, pieces = self.streets, self.streets.pieces
        points = self._ties.plane_m(self._lon_lat[lanes.vertex])
        ground_m = np.hypot(*(points[pieces + 1] - points[pieces]).T) * _PLANE_ERROR
        street = lanes.street_at(pieces)
        fastest = 0.0
        for way, values in enumerate((lanes.ahead_s, lanes.back_s)):
            driven = lanes.open[street, way] & (ground_m > 0)
            time_s = (values[pieces + 1] - values[pieces])[driven]
            if (time_s <= 0).any():
                return inf
            fastest = max(fastest, float((ground_m[driven] / time_s).max(initial=0)))
        return fastest

    def at_nodes(self, node_ids: ArrayLike) -> Anchors:
        """Return nodes as places: exact, with nothing between them and the network.

        Raises:
            UnknownNodeError: an id is not in the network.
        """
        wanted = np.atleast_1d(np.asarray(node_ids, np.int64))
        found = np.searchsorted(self.network.node_id, wanted, sorter=self._order)
        index = self._order[np.minimum(found, len(self._order) - 1)]
        unknown = wanted[self.network.node_id[index] != wanted]
        if len(unknown):
            raise UnknownNodeError(f"The network has no node {unknown[0]}.")
        return self._ties.at_nodes(index)

    def at_places(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> Anchors:
        """Tie places to the nearest point of the nearest road; those beyond `MAX_ACCESS_M` stay off the network."""
        return self._ties.at_places(lon_deg, lat_deg)

    def reach(self, target: Anchors, limit_s: float = inf) -> Reach:
        """Search from one place (one row) backwards over the roads, as far as `limit_s`."""
        found = self.junctions.search(self.junctions.arc_s, target.end[0], target.arrive_s[0], limit_s)
        return Reach(self, target, *found)

    def times_to(self, target: Anchors, origins: Anchors) -> Floats:
        """Return the least time from each origin to one place; infinite where no road leads."""
        return self.reach(target).times_s(origins)

    def nearest(self, target: Anchors, origins: Anchors, count: int) -> list[Journey]:
        """Return the `count` origins of least time to one place, soonest first; fewer when no road leads from more."""
        count = min(count, int(origins.on_network.sum()))
        return self._reach_enough(target, origins, count)[0].soonest(origins, count) if count else []

    def nearest_places(self, target: Anchors, lon_deg: ArrayLike, lat_deg: ArrayLike, count: int) -> list[Journey]:
        """Return what `nearest` does, but tie only those places to roads that may be among the soonest.

        Who could not be there before the last one found, were he to drive straight at the network's top speed, is not.
        """
        lon, lat = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
        airline_m = self._airline_m(target, np.column_stack((lon, lat)))
        order = np.argsort(airline_m, kind="stable")
        rows, others = order[: _FIRST_TIED * count], order[_FIRST_TIED * count :]
        if not (count and len(rows)):
            return []
        origins = self.at_places(lon[rows], lat[rows])
        if not len(others):
            return [replace(way, origin=int(rows[way.origin])) for way in self.nearest(target, origins, count)]
        reach, enough_s = self._reach_enough(target, origins, count)
        rivals = others[airline_m[others] <= enough_s * self.top_mps]
        if len(rivals):
            rows, origins = np.append(rows, rivals), origins.joined(self.at_places(lon[rivals], lat[rivals]))
        return [replace(way, origin=int(rows[way.origin])) for way in reach.soonest(origins, count)]

    def route(self, source: Anchors, target: Anchors) -> Route | None:
        """Return the fastest way between two places (one row each), or None when no road leads."""
        return self.reach(target).route(source, 0)

    def times(self, sources: Anchors, targets: Anchors) -> Table:
        """Return time and length of the fastest way, and the length of the shortest, row by row; a search a target."""
        columns = np.full((3, len(sources)), inf)
        _, group = np.unique(targets.place, axis=0, return_inverse=True)
        for number in range(group.max(initial=-1) + 1):
            rows = np.flatnonzero(group == number)
            origins, target = sources[rows], targets[rows[:1]]
            reach = self.reach(target)
            ways = [reach.journey(origins, row) for row in range(len(rows))]
            columns[0, rows] = [way.time_s if way else inf for way in ways]
            columns[1, rows] = [way.length_m if way else inf for way in ways]
            columns[2, rows] = self._shortest_m(target, origins)
        return Table(*columns)

    def along_street(self, origins: Anchors, target: Anchors) -> tuple[Floats, Floats]:
        """Return time and length from each origin that lies on the target's own street without leaving it, or inf."""
        lanes, street = self.streets, int(target.street[0])
        time_s, length_m = np.full((2, len(origins)), inf)
        rows = np.flatnonzero((origins.street == street) & (street >= 0))
        if len(rows):
            here, there = origins[rows], target
            step = there.position - here.position
            ahead_s, back_s, along_m = (
                lanes.value_at(values, there.position) - lanes.value_at(values, here.position)
                for values in (lanes.ahead_s, lanes.back_s, lanes.along_m)
            )
            permitted = np.where(step > 0, lanes.open[street, 0], lanes.open[street, 1]) | (step == 0)
            access_m = np.where(permitted, here.access_m + there.access_m, inf)
            time_s[rows] = np.where(step > 0, ahead_s, -back_s) + access_m / ACCESS_MPS
            length_m[rows] = np.abs(along_m) + access_m
        return time_s, length_m

    def plane_m(self, lon_lat: Floats) -> Floats:
        """Return metres east and north of the network's middle."""
        return self._ties.plane_m(lon_lat)

    def line_of(self, nodes: Ints) -> Floats:
        """Return lon, lat of nodes, by their index."""
        return self._lon_lat[nodes]

    def _reach_enough(self, target: Anchors, origins: Anchors, count: int) -> tuple[Reach, float]:
        """Search as far as the soonest `count` origins need, and return how far that is in seconds.

        The search is bounded by a guess from the straight line, and widened until enough are found within the bound,
        so the answer is that of the full search.
        """
        airline_m = np.sort(self._airline_m(target, origins.place))[min(count, len(origins)) - 1]
        limit_s = _FIRST_LIMIT_S + _LIMIT_SLACK * self.pace_s_per_m * float(airline_m)
        while True:
            limit_s = limit_s if limit_s <= _LAST_LIMIT_S else inf
            reach = self.reach(target, limit_s)
            times_s = np.sort(reach.times_s(origins))
            enough_s = float(times_s[count - 1]) if len(times_s) >= count else inf
            if enough_s <= limit_s:
                return reach, enough_s
            limit_s *= _LIMIT_STEP

    def _airline_m(self, target: Anchors, places: Floats) -> Floats:
        east_m, north_m = (self._ties.plane_m(places) - self._ties.plane_m(target.place)).T
        return np.asarray(np.hypot(east_m, north_m))

    def _shortest_m(self, target: Anchors, origins: Anchors) -> Floats:
        entry = np.where(np.isfinite(target.arrive_s[0]), target.way_m[0], inf)
        junction_m, _ = self.junctions.search(self.junctions.arc_m, target.end[0], entry, inf)
        leave_m = np.where(np.isfinite(origins.leave_s), origins.way_m, inf)
        through_m: Floats = (junction_m[origins.end] + leave_m).min(axis=1)
        return np.minimum(through_m, self.along_street(origins, target)[1])

    def _index(self, node_ids: Ints) -> Ints:
        return self._order[np.searchsorted(self.network.node_id, node_ids, sorter=self._order)]
