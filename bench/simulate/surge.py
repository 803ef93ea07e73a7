"""A surge: 25 calls at once for 30 units. All assigned together, beside one by one in the order of the calls.

Searched as `services.dispatch.matching` does; the assignment over the whole table of times is the limit beside it.
"""

import time

import numpy as np

from bench.simulate.city import City, Floats
from bench.simulate.intervals import interval
from geo import coverage, crs, matching
from geo.roads import Anchors, RoadGraph

CALLS, UNITS, ROUNDS = 25, 30, 200
LIMIT_MS, LEAST_GAIN = 50, 0.10
UNREACHABLE_S, SAME_S = 3600.0, 1e-6


def times(graph: RoadGraph, units: Anchors, scenes: Anchors) -> matching.Times:
    """Return the times of all pairs, searched from each scene as far as the straight line says, and half again."""
    east, north = units.place.T
    estimate_s = graph.pace_s_per_m * crs.haversine_m(scenes.place[:, :1], scenes.place[:, 1:], east, north)
    first_s = np.zeros(len(scenes))
    for call, unit in matching.together(estimate_s):
        first_s[call] = 60 + 1.3 * estimate_s[call, unit]
    searches = [
        lambda limit_s, scene=scenes[call : call + 1]: graph.reach(scene, limit_s).times_s(units)
        for call in range(len(scenes))
    ]
    return matching.Times(searches, first_s.tolist(), np.full(estimate_s.shape, UNREACHABLE_S))


def measure(city: City) -> dict[str, object]:
    """Return by how much the mean time falls, and how long the answer takes: all of it, and the assignment alone.

    The processor's time tells the figure of a machine that has other things to do, too.
    """
    rng, graph = np.random.default_rng(13), city.graph
    together, single, took_s, busy_s, whole_s = (list[float]() for _ in range(5))
    for _ in range(ROUNDS):
        scenes = city.node[rng.choice(city.scenes, CALLS, replace=False)]
        units = rng.choice(graph.nodes, UNITS, replace=False)
        here, there = (graph.at_nodes(graph.network.node_id[index]) for index in (units, scenes))
        began, busy = time.perf_counter(), time.thread_time()
        found = times(graph, here, there)
        pairs = found.choose(matching.together)
        took_s.append(time.perf_counter() - began)
        busy_s.append(time.thread_time() - busy)
        busy = time.thread_time()
        table = np.minimum(coverage.times_s(graph, here, there).T, UNREACHABLE_S)
        best = _mean(table, matching.together(table))
        whole_s.append(time.thread_time() - busy)
        together.append(_mean(table, pairs))
        single.append(_mean(table, matching.one_by_one(table)))
        if abs(together[-1] - best) > SAME_S:
            raise AssertionError(f"the mean is {together[-1]} s, that over the whole table {best} s")
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
        "whole_table_processor_p50_ms": _ms(whole_s, 0.5),
    }


def _mean(table: Floats, pairs: list[tuple[int, int]]) -> float:
    return float(np.mean([table[pair] for pair in pairs]))


def _ms(values_s: list[float], share: float) -> float:
    return round(float(np.quantile(values_s, share)) * 1000, 2)
