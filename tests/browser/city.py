"""A small city behind the pages: units that report, a park with incidents; entered by the doors and the pipeline."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from geo.fix import Fix
from services.db.engine import Engine, make_engine, writing
from services.pipeline import WATCHERS, Pipeline
from services.settings import Settings
from services.storing import Watcher
from tests.browser.conftest import in_thread
from tests.builders import people, town
from tests.conftest import PASSWORD

URBAN = (113.13, 27.83)
"""A point in the middle of what the live map shows when it opens."""


@dataclass(frozen=True)
class Unit:
    """A unit and the device it carries."""

    id: int
    device_id: int


class City:
    """What a test puts into the service before it looks at the pages."""

    def __init__(self, base: str, database_url: str, account: Callable[..., str], folder: Path) -> None:
        self.base, self._database_url, self._account, self._folder = base, database_url, account, folder

    @contextmanager
    def door(self, *roles: str) -> Iterator[httpx.Client]:
        """A signed-in client with these roles."""
        name = self._account(*roles)
        with httpx.Client(base_url=self.base, timeout=30) as client:
            client.post("/login", json={"username": name, "password": PASSWORD}).raise_for_status()
            if name in people.SECRETS:
                client.post("/factor/verify", json={"code": people.code_of(name)}).raise_for_status()
            yield client

    def add_units(self, *call_signs: str, kind: str = "car", division: str = "430203") -> list[Unit]:
        """Enter units, each with a device of its own."""
        with self.door("system_admin") as door:
            units = []
            for sign in call_signs:
                phone = str(13000000000 + int.from_bytes(hashlib.blake2b(sign.encode(), digest_size=4).digest()))
                device = door.post("/devices", json={"phone": phone}).raise_for_status().json()
                body = {"call_sign": sign, "kind": kind, "division": division, "device_id": device["id"]}
                body["device_since"] = (now() - timedelta(days=30)).isoformat()
                unit = door.post("/units", json=body).raise_for_status().json()
                units.append(Unit(unit["id"], device["id"]))
            return units

    def add_crowd(self, count: int) -> list[Unit]:
        """Enter so many units at once, each with a device of its own."""

        async def enter(engine: Engine) -> list[Unit]:
            async with writing(engine) as db:
                found = await db.execute(text(
                    "WITH device AS (INSERT INTO device (phone) SELECT 'crowd' || n FROM generate_series(1, :count) n "
                    "RETURNING id), unit AS (INSERT INTO unit (call_sign, kind) SELECT 'crowd-' || id, 'car' "
                    "FROM device RETURNING id, call_sign) INSERT INTO carriage (unit_id, device_id, during) "
                    "SELECT unit.id, device.id, '(,)' FROM unit JOIN device ON call_sign = 'crowd-' || device.id "
                    "RETURNING unit_id, device_id"
                ), {"count": count})  # fmt: skip
                return [Unit(*row) for row in found]

        return list(self.run(enter))

    def run(self, work: Callable[[Engine], Awaitable[Any]]) -> Any:
        """Do something in the database, committed when this returns; return what it returns."""
        answers = list[Any]()

        async def do() -> None:
            engine = make_engine(self._database_url, pool_size=1)
            answers.append(await work(engine))
            await engine.dispose()

        in_thread(do())
        return answers[0]

    def report(self, fixes: Sequence[Fix], watchers: Sequence[Watcher] = ()) -> None:
        """Store fixes as the gateway does: through the pipeline, committed (and watched) when this returns."""
        settings = Settings(database_url=self._database_url, data_dir=self._folder)

        async def submit() -> None:
            engine = make_engine(self._database_url, pool_size=2)
            async with Pipeline(engine, settings, watchers=tuple(watchers)).running() as pipeline:
                await pipeline.submit(fixes)
            await engine.dispose()

        in_thread(submit())

    def press_sos(self, unit: Unit, place: tuple[float, float] = URBAN) -> None:
        """Let a unit's terminal report that its emergency button is pressed."""
        self.report([fix(unit.device_id, now(), *place, speed_mps=0.0, alarm=1)], WATCHERS)

    def open_roads(self) -> None:
        """Import the roads of `tests.builders.town`, which lie around `URBAN`; back when dispatch computes on them."""

        async def store() -> None:
            engine = make_engine(self._database_url, pool_size=1)
            await town.store_roads(engine)
            await engine.dispose()

        in_thread(store())
        with self.door("dispatcher") as door:
            until(lambda: door.get("/coverage").status_code == httpx.codes.OK)

    def take(self, lon_deg: float, lat_deg: float, **more: Any) -> int:
        """Let a dispatcher take a call; return its number."""
        body = {"kind": "theft", "priority": 2, "lon_deg": lon_deg, "lat_deg": lat_deg, **more}
        with self.door("dispatcher") as door:
            return int(door.post("/calls", json=body).raise_for_status().json()["id"])

    def stand(self, unit: Unit, place: tuple[float, float]) -> None:
        """Let a unit report where it stands."""
        self.report([fix(unit.device_id, now(), *place, speed_mps=0.0)])

    def add_park(self, name: str, incidents: str) -> dict[str, Any]:
        """Enter a park of about 2 km around `URBAN` and its incidents (CSV)."""
        lon, lat = URBAN
        ring = [(lon + dx, lat + dy) for dx, dy in [(-0.01, -0.009), (0.01, -0.009), (0.01, 0.009), (-0.01, 0.009)]]
        shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        with self.door("park_officer", "system_admin") as door:
            park = door.post("/parks", json={"name": name, "shape": shape, "synthetic": True}).raise_for_status().json()
            firm = {"name": "示例企业", "lon_deg": lon, "lat_deg": lat}
            door.post(f"/parks/{park['id']}/enterprises", json=[firm]).raise_for_status()
            files = {"file": ("incidents.csv", incidents.encode(), "text/csv")}
            door.post("/parks/incidents", files=files, data={"source": "test"}).raise_for_status()
        return dict(park)


def fix(device_id: int, at: datetime, lon_deg: float, lat_deg: float, **more: Any) -> Fix:
    """A fix as a terminal would report it."""
    payload = hashlib.blake2b(f"{device_id}{at}{lon_deg}{lat_deg}".encode(), digest_size=8).digest()
    return Fix(device_id, at, lon_deg, lat_deg, int.from_bytes(payload, signed=True), **more)


def drive(device_id: int, start: datetime, seconds: Sequence[int], speed_mps: float = 12.0) -> list[Fix]:
    """Fixes of an eastward drive at these seconds after the start."""
    lon, lat = URBAN
    return [
        fix(
            device_id, start + timedelta(seconds=s), lon + s * speed_mps / 98_400, lat,
            speed_mps=speed_mps, heading_deg=90.0, accuracy_m=8.0,
        )
        for s in seconds
    ]  # fmt: skip


def clustered_incidents(count: int, now: datetime) -> str:
    """`count` incidents, half of them within 150 m of one corner of the park, the others spread evenly."""
    lon, lat = URBAN
    lines = ["id,kind,at,lon_deg,lat_deg,detection_origin"]
    for number in range(count):
        spread = 0.0015 if number % 2 else 0.018
        x = lon - 0.006 + spread * ((number * 37) % 100 / 100 - (0.2 if spread > 0.01 else 0.5))
        y = lat + 0.004 + spread * 0.8 * ((number * 61) % 100 / 100 - (0.85 if spread > 0.01 else 0.5))
        at = now - timedelta(days=1 + number % 300)
        lines.append(f"{number},theft,{at.isoformat()},{x:.6f},{y:.6f},citizen")
    return "\n".join(lines) + "\n"


def now() -> datetime:
    """The time, for a test that drives a real service."""
    return datetime.now(UTC)


def until(true: Callable[[], bool], *, within_s: float = 10) -> None:
    """Wait until something holds that no locator shows."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)
