"""`tianshu import`: files into the database."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from api import ground
from api.cli import database
from services import access, imports
from services.audit import Ledger
from services.db.engine import make_engine
from services.db.security import DbRole
from services.dispatch import history
from services.errors import InvalidError
from services.ingest import calls, files, rows
from services.settings import Settings

app = typer.Typer(name="import", no_args_is_help=True, help="Bring files into the database.")

KINDS = tuple(rows.READERS)
SOME_REJECTED = 1
"""Exit code when some rows were not imported; 0: all were; 2: nothing could be done."""


@app.callback()
def import_files() -> None:
    """Bring files into the database."""


@app.command("tracks")
def import_tracks(
    file: Annotated[Path, typer.Argument(help="CSV, GPX, KML, GeoJSON, Parquet, NMEA log; .gz; a .zip of them, KMZ")],
    *,
    crs: Annotated[str, typer.Option("--crs", help="cgcs2000, wgs84, gcj02, bd09 or EPSG:n")],
    lon: Annotated[str | None, typer.Option("--lon-column", help="East or longitude; guessed if left out")] = None,
    lat: Annotated[str | None, typer.Option("--lat-column", help="North or latitude")] = None,
    at: Annotated[str | None, typer.Option("--time-column", help="Time")] = None,
    who: Annotated[str | None, typer.Option("--id-column", help="Phone, plate or call sign")] = None,
    object_id: Annotated[
        str | None, typer.Option("--object-id", "--device", help="Of all rows, if no column says")
    ] = None,
    speed: Annotated[str | None, typer.Option("--speed-column", help="Speed, in --speed-unit")] = None,
    speed_unit: Annotated[str, typer.Option(help="mps, kmh or knots")] = "mps",
    heading: Annotated[str | None, typer.Option("--heading-column", help="Degrees from north, clockwise")] = None,
    altitude: Annotated[str | None, typer.Option("--altitude-column", help="Metres")] = None,
    accuracy: Annotated[str | None, typer.Option("--accuracy-column", help="Radius of 95 %, metres")] = None,
    tz: Annotated[str, typer.Option(help="Of times without a zone: Asia/Shanghai, +08:00, UTC")] = "UTC",
    day: Annotated[
        str | None, typer.Option("--date", help="UTC day an NMEA log without dates begins: 2026-06-01")
    ] = None,
    kind: Annotated[str | None, typer.Option("--format", help=f"{', '.join(KINDS)}; by default by the name")] = None,
    create_devices: Annotated[bool, typer.Option("--create-devices", help="Make units of unknown objects")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted import stopped")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where bad rows go; FILE.rejects.csv here by default")] = None,
) -> None:
    """Import positions. Bad rows go to the reject file with their line and the reason; importing again adds nothing.

    How far it got stands in a checkpoint beside the reject file, until it is through.
    """
    if f"speed_{speed_unit}" not in files.SPEEDS:
        raise InvalidError(f"--speed-unit {speed_unit} is unknown: mps, kmh or knots.")
    named = {
        "lon": lon, "lat": lat, "at": at, "object_id": who, f"speed_{speed_unit}": speed,
        "heading_deg": heading, "altitude_m": altitude, "accuracy_m": accuracy,
    }  # fmt: skip
    columns = {name: column for name, column in named.items() if column is not None}
    options = files.Options(crs, columns, object_id, _zone(tz), kind, _day(day))
    _preview(file, options)
    bad = rejects or Path(f"{file.name.partition('.')[0]}.rejects.csv")
    with database.opened() as settings:
        told = asyncio.run(_import(settings, file, options, bad, create_devices=create_devices, resume=resume))
    _report(told, bad, tz)
    if told.rejected or told.failed:
        raise typer.Exit(SOME_REJECTED)


@app.command("calls")
def import_calls(
    file: Annotated[Path, typer.Argument(help="CSV with number, kind, taken_at and what else is known; .gz")],
    *,
    crs: Annotated[str, typer.Option("--crs", help="Of the places: cgcs2000, wgs84, gcj02, bd09 or EPSG:n")],
    tz: Annotated[str, typer.Option(help="Of times without a zone: Asia/Shanghai, +08:00, UTC")] = "Asia/Shanghai",
    rejects: Annotated[Path | None, typer.Option(help="Where bad rows go; FILE.rejects.csv here by default")] = None,
) -> None:
    """Import calls that are over, from another system. Bad rows go to the reject file; importing again adds nothing."""
    bad = rejects or Path(f"{file.name.partition('.')[0]}.rejects.csv")
    how = calls.Options(crs, _zone(tz))
    with database.opened() as settings:
        told = asyncio.run(_import_calls(settings, file, how, bad))
    typer.echo(f"{told.stored} stored, {told.repeated} known before, {told.rejected} rejected")
    if told.rejected:
        typer.echo(f"Rejected rows, with line and reason: {bad}", err=True)
        raise typer.Exit(SOME_REJECTED)


async def _import_calls(settings: Settings, file: Path, how: calls.Options, rejects: Path) -> history.Told:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    mandate, now = access.system_mandate(Ledger(engine)), datetime.now(UTC)
    try:
        return await history.import_calls(
            mandate, engine, settings, ground.load(), file, how=how, now=now, rejects=rejects
        )
    finally:
        await engine.dispose()


def _preview(file: Path, options: files.Options) -> None:
    """Say what will be read as what; refuse before a database is started for it.

    Raises:
        InvalidError: no file of the set, or not the one file, can be read.
    """
    refusal: InvalidError | None = None
    reads_any = False
    for name in rows.members(file, options.kind):
        try:
            with files.opened(file, options, member=name) as opened:
                reading = ", ".join(f"{field} ← {column}" for field, column in opened.mapping.items())
        except (rows.FileError, files.ColumnsError) as error:
            refusal = error
            continue
        reads_any = True
        typer.echo(f"Reading {f'{name}: ' if name else ''}{reading}; {options.crs}.", err=True)
    if refusal and not reads_any:
        raise refusal


async def _import(
    settings: Settings, file: Path, options: files.Options, rejects: Path, *, create_devices: bool, resume: bool
) -> imports.Imported:
    """Import with a progress bar on stderr."""
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=2)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[rows]:,} rows"), console=Console(stderr=True),
    )  # fmt: skip
    with bar:
        task = bar.add_task(file.name, total=1.0, rows=0)

        def show(told: imports.Imported) -> None:
            bar.update(task, completed=told.done, rows=told.stored + told.repeated + told.rejected)

        try:
            return await imports.import_tracks(
                access.system_mandate(Ledger(engine)), engine, settings, file, options,
                now=datetime.now(UTC), rejects=rejects, create_devices=create_devices, resume=resume, progress=show,
            )  # fmt: skip
        finally:
            await engine.dispose()


def _report(told: imports.Imported, rejects: Path, tz: str) -> None:
    """Say what came of it: one line on stdout for programs and people, remarks on stderr."""
    typer.echo(f"{told.stored} stored, {told.repeated} known before, {told.rejected} rejected, {told.flagged} doubtful")
    if told.created:
        some = ", ".join(told.created[:5]) + (", …" if len(told.created) > 5 else "")  # noqa: PLR2004
        typer.echo(f"{len(told.created)} new devices with off-duty units: {some}", err=True)
    if told.zoneless:
        typer.echo(f"{told.zoneless} times had no zone and were taken as {tz}.", err=True)
    for failure in told.failed:
        typer.echo(f"Not read: {failure}", err=True)
    if told.rejected:
        typer.echo(f"Rejected rows, with line and reason: {rejects}", err=True)


def _day(text: str | None) -> date | None:
    """Return the day of a date as written."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidError(f"--date {text} is no day: write 2026-06-01.") from None


def _zone(name: str) -> tzinfo:
    """Return the zone of a name or of an offset."""
    if found := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name):
        shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-shift if found[1] == "-" else shift)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError(f"--tz {name} is no time zone: write Asia/Shanghai, +08:00 or UTC.") from None
