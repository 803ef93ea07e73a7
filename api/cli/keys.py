"""The keys of the service, renewed: those that close secrets in the database, and the one that seals the trail."""

import asyncio

import typer

from api.cli import database
from services import access
from services.audit import Sealer
from services.db.engine import make_engine, writing
from services.db.security import DbRole
from services.settings import Settings

app = typer.Typer(name="keys", help="Renew the keys of the service.", no_args_is_help=True)


@app.command("renew")
def renew() -> None:
    """Put a new key for secrets before the old ones. Restart, then run `tianshu keys close`."""
    access.renew_keys(Settings())
    typer.echo("A new key stands first. Restart the service, then run `tianshu keys close`.")


@app.command("close")
def close() -> None:
    """Close every secret in the database under the newest key and forget the older ones."""
    with database.opened() as settings:
        count = asyncio.run(_close(settings))
        if settings.secret_keys is None:
            access.forget_old_keys(settings)
    typer.echo(f"{count} secrets lie under the newest key; the older ones are not needed any more.")


@app.command("seal")
def renew_seal() -> None:
    """Seal the audit trail with a new key from now on; the first public key still verifies everything."""
    settings = Settings()
    Sealer.of(settings).renew_key(settings)
    typer.echo("The seals go on under a new key, announced under the old one.")


async def _close(settings: Settings) -> int:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    try:
        async with writing(engine) as db:
            return await access.close_secrets_again(db, access.load_keys(settings))
    finally:
        await engine.dispose()
