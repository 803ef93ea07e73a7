"""What the search works on and what it answers: plain values. Units: seconds, metres, degrees (lon, lat)."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FORBIDDEN = -1.0
"""The cost that forbids a direction (the convention of pgRouting)."""


class NetworkError(ValueError):
    """The tables are no road network; the sentence names the first row that is wrong."""


class UnknownNodeError(ValueError):
    """A node id that the network does not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Nodes and straight edges. `source` and `target` are node ids; a cost of -1 forbids that direction."""

    node_id: Ints
    lon_deg: Floats
    lat_deg: Floats
    source: Ints
    target: Ints
    length_m: Floats
    cost_s: Floats
    reverse_cost_s: Floats

    def check(self) -> None:
        """Refuse what can't be a network.

        Raises:
            NetworkError: there is no edge, an id twice, an end that does not exist, a place or a number that can't be.
        """
        if not len(self.source):
            raise NetworkError("There is no edge in the network.")
        unique, count = np.unique(self.node_id, return_counts=True)
        if count.max(initial=1) > 1:
            raise NetworkError(f"Node {unique[count.argmax()]} is there twice.")
        placed = (np.abs(self.lon_deg) <= 180) & (np.abs(self.lat_deg) <= 90)  # noqa: PLR2004 - degrees of the earth
        if not placed.all():
            raise NetworkError(f"Node {self.node_id[~placed][0]} lies nowhere on earth.")
        lost = ~np.isin(np.column_stack((self.source, self.target)), unique)
        if lost.any():
            row, end = np.argwhere(lost)[0]
            missing = (self.source, self.target)[end][row]
            raise NetworkError(f"Edge {row + 1} (in order) ends at node {missing}, which does not exist.")
        self._check_numbers()

    def _check_numbers(self) -> None:
        costs = np.column_stack((self.cost_s, self.reverse_cost_s))
        wrong = ~(np.isfinite(costs) & ((costs >= 0) | (costs == FORBIDDEN))).all(axis=1)
        wrong |= ~(np.isfinite(self.length_m) & (self.length_m >= 0))
        if not (costs[self.source != self.target] != FORBIDDEN).any():
            raise NetworkError("No edge of the network may be driven.")
        if wrong.any():
            row = int(np.argmax(wrong))
            raise NetworkError(
                f"Edge {row + 1} (in order): lengths and costs are 0 or more, or -1 for a forbidden cost."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Where places touch the network. Arrays of (n, 2) hold a column for each end of the street a place lies on.

    A place on a junction has that junction at both ends and nothing to go. A place off the network has infinite times.
    """

    place: Floats  # (n, 2) lon, lat
    touch: Floats  # (n, 2) lon, lat of the nearest point of the network
    street: Ints  # (n,) or -1: on a junction
    position: Floats  # (n,) along the streets' vertices
    end: Ints  # (n, 2) indices of junctions: of the street's beginning, and of its end
    leave_s: Floats  # (n, 2) from the place to each end
    arrive_s: Floats  # (n, 2) from each end to the place
    way_m: Floats  # (n, 2) between the place and each end
    access_m: Floats  # (n,) between the place and the network

    def __len__(self) -> int:
        """Count the places."""
        return len(self.street)

    def __getitem__(self, rows: slice | Ints) -> Self:
        """Return some of the places."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, others: Self) -> Self:
        """Return these places, then the others."""
        pairs = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return type(self)(*map(np.concatenate, pairs))

    @property
    def on_network(self) -> Bools:
        """Whether each place is near enough to a road."""
        found: Bools = np.isfinite(self.access_m)
        return found


@dataclass(frozen=True, slots=True)
class Journey:
    """The fastest way from one of several origins."""

    origin: int  # its place in the list of origins
    time_s: float
    length_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The fastest way between two places."""

    time_s: float
    length_m: float
    line: Floats  # (n, 2) lon, lat


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Answers for pairs of places; infinite where no road leads."""

    time_s: Floats  # of the fastest way
    length_m: Floats  # of the fastest way
    shortest_m: Floats  # of the shortest way
