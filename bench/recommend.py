"""Who of 200 units is soonest at a place in Wuhan: the engine alone, pgRouting on the same question, and over HTTP.

Over HTTP every question is about another call, while the 200 units report 500 fixes a second through the gateway. The
roads are not part of the repository: without them this prints that it was skipped.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import psycopg
import uvloop

from bench import gateway
from bench.connections import token_of
from bench.ingest import free_port
from geo.roads import RoadGraph
from services import access, roads
from services.audit import Ledger
from services.db.engine import make_engine, writing
from services.ingest import jt808
from services.ingest import roads as files
from services.ingest.jt808 import build

UNITS, COUNT = 200, 5
FIXES_PER_S = 500
JITTER_DEG = 1e-4
NETWORK = "wuhan"
LIMITS = {"engine_p99_ms": 5, "http_p99_ms": 50, "times_pgrouting": 50}
ROUTED = (
    "SELECT end_vid, agg_cost FROM pgr_dijkstraCost('SELECT edge_id AS id, target AS source, source AS target, "
    "cost_s AS cost, reverse_cost_s AS reverse_cost FROM road_edge', %s::bigint, %s::bigint[]) "
    "ORDER BY agg_cost LIMIT %s"
)


def quantiles_ms(name: str, times_s: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile."""
    cuts = statistics.quantiles(times_s, n=100)
    return {f"{name}_p50_ms": round(cuts[49] * 1000, 2), f"{name}_p99_ms": round(cuts[98] * 1000, 2)}


def measure_engine(graph: RoadGraph, rounds: int, rng: np.random.Generator) -> dict[str, float]:
    """Units and scenes beside the roads, new ones every time: tying them to the roads is part of it.

    The processor's time tells the figure of a machine that has other things to do, too.
    """
    _ = graph.pace_s_per_m, graph.top_mps  # the service fits them when it loads the network
    times_s, busy_s = [], []
    for _ in range(rounds):
        (scene_lon, scene_lat), (lon, lat) = places(graph, rng, 1), places(graph, rng, UNITS)
        began, busy = time.perf_counter(), time.thread_time()
        graph.nearest_places(graph.at_places(scene_lon, scene_lat), lon, lat, COUNT)
        times_s.append(time.perf_counter() - began)
        busy_s.append(time.thread_time() - busy)
    return quantiles_ms("engine", times_s) | quantiles_ms("engine_processor", busy_s)


def places(graph: RoadGraph, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return lon and lat of places near nodes of the network."""
    rows = rng.integers(len(graph.network.node_id), size=count)
    at = np.array([graph.network.lon_deg[rows], graph.network.lat_deg[rows]])
    return at + rng.normal(0, JITTER_DEG, at.shape)


def measure_pgrouting(url: str, graph: RoadGraph, rounds: int, rng: np.random.Generator) -> dict[str, float]:
    """Ask both for the same: units and scene are nodes, the graph reversed, one to many. The answers must agree."""
    ours, theirs = [], []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pgrouting")
        for _ in range(rounds):
            scene, *units = rng.choice(graph.network.node_id, UNITS + 1, replace=False).tolist()
            began = time.perf_counter()
            expected = connection.execute(ROUTED, [scene, units, COUNT]).fetchall()
            theirs.append(time.perf_counter() - began)
            began = time.perf_counter()
            found = graph.nearest(graph.at_nodes(scene), graph.at_nodes(units), COUNT)
            ours.append(time.perf_counter() - began)
            np.testing.assert_allclose([way.time_s for way in found], [row[1] for row in expected], atol=1e-6)
    result = quantiles_ms("engine_on_nodes", ours) | quantiles_ms("pgrouting", theirs)
    return result | {"times_pgrouting": round(statistics.median(theirs) / statistics.median(ours), 1)}


async def store(url: str, table: files.Roads) -> None:
    """Import the network."""
    engine = make_engine(url)
    operator, now = access.system_mandate(Ledger(engine)), datetime.now(UTC)
    async with writing(engine) as db:
        await roads.import_network(operator, db, table, name=NETWORK, attribution="", synthetic=False, now=now)
    await engine.dispose()


async def report(graph: RoadGraph, number: int, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """One unit: a fix every 0.4 s near a node of its own, until it is cancelled."""
    reader, writer = pair
    rng, serial = np.random.default_rng(number), 1
    home = places(graph, rng, 1)[:, 0]
    every_s = UNITS / FIXES_PER_S
    due = time.perf_counter() + rng.uniform(0, every_s)
    while True:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        due, serial = due + every_s, serial + 1
        lon, lat = home + rng.normal(0, JITTER_DEG, 2)
        fix = build.position(datetime.now(UTC).replace(microsecond=0), lon, lat)
        writer.write(jt808.frame(fix, phone=gateway.phone(number), serial=serial & 0xFFFF))
        await reader.read(1000)


async def ask(
    api: tuple[int, int], token: str, graph: RoadGraph, rounds: int, stored: Callable[[], int]
) -> dict[str, float]:
    """One dispatcher's page: a new call, then who could go; return the times of the second."""
    rng, headers = np.random.default_rng(7), {"Authorization": f"Bearer {token}"}
    times_s, units, estimated = list[float](), list[int](), 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api[0]}", headers=headers, timeout=60) as desk:
        before, began, busy_s = stored(), time.perf_counter(), gateway.cpu_s(api[1])
        for _ in range(rounds):
            lon, lat = places(graph, rng, 1)[:, 0]
            body = {"kind": "other", "priority": 3, "lon_deg": lon, "lat_deg": lat, "outside_confirmed": True}
            call = (await desk.post("/calls", json=body)).raise_for_status().json()
            asked = time.perf_counter()
            answer = (await desk.get(f"/calls/{call['id']}/recommendations")).raise_for_status()
            times_s.append(time.perf_counter() - asked)
            units.append(len(answer.json()))
            estimated += sum(item["estimated"] for item in answer.json())
            await asyncio.sleep(0.05)
        took_s, busy_s = time.perf_counter() - began, gateway.cpu_s(api[1]) - busy_s
    return quantiles_ms("http", times_s) | {
        "api_processor_ms_per_call_and_question": round(busy_s / rounds * 1000, 1),
        "fixes_per_s": round((stored() - before) / took_s),
        "fewest_units": min(units),
        "estimated": estimated,
    }


async def measure_http(
    *, port: int, api: tuple[int, int], token: str, graph: RoadGraph, rounds: int, url: str
) -> dict[str, float]:
    """Let the fleet report, and ask meanwhile; `api` is its port and process."""
    with psycopg.connect(url, autocommit=True) as connection:
        async with gateway.fleet(port, UNITS) as pairs:
            driving = [asyncio.create_task(report(graph, number, pair)) for number, pair in enumerate(pairs, 1)]
            await asyncio.sleep(10)  # the API takes the network up
            result = await ask(api, token, graph, rounds, lambda: _count(connection))
            for task in driving:
                task.cancel()
            await asyncio.gather(*driving, return_exceptions=True)
    return result


def _count(connection: psycopg.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM fix").fetchone()[0])  # type: ignore[index]


@contextmanager
def _service(url: str) -> Iterator[tuple[int, tuple[int, int]]]:
    port, page, api_port = free_port(), free_port(), free_port()
    wide = {"TIANSHU_ROAD_NETWORK": NETWORK, "TIANSHU_DISPATCH_RADIUS_M": "100000"}  # all 200 are considered
    with (
        gateway.process("gateway", url=url, port=port, page=page),
        gateway.process("api", url=url, port=port, page=api_port, **wide) as pid,
    ):
        yield port, (api_port, pid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIANSHU_SHARED_DATA", "../shared/data")))
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--routed", type=int, default=30)
    parser.add_argument("--asked", type=int, default=400)
    options = parser.parse_args()
    result: dict[str, object] = {"figure": "recommend", "machine": gateway.machine(), "units": UNITS, "limits": LIMITS}
    folder = options.data / "roads" / NETWORK
    if not folder.is_dir():
        print(json.dumps(result | {"skipped": "the roads of Wuhan are not on this machine: give --data"}))
        return
    table, rng = files.read(folder), np.random.default_rng(1)
    graph = RoadGraph(table.network)
    result |= measure_engine(graph, options.rounds, rng)
    with gateway.database(UNITS) as url:
        asyncio.run(store(url, table))
        result |= measure_pgrouting(url, graph, options.routed, rng)
        token = asyncio.run(token_of(url))
        with _service(url) as (port, api):
            result |= uvloop.run(
                measure_http(port=port, api=api, token=token, graph=graph, rounds=options.asked, url=url)
            )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
