"""Faults: the database stops, the gateway is killed. What was acknowledged is there once; the rest comes again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest

from api.gateway.server import Gateway
from services.db.cluster import Cluster
from services.db.engine import make_engine
from services.settings import Settings
from tests.builders.terminals import Terminal, a_report

pytestmark = pytest.mark.faults
OK = 0


@pytest.fixture
def cluster_url(own_cluster: Cluster) -> str:
    """A database whose commits survive a crash of its server (the other tests' need not), with ten devices."""
    url = own_cluster.url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("INSERT INTO device (phone) SELECT (13800000000 + n)::text FROM generate_series(1, 10) n")
    return url


@pytest.fixture
async def gateway(cluster_url: str) -> AsyncIterator[Gateway]:
    engine = make_engine(cluster_url)
    async with Gateway(engine, Settings(database_url=cluster_url, gateway_port=0)).serving() as served:
        yield served
    await engine.dispose()


def stored(url: str) -> dict[tuple[str, int], int]:
    """How often each fix is stored, by the phone of its device and its altitude, which the tests use as a number."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT phone, altitude_m::int, count(*) FROM fix JOIN device ON device.id = device_id GROUP BY 1, 2"
        )
        return {(phone, number): count for phone, number, count in rows}


async def in_thread(act: object) -> None:
    await asyncio.to_thread(act)  # type: ignore[arg-type]


async def test_while_the_database_is_away_nothing_is_acknowledged_and_afterwards_everything_is_there_once(
    gateway: Gateway, own_cluster: Cluster, cluster_url: str
) -> None:
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        assert (await terminal.ask(a_report(1, altitude_m=1))).result == OK
        await in_thread(own_cluster.stop)
        frames = [terminal.report(number, altitude_m=number) for number in range(2, 6)]
        await terminal.send(*frames)
        assert await terminal.hears_nothing(2)
        await in_thread(own_cluster.start)
        for _ in range(20):  # as a terminal does that gets no answer
            await terminal.send(*frames)
            if not await terminal.hears_nothing(1):
                break
        assert [(await terminal.hear()).result for _ in frames[1:]] == [OK] * 3
    assert stored(cluster_url) == {(terminal.phone, number): 1 for number in range(1, 6)}


async def test_a_terminal_that_signs_in_while_the_database_is_away_may_try_again_on_the_same_connection(
    gateway: Gateway, own_cluster: Cluster
) -> None:
    async with Terminal.on(gateway.port) as terminal:
        code = (await terminal.register()).code
        await in_thread(own_cluster.stop)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await terminal.authenticate(code)
        await in_thread(own_cluster.start)
        assert await terminal.authenticate(code) == OK
        assert (await terminal.ask(a_report())).result == OK


async def test_a_database_that_crashes_in_the_middle_keeps_what_was_acknowledged(
    gateway: Gateway, own_cluster: Cluster, cluster_url: str
) -> None:
    async with flowing(gateway.port, 5) as flow:
        await flow.reach(200)
        await in_thread(lambda: own_cluster.stop("immediate"))
        await asyncio.sleep(0.5)
        acknowledged = flow.acknowledged()
        await in_thread(own_cluster.start)
        there = stored(cluster_url)
        assert [key for key in acknowledged if there.get(key) != 1] == []
        await flow.reach(len(flow.acknowledged()) + 200)
    there = stored(cluster_url)
    assert [key for key in flow.acknowledged() if there.get(key) != 1] == []


async def test_a_gateway_killed_in_the_middle_has_lost_nothing_that_it_acknowledged(cluster_url: str) -> None:
    port, page = free_port(), free_port()
    acknowledged: set[tuple[str, int]] = set()
    for _ in range(2):
        with served(cluster_url, port, page) as process:
            async with flowing(port, 5, acknowledged) as flow:
                await flow.reach(len(acknowledged) + 300)
                process.send_signal(signal.SIGKILL)
                await in_thread(process.wait)
        acknowledged |= flow.acknowledged()
        there = stored(cluster_url)
        assert [key for key in acknowledged if there.get(key) != 1] == []
        assert set(there.values()) == {1}
    assert len(acknowledged) >= 600


async def test_a_gateway_asked_to_stop_finishes_what_it_has_and_goes(cluster_url: str) -> None:
    port, page = free_port(), free_port()
    with served(cluster_url, port, page) as process:
        async with flowing(port, 3) as flow:
            await flow.reach(100)
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(in_thread(process.wait), 20)
        assert process.returncode == 0
    there = stored(cluster_url)
    assert set(there) == flow.acknowledged()
    assert set(there.values()) == {1}


async def test_what_a_killed_gateway_left_unwatched_is_watched_by_the_next(cluster_url: str) -> None:
    """An emergency that is stored, but whose gateway died before it looked, still becomes an alert."""
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                           "$$ BEGIN PERFORM pg_sleep(3600); RETURN NEW; END $$")  # fmt: skip
        connection.execute("CREATE TRIGGER wait BEFORE INSERT ON alert FOR EACH ROW EXECUTE FUNCTION wait()")
    port, page = free_port(), free_port()
    with served(cluster_url, port, page) as process:
        async with Terminal.on(port) as terminal:
            await terminal.sign_in()
            assert (await terminal.ask(a_report(alarm=1))).result == OK
        process.send_signal(signal.SIGKILL)
        await in_thread(process.wait)
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        connection.execute("DROP TRIGGER wait ON alert")
        assert connection.execute("SELECT count(*) FROM alert").fetchone() == (0,)
        with served(cluster_url, port, page):
            async with asyncio.timeout(20):
                while connection.execute("SELECT kind FROM alert").fetchone() != ("sos",):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                while connection.execute("SELECT count(*) FROM outbox").fetchone() != (0,):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)


# -- a fleet that keeps reporting, and a gateway in a process of its own


class Flow:
    """Terminals that send numbered fixes, each with up to twenty unanswered, and send again what got no answer."""

    def __init__(self, port: int, terminals: int, known: set[tuple[str, int]]) -> None:
        self._port = port
        self._known = known
        self._new: set[tuple[str, int]] = set()
        self.tasks = [asyncio.create_task(self._report(number)) for number in range(1, terminals + 1)]

    def acknowledged(self) -> set[tuple[str, int]]:
        return set(self._known | self._new)

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self._known | self._new) < count:  # noqa: ASYNC110 -- many terminals make the count
                await asyncio.sleep(0.01)

    async def _report(self, number: int) -> None:
        try:
            async with Terminal.on(self._port, str(13_800_000_000 + number)) as terminal:
                await terminal.sign_in()
                await self._send_all(terminal)
        except (EOFError, ConnectionError):
            return  # the gateway is gone, as some tests want it to be

    async def _send_all(self, terminal: Terminal) -> None:
        following, waiting = 0, dict[int, int]()  # number of a fix by the serial it was sent with
        while True:
            resent, waiting = list(waiting.values()), {}
            while len(resent) < 20:
                if (terminal.phone, following) not in self._known:
                    resent.append(following)
                following += 1
            for fix in resent:
                await terminal.send(terminal.report(fix, altitude_m=fix))
                waiting[terminal.serial] = fix
            await self._hear_all(terminal, waiting)

    async def _hear_all(self, terminal: Terminal, waiting: dict[int, int]) -> None:
        try:
            while waiting:
                answer = await terminal.hear(2)
                if answer.result == OK and answer.answered_serial in waiting:
                    self._new.add((terminal.phone, waiting.pop(answer.answered_serial)))
        except TimeoutError:
            return


@asynccontextmanager
async def flowing(port: int, terminals: int, known: set[tuple[str, int]] | None = None) -> AsyncIterator[Flow]:
    flow = Flow(port, terminals, known or set())
    yield flow
    for task in flow.tasks:
        task.cancel()
    await asyncio.gather(*flow.tasks, return_exceptions=True)


@contextmanager
def served(url: str, port: int, page: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the gateway as the service does: `tianshu gateway`."""
    env = {
        **os.environ, "TIANSHU_DATABASE_URL": url, "TIANSHU_GATEWAY_PORT": str(port), "TIANSHU_METRICS_PORT": str(page)
    }  # fmt: skip
    program = Path(sys.executable).with_name("tianshu")
    process = subprocess.Popen([program, "gateway"], env=env)
    try:
        _wait_for_life(page)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for_life(page: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{page}/health", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the gateway did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
