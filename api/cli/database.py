"""The database of a command: the one in TIANSHU_DATABASE_URL, else the private cluster, running while it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import SecretStr

from services.db import migrate
from services.db.cluster import Cluster
from services.settings import Settings


def private_cluster(settings: Settings) -> Cluster:
    """Return the private cluster that belongs to the data folder."""
    return Cluster(settings.data_dir / "postgres")


@contextmanager
def opened() -> Iterator[Settings]:
    """Yield settings whose `database_url` is set, on a database that is migrated and runs until the block ends."""
    settings = Settings()
    if settings.database_url is not None:
        migrate.upgrade(settings.database_url.get_secret_value())
        yield settings
        return
    with private_cluster(settings) as cluster:
        url = cluster.url()
        migrate.upgrade(url)
        yield settings.model_copy(update={"database_url": SecretStr(url)})


def register(app: typer.Typer) -> None:
    """Add `tianshu migrate` and `tianshu reset`."""

    @app.command("migrate")
    def migrate_database() -> None:
        """Bring the database to the newest revision."""
        with opened():
            typer.echo("The database is at the newest revision.")

    @app.command("reset")
    def reset_private_database(*, yes: bool = typer.Option(False, "--yes", help="Do not ask.")) -> None:
        """Delete the private database and the demo's files. A database of your own is never touched."""
        settings = Settings()
        cluster = private_cluster(settings)
        if not yes:
            typer.confirm(f"Delete everything in {cluster.folder}?", abort=True)
        cluster.remove()
        (settings.data_dir / "demo-logins.json").unlink(missing_ok=True)
        typer.echo("The private database is gone.")
