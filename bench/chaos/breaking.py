"""What each fault does to the town; every one of them is over when its function returns."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from bench.chaos.fleet import Device
from bench.chaos.schedule import Fault
from bench.chaos.town import Process, Town

_CLIENTS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'chaos'"


@dataclass(frozen=True, slots=True)
class Scene:
    """What may be broken."""

    town: Town
    devices: Sequence[Device]


async def kill(processes: Sequence[Process], fault: Fault) -> None:
    """Kill -9, and a new process after a while."""
    await _restart(_of(processes, fault), signal.SIGKILL, fault)


async def stop(processes: Sequence[Process], fault: Fault) -> None:
    """Ask to stop, and start a new process after a while."""
    await _restart(_of(processes, fault), signal.SIGTERM, fault)


async def freeze(processes: Sequence[Process], fault: Fault) -> None:
    """Let the process stand still, sockets open."""
    process = _of(processes, fault)
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(fault.for_s)
    process.signal(signal.SIGCONT)


async def stop_database(scene: Scene, fault: Fault) -> None:
    """Stop PostgreSQL fast and start it again."""
    await _stop(scene.town, "fast", fault)


async def crash_database(scene: Scene, fault: Fault) -> None:
    """Stop PostgreSQL immediately: nothing is written, it recovers from its log."""
    await _stop(scene.town, "immediate", fault)


async def slow_database(scene: Scene, fault: Fault) -> None:
    """Let the servers of all connections stand still, in the middle of whatever they do."""
    pids = [pid for (pid,) in await asyncio.to_thread(_ask, scene.town, _CLIENTS)]
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(fault.for_s)
    for pid in pids:
        _signal(pid, signal.SIGCONT)


async def disconnect(scene: Scene, _fault: Fault) -> None:
    """Take all connections to the database away, in the middle of whatever they do."""
    await asyncio.to_thread(_ask, scene.town, _CLIENTS.replace("pid", "pg_terminate_backend(pid)", 1))


async def full_disk(scene: Scene, fault: Fault) -> None:
    """Leave no room for fixes."""
    await asyncio.to_thread(scene.town.fill)
    await asyncio.sleep(fault.for_s)
    await asyncio.to_thread(scene.town.free)


async def cut_lines(scene: Scene, fault: Fault) -> None:
    """Break a third of the lines in the middle of a frame."""
    for device in _third(scene, fault):
        device.cut()


async def hop(scene: Scene, fault: Fault) -> None:
    """Let a third of the devices turn to another gateway, their old sockets left open."""
    for device in _third(scene, fault):
        device.hop()


async def mute_lines(scene: Scene, fault: Fault) -> None:
    """Let a third of the devices hear and say nothing for a while, and then all at once."""
    until_s = asyncio.get_running_loop().time() + fault.for_s
    for device in _third(scene, fault):
        device.muted_until_s = until_s


TO_PROCESSES = {"kill": kill, "stop": stop, "freeze": freeze}
TO_THE_REST: Mapping[str, Callable[[Scene, Fault], Awaitable[None]]] = {
    fault.__name__: fault
    for fault in (stop_database, crash_database, slow_database, disconnect, full_disk, cut_lines, hop, mute_lines)
}


async def happen(scene: Scene, fault: Fault) -> None:
    """Let a fault happen; `kill_gateway` is something done to a gateway, and so on."""
    if fault.kind in TO_THE_REST:
        await TO_THE_REST[fault.kind](scene, fault)
        return
    act, _, whom = fault.kind.partition("_")
    town = scene.town
    await TO_PROCESSES[act]({"gateway": town.gateways, "bus": town.buses, "writer": town.writers}[whom], fault)


async def play(scene: Scene, schedule: Sequence[Fault]) -> None:
    """Break things as scheduled; faults of one lane never overlap."""
    began_s = asyncio.get_running_loop().time()
    locks = {fault.lane: asyncio.Lock() for fault in schedule}

    async def in_time(fault: Fault) -> None:
        await asyncio.sleep(began_s + fault.at_s - asyncio.get_running_loop().time())
        async with locks[fault.lane]:
            await happen(scene, fault)

    async with asyncio.TaskGroup() as tasks:
        for fault in schedule:
            tasks.create_task(in_time(fault))


def _of(processes: Sequence[Process], fault: Fault) -> Process:
    return processes[fault.which % len(processes)]


async def _restart(process: Process, number: int, fault: Fault) -> None:
    await asyncio.to_thread(process.end, number)
    await asyncio.sleep(fault.for_s)
    process.start()


async def _stop(town: Town, mode: str, fault: Fault) -> None:
    await asyncio.to_thread(town.cluster.stop, mode)
    await asyncio.sleep(fault.for_s)
    await asyncio.to_thread(town.cluster.start)


def _ask(town: Town, query: str) -> list[tuple[int]]:
    with suppress(psycopg.OperationalError), town.connect() as connection:
        return connection.execute(query).fetchall()
    return []


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _third(scene: Scene, fault: Fault) -> list[Device]:
    return random.Random(fault.which).sample(list(scene.devices), max(1, len(scene.devices) // 3))
