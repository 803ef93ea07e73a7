"""The engine beside pgRouting on the same question in the same run: which 5 of 200 units are soonest.

pgRouting is asked twice: over the whole network, and within a box that holds all units and the scene, which is the best
that can be done for it without knowing the answer. Both are asked with the graph turned round, one search for all.
The answers have to be the same. The roads are not part of the repository: without them this prints that it was skipped.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np
import psycopg

from bench import gateway, recommend
from geo.roads import RoadGraph
from services.ingest import roads as files

SPREAD_DEG = 0.05
EDGES = (
    "SELECT edge_id AS id, target AS source, source AS target, cost_s AS cost, reverse_cost_s AS reverse_cost "
    "FROM road_edge"
)
QUESTION = (
    "SELECT end_vid, agg_cost FROM pgr_dijkstraCost('{edges}', %s::bigint, %s::bigint[]) ORDER BY agg_cost LIMIT %s"
)
BOX = " WHERE shape && ST_MakeEnvelope({}, {}, {}, {}, 4490)"
LIMITS = {"times_pgrouting": 50}


def boxed(graph: RoadGraph, nodes: list[int]) -> str:
    """Return the question within the box of some nodes, a kilometre wider."""
    lon, lat = graph.at_nodes(nodes).place.T
    edges = EDGES + BOX.format(lon.min() - 0.01, lat.min() - 0.01, lon.max() + 0.01, lat.max() + 0.01)
    return QUESTION.format(edges=edges)


def measure(url: str, graph: RoadGraph, rounds: int) -> dict[str, object]:
    """Ask both the same; units stand anywhere, and in a second round within some kilometres of the scene."""
    rng, found = np.random.default_rng(3), {}
    lon_lat = graph.line_of(graph.nodes)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pgrouting")
        for name in ("whole_city", "near_in_a_box"):
            ours, theirs = list[float](), list[float]()
            for _ in range(rounds):
                scene = graph.nodes[rng.integers(len(graph.nodes))]
                near = graph.nodes[np.abs(lon_lat - graph.line_of(np.array([scene]))).max(axis=1) < SPREAD_DEG]
                pool = graph.nodes if name == "whole_city" else near
                units = graph.network.node_id[rng.choice(pool, recommend.UNITS, replace=len(pool) < recommend.UNITS)]
                here = int(graph.network.node_id[scene])
                there = np.unique(units).tolist()
                question = QUESTION.format(edges=EDGES) if name == "whole_city" else boxed(graph, [here, *there])
                began = time.perf_counter()
                expected = connection.execute(question, [here, there, recommend.COUNT]).fetchall()  # type: ignore[arg-type]
                theirs.append(time.perf_counter() - began)
                began = time.perf_counter()
                ways = graph.nearest(graph.at_nodes(here), graph.at_nodes(there), recommend.COUNT)
                ours.append(time.perf_counter() - began)
                if name == "whole_city":
                    np.testing.assert_allclose([way.time_s for way in ways], [row[1] for row in expected], atol=1e-6)
                else:  # who is cut off by the box can only look later
                    assert all(way.time_s <= row[1] + 1e-6 for way, row in zip(ways, expected, strict=False))  # noqa: S101
            found[name] = {
                **recommend.quantiles_ms("engine", ours), **recommend.quantiles_ms("pgrouting", theirs),
                "times_pgrouting": round(statistics.median(theirs) / statistics.median(ours), 1),
            }  # fmt: skip
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIANSHU_SHARED_DATA", "../shared/data")))
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    folder = options.data / "roads" / recommend.NETWORK
    if not folder.is_dir():
        print(json.dumps({"figure": "pgrouting", "skipped": "the roads of Wuhan are not on this machine: give --data"}))
        return
    table = files.read(folder)
    with gateway.database(0) as url:
        asyncio.run(recommend.store(url, table))
        graph = RoadGraph(table.network)
        _ = graph.pace_s_per_m, graph.top_mps  # the service fits them when it loads the network
        found = measure(url, graph, options.rounds)
    print(json.dumps({"figure": "pgrouting", "machine": gateway.machine(), "limits": LIMITS, **found}))


if __name__ == "__main__":
    main()
