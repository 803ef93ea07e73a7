"""A town on both banks of a river with one bridge in the north, and units in it.

2 ──── 4      longitude 113.13 and 113.14, latitude 27.86
│      │
1  ~~  3      27.83; the river is between them
       │
       5      27.81, and an island far off: 8 ── 9
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from geo import crs
from geo.fix import Fix
from geo.roads import Modes, Network, RoadGraph
from services import access, roads, tracks
from services.audit import Ledger
from services.db.engine import writing
from services.db.tables.fleet import Device
from services.ingest.roads import Roads
from tests.builders.carriage import make_unit

NODES = {
    1: (113.13, 27.83), 2: (113.13, 27.86), 3: (113.14, 27.83), 4: (113.14, 27.86), 5: (113.14, 27.81),
    8: (113.20, 27.80), 9: (113.21, 27.80),
}  # fmt: skip
EDGES = ((1, 2, "primary", "西岸路"), (2, 4, "trunk", "大桥"), (4, 3, "residential", "东岸路"),
         (3, 5, "residential", "东岸路"), (8, 9, "residential", "岛上路"))  # fmt: skip
SPEED_MPS = 10.0

SCENE = NODES[3]
WEST = NODES[1]  # 985 m from the scene as the crow flies, 7.7 km by road
SOUTH = NODES[5]  # 2.2 km either way
ISLAND = NODES[8]


def square(lon_deg: float, lat_deg: float, half_deg: float = 0.005) -> dict[str, Any]:
    """Return the ground around a place as GeoJSON."""
    (west, east), (south, north) = (lon_deg - half_deg, lon_deg + half_deg), (lat_deg - half_deg, lat_deg + half_deg)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def plan() -> Roads:
    """Return the town's roads, both ways everywhere at 10 m/s."""
    ids = np.array(list(NODES))
    lon, lat = np.array(list(NODES.values())).T
    source, target = np.array([edge[:2] for edge in EDGES]).T
    a, b = np.searchsorted(ids, source), np.searchsorted(ids, target)
    length_m = crs.haversine_m(lon[a], lat[a], lon[b], lat[b])
    network = Network(ids, lon, lat, source, target, length_m, length_m / SPEED_MPS, length_m / SPEED_MPS)
    return Roads(network, np.arange(1, 1 + len(EDGES)), [edge[2] for edge in EDGES], [edge[3] for edge in EDGES])


def graph() -> RoadGraph:
    """Return the town ready to be searched."""
    return RoadGraph(plan().network)


def modes() -> Modes:
    """Return the town as it is driven and walked."""
    return Modes.of(plan().network, cover_s=300.0)


async def store_roads(engine: AsyncEngine, name: str = "zhuzhou", table: Roads | None = None) -> None:
    """Import the town, or other roads, as an operator does."""
    operator = access.system_mandate(Ledger(engine))
    async with writing(engine) as db:
        await roads.import_network(
            operator, db, table or plan(), name=name, attribution="", synthetic=True, now=datetime.now(UTC)
        )


async def place_units(engine: AsyncEngine, places: Sequence[tuple[float, float]], at: datetime) -> list[int]:
    """Create a free car at each place, heard of at a time, and return their ids; the call signs are U1, U2, …"""
    ids = []
    async with writing(engine) as db:
        for number, (lon_deg, lat_deg) in enumerate(places, 1):
            device = insert(Device).values(phone=f"1380000{number:04}").returning(Device.id)
            device_id = int((await db.execute(device)).scalar_one())
            ids.append(await make_unit(db, f"U{number}", device_id))
            await tracks.store(db, [Fix(device_id, at, lon_deg, lat_deg, number)])
    return ids
