"""Retention from the command line: what would be destroyed, and destroying it now."""

import asyncio
from datetime import UTC, datetime

import typer

from api.cli import database
from services import access, retention
from services.audit import Ledger
from services.db.engine import make_engine
from services.db.security import DbRole
from services.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `tianshu retention`."""

    @app.command("retention")
    def apply_retention(
        *, dry_run: bool = typer.Option(False, "--dry-run", help="Only list; nothing is destroyed.")
    ) -> None:
        """Destroy what has been kept for its time; the worker does so every night."""
        with database.opened() as settings:
            passed = asyncio.run(_run(settings, dry_run=dry_run))
        for one in passed:
            days = f", {len(one.partitions)} whole days" if one.partitions else ""
            typer.echo(f"{one.rule.what}: {one.rows} rows{days} before {one.before:%Y-%m-%d} ({one.rule.basis})")
        typer.echo("Nothing was destroyed." if dry_run else f"{len(passed)} kinds of data destroyed.")


async def _run(settings: Settings, *, dry_run: bool) -> list[retention.Passed]:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=2)
    act = retention.list_passed if dry_run else retention.apply
    try:
        return await act(access.system_mandate(Ledger(engine)), engine, settings, now=datetime.now(UTC))
    finally:
        await engine.dispose()
