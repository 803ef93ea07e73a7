"""What grant, audit and row security together cost a request for the live list.

GET /units of 200 units by a dispatcher, through the whole application in this process (no socket), in turns: as it
runs, and with a trail that writes nothing and sessions that act as the owner without claims. Limits: 5 ms at p95 a
request, 15 % of the throughput.

    .venv/bin/python -m bench.access
"""

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import httpx
import psycopg
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from api import deps
from api.main import create_app
from services import access
from services.audit import Ledger
from services.db import migrate
from services.db.cluster import Cluster
from services.db.engine import Engine, make_engine, reading, writing
from services.settings import Settings

UNITS, ROUNDS, ALONE, TOGETHER, AT_ONCE = 200, 6, 50, 200, 8
LIMIT_P95_MS, LIMIT_SHARE = 5.0, 0.15
PASSWORD = "a long password of the bench"  # noqa: S105 -- of a database that lives for a minute
_CITY = f"""
INSERT INTO device (phone) SELECT 'b' || n FROM generate_series(1, {UNITS}) n;
INSERT INTO unit (call_sign, kind) SELECT 'u' || id, 'car' FROM device ORDER BY id;
INSERT INTO carriage (unit_id, device_id, during) SELECT id, id, '(,)' FROM device;
INSERT INTO newest_fix (device_id, at, received_at, place, alarm, status, systems, flags)
SELECT id, now(), now(), 'SRID=4490;POINT(113.1 27.8)', 0, 0, 1, 0 FROM device;
"""


class Silence(Ledger):
    """A trail that writes nothing: the bare variant."""

    async def append(self, *entries: object, at: datetime | None = None) -> None:
        """Forget the entries."""


async def alone(client: httpx.AsyncClient) -> list[float]:
    """Return how long each of some requests, one after the other, took in ms."""
    taken = list[float]()
    for _ in range(ALONE):
        began = time.perf_counter()
        (await client.get("/units?limit=200")).raise_for_status()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


async def together(client: httpx.AsyncClient) -> float:
    """Return how many requests a second there are with some at once."""
    left = iter(range(TOGETHER))

    async def work() -> None:
        for _ in left:
            (await client.get("/units?limit=200")).raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return TOGETHER / (time.perf_counter() - began)


def stripped(app: FastAPI, owner: Engine) -> ExitStack:
    """Let the application read as the owner, without claims, and write no trail, until the stack is left."""
    full, stack = app.state.ledger, ExitStack()
    stack.enter_context(patch.object(app.state, "ledger", Silence(full.engine, full.writer)))
    stack.enter_context(patch.object(deps, "reading", lambda *_: reading(owner)))
    return stack


async def measure(url: str, folder: Path) -> dict[str, object]:
    """Measure both, in turns."""
    owner, now = make_engine(url), datetime.now(UTC)
    async with writing(owner) as db:
        await access.create_account(db, "bench", "Bench", PASSWORD, frozenset({access.Role.DISPATCHER}))
    token = await access.sign_in(Ledger(owner), "bench", PASSWORD, remote="bench", now=now)
    times, rates = {"as_it_runs": list[float](), "bare": list[float]()}, {"as_it_runs": 0.0, "bare": 0.0}
    app = create_app(Settings(database_url=url, data_dir=folder, allowed_hosts="*", expensive_per_min=10**6))
    async with LifespanManager(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://bench", headers={"Authorization": f"Bearer {token}"}
    ) as client:  # fmt: skip
        for _ in range(ROUNDS):
            for name in times:
                with stripped(app, owner) if name == "bare" else nullcontext():
                    await alone(client)
                    times[name] += await alone(client)
                    rates[name] += await together(client) / ROUNDS
    await owner.dispose()
    p95 = {name: statistics.quantiles(taken, n=20)[-1] for name, taken in times.items()}
    extra_ms, lost = p95["as_it_runs"] - p95["bare"], 1 - rates["as_it_runs"] / rates["bare"]
    return {
        "p50_ms": {name: round(statistics.median(taken), 2) for name, taken in times.items()},
        "p95_ms": {name: round(value, 2) for name, value in p95.items()},
        "requests_per_s": {name: round(rate, 1) for name, rate in rates.items()},
        "extra_p95_ms": round(extra_ms, 2), "extra_of_limit": round(extra_ms / LIMIT_P95_MS, 2),
        "throughput_lost": round(lost, 3), "lost_of_limit": round(lost / LIMIT_SHARE, 2),
    }  # fmt: skip


def main() -> None:
    """Measure on a private cluster of its own and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with Cluster(Path(folder) / "postgres") as cluster:
            url = cluster.url()
            migrate.upgrade(url)
            with psycopg.connect(url) as connection:
                connection.execute(_CITY)
            print(json.dumps(asyncio.run(measure(url, Path(folder))), indent=2))


if __name__ == "__main__":
    main()
