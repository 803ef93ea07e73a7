"""After ten minutes in a blind zone every terminal uploads what it kept (0x0704) while it goes on reporting live.

How many times faster than the live traffic the backlog goes in, each batch acknowledged after its commit, and how old a
live fix is on a page meanwhile. The limit beside it is a bare COPY of the same rows in the same run.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import uvloop

from bench import gateway
from bench.connections import listen, token_of
from bench.ingest import bare_copy, free_port, settled
from services.ingest import jt808
from services.ingest.jt808 import build

BATCH = 30
"""Reports in one 0x0704: as many as fit in one packet."""


class Terminal:
    """One terminal: live reports at their times, the backlog as fast as it is acknowledged."""

    def __init__(self, number: int, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Take over a connection that is signed in."""
        self._number, (self._reader, self._writer) = number, pair
        self._serial = 1
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def hear(self) -> None:
        """Note the acknowledgements."""
        splitter = jt808.Splitter()
        while data := await self._reader.read(4096):
            for content in splitter.feed(data):
                waiting = self._waiting.pop(jt808.read(content)[1].answered_serial, None)
                if waiting and not waiting.done():
                    waiting.set_result(None)

    async def report(self, every_s: float, phase_s: float, over: asyncio.Event) -> int:
        """Report live until it is over; return how many were acknowledged."""
        await asyncio.sleep(phase_s)
        count = 0
        while not over.is_set():
            began = time.perf_counter()
            await self._say(self._place(datetime.now(UTC).replace(microsecond=0)))
            count += 1
            await asyncio.sleep(max(0.0, began + every_s - time.perf_counter()))
        return count

    async def catch_up(self, start: datetime, count: int, every_s: float) -> int:
        """Upload what was kept, a batch after the other; return how many reports were acknowledged."""
        kept = [self._place(start + timedelta(seconds=step * every_s)) for step in range(count)]
        for first in range(0, count, BATCH):
            await self._say(build.batch(kept[first : first + BATCH], catch_up=True))
        return count

    def _place(self, at: datetime) -> Any:
        east = (at.timestamp() % 3600) * 1e-4
        return build.position(at, 112.95 + east, 27.75 + self._number % 200 * 1e-3, speed_mps=9.8, heading_deg=90)

    async def _say(self, message: object) -> None:
        self._serial = (self._serial + 1) & 0xFFFF
        acknowledged = self._waiting[self._serial] = asyncio.get_running_loop().create_future()
        self._writer.write(jt808.frame(message, phone=gateway.phone(self._number), serial=self._serial))
        await acknowledged


async def drain(ports: tuple[int, int], token: str, pid: int, options: argparse.Namespace) -> dict[str, Any]:
    """Let everybody report live for a while, then also catch up; return what was heard."""
    port, api_port = ports
    pages: list[dict[tuple[int, float], float]] = [{} for _ in range(options.pages)]
    over, count = asyncio.Event(), int(options.minutes * 60 / options.every_s)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=options.minutes + 5)
    async with gateway.fleet(port, options.devices) as pairs:
        terminals = [Terminal(number, pair) for number, pair in enumerate(pairs, 1)]
        chores = [asyncio.create_task(terminal.hear()) for terminal in terminals]
        chores += [asyncio.create_task(listen(api_port, token, seen)) for seen in pages]
        live = [
            asyncio.create_task(each.report(options.every_s, number / options.devices * options.every_s, over))
            for number, each in enumerate(terminals)
        ]
        while not all(pages):  # noqa: ASYNC110 -- until each has opened its stream
            await asyncio.sleep(0.1)
        heard_s = time.time()
        await asyncio.sleep(options.quiet_s)
        began_s, began, cpu = time.time(), time.perf_counter(), gateway.cpu_s(pid)
        kept = await asyncio.gather(*(terminal.catch_up(start, count, options.every_s) for terminal in terminals))
        took_s, ended_s, cpu = time.perf_counter() - began, time.time(), gateway.cpu_s(pid) - cpu
        over.set()
        reported = await asyncio.gather(*live)
        await asyncio.sleep(2)
        for chore in chores:
            chore.cancel()
    return {
        "backlog": sum(kept), "drained_in_s": round(took_s, 1), "drained_per_s": round(sum(kept) / took_s),
        "live_per_s": round(options.devices / options.every_s), "live": sum(reported),
        "gateway_cpu": round(cpu / took_s, 2), "pages": pages,
        "before": (heard_s, began_s), "during": (began_s, ended_s),
    }  # fmt: skip


def ages_s(url: str, pages: Sequence[dict[tuple[int, float], float]], span: tuple[float, float]) -> list[float]:
    """Return how old live fixes were on the pages, of those that were committed within a span of time."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT u.unit_id, extract(epoch FROM at)::float8, extract(epoch FROM received_at)::float8 FROM fix "
            "JOIN carriage u USING (device_id) WHERE received_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)",
            span,
        ).fetchall()
    committed = {(unit_id, at): received for unit_id, at, received in rows}
    return [now - committed[key] for seen in pages for key, now in seen.items() if key in committed]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--every-s", type=float, default=1.0, help="between two live reports of a terminal")
    parser.add_argument("--minutes", type=float, default=10.0, help="of backlog")
    parser.add_argument("--quiet-s", type=float, default=10.0, help="of live traffic alone before")
    parser.add_argument("--areas", type=int, default=100)
    parser.add_argument("--pages", type=int, default=2)
    options = parser.parse_args()
    result: dict[str, Any] = {"figure": "backlog", "machine": gateway.machine(), **vars(options)}
    port, page, api_port = free_port(), free_port(), free_port()
    with gateway.database(options.devices, options.areas) as url:
        token = asyncio.run(token_of(url))
        with (
            gateway.process("gateway", url=url, port=port, page=page) as pid,
            gateway.process("api", url=url, port=port, page=api_port),
        ):
            result |= uvloop.run(drain((port, api_port), token, pid, options))
            behind_s, alerts = settled(url)
        pages = result.pop("pages")
        for name in ("before", "during"):
            ages = ages_s(url, pages, result.pop(name))
            result[f"commit_to_stream_p95_s_{name}"] = round(statistics.quantiles(ages, n=20)[18], 3)
        stored, copy_per_s, _ = bare_copy(url)
    result |= {
        "lost": result["backlog"] + result["live"] - stored,
        "times_live": round(result["drained_per_s"] / result["live_per_s"], 1),
        "watchers_behind_s": round(behind_s, 1),
        "alerts": alerts,
        "bare_copy_rows_per_s": round(copy_per_s),
        "ratio": round(result["drained_per_s"] / copy_per_s, 3),
        "limits": {"times_live": 3, "commit_to_stream_p95_s_during": 0.5, "lost": 0},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
