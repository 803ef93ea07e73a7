"""Road networks from the command line: import, list, travel times."""

import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from api.cli import database
from geo.roads import Anchors, RoadGraph, UnknownNodeError
from services import access, roads
from services.audit import Ledger
from services.db.engine import ReadSession, make_engine, reading, writing
from services.db.security import DbRole
from services.errors import InvalidError
from services.ingest import roads as files
from services.settings import Settings
from services.sheets import Sheet

app = typer.Typer(name="roads", help="Road networks: import, list, travel times.", no_args_is_help=True)

NODES = ("source", "target")
PLACES = ("from_lon", "from_lat", "to_lon", "to_lat")
ADDED = ("time_s", "length_m", "shortest_m")
_MAX_LON_DEG, _MAX_LAT_DEG = 180, 90

T = TypeVar("T")
Row = dict[str, str]


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Folder with nodes.csv and edges.csv, an edge table, .osm or .pbf")],
    *,
    name: Annotated[str, typer.Option(help="What the network is called from now on")],
    attribution: Annotated[str, typer.Option(help="Whom the map has to name; OpenStreetMap files name it")] = "",
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The roads are invented: maps say so")] = False,
) -> None:
    """Import a road network; one of the same name is replaced. Map services take it up within seconds."""
    console = Console(stderr=True)
    with console.status(f"Reading {file.name} …"):
        table = files.read(file)
    credit = attribution or (files.OSM_ATTRIBUTION if files.is_openstreetmap(file) else "")
    with console.status(f"Storing {len(table.edge_id)} edges …"), database.opened() as settings:
        asyncio.run(_import(settings, table, name, credit, synthetic=synthetic))
    typer.echo(f"{name}: {len(table.network.node_id)} nodes, {len(table.edge_id)} edges")


@app.command("list")
def list_networks() -> None:
    """List the imported networks."""
    with database.opened() as settings:
        for network in asyncio.run(_reading(settings, _list)):
            kind = "synthetic" if network.synthetic else "real"
            typer.echo(f"{network.name}\t{kind}\t{network.imported_at:%Y-%m-%dT%H:%M:%SZ}\t{network.attribution}")


@app.command("times")
def compute_times(
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS.csv", help="source,target or from_lon,from_lat,to_lon,to_lat")
    ],
    *,
    name: Annotated[str, typer.Option(help="The imported network")],
) -> None:
    """Print the pairs with time_s and length_m of the fastest way, shortest_m of the shortest; inf: no road leads.

    Columns of these names in the input are replaced.
    """
    header, rows = _read_pairs(pairs)
    with database.opened() as settings:
        graph = asyncio.run(_reading(settings, lambda db, _: _graph(db, name)))
    sources, targets = _anchors(graph, header, rows)
    table = graph.times(sources, targets)
    sheet = Sheet(sys.stdout, line_end="\n")
    kept = [column for column in header if column not in ADDED]
    sheet.add([*kept, *ADDED])
    for row, *values in zip(rows, table.time_s, table.length_m, table.shortest_m, strict=True):
        sheet.add([*(row[column] for column in kept), *(f"{value:.3f}" for value in values)])


def _read_pairs(path: Path) -> tuple[list[str], list[Row]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, header = list(reader), list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidError(f"{path} can't be read: {error}.") from error
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InvalidError(f"Line {number} of {path.name} does not have the {len(header)} columns of the header.")
    return header, rows


def _anchors(graph: RoadGraph, header: list[str], rows: list[Row]) -> tuple[Anchors, Anchors]:
    """Return where the pairs begin and end on the network."""
    if set(NODES) <= set(header):
        ids = [[_number(row, number, name, int) for name in NODES] for number, row in enumerate(rows, 2)]
        try:
            return graph.at_nodes([pair[0] for pair in ids]), graph.at_nodes([pair[1] for pair in ids])
        except UnknownNodeError as error:
            raise InvalidError(str(error)) from None
    if set(PLACES) <= set(header):
        at = [[_number(row, number, name, float) for name in PLACES] for number, row in enumerate(rows, 2)]
        for number, (from_lon, from_lat, to_lon, to_lat) in enumerate(at, 2):
            if not (
                max(abs(from_lon), abs(to_lon)) <= _MAX_LON_DEG and max(abs(from_lat), abs(to_lat)) <= _MAX_LAT_DEG
            ):
                raise InvalidError(f"Line {number} is nowhere on earth: longitude first, then latitude, in degrees.")
        return (
            graph.at_places([place[0] for place in at], [place[1] for place in at]),
            graph.at_places([place[2] for place in at], [place[3] for place in at]),
        )
    raise InvalidError(
        f"The pairs need the columns {','.join(NODES)} or {','.join(PLACES)}; there are {','.join(header)}."
    )


def _number(row: Row, line: int, name: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(row[name])
    except ValueError:
        raise InvalidError(f"Line {line}: {name} {row[name]!r} is no number that fits.") from None


async def _import(settings: Settings, table: files.Roads, name: str, attribution: str, *, synthetic: bool) -> None:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    mandate, now = access.system_mandate(Ledger(engine)), datetime.now(UTC)
    try:
        async with writing(engine) as db:
            await roads.import_network(
                mandate, db, table, name=name, attribution=attribution, synthetic=synthetic, now=now
            )
    finally:
        await engine.dispose()


async def _reading(settings: Settings, act: Callable[[ReadSession, access.Mandate], Awaitable[T]]) -> T:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    try:
        async with reading(engine) as db:
            return await act(db, access.system_mandate(Ledger(engine)))
    finally:
        await engine.dispose()


async def _list(db: ReadSession, mandate: access.Mandate) -> list[roads.NetworkView]:
    return await roads.list_networks(mandate, db)


async def _graph(db: ReadSession, name: str) -> RoadGraph:
    return (await roads.load(db, name, now=datetime.now(UTC))).modes.drive
