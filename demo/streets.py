"""The network as somebody on the road knows it: what leads on from here, and the fastest way there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from demo.network import Network

M_PER_DEG = 110_900.0
"""One degree of latitude at 27° N on the CGCS2000 ellipsoid, rounded."""


def _along(length_m: NDArray[np.float64], kmh: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(length_m / (kmh / 3.6))


@dataclass(frozen=True, slots=True)
class Arc:
    """One direction of one straight piece of road."""

    tail: int  # node numbers, from 0
    head: int
    length_m: float
    speed_mps: float
    heading_deg: float
    rank: float  # how much a patrol is drawn to it
    walkable: bool


_RANKS = {"trunk": 0.5, "primary": 1.0, "secondary": 1.0, "tertiary": 0.9, "residential": 0.6, "unclassified": 0.5}
_NOT_ON_FOOT = frozenset({"trunk", "motorway", "motorway_link"})


class Streets:
    """Arcs by number, the arcs that leave each node, and shortest paths over them."""

    def __init__(self, network: Network) -> None:
        """Index a network; takes about half a second for 25,000 nodes."""
        self.lon, self.lat = network.lon_deg.tolist(), network.lat_deg.tolist()
        both = ~network.oneway
        edge = np.concatenate([np.arange(len(network.source)), np.flatnonzero(both)])
        forward = np.arange(len(edge)) < len(network.source)
        tail = np.where(forward, network.source[edge], network.target[edge]) - 1
        head = np.where(forward, network.target[edge], network.source[edge]) - 1
        self.squeeze = float(np.cos(np.radians(network.lat_deg.mean())))
        east = (network.lon_deg[head] - network.lon_deg[tail]) * self.squeeze
        heading = np.degrees(np.arctan2(east, network.lat_deg[head] - network.lat_deg[tail])) % 360.0
        length, kmh = network.length_m[edge], network.speed_kmh[edge]
        self.names = [network.name[k] for k in edge]
        self.arcs = [
            Arc(a, b, m, v, h, _RANKS.get(network.highway[k], 0.02), network.highway[k] not in _NOT_ON_FOOT)
            for a, b, m, v, h, k in zip(
                tail.tolist(), head.tolist(), length.tolist(), (kmh / 3.6).tolist(), heading.tolist(), edge.tolist(),
                strict=True,
            )
        ]  # fmt: skip
        self.out: list[list[int]] = [[] for _ in self.lon]
        for number, start in enumerate(tail.tolist()):
            self.out[start].append(number)
        self._graph = coo_array((_along(length, kmh), (tail, head)), shape=(len(self.lon), len(self.lon))).tocsr()
        self._arc_between = {(arc.tail, arc.head): number for number, arc in enumerate(self.arcs)}
        self._tree = cKDTree(self._flat(network.lon_deg, network.lat_deg))

    def _flat(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([lon * self.squeeze, lat], axis=-1) * M_PER_DEG

    def nearest(self, lon_deg: float, lat_deg: float) -> int:
        """The node nearest to a place."""
        return int(self._tree.query(self._flat(np.array(lon_deg), np.array(lat_deg)))[1])

    def distance_m(self, node: int, lon_deg: float, lat_deg: float) -> float:
        """From a node to a place, over the ground, flat."""
        east = (self.lon[node] - lon_deg) * self.squeeze
        return float(np.hypot(east, self.lat[node] - lat_deg)) * M_PER_DEG

    def way(self, start: int, end: int) -> list[int]:
        """The arcs of the fastest way from node to node (Dijkstra); empty when they are the same."""
        _, before = dijkstra(self._graph, indices=np.array([start]), return_predecessors=True)
        found: list[int] = []
        at = end
        while at != start and before[0, at] >= 0:
            previous = int(before[0, at])
            found.append(self._arc_between[previous, at])
            at = previous
        return found[::-1]
