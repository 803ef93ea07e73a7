"""Several calls at once: which unit to which call, decided together (Kuhn 1955) or one call after the other.

Times over roads are searched backwards from each call, and only as far as the answer needs: beyond that a time is known
to be no less than the limit of the search, so an answer that rests on known times alone is that of the whole table.
"""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np
from scipy.optimize import linear_sum_assignment

from geo.roads.values import Bools, Floats

NEVER_S = 1e7
"""Stands for a pair that can't be, in a table that has to be finite."""

_STEP, _LAST_LIMIT_S = 2.0, 3600.0

Search = Callable[[float], Floats]
"""Returns the time from each unit to one call, infinite beyond the limit (s) and where no road leads."""
Choose = Callable[[Floats], list[tuple[int, int]]]
"""Returns pairs (call, unit) out of a table of times."""


class Times:
    """Travel times in s from units (columns) to calls (rows): known within the limit of the call's search."""

    def __init__(self, searches: Sequence[Search], first_s: Sequence[float], otherwise_s: Floats) -> None:
        """Search from each call as far as `first_s`.

        `otherwise_s` (calls, units) counts where no road leads; `NEVER_S` in it: this unit is not for this call.
        """
        self._searches, self._otherwise_s, self._limit_s = searches, otherwise_s, np.array(first_s, float)
        self.least_s, self.known = np.empty(otherwise_s.shape), np.empty(otherwise_s.shape, np.bool_)
        self.by_road: Bools = np.zeros(otherwise_s.shape, np.bool_)
        for call in range(len(searches)):
            self._look(call)

    def choose(self, choose: Choose) -> list[tuple[int, int]]:
        """Return what would be chosen out of the whole table."""
        while True:
            pairs = choose(self.least_s)
            open_ = {call for call, unit in pairs if not self.known[call, unit]}
            if not open_:
                return pairs
            for call in open_:
                self._limit_s[call] *= _STEP
                self._look(call)

    def _look(self, call: int) -> None:
        limit_s = float(self._limit_s[call]) if self._limit_s[call] <= _LAST_LIMIT_S else inf
        time_s, otherwise_s = self._searches[call](limit_s), self._otherwise_s[call]
        unfit = otherwise_s >= NEVER_S
        self.by_road[call] = (time_s <= limit_s) & np.isfinite(time_s) & ~unfit
        self.known[call] = self.by_road[call] | unfit | (limit_s == inf)
        beyond_s = np.where(self.known[call], otherwise_s, np.minimum(otherwise_s, limit_s))
        self.least_s[call] = np.where(self.by_road[call], time_s, beyond_s)


def together(times_s: Floats) -> list[tuple[int, int]]:
    """Return the pairs (call, unit) with the least sum of times, as many as there can be."""
    calls, units = linear_sum_assignment(times_s)
    return [(int(call), int(unit)) for call, unit in zip(calls, units, strict=True) if times_s[call, unit] < NEVER_S]


def one_by_one(times_s: Floats) -> list[tuple[int, int]]:
    """Return the pairs when one call after the other takes its soonest unit."""
    free, pairs = times_s.copy(), []
    for call in range(len(free)):
        unit = int(free[call].argmin()) if free.shape[1] else -1
        if unit >= 0 and free[call, unit] < NEVER_S:
            pairs.append((call, unit))
            free[:, unit] = NEVER_S
    return pairs
