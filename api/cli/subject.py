"""A person's own data from the command line: listed, corrected, deleted (个人信息保护法 44 to 47)."""

import asyncio
import json
import sys
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
from services.settings import Settings

app = typer.Typer(name="subject", help="What is kept about a person.", no_args_is_help=True)

T = TypeVar("T")
MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]


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


@app.command("find")
def find_calls() -> None:
    """Print, as JSON, the calls in which words of a caller stand; the words are read from standard input."""
    words = sys.stdin.readline().strip()
    found = _act(lambda who, db, _: subjects.find_calls(who, db, words=words))
    typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1, default=str))


@app.command("delete-call")
def delete_call(number: int, *, yes: bool = typer.Option(False, "--yes", help="Don't ask.")) -> None:
    """Delete the words and the place of a call, in its log too."""
    if not yes:
        typer.confirm(f"Delete the words and the place of call {number} for good?", abort=True)
    record = _act(lambda who, db, _: subjects.delete_call(who, db, number, now=datetime.now(UTC)))
    typer.echo(f"Deleted: record {record}.")


@app.command("device")
def list_device(number: int) -> None:
    """Print, as JSON, how much is kept of a device, and who carried it."""
    record = _act(lambda who, db, _: subjects.list_device(who, db, number))
    typer.echo(json.dumps(asdict(record), ensure_ascii=False, indent=1, default=str))


@app.command("delete-track")
def delete_track(
    number: int,
    start: datetime = typer.Option(..., formats=MOMENTS, help="First moment, with its offset."),
    end: datetime = typer.Option(..., formats=MOMENTS, help="First moment that stays."),
    *,
    yes: bool = typer.Option(False, "--yes", help="Don't ask."),
) -> None:
    """Delete the positions and raw frames of a device in a time, step by step, each with its record."""
    if not yes:
        typer.confirm(f"Delete the track of device {number} from {start} to {end} for good?", abort=True)
    left = 1

    async def delete(who: access.Mandate, db: WriteSession, settings: Settings) -> subjects.Deleted:
        return await subjects.delete_track(who, db, settings, number, start=start, end=end, now=datetime.now(UTC))

    while left:
        gone = _act(delete)
        typer.echo(f"Record {gone.record}: {gone.fixes} positions, {gone.left} left.")
        left = gone.left


def _run(act: Callable[[access.Mandate, WriteSession, int], Awaitable[T]], name: str) -> T:
    async def of(who: access.Mandate, db: WriteSession, _: Settings) -> T:
        return await act(who, db, await subjects.find_person(db, name))

    return _act(of)


def _act(act: Callable[[access.Mandate, WriteSession, Settings], Awaitable[T]]) -> T:
    """Do something in a transaction of the operator's."""

    async def run(settings: Settings) -> T:
        engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=2)
        try:
            async with writing(engine) as db:
                return await act(access.system_mandate(Ledger(engine)), db, settings)
        finally:
            await engine.dispose()

    with database.opened() as settings:
        return asyncio.run(run(settings))
