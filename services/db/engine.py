"""Sessions of the database. The only commit of the service stands here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from services.errors import ConflictError, UnavailableError

Engine: TypeAlias = AsyncEngine
"""The name by which the doors, which don't know SQLAlchemy, call what `make_engine` returns."""

_CLASHES = frozenset({"23505", "23503"})
"""A key that is taken, a thing that is gone: what a race leaves behind after the service's own checks."""


class DatabaseAwayError(UnavailableError):
    """The database does not answer; nothing was written."""


class ClashError(ConflictError):
    """Somebody else did, at the same time, what does not go together with this."""


class ReadSession(AsyncSession):
    """A session in a read-only transaction."""


class WriteSession(ReadSession):
    """A session whose transaction is committed when its block ends well, and rolled back when it does not."""


def make_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Return an engine for a postgresql:// address; connections are checked before use."""
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_async_engine(address, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[ReadSession]:
    """Open a read-only transaction.

    Raises:
        DatabaseAwayError: the database does not answer.
    """
    async with _told(), ReadSession(engine, expire_on_commit=False) as session, session.begin():
        await session.execute(text("SET TRANSACTION READ ONLY"))
        yield session


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[WriteSession]:
    """Open a transaction that commits at the end of the block.

    Raises:
        DatabaseAwayError: the database does not answer.
    """
    async with _told(), WriteSession(engine, expire_on_commit=False) as session, session.begin():
        yield session


async def check_ready(session: ReadSession) -> None:
    """Ask the database for a sign of life."""
    await session.execute(text("SELECT 1"))


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) not in _CLASHES:
            raise
        raise ClashError("Somebody else changed the same thing at this moment. Look again, then try again.") from error
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAwayError("The database does not answer. Nothing was lost; try again in a moment.") from error
