"""Streets: chains of edges from junction to junction, between which a driver has nothing to choose.

Shape nodes are three quarters of a network. Searching over junctions only gives the same answers in a quarter of the
time, because every way through a shape node goes on to the street's other end.
"""

from dataclasses import dataclass
from math import ceil, floor, inf

import numpy as np
from numpy.typing import NDArray

from geo.roads.values import Bools, Floats, Ints

_ENDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Streets:
    """All streets, one after the other in `vertex`.

    A position is an index into it with a fraction: 7.25 lies a quarter of the way from vertex 7 to vertex 8.
    """

    vertex: Ints  # indices of nodes
    first: Ints  # (streets,) where each street begins in `vertex`
    last: Ints  # (streets,) where it ends
    ahead_s: Floats  # at each vertex: time from the beginning of its street
    back_s: Floats  # time to the beginning of its street
    along_m: Floats  # length from the beginning of its street
    open: Bools  # (streets, 2) whether it may be driven ahead, and back
    node_at: Ints  # for each node the position it has inside of a street, or -1: a junction

    def street_at(self, position: Floats | Ints) -> Ints:
        """Return the street of each position."""
        return np.searchsorted(self.first, position, side="right") - 1

    def value_at(self, values: Floats, position: Floats) -> Floats:
        """Return `ahead_s`, `back_s` or `along_m` at positions."""
        before = position.astype(np.int64)
        after = np.minimum(before + 1, len(self.vertex) - 1)
        found: Floats = values[before] + (position - before) * (values[after] - values[before])
        return found

    def between(self, start: float, stop: float) -> Ints:
        """Return the nodes from one position of a street to another, in that direction."""
        low, high = sorted((start, stop))
        nodes = self.vertex[ceil(low) : floor(high) + 1]
        return nodes if start <= stop else nodes[::-1]

    @property
    def pieces(self) -> Ints:
        """The positions from which a straight piece leads to the next vertex of the same street."""
        inside = np.ones(len(self.vertex), np.bool_)
        inside[self.last] = False
        return np.flatnonzero(inside)


def lay(count: int, tail: Ints, head: Ints, time_s: Floats, length_m: Floats) -> Streets:
    """Chain the arcs between `count` nodes to streets. Of parallel arcs the cheapest counts."""
    link, way_s, way_m = _links(count, tail, head, time_s, length_m)
    slots, offset, out, into = _around(count, link, way_s)
    through = np.diff(offset) == _ENDS
    one, other = offset[:-1][through], offset[:-1][through] + 1
    through[through] = (into[one] == out[other]) & (into[other] == out[one])
    vertex, steps, first = _chain(link, slots, offset, through)
    last = np.append(first[1:], len(vertex)) - 1
    ahead, back = way_s[steps >> 1, steps & 1], way_s[steps >> 1, 1 - (steps & 1)]
    starts = np.zeros(len(vertex), np.bool_)
    starts[first] = True
    ahead_s, back_s, along_m = (_running(values, starts, first) for values in (ahead, back, way_m[steps >> 1]))
    node_at = np.full(count, -1)
    inner = np.flatnonzero(through[vertex] & ~starts)
    node_at[vertex[inner]] = inner
    node_at[vertex[np.concatenate((first, last))]] = -1  # also where a ring had to begin somewhere
    piece = first - np.arange(len(first))  # of each street, among the steps
    permitted = np.isfinite(np.column_stack((ahead[piece], back[piece])))
    return Streets(vertex, first, last, ahead_s, back_s, along_m, permitted, node_at)


def _links(count: int, tail: Ints, head: Ints, time_s: Floats, length_m: Floats) -> tuple[Ints, Floats, Floats]:
    """Return the pairs of adjacent nodes, the time from the first to the second and back, and the length."""
    pair, row = np.unique(np.minimum(tail, head) * count + np.maximum(tail, head), return_inverse=True)
    way_s, way_m = np.full((len(pair), 2), inf), np.full(len(pair), inf)
    np.minimum.at(way_s, (row, (tail > head).astype(np.int64)), time_s)
    np.minimum.at(way_m, row, length_m)
    return np.column_stack(np.divmod(pair, count)), way_s, way_m


def _around(count: int, link: Ints, way_s: Floats) -> tuple[Ints, Ints, Bools, Bools]:
    """Return slots, where each node's begin, and whether each leads out of the node, and into it.

    A slot is a link seen from one of its nodes: twice the link, plus 1 when seen from its second.
    """
    slots = np.argsort(link.ravel(), kind="stable")
    offset = np.searchsorted(link.ravel()[slots], np.arange(count + 1))
    permitted = np.isfinite(way_s)
    return slots, offset, permitted[slots >> 1, slots & 1], permitted[slots >> 1, 1 - (slots & 1)]


def _chain(link: Ints, slots: Ints, offset: Ints, through: Bools) -> tuple[Ints, Ints, Ints]:
    """Walk from every junction along every link to the next junction; what is left are rings, begun anywhere."""
    ends, around, begin, passes = link.ravel().tolist(), slots.tolist(), offset.tolist(), through.tolist()
    used = [False] * len(link)
    vertex, steps, first = list[int](), list[int](), list[int]()

    def walk(slot: int) -> None:
        start = node = ends[slot]
        first.append(len(vertex))
        vertex.append(node)
        while True:
            used[slot >> 1] = True
            steps.append(slot)
            node = ends[slot ^ 1]
            vertex.append(node)
            if not passes[node] or node == start:
                return
            one, other = around[begin[node]], around[begin[node] + 1]
            slot = other if one == slot ^ 1 else one

    for wanted in (False, True):  # from junctions first; then rings
        for node, passed in enumerate(passes):
            for place in range(begin[node], begin[node + 1]) if passed is wanted else ():
                if not used[around[place] >> 1]:
                    walk(around[place])
    return np.array(vertex), np.array(steps), np.array(first)


def _running(values: Floats, starts: Bools, first: Ints) -> Floats:
    """Return the sum since the beginning of each street at each vertex; a closed direction counts nothing."""
    step = np.zeros(len(starts))
    step[~starts] = np.where(np.isfinite(values), values, 0)
    total: NDArray[np.float64] = np.cumsum(step)
    return total - np.repeat(total[first], np.diff(np.append(first, len(starts))))
