"""A network as cars drive it and as people walk it, with what is closed taken out, and how much of it who covers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from geo.roads.closing import without
from geo.roads.graph import RoadGraph
from geo.roads.ties import MAX_ACCESS_M
from geo.roads.values import Bools, Floats, Ints, Network

WALKING_MPS = 1.4
"""A brisk walk, 5 km/h."""

WALKERS = frozenset({"foot"})
"""Kinds of units that walk."""

_POINTS = 256
_NO_ROWS: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """How soon who can be at nodes of the network, evenly taken: more where roads are dense.

    A unit is taken to stand at the junction nearest to it: a share of the ground need not be exact, but quick.
    """

    limit_s: float
    time_s: NDArray[np.float32]  # (junctions, points), infinite beyond the limit
    lon_deg: Floats  # of the points
    lat_deg: Floats
    _places: KDTree  # of the junctions, on a plane
    _graph: RoadGraph

    @classmethod
    def of(cls, graph: RoadGraph, limit_s: float) -> Self:
        """Search back from every point as far as the limit."""
        nodes = graph.nodes
        chosen = nodes[np.linspace(0, len(nodes) - 1, _POINTS).astype(int)]
        network, points = graph.network, graph.at_nodes(graph.network.node_id[chosen])
        reached = [graph.reach(points[row : row + 1], limit_s).time_s for row in range(len(points))]
        junctions = graph.plane_m(graph.line_of(graph.junctions.node))
        time_s = np.column_stack(reached).astype(np.float32)
        return cls(limit_s, time_s, network.lon_deg[chosen], network.lat_deg[chosen], KDTree(junctions), graph)

    def within(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> Bools:
        """Return which points each place reaches in time; one far from every junction reaches none."""
        places_m = self._graph.plane_m(np.column_stack((np.atleast_1d(lon_deg), np.atleast_1d(lat_deg))))
        away_m, junction = map(np.asarray, self._places.query(places_m, distance_upper_bound=MAX_ACCESS_M))
        known = np.isfinite(away_m)
        found = np.zeros((len(places_m), self.time_s.shape[1]), np.bool_)
        start_s = away_m[known, None] * self._graph.pace_s_per_m
        found[known] = self.time_s[junction[known]] + start_s <= self.limit_s
        return found

    def alone(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> Bools:
        """Return which points (columns) each place (row) reaches in time and no other of the places does."""
        within = self.within(lon_deg, lat_deg)
        found: Bools = within & (within.sum(axis=0) == 1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Ready to be searched; never changed, so threads may share it."""

    network: Network  # as imported, nothing closed
    drive: RoadGraph
    walk: RoadGraph  # any road, either way: one-way signs and closures are for vehicles
    cover: Cover

    @classmethod
    def of(cls, network: Network, cover_s: float, closed: Ints = _NO_ROWS) -> Self:
        """Build both graphs."""
        time_s = network.length_m / WALKING_MPS
        feet = Network(
            network.node_id, network.lon_deg, network.lat_deg, network.source, network.target, network.length_m,
            time_s, time_s,
        )  # fmt: skip
        drive = _ready(RoadGraph(without(network, closed) if len(closed) else network))
        return cls(network, drive, _ready(RoadGraph(feet)), Cover.of(drive, cover_s))

    def closing(self, closed: Ints) -> Self:
        """Return the same with other edges closed: what is walked stays."""
        drive = _ready(RoadGraph(without(self.network, closed)))
        return type(self)(self.network, drive, self.walk, Cover.of(drive, self.cover.limit_s))

    def graph(self, kind: str) -> RoadGraph:
        """Return the graph that a kind of unit moves on."""
        return self.walk if kind in WALKERS else self.drive


def _ready(graph: RoadGraph) -> RoadGraph:
    """Work out here, rather than in the first search, what is fitted once."""
    _ = graph.pace_s_per_m, graph.top_mps
    return graph
