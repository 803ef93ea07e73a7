"""What a grant costs that is written into the audit's chain before the look: its time, and how many a second.

Peer in the same run: the bare INSERT of the same row with its commit, without lock, chain or hash. Alone (one after the
other) and with many requests at once, where grants share commits. Limit: 5 ms at p95 for grant, audit and row security
together.
"""

import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access, audit
from services.audit import verify
from services.db import migrate
from services.db.cluster import Cluster
from services.db.engine import make_engine, writing
from services.db.tables.audit import AuditEntry

ALONE, TOGETHER, AT_ONCE = 500, 5_000, 50
LIMIT_P95_MS = 5.0
Act = Callable[[], Awaitable[object]]


async def alone(act: Act) -> list[float]:
    """Return how long each of many acts, one after the other, took in ms."""
    taken = list[float]()
    for _ in range(ALONE):
        began = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


async def together(act: Act) -> tuple[float, list[float]]:
    """Return how many acts a second there are with 50 at once, and how long each took in ms."""
    left, taken = iter(range(TOGETHER)), list[float]()

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            await act()
            taken.append((time.perf_counter() - began) * 1e3)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return TOGETHER / (time.perf_counter() - began), taken


def bare_insert(engine: AsyncEngine) -> Act:
    """Return the peer: the row and its commit."""
    row = {
        "at": datetime.now(UTC), "account_id": 1, "act": "view_track", "target": "unit:5", "purpose": "duty",
        "outcome": "allowed", "remote": "192.0.2.1", "previous_hash": bytes(32), "hash": bytes(32),
    }  # fmt: skip

    async def act() -> None:
        async with writing(engine) as db:
            await db.execute(insert(AuditEntry).values(row))

    return act


async def measure(url: str) -> dict[str, object]:
    """Measure grants and bare inserts."""
    engine, writer = make_engine(url), make_engine(url, pool_size=1)
    who = access.Mandate(
        1, "b", "B", frozenset({access.Role.DISPATCHER}), audit.Ledger(engine, writer), remote="192.0.2.1"
    )

    async def grant() -> None:
        await access.grant(who, access.Act.VIEW_TRACK, "unit:5")

    figures: dict[str, object] = {}
    rates = dict[str, float]()
    for name, act in (("grant", grant), ("insert", bare_insert(engine))):
        await alone(act)  # warm
        single = await alone(act)
        rates[name], many = await together(act)
        figures |= {
            f"{name}_alone_ms": _spread(single),
            f"{name}_with_{AT_ONCE}_at_once_ms": _spread(many),
            f"{name}s_per_s": round(rates[name]),
        }
        if name == "grant":
            report = await asyncio.to_thread(lambda: verify.verify(verify.read_database(url), None, None))
            figures["chain_whole"], figures["entries"] = not report.findings, report.entries
    await engine.dispose()
    await writer.dispose()
    grant_ms, insert_ms = figures["grant_alone_ms"], figures["insert_alone_ms"]
    assert isinstance(grant_ms, dict)  # noqa: S101 -- for the type checker
    assert isinstance(insert_ms, dict)  # noqa: S101
    return figures | {
        "p95_of_limit": round(grant_ms["p95"] / LIMIT_P95_MS, 2),
        "grant_over_insert_p95": round(grant_ms["p95"] / insert_ms["p95"], 2),
        "grants_over_inserts_per_s": round(rates["grant"] / rates["insert"], 2),
    }


def _spread(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def main() -> None:
    """Measure on a private, durable database and print."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        cluster = Cluster(Path(folder) / "postgres")
        cluster.start()
        try:
            migrate.upgrade(cluster.url())
            figures = asyncio.run(measure(cluster.url()))
        finally:
            cluster.remove()
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps({"machine": machine} | figures, indent=1))


if __name__ == "__main__":
    main()
