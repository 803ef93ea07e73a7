"""Rounds of 6 cars over 60 checkpoints with time windows: how near three seconds come to thirty.

Half of the checkpoints have a window of two hours, each stay is five minutes, the duty eight hours; the roads are those
of Wuhan. On a machine that has other things to do the processor's time tells how much of the three seconds was had. The
roads are not part of the repository: without them this prints that it was skipped.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from geo import coverage, rounds
from geo.roads import RoadGraph
from services.ingest import roads as files

NETWORK = "wuhan"
CHECKPOINTS, CARS = 60, 6
DUTY_S, STAY_S, WINDOW_S = 8 * 3600, 300, 2 * 3600
LIMITS = {"worse_than_30_s": 0.02, "seconds": 3}
NEAR_M = 0.12  # degrees around the middle: a city, not its rural rim


def case(graph: RoadGraph, seed: int) -> tuple[np.ndarray, list[rounds.Stop]]:
    """Return the travel times between cars and checkpoints, and the tasks."""
    rng = np.random.default_rng(seed)
    west, south, east, north = graph.bounds_deg
    middle = np.array([(west + east) / 2, (south + north) / 2])
    lon_lat = graph.line_of(graph.nodes)
    inside = graph.nodes[np.abs(lon_lat - middle).max(axis=1) < NEAR_M]
    index = rng.choice(inside, CARS + CHECKPOINTS, replace=False)
    places = graph.at_nodes(graph.network.node_id[index])
    starts = rng.integers(0, DUTY_S - WINDOW_S - 3600, CHECKPOINTS)
    free = rng.random(CHECKPOINTS) < 0.5
    tasks = [
        rounds.Stop(STAY_S, 0, DUTY_S - 3600) if anytime else rounds.Stop(STAY_S, int(start), int(start) + WINDOW_S)
        for anytime, start in zip(free, starts, strict=True)
    ]
    return coverage.times_s(graph, places, places), tasks


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIANSHU_SHARED_DATA", "../shared/data")))
    parser.add_argument("--cases", type=int, default=5)
    options = parser.parse_args()
    folder = options.data / "roads" / NETWORK
    if not folder.is_dir():
        print(
            json.dumps({"figure": "patrol_plan", "skipped": "the roads of Wuhan are not on this machine: give --data"})
        )
        return
    graph = RoadGraph(files.read(folder).network)
    cars, found = [rounds.Car(0, DUTY_S)] * CARS, []
    for seed in range(options.cases):
        began = time.perf_counter()
        times_s, tasks = case(graph, seed)
        matrix_s = time.perf_counter() - began
        began, busy = time.perf_counter(), time.process_time()
        quick = rounds.plan_rounds(times_s, tasks, cars, seconds=max(0.5, 3 - matrix_s))
        quick_s, busy_s = time.perf_counter() - began + matrix_s, time.process_time() - busy
        busy = time.process_time()
        long = rounds.plan_rounds(times_s, tasks, cars, seconds=30)
        long_s = time.process_time() - busy
        found.append(
            {
                "drive_s": quick.drive_s, "drive_30_s": long.drive_s, "left_out": len(quick.left_out),
                "worse": round(quick.drive_s / long.drive_s - 1, 4), "took_s": round(quick_s, 2),
                "processor_s": round(busy_s, 2), "processor_30_s": round(long_s, 2),
            }
        )  # fmt: skip
    print(json.dumps({"figure": "patrol_plan", "limits": LIMITS, "checkpoints": CHECKPOINTS, "cars": CARS,
                      "worst": max(one["worse"] for one in found), "cases": found}))  # fmt: skip


if __name__ == "__main__":
    main()
