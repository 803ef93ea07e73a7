"""`tianshu exchange` and `tianshu platforms`: the exchange between platforms (JT/T 809)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from api import exchange as door
from api import logs
from api.cli import database
from services import access, exchange
from services.audit import Ledger
from services.db.engine import make_engine, reading, writing
from services.db.security import DbRole
from services.errors import InvalidError
from services.ingest.jt809.framing import Edition
from services.settings import Settings

platforms = typer.Typer(no_args_is_help=True, help="Lower platforms (JT/T 809) that may log in here.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(platforms, name="platforms")

    @app.command("exchange")
    def serve_exchange() -> None:
        """Exchange positions with other platforms (JT/T 809), above or below, as the settings say."""
        logs.configure()
        asyncio.run(door.run(Settings()))


@platforms.command("add")
def add_platform(  # noqa: PLR0917  an option each
    name: str,
    access_code: Annotated[int, typer.Option(help="The code in the header of its frames")],
    user: Annotated[int, typer.Option(help="The number it logs in with")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="1 to 8 ASCII characters")],
    edition: Annotated[Edition, typer.Option(help="The edition it speaks")] = Edition.V2011,
    address: Annotated[list[str] | None, typer.Option(help="Network it may come from; may be repeated")] = None,
    cipher: Annotated[str | None, typer.Option(help="M1,IA1,IC1 if bodies are encrypted")] = None,
) -> None:
    """Let a platform log in."""
    values = {
        "name": name, "access_code": access_code, "user_id": user, "password": password,
        "edition": edition.value, "addresses": address or [], "cipher": _cipher(cipher),
    }  # fmt: skip

    async def add(mandate: access.Mandate) -> None:
        async with writing(mandate.ledger.engine) as db:
            await exchange.add_platform(mandate, db, **values)  # type: ignore[arg-type]

    _run(add)
    typer.echo(f"{name} may log in.")


@platforms.command("list")
def list_platforms() -> None:
    """List the platforms that may log in."""

    async def show(mandate: access.Mandate) -> None:
        async with reading(mandate.ledger.engine) as db:
            for each in await exchange.list_platforms(mandate, db):
                secret = "encrypted" if each.cipher else "plain"
                typer.echo(f"{each.name}\t{each.access_code}\t{each.edition}\t{secret}\t{','.join(each.addresses)}")

    _run(show)


@platforms.command("remove")
def remove_platform(name: str) -> None:
    """Let a platform log in no more."""

    async def remove(mandate: access.Mandate) -> None:
        async with writing(mandate.ledger.engine) as db:
            await exchange.remove_platform(mandate, db, name)

    _run(remove)
    typer.echo(f"{name} may log in no more.")


def _run(act: Callable[[access.Mandate], Awaitable[None]]) -> None:
    with database.opened() as settings:
        asyncio.run(_with_mandate(settings, act))


async def _with_mandate(settings: Settings, act: Callable[[access.Mandate], Awaitable[None]]) -> None:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    try:
        await act(access.system_mandate(Ledger(engine)))
    finally:
        await engine.dispose()


def _cipher(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        m1, ia1, ic1 = map(int, text.split(","))
    except ValueError:
        raise InvalidError("A cipher is three numbers with commas: M1,IA1,IC1.") from None
    return m1, ia1, ic1
