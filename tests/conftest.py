"""The real things tests stand on: a PostGIS built by the migrations, the application, signed-in clients."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import argon2
import httpx
import psycopg
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from filelock import FileLock
from sqlalchemy.ext.asyncio import AsyncEngine

from api.main import create_app
from services import access
from services.access import passwords
from services.audit import Ledger
from services.db import migrate
from services.db.cluster import Cluster
from services.db.engine import make_engine, writing
from services.settings import Settings
from tests.builders import people
from tests.builders.people import PASSWORD as PASSWORD

ROOT = Path(__file__).parent.parent
_KEPT = ("alembic_version", "spatial_ref_sys")
_BEGIN_ANEW = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, which never enters the repository."""
    folder = Path(os.environ.get("TIANSHU_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data is not on this machine: set TIANSHU_SHARED_DATA (looked in {folder.name})")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes() -> Iterator[None]:
    """Hash the passwords of invented people at the least cost: the cost itself is asked for by a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    """One private PostgreSQL for all workers of a run; the last to leave removes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    server = Cluster(open_way(shared) / "postgres", durable=False)
    count, lock = shared / "users", FileLock(shared / "users.lock")
    with lock:
        server.start()
        count.write_text(str(int(count.read_text() if count.exists() else 0) + 1))
    yield server
    with lock:
        left = int(count.read_text()) - 1
        count.write_text(str(left))
        if left == 0:
            server.remove()


def open_way(folder: Path) -> Path:
    """Let the database's system user pass through a temporary folder."""
    for parent in (folder, folder.parent, folder.parent.parent):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


@pytest.fixture(scope="session")
def _migrated(cluster: Cluster, worker_id: str) -> str:
    url = cluster.url(f"test_{worker_id}_{secrets.token_hex(4)}")
    migrate.upgrade(url)
    return url


@pytest.fixture
def database_url(_migrated: str) -> str:
    """A database with all migrations, this worker's own, with every table empty."""
    with psycopg.connect(_migrated, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        ).fetchall()
        names = [name for (name,) in rows if name not in _KEPT]
        asked = ", ".join(f'EXISTS (SELECT FROM "{name}")' for name in names)
        filled = connection.execute(f"SELECT {asked}").fetchone()
        connection.execute("SET session_replication_role = replica")  # what is append-only goes, in any order
        for name, holds in zip(names, filled or (), strict=True):
            if holds:
                connection.execute(f'DELETE FROM "{name}"')
        connection.execute(_BEGIN_ANEW)
    return _migrated


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the empty database."""
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings for the empty database."""
    return Settings(database_url=database_url, data_dir=tmp_path, allowed_hosts="*")


@pytest.fixture
def mandate(engine: AsyncEngine) -> Callable[..., Awaitable[access.Mandate]]:
    """Make a mandate of an account that stands in the database: `await mandate("dispatcher")`."""

    async def make(*roles: str) -> access.Mandate:
        held = frozenset(access.Role(role) for role in roles)
        name = f"{'-'.join(roles)}-{secrets.token_hex(3)}"
        async with writing(engine) as db:
            account_id = await access.create_account(db, name, name, PASSWORD, held)
        purpose = access.default_purpose(held)
        return access.Mandate(account_id, name, name, held, Ledger(engine), purpose=purpose, remote="test")

    return make


@pytest.fixture
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    """The HTTP application, started."""
    app = create_app(settings)
    async with LifespanManager(app):
        yield app


@pytest.fixture
async def anonymous(application: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in."""
    async with _client(application) as client:
        yield client


@pytest.fixture
async def client(
    application: FastAPI, engine: AsyncEngine, mandate: Callable[..., Awaitable[access.Mandate]]
) -> AsyncIterator[Callable[..., Awaitable[httpx.AsyncClient]]]:
    """Make a signed-in client, with a second factor where the roles ask for one: `await client("dispatcher")`."""
    keys = application.state.keys
    async with AsyncExitStack() as stack:

        async def make(*roles: str) -> httpx.AsyncClient:
            who, now, secret = await mandate(*roles), datetime.now(UTC), None
            if who.roles & access.SECOND_FACTOR:
                secret = await people.enrol(engine, keys, who.username, now)
            token = await people.token(engine, keys, who.username, now=now, secret=secret)
            client = await stack.enter_async_context(_client(application))
            client.headers["Authorization"] = f"Bearer {token}"
            return client

        yield make


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A private PostgreSQL of the test's own, that may be stopped and started. Its database is migrated."""
    server = Cluster(open_way(tmp_path) / "own", durable=False)
    server.start()
    migrate.upgrade(server.url())
    yield server
    server.remove()
