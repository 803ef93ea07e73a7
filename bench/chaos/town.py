"""What is tried: gateways in processes of their own over one private PostgreSQL, whose fixes lie on a small disk."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from api.supervisor import STOP_TIMEOUT_S
from services.db import migrate, partitions
from services.db.cluster import Cluster
from services.db.engine import make_engine

DISK_MB = 96
READY_S = 180.0
_CHUNK = bytes(64 * 1024)

_DAYS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'fix'::regclass"
_KEYS = f"SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid::regclass::text IN ({_DAYS})"
_TRACE = """
CREATE TABLE chaos_batch (id bigint PRIMARY KEY, received_at timestamptz, pending text[], seen text[] DEFAULT '{}');
CREATE FUNCTION chaos_trace() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO chaos_batch VALUES (NEW.id, NEW.received_at, NEW.pending);
    ELSE
        UPDATE chaos_batch SET seen = seen || ARRAY(SELECT unnest(OLD.pending) EXCEPT ALL SELECT unnest(NEW.pending))
        WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION chaos_trace();
"""
"""Writes down, in the transaction of the outbox itself, which watchers each batch was meant for and who has seen it."""


@dataclass(slots=True)
class Process:
    """One of the processes, started again when it was killed."""

    name: str
    command: list[str]
    environment: dict[str, str]
    port: int
    health: str  # address that answers when it is ready
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            environment = os.environ | self.environment
            self.running = subprocess.Popen(self.command, env=environment, stdout=output, stderr=output)

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.running:
            with suppress(ProcessLookupError):
                self.running.send_signal(number)

    def end(self, number: int) -> None:
        """End it with a signal, and wait; kill it when it takes longer than the supervisor would wait."""
        if self.running:
            self.signal(number)
            self.signal(signal.SIGCONT)
            try:
                self.running.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.running.kill()
                self.running.wait()

    def wait_until_ready(self) -> None:
        """Wait for its health page."""
        give_up = time.monotonic() + READY_S
        while time.monotonic() < give_up:
            with suppress(OSError):
                urllib.request.urlopen(self.health, timeout=1).close()  # noqa: S310 -- our own loopback address
                return
            time.sleep(0.1)
        raise TimeoutError(f"{self.name} did not start")


@dataclass(slots=True)
class Town:
    """The whole installation."""

    cluster: Cluster
    url: str
    folder: Path
    disk: Path | None  # where fixes lie, when a small disk could be made
    gateways: list[Process] = field(default_factory=list)
    buses: list[Process] = field(default_factory=list)  # none, or one
    writers: list[Process] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # faults that can't be made here, and why

    @property
    def processes(self) -> list[Process]:
        """All processes of the service."""
        return [*self.buses, *self.writers, *self.gateways]

    def connect(self) -> psycopg.Connection:
        """Return a connection of our own."""
        return psycopg.connect(self.url, autocommit=True, application_name="chaos")

    def fill(self) -> None:
        """Leave no byte on the small disk."""
        if self.disk:
            with suppress(OSError), (self.disk / "filler").open("ab", buffering=0) as filler:
                while filler.write(_CHUNK):
                    pass

    def free(self) -> None:
        """Give the space back."""
        if self.disk:
            (self.disk / "filler").unlink(missing_ok=True)

    def heal(self) -> None:
        """Make everything run."""
        self.free()
        self.cluster.start()
        for process in self.processes:
            process.signal(signal.SIGCONT)
            if process.running is None or process.running.poll() is not None:
                process.start()
        for process in self.processes:
            process.wait_until_ready()


@contextmanager
def built(folder: Path, gateways: int, devices: int, *, writers: int = 0, durable: bool = True) -> Iterator[Town]:
    """Build a town with devices 1 … n in a folder, and a bus if there are writers; at the end nothing is left."""
    folder.chmod(0o755)
    with ExitStack() as stack:
        cluster = Cluster(folder / "postgres", durable=durable)
        stack.callback(cluster.remove)
        cluster.start()
        url = cluster.url()
        migrate.upgrade(url)
        _prepare(url, devices)
        town = Town(cluster, url, folder, _small_disk(folder, url, stack))
        if town.disk is None:
            town.left_out["full_disk"] = "a small disk (tmpfs) can be mounted by root only"
        if writers:
            town.buses.append(_bus(folder))
        bus = {"TIANSHU_BUS_URL": f"nats://127.0.0.1:{town.buses[0].port}"} if writers else {}
        town.gateways += [_process("gateway", town, bus) for _ in range(gateways)]
        town.writers += [_process("writer", town, bus) for _ in range(writers)]
        stack.callback(_end_all, town)
        town.heal()
        yield town


def _process(command: str, town: Town, more: dict[str, str]) -> Process:
    port, page = free_port(), free_port()
    environment = {
        "TIANSHU_DATABASE_URL": town.url, "TIANSHU_DATA_DIR": str(town.folder), "TIANSHU_GATEWAY_PORT": str(port),
        "TIANSHU_METRICS_PORT": str(page), "TIANSHU_WRITER_PORT": str(page), **more,
    }  # fmt: skip
    health, log = f"http://127.0.0.1:{page}/health", town.folder / f"{command}-{port}.log"
    return Process(command, [sys.executable, "-m", "api.cli", command], environment, port, health, log)


def _bus(folder: Path) -> Process:
    """A NATS server with JetStream that keeps its stream in the folder."""
    program = shutil.which("nats-server")
    if program is None:
        raise FileNotFoundError("nats-server is not installed: `tianshu install --browser`")
    port, page = free_port(), free_port()
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-m", str(page), "-js", "-sd", str(folder / "stream")]
    return Process("bus", command, {}, port, f"http://127.0.0.1:{page}/healthz", folder / "bus.log")


def _end_all(town: Town) -> None:
    town.free()
    for process in town.processes:
        process.end(signal.SIGKILL)


def _prepare(url: str, devices: int) -> None:
    numbers = "generate_series(1, %s) n"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        connection.execute("ALTER SYSTEM SET restart_after_crash = on")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"INSERT INTO device (phone) SELECT (13800000000 + n)::text FROM {numbers}", [devices])
        connection.execute(_TRACE)


def _small_disk(folder: Path, url: str, stack: ExitStack) -> Path | None:
    """Put the day's fixes on a file system of a few megabytes, if we may mount one."""
    disk = folder / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        return None
    if subprocess.run([mount, "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", disk], check=False).returncode != 0:
        return None
    stack.callback(_unmount, disk)
    place = disk / "tablespace"
    place.mkdir()
    shutil.chown(place, "postgres")
    asyncio.run(_make_days(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(place))))
        for kind, which in (("TABLE", _DAYS), ("INDEX", _KEYS)):
            for (name,) in connection.execute(which).fetchall():
                connection.execute(f"ALTER {kind} {name} SET TABLESPACE small")
    return disk


def _unmount(disk: Path) -> None:
    subprocess.run(["umount", "-l", disk], check=False)  # noqa: S607


async def _make_days(url: str) -> None:
    """Make the days that the devices report of."""
    engine = make_engine(url)
    today = datetime.now(UTC).date()
    await partitions.ensure(engine, [today - timedelta(days=1), today, today + timedelta(days=1)])
    await engine.dispose()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
