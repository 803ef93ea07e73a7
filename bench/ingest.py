"""Durable fixes a second over TCP on this machine: acknowledged after the commit, newest position and watchers on.

The load generator is this process, the gateway another (or several), PostgreSQL the last; devices keep `window` fixes
in flight each. The limit beside it is a bare COPY of the same rows into the same table, batch by batch, by one
connection.
"""

import argparse
import asyncio
import json
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import uvloop

from bench import gateway
from services.ingest import jt808
from services.ingest.jt808 import build

BATCH = 5000
FLAG = 0x7E


class Device(asyncio.Protocol):
    """Sends the next fix for every acknowledgement."""

    def __init__(self, frames: list[bytes]) -> None:
        """Take what to send, in order."""
        self.frames = frames
        self.sent = self.acknowledged = self._flags = 0
        self.going = True

    def start(self, transport: asyncio.Transport, window: int) -> None:
        """Put the first fixes in flight."""
        self._transport = transport
        transport.set_protocol(self)
        self._send(window)

    def data_received(self, data: bytes) -> None:
        """Count acknowledgements: two flags each."""
        self._flags += data.count(FLAG)
        count = self._flags // 2
        self._flags %= 2
        self.acknowledged += count
        if self.going:
            self._send(count)

    def _send(self, count: int) -> None:
        self._transport.write(b"".join(self.frames[self.sent : self.sent + count]))
        self.sent = min(self.sent + count, len(self.frames))


def frames_of(number: int, count: int, start: datetime) -> list[bytes]:
    """A drive of one device: a fix a second, eastwards, through the watched area and out again."""
    return [
        jt808.frame(
            build.position(
                start + timedelta(seconds=step), 113.095 + step * 1e-4, 27.75 + number % 200 * 1e-3,
                speed_mps=9.8, heading_deg=90, altitude_m=50, extras=((0x30, b"\x1f"), (0x31, b"\x0c")),
            ),
            phone=gateway.phone(number), serial=step + 2 & 0xFFFF,
        )
        for step in range(count)
    ]  # fmt: skip


async def drive(ports: list[int], pids: list[int], url: str, options: argparse.Namespace) -> dict[str, float]:
    """Let the fleet report for the given time; return what was acknowledged and what it cost."""
    per_device = max(100, options.most * (options.seconds + 2) // options.devices)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=per_device + 60)
    fleet = [Device(frames_of(number, per_device, start)) for number in range(1, options.devices + 1)]
    async with gateway.fleet(ports[0], options.devices, *ports[1:]) as pairs:
        for device, (_, writer) in zip(fleet, pairs, strict=True):
            device.start(writer.transport, options.window)  # type: ignore[arg-type]
        await asyncio.sleep(2)
        before, began, cpu = sum(device.acknowledged for device in fleet), time.perf_counter(), _cpu(pids, url)
        await asyncio.sleep(options.seconds)
        after, ended, cpu_after = sum(device.acknowledged for device in fleet), time.perf_counter(), _cpu(pids, url)
        for device in fleet:
            device.going = False
        async with asyncio.timeout(30):
            while any(device.acknowledged < device.sent for device in fleet):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    if any(device.sent == len(device.frames) for device in fleet):
        raise SystemExit("The devices ran out of fixes: raise --most.")
    span_s = ended - began
    return {
        "fixes_per_s": round((after - before) / span_s),
        "acknowledged": sum(device.acknowledged for device in fleet),
        **{f"{name}_us_per_fix": round((cpu_after[name] - cpu[name]) / (after - before) * 1e6, 1) for name in cpu},
    }


def _cpu(pids: list[int], url: str) -> dict[str, float]:
    """Return the processor seconds that each side has used so far."""
    with psycopg.connect(url) as connection:
        servers = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
    return {
        "generator": time.process_time(),
        "gateway": sum(gateway.cpu_s(pid) for pid in pids),
        "postgresql": sum(gateway.cpu_s(server) for (server,) in servers),
    }


def bare_copy(url: str) -> tuple[int, float, int]:
    """Return how many rows there are, how fast they go into the emptied table by COPY alone, and how many stayed."""
    with psycopg.connect(url) as connection:
        with connection.cursor().copy("COPY (SELECT * FROM fix ORDER BY received_at) TO STDOUT") as copy:
            rows = [bytes(row) for row in copy]
        connection.execute("TRUNCATE fix")
        connection.commit()
        began = time.perf_counter()
        for first in range(0, len(rows), BATCH):
            with connection.cursor().copy("COPY fix FROM STDIN") as copy:
                copy.write(b"".join(rows[first : first + BATCH]))
            connection.commit()
        took_s = time.perf_counter() - began
        (kept,) = connection.execute("SELECT count(*) FROM fix").fetchone() or (0,)
    return len(rows), len(rows) / took_s, kept


def settled(url: str) -> tuple[float, int]:
    """Wait until the watchers have seen everything; return how long that took and how many alerts there are."""
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT count(*) FROM outbox").fetchone() != (0,):
            time.sleep(0.05)
        (alerts,) = connection.execute("SELECT count(*) FROM alert").fetchone() or (0,)
    return time.perf_counter() - began, alerts


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--gateways", type=int, default=1, help="gateway processes that share the devices")
    parser.add_argument("--areas", type=int, default=10_000, help="areas that are watched")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--most", type=int, default=40_000, help="fixes a second to prepare for")
    options = parser.parse_args()
    result: dict[str, object] = {"figure": "ingest", "machine": gateway.machine(), **vars(options)}
    ports = [free_port() for _ in range(options.gateways)]
    with gateway.database(options.devices, options.areas) as url:
        with ExitStack() as stack:
            pids = [
                stack.enter_context(gateway.process("gateway", url=url, port=port, page=free_port())) for port in ports
            ]
            measured = uvloop.run(drive(ports, pids, url, options))
            behind_s, alerts = settled(url)
            memory_mb = sum(map(gateway.memory_mb, pids))
        stored, copy_per_s, _ = bare_copy(url)
    result |= measured
    result |= {
        "lost": int(measured["acknowledged"]) - stored,
        "bare_copy_rows_per_s": round(copy_per_s),
        "ratio": round(measured["fixes_per_s"] / copy_per_s, 3),
        "watchers_behind_s": round(behind_s, 2),
        "alerts": alerts,
        "gateway_mb": round(memory_mb),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
