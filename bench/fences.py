"""Fixes a second that the fence engine handles beside 10,000 areas, and the time of one fix alone.

The engine does all that the watcher does but the database: find the areas that matter, weigh the evidence, step the
hysteresis. Beside it in the same run: the limit, a bare tree over the same areas asked for boxes that hold a point; and
the naive way, every polygon asked for every point.
"""

import json
import os
import platform
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely

from api.gateway import server
from geo import fences
from geo.fix import Fix
from services.areas.board import Board, build
from services.areas.glance import Glance, Pair
from services.db.tables.areas import AreaRule

AREAS, DEVICES, SECONDS, EVERY_S = 10_000, 5_000, 300, 10
SINGLES, NAIVE = 2_000, 20
WEST, SOUTH, EAST, NORTH = 112.9, 27.6, 113.4, 28.0
"""About 49 km by 44 km, the city of Zhuzhou and its surroundings."""

DEGREE_M = 1 / 111_000
START = datetime(2026, 5, 1, tzinfo=UTC)
TRIGGERS = ("enter", "leave", "dwell", "enter", "leave", "enter", "leave", "enter", "leave", "cross")


def shapes(rng: random.Random) -> list[shapely.Polygon]:
    """Return stars of 6 to 24 corners, 40 m to 400 m from their middle."""
    return [_star(rng) for _ in range(AREAS)]


def _star(rng: random.Random) -> shapely.Polygon:
    x, y, size = rng.uniform(WEST, EAST), rng.uniform(SOUTH, NORTH), rng.uniform(40, 400) * DEGREE_M
    corners = rng.randrange(6, 25)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = size * np.array([rng.uniform(0.6, 1) for _ in range(corners)])
    return shapely.Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)]))


def make_board(polygons: Sequence[shapely.Polygon]) -> Board:
    """Return the areas with a rule each: of ten, four enter, four leave, one dwell, one cross."""
    rules = [
        AreaRule(id=i, area_id=i, trigger=TRIGGERS[i % 10], dwell_s=60, confirm_fixes=2, confirm_s=0, severity="notice")
        for i in range(len(polygons))
    ]
    return build(1, [(i, shapely.to_wkb(polygon)) for i, polygon in enumerate(polygons)], rules)


def drive(rng: random.Random) -> Iterator[list[Fix]]:
    """Yield batches of one fix a device: every vehicle drives straight at 5 to 20 m/s and turns now and then."""
    place = [[rng.uniform(WEST, EAST), rng.uniform(SOUTH, NORTH), rng.uniform(0, 6.28)] for _ in range(DEVICES)]
    speed = [rng.uniform(5, 20) for _ in range(DEVICES)]
    for step in range(SECONDS // EVERY_S):
        at = START + timedelta(seconds=step * EVERY_S)
        yield [Fix(device, at, x, y, step) for device, (x, y, _) in enumerate(place)]
        for here, mps in zip(place, speed, strict=True):
            here[2] += rng.choice((0, 0, 0, 1.57, -1.57))
            here[0] += mps * EVERY_S * DEGREE_M * np.cos(here[2])
            here[1] += mps * EVERY_S * DEGREE_M * np.sin(here[2])


def handle(board: Board, states: dict[Pair, fences.State], busy: dict[int, set[Pair]], fixes: Sequence[Fix]) -> int:
    """Do what the watcher does, with dictionaries for tables; return how many events there were."""
    glance = Glance.of(board, fixes)
    glance.measure()
    glance.before = {device: board.last[device] for device in glance.spans if device in board.last}
    glance.trace()
    pairs = glance.pairs().union(*(busy.get(device, ()) for device in glance.spans))
    glance.measure_before({device for rule, device in pairs if (rule, device) not in states})
    count = 0
    for pair, (state, events) in glance.step(pairs, states).items():
        count += len(events)
        if state is not None:
            states[pair] = state
            mine = busy.setdefault(pair[1], set())
            (mine.discard if state.idle else mine.add)(pair)
    board.remember(glance.fixes[span[-1]] for span in glance.spans.values())
    return count


def measure() -> dict[str, object]:
    """Run all and return the figures."""
    rng = random.Random(1)
    polygons = shapes(rng)
    started = time.perf_counter()
    board = make_board(polygons)
    build_s = time.perf_counter() - started
    server.spare_collector()
    states, busy = dict[Pair, fences.State](), dict[int, set[Pair]]()
    batches = list(drive(rng))
    started, cpu = time.perf_counter(), time.process_time()
    events = sum(handle(board, states, busy, batch) for batch in batches[:-1])
    batched_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    fixes = sum(map(len, batches[:-1]))
    singles_s = [_time(lambda fix=fix: handle(board, states, busy, [fix])) for fix in batches[-1][:SINGLES]]
    engine, limit, naive = fixes / batched_s, _limit(polygons, batches), _naive(polygons, batches[0][:NAIVE])
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "areas": AREAS, "devices": DEVICES, "fixes": fixes, "batch": DEVICES, "events": events,
        "pairs_met": len(states), "build_s": round(build_s, 2),
        "engine_fixes_per_s": round(engine), "engine_fixes_per_cpu_s": round(fixes / cpu_s),
        "single_fix_p50_ms": _ms(singles_s, 50), "single_fix_p95_ms": _ms(singles_s, 95), "load": os.getloadavg()[0],
        "limit_bare_tree_fixes_per_s": round(limit), "engine_to_limit": round(engine / limit, 3),
        "naive_fixes_per_s": round(naive, 1), "engine_to_naive": round(engine / naive),
    }  # fmt: skip


def _limit(polygons: Sequence[shapely.Polygon], batches: Sequence[Sequence[Fix]]) -> float:
    tree = shapely.STRtree(polygons)
    points = [shapely.points([(fix.lon_deg, fix.lat_deg) for fix in batch]) for batch in batches]
    seconds = _time(lambda: [tree.query(batch) for batch in points])
    return sum(map(len, batches)) / seconds


def _naive(polygons: Sequence[shapely.Polygon], fixes: Sequence[Fix]) -> float:
    points = [shapely.Point(fix.lon_deg, fix.lat_deg) for fix in fixes]
    return len(points) / _time(lambda: [[polygon.contains(point) for polygon in polygons] for point in points])


def _time(what: object) -> float:
    started = time.perf_counter()
    what()  # type: ignore[operator]
    return time.perf_counter() - started


def _ms(seconds: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1000, 3)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
