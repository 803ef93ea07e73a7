"""`tianshu up` as a newcomer runs it: one command, a private database, and nothing left when it ends."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.db.cluster import Cluster
from tests.conftest import ROOT, open_way

pytestmark = pytest.mark.faults
NAMES = ("TIANSHU_API_PORT", "TIANSHU_GATEWAY_PORT", "TIANSHU_METRICS_PORT")


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def surroundings(tmp_path) -> dict[str, str]:
    ports = {name: str(port) for name, port in zip(NAMES, free_ports(3), strict=True)}
    clean = {name: value for name, value in os.environ.items() if name != "TIANSHU_DATABASE_URL"}
    return {**clean, **ports, "TIANSHU_DATA_DIR": str(open_way(tmp_path) / "var")}


@pytest.fixture
async def running(surroundings) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli", "up", cwd=ROOT, env=surroundings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()
    Cluster(Path(surroundings["TIANSHU_DATA_DIR"]) / "postgres").remove()


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    lines = []
    async with asyncio.timeout(90):
        while process.stdout and (line := await process.stdout.readline()):
            lines.append(line.decode())
            if words in lines[-1]:
                return "".join(lines)
    raise AssertionError("".join(lines))


async def gateway_pid(surroundings: dict[str, str], *, other_than: int = 0) -> int:
    """The process that serves the gateway's own page, by the log of the supervisor."""
    log = Path(surroundings["TIANSHU_DATA_DIR"]) / "logs/tianshu.log"
    async with asyncio.timeout(30):
        while True:
            found = re.findall(r'"program": "gateway", "pid": (\d+)', log.read_text())
            if found and int(found[-1]) != other_than:
                return int(found[-1])
            await asyncio.sleep(0.05)


async def test_everything_starts_a_dead_gateway_comes_back_and_ctrl_c_leaves_nothing_running(running, surroundings):
    address = f"http://127.0.0.1:{surroundings['TIANSHU_API_PORT']}"
    greeting = await said(running, "Stop: Ctrl-C")
    assert address in greeting
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{address}/ready")).json() == {"status": "ready"}
        assert (await client.get(f"{address}/units")).status_code == 401
    first = await gateway_pid(surroundings)
    os.kill(first, signal.SIGKILL)
    second = await gateway_pid(surroundings, other_than=first)
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(surroundings["TIANSHU_GATEWAY_PORT"]))
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
    running.send_signal(signal.SIGINT)
    await said(running, "Everything has stopped.")
    assert await asyncio.wait_for(running.wait(), 30) == 0
    assert not Path(f"/proc/{second}").exists()
    assert not Cluster(Path(surroundings["TIANSHU_DATA_DIR"]) / "postgres").is_running()


async def test_a_taken_port_is_said_in_one_sentence_with_exit_code_2(surroundings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        surroundings["TIANSHU_API_PORT"] = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli", "up", cwd=ROOT, env=surroundings, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().count("\n") == 1
    assert "TIANSHU_API_PORT" in errors.decode()
