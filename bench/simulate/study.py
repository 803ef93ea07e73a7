"""All policies in all cities with the same calls: what is measured, compared, and held against the targets."""

from typing import Any

import numpy as np

from bench.simulate import policies, surge
from bench.simulate.city import City
from bench.simulate.intervals import change, interval
from bench.simulate.world import World, draw_calls

LOADS, LOAD = (0.1, 0.2, 0.3), 0.2
"""Shares of the time a unit is on a scene; the targets are held against the middle one."""

AGAINST = {
    "road": ("airline",),
    "posts": ("airline", "road"),
    "redeployed": ("posts",),
    "redeployed_by_time": ("posts",),
    "coverage_dispatch": ("posts",),
}

TARGETS = (
    ("shanghai_centre", "road", "airline", "mean", -0.18),
    ("shanghai_centre", "road", "airline", "late", -0.50),
    ("shanghai_centre", "posts", "airline", "mean", -0.35),
    ("wuhan", "posts", "airline", "mean", -0.20),
    ("shanghai_centre", "redeployed_by_time", "posts", "late", -0.168),
    ("shanghai_centre", "redeployed_by_time", "posts", "mean", 0.05),
    ("wuhan", "redeployed_by_time", "posts", "late", -0.168),
    ("wuhan", "redeployed_by_time", "posts", "mean", 0.05),
)
"""City, policy, what it is held against, what of it, and the change that is asked for at most."""


def run(cities: list[City], seeds: int) -> dict[str, object]:
    """Run everything and return what was found."""
    found = {
        city.setting.name: {str(load): _compare(city, load, seeds if load == LOAD else seeds // 2) for load in LOADS}
        for city in cities
    }
    return {
        "seeds": seeds,
        "load": LOAD,
        "cities": {
            city.setting.name: {
                "units": city.setting.units,
                "limit_s": city.setting.limit_s,
                "posts_gap": city.gap,
                "loads": found[city.setting.name],
                "surge": surge.measure(city),
            }
            for city in cities
        },
        "targets": [_judge(found, target) for target in TARGETS if target[0] in found],
    }


def _compare(city: City, load: float, seeds: int) -> dict[str, dict[str, object]]:
    means, lates = dict[str, list[float]](), dict[str, list[float]]()
    for name, policy in policies.of(city, load).items():
        runs = [World(city, policy, draw_calls(city, load, seed), policy.start(city, seed)).run()
                for seed in range(seeds)]  # fmt: skip
        means[name] = [float(np.mean(one)) for one in runs]
        lates[name] = [float(np.mean(one > city.setting.limit_s)) for one in runs]
    return {
        name: {
            "mean_s": interval(means[name]),
            "late": interval(lates[name]),
            "against": {
                base: {"mean": change(means[name], means[base]), "late": change(lates[name], lates[base])}
                for base in AGAINST.get(name, ())
            },
        }
        for name in means
    }


def _judge(found: dict[str, Any], target: tuple[str, str, str, str, float]) -> dict[str, object]:
    city, policy, base, what, most = target
    figure = found[city][str(LOAD)][policy]["against"][base][what]
    return {
        "city": city, "policy": policy, "against": base, "what": what, "target": most, "found": figure,
        "met": figure["mean"] <= most,
    }  # fmt: skip
