"""What the figures of the gateway share: a durable database, the service's processes, devices that speak to it."""

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg

from services.db import migrate
from services.db.cluster import Cluster
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.framing import Version

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, object]:
    """What it ran on, and how busy that was before."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ":?")
    load = os.getloadavg()[0]
    return {
        "cpu": model.split(":")[1].strip(),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "python": platform.python_version(),
    }


@contextmanager
def database(devices: int, areas: int = 1) -> Iterator[str]:
    """A private, durable PostGIS with devices 1 … n, a unit each, and areas that are watched.

    The first is watched for enter and leave; the others, squares of 80 m to 800 m all over a city, for one of the two.
    """
    with tempfile.TemporaryDirectory(prefix="tianshu-bench-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder) / "postgres")
        with cluster:
            url = cluster.url()
            migrate.upgrade(url)
            with psycopg.connect(url) as connection:
                _people(connection, devices)
                _areas(connection, areas - 1)
            yield url
        cluster.remove()


def _people(connection: psycopg.Connection, devices: int) -> None:
    numbers = f"generate_series(1, {devices}) n"
    square = "SRID=4490;MULTIPOLYGON(((113.1 27.8, 113.2 27.8, 113.2 27.9, 113.1 27.9, 113.1 27.8)))"
    connection.execute(f"INSERT INTO device (phone) SELECT (13800000000 + n)::text FROM {numbers}")
    connection.execute(
        f"WITH made AS (INSERT INTO unit (call_sign, kind) SELECT 'U' || n, 'car' FROM {numbers} RETURNING *) "
        "INSERT INTO carriage (unit_id, device_id, during) SELECT made.id, d.id, '(,)' FROM made "
        "JOIN device d ON d.phone = (13800000000 + substr(call_sign, 2)::bigint)::text"
    )
    connection.execute("INSERT INTO area (name, kind, shape) VALUES ('square', 'restricted', %s)", [square])
    connection.execute("INSERT INTO area_rule (area_id, trigger) VALUES (1, 'enter'), (1, 'leave')")


def _areas(connection: psycopg.Connection, count: int) -> None:
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        "INSERT INTO area (name, kind, shape) "
        "SELECT 'area ' || n, 'restricted', ST_Multi(ST_MakeEnvelope(x, y, x + size, y + size, 4490))::geography "
        "FROM (SELECT n, 112.9 + random() * 0.5 x, 27.6 + random() * 0.4 y, (80 + random() * 720) / 111000 size "
        f"FROM generate_series(1, {count}) n) squares"
    )
    connection.execute(
        "INSERT INTO area_rule (area_id, trigger) "
        "SELECT id, (ARRAY['enter', 'leave'])[1 + id % 2] FROM area WHERE id > 1"
    )


@contextmanager
def process(*command: str, url: str, port: int, page: int, **more: str) -> Iterator[int]:
    """One of the service's processes, ready; yields its id."""
    env = {
        **os.environ, "TIANSHU_DATABASE_URL": url, "TIANSHU_GATEWAY_PORT": str(port), "TIANSHU_METRICS_PORT": str(page),
        "TIANSHU_API_PORT": str(page), **more,
    }  # fmt: skip
    running = subprocess.Popen([Path(sys.executable).with_name("tianshu"), *command], env=env)
    try:
        _wait_for(f"http://127.0.0.1:{page}/health")
        yield running.pid
    finally:
        running.terminate()
        running.wait(30)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=1).close()  # noqa: S310 -- our own loopback address
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def phone(number: int) -> str:
    """The phone of the device with a number from 1."""
    return str(13_800_000_000 + number)


async def sign_in(port: int, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, register and authenticate a device."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    splitter = jt808.Splitter()

    async def ask(message: object, serial: int) -> object:
        writer.write(jt808.frame(message, phone=phone(number), serial=serial))
        while not (heard := splitter.feed(await reader.read(1000))):
            pass
        return jt808.read(heard[0])[1]

    registered = await ask(build.register(Version.V2013, terminal_id=f"T{number}"), 0)
    accepted = await ask(build.authenticate(Version.V2013, registered.code), 1)  # type: ignore[attr-defined]
    assert accepted.result == 0  # type: ignore[attr-defined]  # noqa: S101
    return reader, writer


@asynccontextmanager
async def fleet(
    port: int, devices: int, *other_ports: int
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """All devices, signed in, in turn at each of the gateways."""
    at_once, ports = asyncio.Semaphore(50), (port, *other_ports)

    async def join(number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with at_once:
            return await sign_in(ports[number % len(ports)], number)

    pairs = await asyncio.gather(*(join(number) for number in range(1, devices + 1)))
    try:
        yield pairs
    finally:
        for _, writer in pairs:
            writer.close()
