"""The demo city moves in, through the same doors as everybody: HTTP for people and places, the command line for roads.

What is there already is left as it is, so a second run adds nothing.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from shapely.geometry import mapping

from demo import incidents, people
from demo.door import Door, DoorClosedError
from demo.network import Network

ATTRIBUTION = "合成路网 Synthetic roads (seeded, not real streets)"
AT_ONCE = 4
"""Requests under way at the same time."""
CARRIED = timedelta(days=365)
"""The units have carried their devices for so long when the city moves in."""


async def roads(network: Network, name: str, folder: Path, door: Door, console: Console) -> None:
    """Import the network with `tianshu roads import`, unless one of that name is there."""
    if name in {one["name"] async for one in door.pages("/roads")}:
        return
    with console.status("Importing the demo's roads …"):
        await asyncio.to_thread(network.write, folder)
        await command("roads", "import", str(folder), "--name", name, "--synthetic", "--attribution", ATTRIBUTION)
    console.print(f"[green]✓[/] Roads: {len(network.lon_deg)} nodes, {len(network.source)} edges")


async def units(planned: list[people.PlannedUnit], admin: Door, desk: Door, console: Console) -> None:
    """Devices, and the units that carry them."""
    devices = {device["phone"]: device["id"] async for device in admin.pages("/devices")}
    there = {unit["call_sign"] async for unit in desk.pages("/units")}
    since = datetime.now(UTC) - CARRIED

    async def add(unit: people.PlannedUnit) -> None:
        device_id = devices.get(unit.phone)
        if device_id is None:
            body = {"phone": unit.phone, "plate": unit.plate or None, "terminal_id": unit.terminal_id}
            device_id = (await admin.post("/devices", body))["id"]
        await admin.post(
            "/units",
            {
                "call_sign": unit.call_sign,
                "kind": unit.kind,
                "equipment": list(unit.equipment),
                "division": unit.division,
                "device_id": device_id,
                "device_since": since.isoformat(),
            },
        )

    await _each("Units", [unit for unit in planned if unit.call_sign not in there], add, console)


async def parks(planned: list[people.PlannedPark], officer: Door, console: Console) -> None:
    """Parks with their enterprises, and two years of incidents."""
    there = {park["name"] async for park in officer.pages("/parks")}
    missing = [park for park in planned if park.name not in there]

    async def add(park: people.PlannedPark) -> None:
        made = await officer.post("/parks", {"name": park.name, "shape": mapping(park.shape), "synthetic": True})
        enterprises = [
            {"name": name, "industry": industry, "lon_deg": lon, "lat_deg": lat}
            for name, industry, lon, lat in park.enterprises
        ]
        await officer.post(f"/parks/{made['id']}/enterprises", enterprises)

    await _each("Parks", missing, add, console)
    if missing:
        table = incidents.as_csv(incidents.build(planned, datetime.now(UTC)))
        upload = {"file": ("incidents.csv", table.encode(), "text/csv")}
        await officer.post("/parks/incidents", files=upload, data={"source": "demo"})
        console.print("[green]✓[/] Incidents: two years, with hot spots planted")


async def areas(planned: list[people.PlannedArea], desk: Door, console: Console) -> None:
    """Areas with rules."""
    there = {area["name"] async for area in desk.pages("/areas")}
    missing = [area for area in planned if area.name not in there]

    async def add(area: people.PlannedArea) -> None:
        body = {"name": area.name, "kind": area.kind, "shape": mapping(area.shape), "rules": list(area.rules)}
        await desk.post("/areas", body)

    await _each("Areas", missing, add, console)


async def command(*words: str) -> None:
    """Run `tianshu` with these words.

    Raises:
        DoorClosedError: it failed; the sentence is what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DoorClosedError(f"tianshu {' '.join(words[:2])}: {output.decode(errors='replace').strip()}")


async def _each(what: str, things: Iterable[Any], add: Callable[[Any], Awaitable[None]], console: Console) -> None:
    """Add things, a few at once, with a bar; silent when there is nothing to add."""
    waiting = list(things)
    if not waiting:
        return
    left = iter(waiting)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(what, total=len(waiting))
        while batch := list(islice(left, AT_ONCE)):
            await asyncio.gather(*(add(one) for one in batch))
            progress.advance(bar, len(batch))
    console.print(f"[green]✓[/] {what}: {len(waiting)}")
