"""What routes ask for: a session, the settings, the time, the officer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from api.problems import NotSignedInError
from services import access
from services.audit import Ledger
from services.db.engine import ReadSession, WriteSession, reading, writing
from services.errors import NotAllowedError
from services.settings import Settings

COOKIE = "tianshu"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteError(NotAllowedError):
    """Another site tried to make the browser act for the officer."""


async def _read(request: Request) -> AsyncIterator[ReadSession]:
    async with reading(request.app.state.engine) as session:
        yield session


async def _write(request: Request) -> AsyncIterator[WriteSession]:
    async with writing(request.app.state.engine) as session:
        yield session


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def now() -> datetime:
    """Read the clock: the one place of the HTTP door that does."""
    return datetime.now(UTC)


def ledger(request: Request) -> Ledger:
    """Return the audit trail of this application."""
    return Ledger(request.app.state.engine)


def remote(request: Request) -> str:
    """Return the caller's address."""
    return request.client.host if request.client else ""


def token(request: Request) -> str | None:
    """Return the session token of a request: a bearer header (machines) or the cookie (pages).

    Raises:
        CrossSiteError: the cookie comes with an unsafe method from another site.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value
    cookie = request.cookies.get(COOKIE)
    if cookie and request.method not in _SAFE:
        refuse_cross_site(request)
    return cookie


def refuse_cross_site(request: Request) -> None:
    """Refuse an unsafe request that a browser says, or shows, to come from another site.

    Raises:
        CrossSiteError: Sec-Fetch-Site is not same-origin, or Origin names another host.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign_site = site is not None and site != "same-origin"
    foreign_origin = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign_site or foreign_origin:
        raise CrossSiteError("This request came from another site. Use the pages of this service.")


async def _mandate(request: Request, moment: Annotated[datetime, Depends(now)]) -> access.Mandate:
    secret = token(request)
    if secret is None:
        raise NotSignedInError("Sign in first.")
    async with writing(request.app.state.engine) as db:
        mandate = await access.recognise(
            db, ledger(request), _settings(request), secret, remote=remote(request), now=moment
        )
    if mandate is None:
        raise NotSignedInError("Your session has ended. Sign in again.")
    return mandate


ReadDb = Annotated[ReadSession, Depends(_read, scope="function")]
WriteDb = Annotated[WriteSession, Depends(_write, scope="function")]
Config = Annotated[Settings, Depends(_settings)]
Now = Annotated[datetime, Depends(now)]
Trail = Annotated[Ledger, Depends(ledger)]
Who = Annotated[access.Mandate, Depends(_mandate)]
