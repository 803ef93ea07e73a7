"""A surge: 25 calls at once for 30 units. All assigned together, beside one by one in the order of the calls."""

import time

import numpy as np
from scipy.optimize import linear_sum_assignment

from bench.simulate.city import City, Floats
from bench.simulate.intervals import interval
from geo import coverage

CALLS, UNITS, ROUNDS = 25, 30, 200
LIMIT_MS, LEAST_GAIN = 50, 0.10


def one_by_one(times_s: Floats) -> float:
    """Return the mean time when each call (column) in turn takes the fastest unit that is left."""
    left, total = times_s.copy(), 0.0
    for call in range(left.shape[1]):
        unit = int(left[:, call].argmin())
        total += left[unit, call]
        left[unit] = np.inf
    return total / left.shape[1]


def measure(city: City) -> dict[str, object]:
    """Return by how much the mean time falls, and how long the answer takes: all of it, and the assignment alone.

    The processor's time tells the figure of a machine that has other things to do, too.
    """
    rng, graph = np.random.default_rng(13), city.graph
    together, single, took_s, busy_s, assigned_s = (list[float]() for _ in range(5))
    for _ in range(ROUNDS):
        scenes = city.node[rng.choice(city.scenes, CALLS, replace=False)]
        units = rng.choice(graph.nodes, UNITS, replace=False)
        here, there = (graph.at_nodes(graph.network.node_id[index]) for index in (units, scenes))
        began, busy = time.perf_counter(), time.thread_time()
        times_s = np.minimum(coverage.times_s(graph, here, there), 3600.0)
        known = time.perf_counter()
        rows, columns = linear_sum_assignment(times_s)
        now = time.perf_counter()
        took_s.append(now - began)
        assigned_s.append(now - known)
        busy_s.append(time.thread_time() - busy)
        together.append(float(times_s[rows, columns].mean()))
        single.append(one_by_one(times_s))
    gain = 1 - np.array(together) / np.array(single)
    return {
        "calls": CALLS,
        "units": UNITS,
        "rounds": ROUNDS,
        "together_mean_s": round(float(np.mean(together)), 1),
        "one_by_one_mean_s": round(float(np.mean(single)), 1),
        "gain": interval(gain),
        "p50_ms": _ms(took_s, 0.5),
        "p99_ms": _ms(took_s, 0.99),
        "processor_p50_ms": _ms(busy_s, 0.5),
        "assignment_p99_ms": _ms(assigned_s, 0.99),
    }


def _ms(values_s: list[float], share: float) -> float:
    return round(float(np.quantile(values_s, share)) * 1000, 2)
