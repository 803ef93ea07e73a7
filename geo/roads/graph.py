"""Roads as a directed graph: how long it takes from many places to one, and which way.

Least times after Dijkstra (1959), on the reversed graph, so that one search answers for every unit. What is left out:
turns cost nothing and none is forbidden, signals and traffic are not known. The piece between a place and its nearest
road is driven in a straight line at `ACCESS_MPS`.

Time is in seconds, length in metres, places are (lon, lat) in degrees of CGCS2000 (WGS 84 is the same to a decimetre).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, inf, isfinite, radians

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from geo import crs
from geo.roads.values import (
    FORBIDDEN,
    Anchors,
    Floats,
    Ints,
    Journey,
    Network,
    Route,
    Table,
    UnknownNodeError,
)

ACCESS_MPS = 15 / 3.6
"""Speed between a place and its nearest road: a yard or a lane, as for living streets (shortest class speed of OSM)."""

MAX_ACCESS_M = 1000.0
"""A place further from every road than this has no answer."""

SMALL_PART = 0.01
"""Places are not tied to parts of the network smaller than this share of its largest: stubs at the edge of a map."""

DEFAULT_PACE_S_PER_M = 0.12
"""Time per metre of straight line, about that of trips of 0.3 to 5 km in a city's centre, where none is fitted."""

_FIT_M = (300.0, 5000.0)
_FIT_TARGETS, _FIT_ORIGINS, _FIT_MIN = 16, 2000, 30
_FIRST_LIMIT_S, _LIMIT_SLACK, _LIMIT_STEP, _LAST_LIMIT_S = 60.0, 1.5, 2.5, 3600.0
_NODE_CAPACITY = 4  # of the index: searching for the nearest edge is fastest with small nodes
_M_PER_DEG = radians(crs.EARTH_RADIUS_M)


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The least time from every node to one place, and the next node on the way."""

    graph: "RoadGraph"
    target: Anchors  # one row
    time_s: Floats  # (nodes,) infinite where no road leads, or beyond the limit of the search
    following: NDArray[np.int32]  # (nodes,) index of the next node; the number of nodes itself means: arrived

    def times_s(self, origins: Anchors) -> Floats:
        """Return the least time from each origin."""
        least: Floats = np.minimum(
            self._through_ends(origins).min(axis=1), self.graph.along_edge_s(origins, self.target)
        )
        return least

    def journey(self, origins: Anchors, row: int) -> Journey | None:
        """Return the fastest way from one of the origins, or None when no road leads."""
        time_s, nodes = self._way(origins, row)
        return Journey(row, time_s, self._length_m(origins, row, nodes)) if isfinite(time_s) else None

    def route(self, origins: Anchors, row: int) -> Route | None:
        """Return the fastest way from one of the origins with its line, or None when no road leads."""
        time_s, nodes = self._way(origins, row)
        if not isfinite(time_s):
            return None
        there, here = self.target, origins[row : row + 1]
        points = np.concatenate((here.place, here.touch, self.graph.lon_lat[nodes], there.touch, there.place))
        moved = np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))
        return Route(time_s, self._length_m(origins, row, nodes), points[moved])

    def _through_ends(self, origins: Anchors) -> Floats:
        through: Floats = self.time_s[origins.end] + origins.leave_s
        return through

    def _way(self, origins: Anchors, row: int) -> tuple[float, list[int]]:
        """Return the least time and the nodes passed: none when the way stays on one edge."""
        here = origins[row : row + 1]
        through, along_s = self._through_ends(here)[0], float(self.graph.along_edge_s(here, self.target)[0])
        end = int(through.argmin())
        if along_s <= through[end]:
            return along_s, []
        nodes, arrived = [int(here.end[0, end])], len(self.time_s)
        while (after := int(self.following[nodes[-1]])) != arrived:
            nodes.append(after)
        return float(through[end]), nodes

    def _length_m(self, origins: Anchors, row: int, nodes: list[int]) -> float:
        here, there = origins[row : row + 1], self.target
        if not nodes:
            on_edge_m = abs(there.share[0] - here.share[0]) * self.graph.network.length_m[there.edge[0]]
            return float(here.access_m[0] + on_edge_m + there.access_m[0])
        start, stop = int(self._through_ends(here)[0].argmin()), _entry(there, nodes[-1])
        return float(here.way_m[0, start] + self.graph.length_m(nodes) + there.way_m[0, stop])


class RoadGraph:
    """A network ready to be searched. It is never changed, so threads may share it."""

    def __init__(self, network: Network) -> None:
        """Build the reversed graph (of parallel arcs the cheapest counts) and the index of edges.

        Raises:
            NetworkError: the tables are no network.
        """
        network.check()
        self.network = network
        self.lon_lat: Floats = np.column_stack((network.lon_deg, network.lat_deg))
        self._order = np.argsort(network.node_id)
        self._ends = np.column_stack((self._index(network.source), self._index(network.target)))
        self._lay_arcs()
        self.edge_s: Floats = np.column_stack([self._arc_s(self._ends[:, [a, b]]) for a, b in ((0, 1), (1, 0))])
        self._origin_deg = (self.lon_lat.min(axis=0) + self.lon_lat.max(axis=0)) / 2
        self._parts = self._find_parts()
        self._lay_edges()

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        west, south = self.lon_lat.min(axis=0)
        east, north = self.lon_lat.max(axis=0)
        return float(west), float(south), float(east), float(north)

    @cached_property
    def pace_s_per_m(self) -> float:
        """Time per metre of straight line, the median of trips of 0.3 to 5 km over this network."""
        main = np.flatnonzero(self._parts == np.bincount(self._parts).argmax())
        origins = self._anchor_nodes(main[:: max(1, len(main) // _FIT_ORIGINS)])
        targets = self._anchor_nodes(main[:: max(1, len(main) // _FIT_TARGETS)][:_FIT_TARGETS])
        ratios = []
        for row in range(len(targets)):
            airline_m = crs.haversine_m(*origins.place.T, *targets.place[row])
            fair = (airline_m >= _FIT_M[0]) & (airline_m <= _FIT_M[1])
            ratios.append((self.reach(targets[row : row + 1]).times_s(origins) / np.maximum(airline_m, 1))[fair])
        found = np.concatenate(ratios)
        return float(np.median(found)) if len(found) >= _FIT_MIN else DEFAULT_PACE_S_PER_M

    def at_nodes(self, node_ids: ArrayLike) -> Anchors:
        """Return nodes as places: exact, with nothing between them and the network.

        Raises:
            UnknownNodeError: an id is not in the network.
        """
        wanted = np.atleast_1d(np.asarray(node_ids, np.int64))
        unknown = wanted[~np.isin(wanted, self.network.node_id)]
        if len(unknown):
            raise UnknownNodeError(f"The network has no node {unknown[0]}.")
        return self._anchor_nodes(self._index(wanted))

    def at_places(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> Anchors:
        """Tie places to the nearest point of the nearest edge; those beyond `MAX_ACCESS_M` stay off the network."""
        place = np.column_stack((np.atleast_1d(np.asarray(lon_deg, float)), np.atleast_1d(np.asarray(lat_deg, float))))
        edge = self._tied[self._tree.nearest(shapely.points(self._plane(place)))]
        start, stop, point = self.lon_lat[self._ends[edge, 0]], self.lon_lat[self._ends[edge, 1]], self._plane(place)
        along, from_start = self._plane(stop) - self._plane(start), point - self._plane(start)
        share = np.clip((along * from_start).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-9), 0, 1)
        access_m = np.hypot(*(share[:, None] * along - from_start).T)
        access_m[access_m > MAX_ACCESS_M] = inf
        shares = np.column_stack((share, 1 - share))
        away = shares > 0  # at the very end of an edge one is there already, forbidden or not: 0 · inf is 0 here
        arrive_s = np.multiply(shares, self.edge_s[edge], out=np.zeros_like(shares), where=away)
        leave_s = np.multiply(shares, self.edge_s[edge][:, ::-1], out=np.zeros_like(shares), where=away)
        access_s = access_m / ACCESS_MPS
        return Anchors(
            place, start + share[:, None] * (stop - start), edge, share, self._ends[edge],
            leave_s + access_s[:, None], arrive_s + access_s[:, None],
            shares * self.network.length_m[edge][:, None] + access_m[:, None], access_s, access_m,
        )  # fmt: skip

    def reach(self, target: Anchors, limit_s: float = inf) -> Reach:
        """Search from one place (one row) backwards over the roads, as far as `limit_s`."""
        time_s, following = self._search(self._arc_time_s, target, target.arrive_s[0], limit_s)
        return Reach(self, target, time_s, following)

    def times_to(self, target: Anchors, origins: Anchors) -> Floats:
        """Return the least time from each origin to one place; infinite where no road leads."""
        return self.reach(target).times_s(origins)

    def nearest(self, target: Anchors, origins: Anchors, count: int) -> list[Journey]:
        """Return the `count` origins of least time to one place, soonest first; fewer when no road leads from more.

        The search is bounded by a guess from the straight line, and widened until enough are found within the bound,
        so the answer is that of the full search.
        """
        count = min(count, int(origins.on_network.sum()))
        if not count:
            return []
        airline_m = np.sort(np.hypot(*(self._plane(origins.place) - self._plane(target.place)).T))[count - 1]
        limit_s = _FIRST_LIMIT_S + _LIMIT_SLACK * self.pace_s_per_m * float(airline_m)
        while True:
            reach = self.reach(target, limit_s if limit_s <= _LAST_LIMIT_S else inf)
            times_s = reach.times_s(origins)
            if limit_s > _LAST_LIMIT_S or int((times_s <= limit_s).sum()) >= count:
                break
            limit_s *= _LIMIT_STEP
        soonest = np.argsort(times_s, kind="stable")[:count]
        return [journey for row in soonest if (journey := reach.journey(origins, int(row)))]

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

    def along_edge_s(self, origins: Anchors, target: Anchors) -> Floats:
        """Return the time from each origin that lies on the target's own edge without leaving it, else infinity."""
        edge = int(target.edge[0])
        ahead = target.share[0] - origins.share
        edge_s = np.where(ahead > 0, self.edge_s[edge, 0], self.edge_s[edge, 1])
        ahead_s = np.multiply(np.abs(ahead), edge_s, out=np.zeros(len(ahead)), where=ahead != 0)  # 0 · inf is 0 here
        shared = (origins.edge == edge) & (edge >= 0)
        return np.where(shared, ahead_s + origins.access_s + target.access_s[0], inf)

    def length_m(self, nodes: Sequence[int]) -> float:
        """Return the length of a way over adjacent nodes, given by their indices."""
        return float(self._arc_m[self._arc(np.column_stack((nodes[:-1], nodes[1:])))].sum()) if len(nodes) > 1 else 0.0

    def _shortest_m(self, target: Anchors, origins: Anchors) -> Floats:
        entry = np.where(np.isfinite(target.arrive_s[0]), target.way_m[0], inf)
        node_m, _ = self._search(self._arc_m, target, entry, inf)
        leave_m = np.where(np.isfinite(origins.leave_s), origins.way_m, inf)
        along_m = np.abs(target.share[0] - origins.share) * self.network.length_m[target.edge[0]]
        stays = np.isfinite(self.along_edge_s(origins, target))
        along_m = np.where(stays, along_m + origins.access_m + target.access_m[0], inf)
        least: Floats = np.minimum((node_m[origins.end] + leave_m).min(axis=1), along_m)
        return least

    def _search(
        self, arc_weight: Floats, target: Anchors, entry: Floats, limit: float
    ) -> tuple[Floats, NDArray[np.int32]]:
        """Run Dijkstra backwards from a node of its own, joined to the target's two ends by the weights in `entry`."""
        arrived = len(self.lon_lat)
        open_ = np.isfinite(entry)
        weight = np.concatenate((arc_weight, entry[open_]))
        column = np.concatenate((self._arc_tail, target.end[0][open_].astype(np.int32)))
        first = np.append(self._arc_first, np.int32(len(weight)))
        graph = csr_array((weight, column, first), shape=(arrived + 1, arrived + 1))
        least, before = dijkstra(graph, indices=[arrived], limit=limit, return_predecessors=True)
        return least[0, :-1], before[0, :-1]

    def _lay_arcs(self) -> None:
        """Sort the permitted directions by (head, tail), cheapest first, and keep the first of each pair."""
        net, count = self.network, len(self.lon_lat)
        pairs = np.concatenate((self._ends, self._ends[:, ::-1]))
        time_s, length_m = np.concatenate((net.cost_s, net.reverse_cost_s)), np.tile(net.length_m, 2)
        allowed = time_s != FORBIDDEN
        pairs, time_s, length_m = pairs[allowed], time_s[allowed], length_m[allowed]
        key = pairs[:, 1] * count + pairs[:, 0]
        order = np.lexsort((length_m, time_s, key))
        order = order[np.append(True, np.diff(key[order]) > 0)] if len(order) else order
        self._arc_key = key[order]
        self._arc_tail = pairs[order, 0].astype(np.int32)
        self._arc_time_s, self._arc_m = time_s[order], length_m[order]
        self._arc_first = np.searchsorted(pairs[order, 1], np.arange(count + 1)).astype(np.int32)

    def _lay_edges(self) -> None:
        """Index the edges that places are tied to: those of no small part."""
        size = np.bincount(self._parts)
        large = (size >= SMALL_PART * size.max())[self._parts]
        self._tied = np.flatnonzero(large[self._ends].all(axis=1) & np.isfinite(self.edge_s).any(axis=1))
        lines = np.asarray(shapely.linestrings(self._plane(self.lon_lat[self._ends[self._tied]])))
        self._tree = shapely.STRtree(lines, node_capacity=_NODE_CAPACITY)

    def _find_parts(self) -> Ints:
        """Number the strongly connected parts: inside one, every node can be reached from every other."""
        count = len(self.lon_lat)
        graph = csr_array((np.ones(len(self._arc_m)), self._arc_tail, self._arc_first), shape=(count, count))
        return np.asarray(connected_components(graph, connection="strong")[1], np.int64)

    def _anchor_nodes(self, index: Ints) -> Anchors:
        count, place = len(index), self.lon_lat[index]
        zero, zeros = np.zeros(count), np.zeros((count, 2))
        none = np.full(count, -1, np.int64)
        return Anchors(place, place, none, zero, np.column_stack((index, index)), zeros, zeros, zeros, zero, zero)

    def _index(self, node_ids: Ints) -> Ints:
        return self._order[np.searchsorted(self.network.node_id, node_ids, sorter=self._order)]

    def _arc(self, pairs: Ints) -> Ints:
        """Return where the arcs (tail, head) stand, or would stand."""
        return np.searchsorted(self._arc_key, pairs[:, 1] * len(self.lon_lat) + pairs[:, 0])

    def _arc_s(self, pairs: Ints) -> Floats:
        """Return the time over each arc (tail, head), infinite where there is none."""
        found = np.minimum(self._arc(pairs), len(self._arc_key) - 1)
        there = self._arc_key[found] == pairs[:, 1] * len(self.lon_lat) + pairs[:, 0]
        return np.where(there, self._arc_time_s[found], inf)

    def _plane(self, lon_lat: Floats) -> Floats:
        """Return metres east and north of the network's middle: within 0.4 % for half a degree to north or south."""
        scale = np.array([_M_PER_DEG * cos(radians(self._origin_deg[1])), _M_PER_DEG])
        flat: Floats = (lon_lat - self._origin_deg) * scale
        return flat


def _entry(target: Anchors, node: int) -> int:
    """Return by which of its two ends the target is entered when the way comes from a node."""
    return int(np.where(target.end[0] == node, target.arrive_s[0], inf).argmin())
