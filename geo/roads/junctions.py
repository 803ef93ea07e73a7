"""Junctions and the streets between them: the graph that is searched."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.roads.streets import Streets
from geo.roads.values import Bools, Floats, Ints

SMALL_PART = 0.01
"""A part of the network smaller than this share of its largest is a stub, cut off at the edge of a map."""


class Junctions:
    """The reversed graph: a row for each junction, holding the arcs that lead to it."""

    def __init__(self, streets: Streets) -> None:
        """Number the junctions and sort the arcs by (head, tail), of parallel ones the fastest first."""
        self.streets = streets
        self.node = np.flatnonzero(streets.node_at < 0)
        self.number = np.full(len(streets.node_at), -1)
        self.number[self.node] = np.arange(len(self.node))
        self.ends = self.number[streets.vertex[np.column_stack((streets.first, streets.last))]]
        street, way = np.nonzero(streets.open & (self.ends[:, :1] != self.ends[:, 1:]))
        tail, head, last = self.ends[street, way], self.ends[street, 1 - way], streets.last[street]
        time_s = np.where(way == 0, streets.ahead_s[last], streets.back_s[last])
        order = np.lexsort((time_s, tail, head))
        self.arc_s, self.arc_m = time_s[order], streets.along_m[last][order]
        self._tail, self._key = tail[order].astype(np.int32), (head * len(self.node) + tail)[order]
        self._street, self._ahead = street[order], (way == 0)[order]
        self._first = np.searchsorted(head[order], np.arange(len(self.node) + 1)).astype(np.int32)

    def search(self, weight: Floats, end: Ints, entry: Floats, limit: float) -> tuple[Floats, NDArray[np.int32]]:
        """Run Dijkstra backwards from a node of its own, which the junctions `end` reach at the weights `entry`.

        Returns:
            the least sum of weights from each junction, infinite beyond the limit, and the next junction on the way:
            the number of junctions itself means that it has arrived.
        """
        arrived, open_ = len(self.node), np.isfinite(entry)
        weights = np.concatenate((weight, entry[open_]))
        column = np.concatenate((self._tail, end[open_].astype(np.int32)))
        first = np.append(self._first, np.int32(len(weights)))
        graph = csr_array((weights, column, first), shape=(arrived + 1, arrived + 1))
        least, before = dijkstra(graph, indices=[arrived], limit=limit, return_predecessors=True)
        return least[0, :-1], before[0, :-1]

    def spread(self, start: Ints, leave_s: Floats, limit_s: float) -> Floats:
        """Run Dijkstra forwards from many places at once, which reach the junctions `start` after `leave_s`.

        Returns:
            the least time from any of them to each junction, infinite beyond the limit.
        """
        source, open_ = len(self.node), np.isfinite(leave_s)
        time_s, head, first = self._onward
        weights = np.concatenate((time_s, leave_s[open_]))
        column = np.concatenate((head, start[open_].astype(np.int32)))
        graph = csr_array((weights, column, np.append(first, np.int32(len(weights)))), shape=(source + 1, source + 1))
        least: Floats = dijkstra(graph, indices=[source], limit=limit_s)[0, :-1]
        return least

    def length_m(self, junctions: Sequence[int]) -> float:
        """Return the length of the fastest way over adjacent junctions."""
        return float(self.arc_m[self._arc(np.array(junctions))].sum())

    def nodes(self, junctions: Sequence[int]) -> Ints:
        """Return the nodes of the fastest way over adjacent junctions."""
        passed = [self.node[junctions[:1]]]
        for arc in self._arc(np.array(junctions)):
            street = self._street[arc]
            between = self.streets.vertex[self.streets.first[street] : self.streets.last[street] + 1]
            passed.append(between if self._ahead[arc] else between[::-1])
        return np.concatenate(passed)

    def in_large_parts(self) -> Bools:
        """Return for each street whether both its ends lie in strongly connected parts that are no stubs."""
        count = len(self.node)
        graph = csr_array((np.ones(len(self._tail)), self._tail, self._first), shape=(count, count), copy=True)
        graph.sum_duplicates()  # parallel arcs send connected_components round in circles
        part = np.asarray(connected_components(graph, connection="strong")[1], np.int64)[self.ends]
        nodes = (self.streets.last - self.streets.first) * (part[:, 0] == part[:, 1])
        size = 1 + np.bincount(part[:, 0], nodes, part.max() + 1)
        large: Bools = (size[part] >= SMALL_PART * size.max()).all(axis=1)
        return large

    @cached_property
    def _onward(self) -> tuple[Floats, NDArray[np.int32], NDArray[np.int32]]:
        """The graph the right way round: times, heads, and where the arcs of each tail begin."""
        head = np.repeat(np.arange(len(self.node), dtype=np.int32), np.diff(self._first))
        order = np.argsort(self._tail, kind="stable")
        first = np.searchsorted(self._tail[order], np.arange(len(self.node) + 1)).astype(np.int32)
        return self.arc_s[order], head[order], first

    def _arc(self, junctions: Ints) -> Ints:
        """Return the fastest arc from each junction to the next."""
        return np.searchsorted(self._key, junctions[1:] * len(self.node) + junctions[:-1])
