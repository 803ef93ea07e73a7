"""Five thousand terminals at one fix each per ten seconds: the gateway's memory, and how old a fix is on the screen.

The age is taken from the moment the terminal's fix was committed (its acknowledgement is heard a little later) to the
moment its delta is read off GET /stream: `received_at` is the start of the transaction, so it errs to the long side.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import psycopg
import uvloop

from bench import gateway
from bench.ingest import free_port
from services import access
from services.audit import Ledger
from services.db.engine import make_engine, writing
from services.ingest import jt808
from services.ingest.jt808 import build

EVERY_S = 10.0


async def token_of(url: str) -> str:
    """Sign a dispatcher in."""
    engine, password = make_engine(url), secrets.token_urlsafe()
    async with writing(engine) as db:
        await access.create_account(db, "bench", "Bench", password, frozenset({access.Role.DISPATCHER}))
    token = await access.sign_in(Ledger(engine), "bench", password, remote="bench", now=datetime.now(UTC))
    await engine.dispose()
    return token


async def report(
    number: int, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], end_s: float, phase_s: float
) -> int:
    """One terminal: a fix every ten seconds until the end; return how many were acknowledged."""
    reader, writer = pair
    await asyncio.sleep(phase_s)
    acknowledged = 0
    while time.perf_counter() < end_s:
        began, at = time.perf_counter(), datetime.now(UTC).replace(microsecond=0)
        place = 113.05 + number % 100 * 1e-3 + acknowledged * 1e-4, 27.75 + number // 100 * 1e-3
        writer.write(
            jt808.frame(build.position(at, *place), phone=gateway.phone(number), serial=(acknowledged + 2) & 0xFFFF)
        )
        if not await reader.read(1000):
            break
        acknowledged += 1
        await asyncio.sleep(max(0.0, began + EVERY_S - time.perf_counter()))
    return acknowledged


async def listen(api_port: int, token: str, seen: dict[tuple[int, float], float]) -> None:
    """One page: note when each unit's fix came off the stream, by unit and time of the fix."""
    address, headers = f"http://127.0.0.1:{api_port}/stream", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", address, headers=headers) as response:  # noqa: S113
        async for data in _data(response.aiter_lines()):
            now = time.time()
            for row in data["units"]:
                seen.setdefault((row[0], row[6]), now)


async def _data(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, list[list[float]]]]:
    async for line in lines:
        if line.startswith("data: "):
            yield json.loads(line[6:])


async def run(ports: tuple[int, int], token: str, pid: int, options: argparse.Namespace) -> dict[str, object]:
    """Connect everybody, let them report, and return what was heard."""
    port, api_port = ports
    pages: list[dict[tuple[int, float], float]] = [{} for _ in range(options.pages)]
    async with gateway.fleet(port, options.devices) as pairs:
        listening = [asyncio.create_task(listen(api_port, token, seen)) for seen in pages]
        cpu, end_s = gateway.cpu_s(pid), time.perf_counter() + options.seconds
        counts = await asyncio.gather(
            *(report(number + 1, pair, end_s, number / options.devices * EVERY_S) for number, pair in enumerate(pairs))
        )
        cpu, memory_mb = gateway.cpu_s(pid) - cpu, gateway.memory_mb(pid)
        await asyncio.sleep(1)
        for task in listening:
            task.cancel()
    return {
        "acknowledged": sum(counts),
        "gateway_mb": round(memory_mb),
        "gateway_cpu": round(cpu / options.seconds, 3),
        "pages": pages,
    }


def ages_s(url: str, pages: list[dict[tuple[int, float], float]]) -> tuple[list[float], int]:
    """Return the ages on the screens, and how many fixes were acknowledged but not stored or stored twice."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT u.unit_id, extract(epoch FROM at)::float8, extract(epoch FROM received_at)::float8 "
            "FROM fix JOIN carriage u USING (device_id)"
        ).fetchall()
    committed = {(unit_id, at): received for unit_id, at, received in rows}
    return [now - committed[key] for seen in pages for key, now in seen.items() if key in committed], len(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--pages", type=int, default=3)
    options = parser.parse_args()
    result: dict[str, object] = {"figure": "connections", "machine": gateway.machine(), **vars(options)}
    port, page, api_port = free_port(), free_port(), free_port()
    with gateway.database(options.devices) as url:
        token = asyncio.run(token_of(url))
        with (
            gateway.process("gateway", url=url, port=port, page=page) as pid,
            gateway.process("api", url=url, port=port, page=api_port),
        ):
            heard = uvloop.run(run((port, api_port), token, pid, options))
        ages, stored = ages_s(url, heard.pop("pages"))  # type: ignore[arg-type]
    result |= heard
    quantiles = statistics.quantiles(ages, n=100)
    result |= {
        "lost": int(str(heard["acknowledged"])) - stored,
        "commit_to_screen_p50_s": round(quantiles[49], 3),
        "commit_to_screen_p95_s": round(quantiles[94], 3),
        "commit_to_screen_p99_s": round(quantiles[98], 3),
        "limits": {"gateway_mb": 300, "commit_to_screen_p95_s": 1.0},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
