"""One schedule: devices report, things break, everything is made whole, the devices finish, the database is asked."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.chaos import breaking, schedule, verdict
from bench.chaos.fleet import Counts, Device
from bench.chaos.town import Town

EVERY_S = 0.08  # a device measures
FINISH_S = 120.0
CLOSED_S = 10.0  # in which gateways that live have closed the sockets of devices that are elsewhere
WINDOWS = (1, 4, 10, 20)


@dataclass(frozen=True, slots=True)
class Trial:
    """A schedule and the devices that report meanwhile."""

    seed: int
    seconds: float
    first_device: int
    devices: int
    lanes: Mapping[str, Sequence[str]] | None = None


async def try_out(town: Town, trial: Trial) -> dict[str, Any]:
    """Run a schedule and report it."""
    devices = devices_of([gateway.port for gateway in town.gateways], trial)
    lanes = trial.lanes or _possible(town)
    faults = schedule.draw(trial.seed, trial.seconds, lanes)
    lives = [asyncio.create_task(device.run()) for device in devices]
    measuring = asyncio.create_task(_measure(devices))
    await breaking.play(breaking.Scene(town, devices), faults)
    await asyncio.to_thread(town.heal)
    measuring.cancel()
    began_s = time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(FINISH_S):
            while not all(device.is_done() for device in devices):  # noqa: ASYNC110 -- many devices, one look
                await asyncio.sleep(0.05)
    finished_s = time.monotonic() - began_s
    await asyncio.gather(*(device.see_old_lines_closed(CLOSED_S) for device in devices))
    found = await asyncio.to_thread(verdict.judge, town, devices)
    for life in lives:
        life.cancel()
    for life in lives:  # a device that ended by itself has failed, and not what is tried
        with suppress(asyncio.CancelledError):
            await life
    return {
        "seed": trial.seed,
        "good": found.is_good,
        "acknowledged": sum(len(device.acknowledged) for device in devices),
        **asdict(devices[0].counts),
        "finished_s": round(finished_s, 1),
        "wrong": {name: count for name, count in asdict(found).items() if count},
        "faults": [fault.as_json() for fault in faults],
    }


def summary(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add the reports up."""
    totals = Counter[str]()
    kinds = Counter[str]()
    for report in reports:
        for name in ("acknowledged", "sent", "repeated", "connections", "taken_over"):
            totals[name] += report[name]
        totals.update(report["wrong"])
        kinds.update(fault["kind"] for fault in report["faults"])
    return {
        "schedules": len(reports),
        "good": sum(report["good"] for report in reports),
        **totals,
        "faults": dict(sorted(kinds.items())),
    }


def devices_of(ports: Sequence[int], trial: Trial) -> list[Device]:
    """Return the devices of a trial, each with its own chance."""
    rng, counts = random.Random(trial.seed), Counts()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    return [
        Device(
            number, str(13_800_000_000 + number), random.Random(rng.random()), ports, start,
            rng.choice(WINDOWS), rng.randrange(100), counts,
        )
        for number in range(trial.first_device, trial.first_device + trial.devices)
    ]  # fmt: skip


def _possible(town: Town) -> Mapping[str, Sequence[str]]:
    lanes = schedule.BUS_LANES if town.buses else schedule.LANES
    return {lane: [kind for kind in kinds if kind not in town.left_out] for lane, kinds in lanes.items()}


async def _measure(devices: Sequence[Device]) -> None:
    """Let every device take a fix now and then, whatever else happens."""
    while True:
        await asyncio.sleep(EVERY_S)
        for device in devices:
            device.measure()
