"""Beats, checkpoints and plans of the demo city: invented, at corners of its invented roads."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import shapely
from rich.console import Console
from shapely.geometry import Point, mapping
from shapely.geometry import shape as shape_of

from demo import ground, lines
from demo.door import Door
from demo.network import Network

SEED = 5
BEATS = (
    ("示例·老城巡区", "430203", 113.1500, 27.8330, 1500.0),
    ("示例·河西巡区", "430211", 113.1050, 27.8250, 1700.0),
    ("示例·城北巡区", "430204", 113.1250, 27.8700, 1600.0),
)
"""Name, division (芦淞, 天元, 石峰), middle, radius in metres."""

CHECKPOINTS = (
    ("示例·火车站广场", 113.1490, 27.8370), ("示例·步行街口", 113.1545, 27.8320), ("示例·老桥东头", 113.1400, 27.8300),
    ("示例·体育中心北门", 113.0980, 27.8290), ("示例·学校路口", 113.1080, 27.8200),
    ("示例·医院急诊口", 113.1010, 27.8180),
    ("示例·批发市场", 113.1220, 27.8680), ("示例·物流园南门", 113.1290, 27.8750),
)  # fmt: skip
RADIUS_M, DWELL_S = 80.0, 120
PLAN = timedelta(hours=8)
CREWS = 3
"""So many cars have a plan each."""


async def patrols(network: Network, desk: Door, now: datetime, console: Console) -> None:
    """Draw beats, set checkpoints, and ask some cars to visit them in the next hours; what is there already stays."""
    beats = {beat["name"]: beat async for beat in desk.pages("/beats")}
    rng = np.random.default_rng(SEED)
    for name, division, lon_deg, lat_deg, radius_m in BEATS:
        middle = ground.to_metres(Point(lon_deg, lat_deg))
        outline = lines.blob(rng, (middle.x, middle.y), radius_m).simplify(radius_m / 20)
        shape = mapping(shapely.set_precision(ground.to_degrees(outline), 1e-6))
        if name not in beats:
            beats[name] = await desk.post("/beats", {"name": name, "division": division, "shape": shape})
    known = {one["name"]: one["id"] async for one in desk.pages("/checkpoints")}
    for name, lon_deg, lat_deg in CHECKPOINTS:
        if name not in known:
            made = _checkpoint(network, name, lon_deg, lat_deg)
            made["beat_id"] = _beat_at(beats.values(), made["lon_deg"], made["lat_deg"])
            known[name] = (await desk.post("/checkpoints", made))["id"]
    span = {"start": now.isoformat(), "end": (now + PLAN).isoformat()}
    if (await desk.get("/patrols/plans", **span))["items"]:
        return
    cars = [unit["id"] async for unit in desk.pages("/units") if unit["kind"] == "car"]
    stops = [known[name] for name, *_ in CHECKPOINTS]
    for number, unit_id in enumerate(cars[:CREWS]):
        await desk.post("/patrols/plans", _plan(unit_id, stops[number::CREWS], now))
    console.print(f"[green]✓[/] Patrols: {len(BEATS)} beats, {len(CHECKPOINTS)} checkpoints, {CREWS} plans")


def _checkpoint(network: Network, name: str, lon_deg: float, lat_deg: float) -> dict[str, Any]:
    """Return a checkpoint at the corner nearest to a place."""
    node = int(((network.lon_deg - lon_deg) ** 2 + (network.lat_deg - lat_deg) ** 2).argmin())
    place = {"lon_deg": float(network.lon_deg[node]), "lat_deg": float(network.lat_deg[node])}
    return {"name": name, **place, "radius_m": RADIUS_M, "dwell_s": DWELL_S}


def _beat_at(beats: Iterable[dict[str, Any]], lon_deg: float, lat_deg: float) -> int | None:
    """Return the beat that a place lies in."""
    here = Point(lon_deg, lat_deg)
    return next((int(beat["id"]) for beat in beats if shapely.intersects(shape_of(beat["shape"]), here)), None)


def _plan(unit_id: int, stops: list[int], now: datetime) -> dict[str, Any]:
    return {
        "unit_id": unit_id, "name": "示例·巡逻", "starts_at": now.isoformat(), "ends_at": (now + PLAN).isoformat(),
        "stops": [{"checkpoint_id": stop} for stop in stops],
    }  # fmt: skip
