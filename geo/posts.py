"""Standby posts: where free units wait, so that the next call is near to one of them.

Three published models over a matrix of travel times, sites in rows and demand in columns, solved as mixed-integer
programmes by HiGHS (in SciPy). What they advise is where free units *wait*; who answers a call is another question, and
for a call of the highest priority always the fastest unit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from geo.roads.values import Bools, Floats, Ints

UNREACHABLE_S: Final = 3600.0
"""What demand that no road leads to counts for in a mean."""

SECONDS: Final = 10.0
"""How long a programme is solved before the best so far is taken."""

_MILP_SIZE = 100_000  # pairs of a site and demand; beyond that exchange alone answers
_LEAST_GAIN = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """How many units wait at each site. `gap`: by what share the best may be better; 0 is proven, None unknown."""

    units: Ints  # (sites,)
    value: float  # mean seconds, or covered share
    gap: float | None


def p_median(times_s: Floats, weights: Floats, count: int, *, seconds: float = SECONDS) -> Placement:
    """Place `count` units so that the weighted mean time to the nearest is least (Hakimi 1964).

    Exchange (Teitz and Bart 1968) finds a good answer in milliseconds. Where the problem is small the programme of
    Elloumi (2010), whose rows say by how much the nearest post is further than the one before, improves or proves it.
    """
    cost = np.minimum(times_s, UNREACHABLE_S)
    share = weights / weights.sum()
    count = min(count, len(cost))
    chosen = _exchange(cost, share, count)
    value = float(share @ cost[chosen].min(axis=0))
    gap = None
    if count < len(cost) and cost.size <= _MILP_SIZE:
        proven, bound = _median_programme(cost, share, count, seconds)
        if proven is not None and (better := float(share @ cost[proven].min(axis=0))) < value:
            chosen, value = proven, better
        gap = None if bound is None else max(0.0, 1 - bound / value) if value else 0.0
    units = np.zeros(len(cost), np.int64)
    units[chosen] = 1
    return Placement(units, value, gap)


def mclp(reach: Bools, weights: Floats, count: int, *, seconds: float = SECONDS) -> Placement:
    """Place units so that the most demand has one within reach (Church and ReVelle 1974): MEXCLP with idle units."""
    return mexclp(reach, weights, count, 0.0, seconds=seconds)


def mexclp(reach: Bools, weights: Floats, count: int, busy: float, *, seconds: float = SECONDS) -> Placement:
    """Place units so that the most demand is expected to have a free one within reach (Daskin 1983).

    A unit is busy with probability `busy`, so the k-th unit in reach of a demand adds (1 - busy) busy^(k-1) of it.
    What the k-th adds falls with k, so that only the number of units at a site has to be an integer.
    """
    share = weights / weights.sum()
    levels = count if busy > 0 else 1
    gains = (1 - busy) * busy ** np.arange(levels)
    gains = gains[gains > _LEAST_GAIN]
    sites, demand = reach.shape
    # the columns: units at each site, then for each level how much of each demand has so many units in reach
    covering = hstack([csr_array(-reach.T.astype(float))] + [_eye(demand)] * len(gains))
    total = csr_array(np.append(np.ones(sites), np.zeros(demand * len(gains)))[None])
    result = milp(
        np.append(np.zeros(sites), -np.outer(gains, share).ravel()),
        integrality=np.append(np.ones(sites), np.zeros(demand * len(gains))),
        bounds=Bounds(0, np.append(np.full(sites, float(count)), np.ones(demand * len(gains)))),
        constraints=[LinearConstraint(covering, -np.inf, 0), LinearConstraint(total, count, count)],
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    if result.x is None:
        return _greedy(reach, share, count, busy)
    units = np.rint(result.x[:sites]).astype(np.int64)
    value = float(share @ covered(units @ reach.astype(np.int64), busy))
    bound = -float(result.mip_dual_bound)
    return Placement(units, value, max(0.0, bound / value - 1) if value else 0.0)


def covered(in_reach: Ints, busy: float) -> Floats:
    """Return the probability that one of so many units in reach is free: 1 - busy^k."""
    chance: Floats = 1 - np.float64(busy) ** in_reach
    return chance


def marginal_losses(times: Floats, weights: Floats, limit_s: float, busy: float) -> Floats:
    """Return which share of the expected coverage is lost when each unit (row) leaves."""
    reach = times <= limit_s
    in_reach = reach.sum(axis=0)
    last = (1 - busy) * np.float64(busy) ** np.maximum(in_reach - 1, 0)
    losses: Floats = reach @ (last * weights / weights.sum())
    return losses


@dataclass(frozen=True, slots=True)
class Move:
    """Advice: this unit (row) had better wait at that site. `gain_share`: of the demand, expected to be covered."""

    unit: int
    site: int
    gain_share: float


def advise_moves(
    unit_s: Floats,
    site_s: Floats,
    weights: Floats,
    limit_s: float,
    busy: float,
    *,
    least_gain: float = 0.01,
    most: int = 3,
) -> list[Move]:
    """Return the moves of free units that raise the expected coverage by `least_gain` or more, the best first.

    Jagtenberg, Bhulai and van der Mei (2015) send a unit that becomes free to the site where it adds most. Here each
    free unit is asked in turn, and whoever moves counts at his new site. What a move costs or saves in time until the
    first free units counts too, `limit_s` of it as much as a call in time: by coverage alone everybody would wait
    longer. While nothing is to be gained nobody is moved.
    """
    now_s, share, moves = np.minimum(unit_s, UNREACHABLE_S), weights / weights.sum(), list[Move]()
    sites, waiting = site_s <= limit_s, np.ones(len(unit_s), np.bool_)
    for _ in range(min(most, len(unit_s))):
        here = now_s <= limit_s
        step = (1 - busy) * np.float64(busy) ** (here.sum(axis=0) - here) * share
        gains = step @ sites.T - (step * here).sum(axis=1)[:, None]
        worth = np.where((gains >= least_gain) & waiting[:, None], gains, -np.inf)
        for unit in np.flatnonzero(np.isfinite(worth).any(axis=1)):
            others = np.delete(now_s, unit, axis=0)
            lost_s = _time_gain(others, now_s[unit : unit + 1], share, busy)
            worth[unit] += (_time_gain(others, site_s, share, busy) - lost_s) / limit_s
        unit, site = np.unravel_index(int(worth.argmax()), worth.shape)
        if worth[unit, site] <= 0:
            break
        moves.append(Move(int(unit), int(site), float(gains[unit, site])))
        now_s[unit], waiting[unit] = np.minimum(site_s[site], UNREACHABLE_S), False
    return moves


def best_site(
    idle_s: Floats, site_s: Floats, weights: Floats, limit_s: float, busy: float, *, per_second: float = 0.0
) -> int:
    """Return where a unit that becomes free adds most, given the times of the other free units (rows).

    With `per_second` 0 this is DMEXCLP as published: only what is within the limit counts. A price for every second
    until the first free unit keeps it from moving everybody to the rim, as Van Barneveld, Bhulai and van der Mei (2016)
    do with their penalty functions; a site then gains the time by which it is nearer than the k-th of the others.
    """
    share = weights / weights.sum()
    in_reach = (idle_s <= limit_s).sum(axis=0)
    gain = (site_s <= limit_s) @ ((1 - busy) * np.float64(busy) ** in_reach * share)
    if per_second:
        gain = gain + per_second * _time_gain(np.minimum(idle_s, UNREACHABLE_S), site_s, share, busy)
    return int(np.argmax(gain))


def _time_gain(idle_s: Floats, site_s: Floats, share: Floats, busy: float, ranks: int = 3) -> Floats:
    """Return the expected seconds that a further unit at each site saves, looking at the first few units in reach."""
    nearest = np.sort(np.partition(idle_s, ranks, axis=0)[:ranks] if len(idle_s) > ranks else idle_s, axis=0)
    missing = np.full((ranks - len(nearest), idle_s.shape[1]), UNREACHABLE_S)
    ranked = np.concatenate((nearest, missing))
    chance = (1 - busy) * busy ** np.arange(ranks)
    saved = np.zeros(len(site_s))
    for rank in range(ranks):
        # where the new one is nearer than the k-th it takes that rank, and the k-th goes one further
        before = ranked[rank - 1] if rank else 0.0
        saved += (ranked[rank] - np.clip(site_s, before, ranked[rank])) @ (chance[rank] * share)
    return saved


def _exchange(cost: Floats, share: Floats, count: int) -> Ints:
    """Return `count` sites: the best added one by one, then single ones exchanged as long as that helps."""
    chosen = list[int]()
    nearest = np.full(cost.shape[1], np.inf)
    for _ in range(count):
        totals = np.minimum(cost, np.minimum(nearest, UNREACHABLE_S)) @ share
        totals[chosen] = np.inf
        chosen.append(int(totals.argmin()))
        nearest = np.minimum(nearest, cost[chosen[-1]])
    best, helped = float(nearest @ share), True
    while helped:
        helped = False
        for place in range(count):
            others = np.delete(chosen, place)
            rest = cost[others].min(axis=0) if len(others) else np.full(cost.shape[1], UNREACHABLE_S)
            totals = np.minimum(cost, rest) @ share
            totals[others] = np.inf
            site = int(totals.argmin())
            if totals[site] < best - _LEAST_GAIN:
                chosen[place], best, helped = site, float(totals[site]), True
    return np.array(chosen, np.int64)


def _median_programme(cost: Floats, share: Floats, count: int, seconds: float) -> tuple[Ints | None, float | None]:
    """Solve the p-median as a programme; return the sites, if any were found, and the lower bound.

    The columns after the sites say, rank by rank, that none of so many sites nearest to a demand is open: that costs
    the step to the next. Beyond `ranks` one of the nearer ones is open in any case.
    """
    sites, demand = cost.shape
    order = np.argsort(cost, axis=0, kind="stable")
    sorted_s = np.take_along_axis(cost, order, axis=0)
    ranks = sites - count
    row = np.arange(ranks * demand)
    entries = (
        np.concatenate((row, row, row[demand:])),
        np.concatenate((order[:ranks].ravel(), sites + row, sites + row[:-demand])),
    )
    signs = np.repeat([1.0, 1.0, -1.0], [len(row), len(row), len(row[demand:])])
    further = csr_array((signs, entries), shape=(len(row), sites + len(row)))
    opened = np.repeat([1.0, 0.0], [sites, len(row)])
    result = milp(
        np.append(np.zeros(sites), (np.diff(sorted_s, axis=0)[:ranks] * share).ravel()),
        integrality=opened,
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(further, (row < demand).astype(float), np.inf),
            LinearConstraint(csr_array(opened[None]), count, count),
        ],
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    bound = None if result.mip_dual_bound is None else float(sorted_s[0] @ share) + float(result.mip_dual_bound)
    if result.x is None:
        return None, bound
    return np.argsort(-result.x[:sites], kind="stable")[:count].astype(np.int64), bound


def _greedy(reach: Bools, share: Floats, count: int, busy: float) -> Placement:
    """Add units one by one where they add most; for when the programme found nothing in its time."""
    units = np.zeros(len(reach), np.int64)
    for _ in range(count):
        in_reach = units @ reach.astype(np.int64)
        units[int((reach @ ((1 - busy) * np.float64(busy) ** in_reach * share)).argmax())] += 1
    return Placement(units, float(share @ covered(units @ reach.astype(np.int64), busy)), None)


def _eye(size: int) -> csr_array:
    return csr_array((np.ones(size), (np.arange(size), np.arange(size))), shape=(size, size))
