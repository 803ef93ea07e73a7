"""A storm of reconnects: sessions stay at or below the devices, and what a connection took goes with it.

Every device comes back again and again, as after a cell that flickers: it authenticates, reports, and leaves politely,
in the middle of a frame, or not at all, so that its next connection takes over. Each second the gateway is looked at:
devices signed in, sessions in the database, open sockets, memory. At the end all have left.
"""

import argparse
import asyncio
import json
import random
import re
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from bench import gateway
from bench.ingest import free_port
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.framing import Version

HOUR_S = 3600
SETTLE_S = 10.0  # ownership is let go within seconds
_GAUGE = re.compile(r"^tianshu_gateway_(connections|signed_in) (\S+)$", re.MULTILINE)


@dataclass
class Device:
    """One identity and all its connections."""

    number: int
    code: str = ""
    serial: int = 0
    left_open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def register(self, port: int) -> None:
        """Get the code that every connection shows."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        registered = await self._ask(reader, writer, build.register(Version.V2013, terminal_id=f"T{self.number}"))
        self.code = registered.code
        writer.close()

    async def come_back(self, port: int, rng: random.Random) -> str:
        """Connect, report and leave; return how."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await self._ask(reader, writer, build.authenticate(Version.V2013, self.code))
        here = self._frame(build.position(datetime.now(UTC), 113.1 + self.number * 1e-4, 27.8))
        leaving = rng.random()
        if leaving < 0.5:
            writer.write(here[: len(here) // 2])
            writer.transport.abort()
            return "cut off"
        writer.write(here)
        await reader.read(1000)
        if leaving < 0.8:
            writer.close()
            return "left"
        for older in self.left_open:
            older.close()
        self.left_open = [writer]
        return "silent"

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: object) -> Any:
        writer.write(self._frame(message))
        splitter = jt808.Splitter()
        while not (heard := splitter.feed(await reader.read(1000))):
            if reader.at_eof():
                raise ConnectionResetError
        return jt808.read(heard[0])[1]

    def _frame(self, message: object) -> bytes:
        self.serial = (self.serial + 1) & 0xFFFF
        return jt808.frame(message, phone=gateway.phone(self.number), serial=self.serial)


def look(pid: int, page: int, connection: psycopg.Connection) -> dict[str, float]:
    """What the gateway holds now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=5) as answer:
        seen = {name: float(value) for name, value in _GAUGE.findall(answer.read().decode())}
    row = connection.execute("SELECT count(*) FROM gateway_session").fetchone()
    sockets = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return seen | {"sessions": row[0] if row else 0, "files": sockets, "memory_mb": gateway.memory_mb(pid)}


async def storm(port: int, page: int, pid: int, url: str, options: argparse.Namespace) -> dict[str, object]:
    """Let everybody come back until the time is over; return what was seen."""
    devices = [Device(number) for number in range(1, options.devices + 1)]
    for device in devices:
        await device.register(port)
    counts, seen, rng = Counter[str](), list[dict[str, float]](), random.Random(options.seed)
    end_s = time.perf_counter() + options.seconds

    async def reconnect(device: Device) -> None:
        while time.perf_counter() < end_s:
            try:
                counts[await device.come_back(port, rng)] += 1
            except OSError:
                counts["not let in"] += 1
            await asyncio.sleep(rng.random() * options.pause_s)

    with psycopg.connect(url, autocommit=True) as connection:
        before = await asyncio.to_thread(look, pid, page, connection)
        storming = asyncio.gather(*map(reconnect, devices))
        while not storming.done():
            seen.append(await asyncio.to_thread(look, pid, page, connection))
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(storming), 1)
        for device in devices:
            for writer in device.left_open:
                writer.close()
        await asyncio.sleep(SETTLE_S)
        after = await asyncio.to_thread(look, pid, page, connection)
    half = seen[len(seen) // 2 :]
    return {
        "connections": sum(counts.values()), "how": dict(counts),
        "most": {name: max(each[name] for each in seen) for name in before},
        "before": before, "halfway": half[0], "after": after,
        "memory_growth_second_half_mb": round(half[-1]["memory_mb"] - half[0]["memory_mb"], 1),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60, help=f"up to {HOUR_S}")
    parser.add_argument("--pause-s", type=float, default=1.0, help="longest time before a device comes back")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.seconds = min(options.seconds, HOUR_S)
    result: dict[str, object] = {"figure": "storm", "machine": gateway.machine(), **vars(options)}
    port, page = free_port(), free_port()
    with (
        gateway.database(options.devices) as url,
        gateway.process("gateway", url=url, port=port, page=page) as pid,
    ):
        result |= uvloop.run(storm(port, page, pid, url, options))
    most, after = result["most"], result["after"]
    result["limits"] = {"sessions": options.devices, "signed_in": options.devices, "left_over": 0}
    result["holds"] = (
        max(most["sessions"], most["signed_in"]) <= options.devices  # type: ignore[index]
        and after["sessions"] == after["signed_in"] == after["connections"] == 0  # type: ignore[index]
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
