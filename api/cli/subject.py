"""A person's own data from the command line: listed, corrected, deleted (个人信息保护法 44 to 47)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

import typer

from api.cli import database
from services import access, subjects
from services.audit import Ledger
from services.db.engine import WriteSession, make_engine, writing
from services.db.security import DbRole

app = typer.Typer(name="subject", help="What is kept about a person.", no_args_is_help=True)

T = TypeVar("T")


@app.command("list")
def list_person(name: str) -> None:
    """Print, as JSON, what is kept about the owner of an account."""
    record = _run(subjects.list_person, name)
    typer.echo(json.dumps(asdict(record), ensure_ascii=False, indent=1, default=str))


@app.command("correct")
def correct_person(name: str, display_name: str = typer.Option(..., help="The name as it should be shown.")) -> None:
    """Correct the name a person is shown by."""
    _run(lambda who, db, number: subjects.correct_person(who, db, number, display_name=display_name), name)
    typer.echo("Corrected.")


@app.command("delete")
def delete_person(name: str, *, yes: bool = typer.Option(False, "--yes", help="Don't ask.")) -> None:
    """Delete the data of an account; what was done on duty stays under its number until its own time is over."""
    if not yes:
        typer.confirm(f"Delete the account data of {name} for good?", abort=True)
    kept = _run(lambda who, db, number: subjects.delete_person(who, db, number, now=datetime.now(UTC)), name)
    typer.echo("Deleted. Kept without the name: " + ", ".join(f"{count} of {table}" for table, count in kept.items()))


def _run(act: Callable[[access.Mandate, WriteSession, int], Awaitable[T]], name: str) -> T:
    async def run(url: str) -> T:
        engine = make_engine(url, DbRole.WORKER, pool_size=2)
        try:
            async with writing(engine) as db:
                return await act(access.system_mandate(Ledger(engine)), db, await subjects.find_person(db, name))
        finally:
            await engine.dispose()

    with database.opened() as settings:
        return asyncio.run(run(settings.database_address))
