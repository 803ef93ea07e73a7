"""Four weeks of invented calls that are over, with busy places and hours, brought in like those of any city."""

import asyncio
import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import shapely
from rich.console import Console

from demo import ground, seed
from demo.caller import KINDS, MARK, WEIGHTS
from demo.door import Door
from demo.network import Ints, Network
from demo.people import PlannedUnit

SEED = 11
BEIJING = timezone(timedelta(hours=8))
CALLS, DAYS = 400, 28
BUSY_PLACES, BUSY_SHARE, SPREAD_M = 9, 0.62, 260.0
HOURS = (6, 4, 3, 2, 2, 2, 4, 8, 11, 10, 9, 10, 11, 9, 9, 10, 11, 13, 15, 16, 17, 16, 13, 9)
"""How many calls each hour of the day gets beside the others, Beijing time: an assumption."""

LATEST = timedelta(hours=4)
"""The last call is so old, and over."""

RESULTS = ("settled", "mediated", "public_order_case", "helped", "not_found", "false_alarm")
RESULT_SHARES = (0.34, 0.22, 0.16, 0.14, 0.09, 0.05)
NOBODY_CAME = 0.05
NEARLY = 6
"""A call is answered by one of so many units that are nearest."""

MOMENTS = ("signed_at", "dispatched_at", "en_route_at", "on_scene_at", "feedback_at", "clear_at", "closed_at")
COLUMNS = ("number", "kind", "priority", "taken_at", "lon", "lat", "address", "notes", "unit", *MOMENTS, "result_code")


async def past_calls(
    network: Network, units: Sequence[PlannedUnit], folder: Path, desk: Door, console: Console
) -> None:
    """Import four weeks of calls with `tianshu import calls`, unless there are calls of that time."""
    now = datetime.now(UTC)
    span = {"start": (now - timedelta(days=DAYS)).isoformat(), "end": (now - LATEST).isoformat(), "by": "hour"}
    if (await desk.get("/reports/response", **span))["total"]["calls"]:
        return
    path = await asyncio.to_thread(write, folder, build(network, units, now))
    await seed.command(
        "import", "calls", str(path), "--crs", "cgcs2000", "--rejects", str(folder / "calls.rejects.csv")
    )
    console.print(f"[green]✓[/] Past calls: {CALLS} of {DAYS} days")


def write(folder: Path, rows: Iterable[dict[str, str]]) -> Path:
    """Write the table as `calls.csv` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "calls.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.DictWriter(file, COLUMNS)
        sheet.writeheader()
        sheet.writerows(rows)
    return path


def build(network: Network, units: Sequence[PlannedUnit], now: datetime) -> list[dict[str, str]]:
    """Return the rows; the same for the same network, units and hour."""
    rng = np.random.default_rng(SEED)
    corners = _corners(network)
    busy, weights = rng.choice(corners, BUSY_PLACES, replace=False), rng.dirichlet(np.full(BUSY_PLACES, 2.0))
    cars = [unit for unit in units if unit.kind in ("car", "motorcycle")]
    rows = []
    for number in range(CALLS):
        edge = int(rng.choice(busy, p=weights) if rng.random() < BUSY_SHARE else rng.choice(corners))
        call = _call(rng, network, edge, _moment(rng, now), cars)
        rows.append(call | {"number": f"demo-{call['taken_at'][:10]}-{number:03d}"})
    return rows


def _corners(network: Network) -> Ints:
    """Return the named streets of the urban districts, by the positions of their edges."""
    named = np.flatnonzero(
        [bool(name) and kind == "residential" for name, kind in zip(network.name, network.highway, strict=True)]
    )
    node = network.source[named] - 1
    at = ground.to_metres(shapely.points(network.lon_deg[node], network.lat_deg[node]))
    districts = ground.load().districts
    urban = shapely.union_all([districts[code][1] for code in ground.URBAN_DISTRICTS])
    shapely.prepare(urban)
    found: Ints = named[shapely.contains(urban, at)]
    return found


def _call(
    rng: np.random.Generator, network: Network, edge: int, taken_at: datetime, cars: Sequence[PlannedUnit]
) -> dict[str, str]:
    """Return a call near an edge, and what became of it."""
    kind, priority, sayings = KINDS[int(rng.choice(len(KINDS), p=np.array(WEIGHTS) / sum(WEIGHTS)))]
    node = int(network.source[edge]) - 1
    at = ground.to_metres(shapely.Point(network.lon_deg[node], network.lat_deg[node]))
    place = ground.to_degrees(shapely.Point(at.x + rng.normal(0, SPREAD_M / 2), at.y + rng.normal(0, SPREAD_M / 2)))
    came = rng.random() >= NOBODY_CAME
    row = {
        "kind": kind, "priority": str(priority),
        "taken_at": taken_at.isoformat(), "lon": f"{place.x:.6f}", "lat": f"{place.y:.6f}",
        "address": f"{network.name[edge]}{rng.integers(1, 380)}号附近", "notes": MARK + str(rng.choice(sayings)),
        "unit": _near(rng, cars, place).call_sign if came else "",
        "result_code": str(rng.choice(RESULTS, p=RESULT_SHARES)) if came else "withdrawn",
    }  # fmt: skip
    return row | {name: moment.isoformat() for name, moment in _way(rng, taken_at, came=came, urgent=priority == 1)}


def _moment(rng: np.random.Generator, now: datetime) -> datetime:
    """Return a time of the last weeks, at a busy hour rather than a quiet one."""
    hour = int(rng.choice(24, p=np.array(HOURS) / sum(HOURS)))
    beijing = (now - timedelta(days=int(rng.integers(1, DAYS)))).astimezone(BEIJING)
    at = beijing.replace(hour=hour, minute=int(rng.integers(60)), second=int(rng.integers(60)), microsecond=0)
    return at if at < now - LATEST else at - timedelta(days=1)


def _near(rng: np.random.Generator, cars: Sequence[PlannedUnit], place: shapely.Point) -> PlannedUnit:
    away = [(car.lon_deg - place.x) ** 2 + (car.lat_deg - place.y) ** 2 for car in cars]
    return cars[int(rng.choice(np.argsort(away)[:NEARLY]))]


def _way(rng: np.random.Generator, taken_at: datetime, *, came: bool, urgent: bool) -> list[tuple[str, datetime]]:
    """Return what happened when: seconds are drawn from log-normal spreads around usual ones (an assumption)."""

    def after(usual_s: float, most_s: float) -> float:
        return float(min(usual_s * rng.lognormal(0, 0.6), most_s))

    signed_s = after(22, 300)
    if not came:
        return [
            ("signed_at", taken_at + timedelta(seconds=round(signed_s))),
            ("closed_at", taken_at + timedelta(minutes=30)),
        ]
    dispatched_s = signed_s + after(25, 200)
    en_route_s = dispatched_s + after(35 if urgent else 55, 400)
    on_scene_s = en_route_s + after(130 if urgent else 190, 1500)
    feedback_s = on_scene_s + after(700, 3000)
    clear_s = feedback_s + after(600, 2400)
    steps = (signed_s, dispatched_s, en_route_s, on_scene_s, feedback_s, clear_s, clear_s + after(120, 900))
    return [(name, taken_at + timedelta(seconds=round(step_s))) for name, step_s in zip(MOMENTS, steps, strict=True)]
