"""The audit trail from the command line: checked without the writing code, exported, sealed at once."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import typer

from api.cli import database
from services.audit import Ledger, Sealer, verify
from services.db.engine import make_engine
from services.db.security import DbRole
from services.settings import Settings

app = typer.Typer(name="audit", help="The audit trail.", no_args_is_help=True)


@app.command("verify")
def check(
    roots: Path = typer.Option(None, help="File of the seals; that of the settings when left out."),
    key: Path = typer.Option(None, help="Public key of the seals (PEM); that in the data folder when left out."),
    export: Path = typer.Option(None, help="Check this exported trail instead of the database."),
) -> None:
    """Say whether the trail is as it was written; exit with 1 when it is not."""
    settings = Settings()
    folder = settings.data_dir / "audit"
    file = roots or settings.audit_roots or folder / "roots.jsonl"
    public = verify.read_key(key or folder / "seal.pub")
    seals = file.read_bytes().splitlines() if file.exists() else []
    if export:
        report = verify.verify(verify.read_export(export), seals, public)
    else:
        with database.opened() as opened:
            report = verify.verify(verify.read_database(opened.database_address), seals, public)
    typer.echo(f"{report.entries} entries in {report.hours} hours, {report.first_at} to {report.last_at}")
    typer.echo(f"{report.seals} good seals")
    for finding in report.findings:
        typer.echo(f"{finding.kind}: {finding.sentence}")
    typer.echo("Nothing is amiss." if not report.findings else f"{len(report.findings)} findings.")
    raise typer.Exit(1 if report.findings else 0)


@app.command("export")
def export_trail(file: Path) -> None:
    """Write the trail into a file, one JSON object a line, for checking elsewhere."""
    with database.opened() as settings:
        count = verify.write_export(settings.database_address, file)
    typer.echo(f"Wrote {count} entries to {file}")


@app.command("seal")
def seal() -> None:
    """Seal the full hours, or parts of one, that have no seal yet; the worker does so by itself."""
    with database.opened() as settings:
        typer.echo(f"Made {asyncio.run(_seal(settings))} seals")


async def _seal(settings: Settings) -> int:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    try:
        return await Sealer.of(settings).seal(Ledger(engine), datetime.now(UTC))
    finally:
        await engine.dispose()
