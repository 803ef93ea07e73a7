"""The demo from beginning to end: seed what is missing, then drive, answer calls and telephone until cancelled."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
from rich.console import Console

from demo import city, door, fleet, ground, history, patrols, people, records, seed
from demo.board import Board
from demo.caller import Caller
from demo.crew import Crew
from demo.door import Door, DoorClosedError
from demo.network import Network
from demo.streets import Streets
from services.settings import Settings

LOOK_EVERY_S = 1.0
CALL_EVERY_S = 3.0
TELL_EVERY_S = 300.0


async def run(
    settings: Settings, logins: Mapping[str, Mapping[str, Any]], console: Console, *, only_seed: bool = False
) -> None:
    """Seed the demo city, then, unless that is all, run the fleet until cancelled.

    Raises:
        DoorClosedError: the service did not become ready, or refused what the demo brought.
    """
    address = f"http://{settings.api_host}:{settings.api_port}"
    async with httpx.AsyncClient(base_url=address, timeout=door.TIMEOUT_S) as client:
        await door.wait_until_ready(client)
        doors = door.doors(client, logins)
        network = await asyncio.to_thread(city.build, ground.load())
        plans = people.units(ground.load(), network)
        await move_in(settings, doors, network, plans, console)
        await records.records(doors, logins, datetime.now(UTC), console)
        if not only_seed:
            await live(settings, doors, network, plans, console)


async def move_in(
    settings: Settings, doors: dict[str, Door], network: Network, plans: list[people.PlannedUnit], console: Console
) -> None:
    """Seed what is missing."""
    desk, admin = doors["dispatcher"], doors["system_admin"]
    await seed.roads(network, settings.road_network, settings.data_dir / "demo" / "roads", desk, console)
    await seed.units(plans, admin, desk, console)
    await seed.parks(people.parks(ground.load()), doors["park_officer"], console)
    await seed.areas(people.areas(), desk, console)
    await patrols.patrols(network, desk, datetime.now(UTC), console)
    await history.past_calls(network, plans, settings.data_dir / "demo", desk, console)


async def live(
    settings: Settings, doors: dict[str, Door], network: Network, plans: list[people.PlannedUnit], console: Console
) -> None:
    """Run fleet, crews and telephone until cancelled."""
    streets = Streets(network)
    force = fleet.muster(plans, streets, (settings.gateway_host, settings.gateway_port))
    await force.remember(await known(doors["dispatcher"]), datetime.now(UTC))
    board = Board()
    crew = Crew(force, board, doors["patrol_officer"])
    caller = Caller(board, doors["dispatcher"], streets, corners(network), random.Random(city.SEED))
    console.print(f"[green]✓[/] Fleet: {len(force.members)} units on the air")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(force.run())
        tasks.create_task(repeatedly(lambda _: board.follow(doors["patrol_officer"]), LOOK_EVERY_S, console))
        tasks.create_task(repeatedly(crew.look, LOOK_EVERY_S, console))
        tasks.create_task(repeatedly(caller.look, CALL_EVERY_S, console, first_s=12.0))
        tasks.create_task(_tell(force, console))


async def known(desk: Door) -> dict[str, fleet.Known]:
    """The newest position of each unit that has one."""
    return {
        unit["call_sign"]: fleet.Known(datetime.fromisoformat(unit["at"]), unit["lon_deg"], unit["lat_deg"])
        async for unit in desk.pages("/units")
        if unit["at"] is not None
    }


def corners(network: Network) -> tuple[int, ...]:
    """Nodes on residential streets, where most calls come from."""
    homes = np.array(network.highway) == "residential"
    return tuple(int(node) - 1 for node in np.unique(network.source[homes]))


async def repeatedly(
    look: Callable[[float], Awaitable[None]], every_s: float, console: Console, first_s: float = 2.0
) -> None:
    """Look again and again; while the service is away, more slowly."""
    await asyncio.sleep(first_s)
    while True:
        pause_s = every_s
        try:
            await look(asyncio.get_running_loop().time())
        except DoorClosedError as error:
            console.print(f"[yellow]![/] {error}")
            pause_s = 5.0
        await asyncio.sleep(pause_s)


async def _tell(force: fleet.Fleet, console: Console) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        done = force.tally
        console.print(
            f"{force.signed_in} of {len(force.members)} units on the air, {done.sent} reports sent, "
            f"{done.acknowledged} acknowledged, {done.caught_up} caught up, {done.repeated} repeated, "
            f"{force.unacknowledged} waiting"
        )
