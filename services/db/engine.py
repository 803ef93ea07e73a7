"""Sessions of the database. The only commit of the service stands here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sqlalchemy import make_url, text
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from services.db import claims as claiming
from services.db.claims import Claims
from services.db.security import DbRole, role_name
from services.errors import ConflictError, InvalidError, NotAllowedError, UnavailableError

Engine: TypeAlias = AsyncEngine
"""The name by which the doors, which don't know SQLAlchemy, call what `make_engine` returns."""

_REFUSED = "42501"
"""insufficient_privilege: a policy of rows or a grant says no."""
_TRIGGER = "exec_stmt_raise"
"""Where PostgreSQL says no by a trigger, in words of its own: what is append-only."""
_CLASHES = frozenset({"23505", "23503", "23P01"})
"""A key that is taken, a thing that is gone: what a race leaves behind after the service's own checks."""


class DatabaseAwayError(UnavailableError):
    """The database does not answer; nothing was written."""


class ClashError(ConflictError):
    """Somebody else did, at the same time, what does not go together with this."""


class UnstorableError(InvalidError):
    """What was said can't be kept: a null character in a text, a number beyond its column."""


class RowRefusedError(NotAllowedError):
    """The database itself does not permit it: a rule of services/db/security."""


class ReadSession(AsyncSession):
    """A session in a read-only transaction."""


class WriteSession(ReadSession):
    """A session whose transaction is committed when its block ends well, and rolled back when it does not."""


def make_engine(url: str, role: DbRole | None = None, *, pool_size: int = 10) -> AsyncEngine:
    """Return an engine for a postgresql:// address; connections are checked before use.

    With a role every connection acts as that role of the database (see services/db/security), from its first moment.
    """
    more: dict[str, Any] = {} if role is None else {"connect_args": {"options": options(url, role)}}
    address = make_url(url).set(drivername="postgresql+psycopg")
    return create_async_engine(address, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, **more)


def options(url: str, role: DbRole) -> str:
    """Return libpq's `options` with which a connection acts as a role from its first moment."""
    address = make_url(url)
    return f"{address.query.get('options', '')} -c role={role_name(address.database or '', role)}".strip()


@asynccontextmanager
async def reading(engine: AsyncEngine, claims: Claims | None = None) -> AsyncIterator[ReadSession]:
    """Open a read-only transaction on somebody's behalf; without claims the application's role sees nobody.

    Raises:
        DatabaseAwayError: the database does not answer.
        RowRefusedError: the database does not permit it.
    """
    async with _told(), ReadSession(engine, expire_on_commit=False) as session, session.begin():
        await claiming.begin(session, claims, read_only=True)
        yield session


@asynccontextmanager
async def writing(engine: AsyncEngine, claims: Claims | None = None) -> AsyncIterator[WriteSession]:
    """Open a transaction on somebody's behalf that commits at the end of the block.

    Raises:
        DatabaseAwayError: the database does not answer.
        RowRefusedError: the database does not permit it.
    """
    async with _told(), WriteSession(engine, expire_on_commit=False) as session, session.begin():
        await claiming.begin(session, claims, read_only=False)
        yield session


@asynccontextmanager
async def by_statement(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection on which every statement is committed by itself.

    Raises:
        DatabaseAwayError: the database does not answer.
        RowRefusedError: the database does not permit it.
    """
    async with _told(), engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


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
    except DataError as error:
        raise UnstorableError("A text holds a null character, or a number is too large to be kept.") from error
    except ProgrammingError as error:
        said = getattr(error.orig, "diag", None)
        if said is None or said.sqlstate != _REFUSED or said.source_function == _TRIGGER:
            raise
        raise RowRefusedError("The database does not permit this to your roles.") from error
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAwayError("The database does not answer. Nothing was lost; try again in a moment.") from error
