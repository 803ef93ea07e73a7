"""What routes ask for: a session, the settings, the time, the officer."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request, Response

from api.problems import NotSignedInError
from services import access
from services.audit import Ledger
from services.db.engine import ReadSession, WriteSession, reading, writing
from services.errors import NotAllowedError, Saying
from services.settings import Settings

COOKIE = "tianshu"
HOST_COOKIE = f"__Host-{COOKIE}"
"""The cookie's name over HTTPS, where the browser keeps it from neighbouring hosts (RFC 6265bis)."""
CASE, PURPOSE = "tianshu-case", "tianshu-purpose"
"""Headers in which a caller names the case (percent-encoded) and the purpose of a look."""
_BY_ITSELF = frozenset({"/stream"})
"""What pages ask for again and again without a person's doing."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteError(NotAllowedError):
    """Another site tried to make the browser act for the officer."""


class PurposeRefusedError(NotAllowedError):
    """The officer's roles have no such purpose."""


async def _read_at_door(request: Request) -> AsyncIterator[ReadSession]:
    async with reading(request.app.state.door) as session:
        yield session


async def _write_at_door(request: Request) -> AsyncIterator[WriteSession]:
    async with writing(request.app.state.door) as session:
        yield session


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def now() -> datetime:
    """Read the clock: the one place of the HTTP door that does."""
    return datetime.now(UTC)


def ledger(request: Request) -> Ledger:
    """Return the audit trail of this application."""
    trail: Ledger = request.app.state.ledger
    return trail


def remote(request: Request) -> str:
    """Return the caller's address."""
    return request.client.host if request.client else ""


def secure(request: Request) -> bool:
    """Return whether people reach this service over HTTPS."""
    return (_settings(request).public_url or str(request.url)).startswith("https://")


def token(request: Request) -> tuple[access.Kind, str] | None:
    """Return the session token of a request and its kind: a bearer header (machines) or the cookie (pages).

    Raises:
        CrossSiteError: the cookie comes with an unsafe method from another site.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return access.Kind.MACHINE, value
    cookie = request.cookies.get(HOST_COOKIE if secure(request) else COOKIE)
    if not cookie:
        return None
    if request.method not in _SAFE:
        refuse_cross_site(request)
    return access.Kind.PAGE, cookie


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


@dataclass(frozen=True, slots=True)
class Door:
    """What signing in needs to know: who knocks, when, and where it is written down."""

    request: Request
    trail: Ledger
    keys: access.Keyring
    settings: Settings
    now: datetime

    @property
    def remote(self) -> str:
        """The caller's address."""
        return remote(self.request)

    @property
    def token(self) -> str:
        """The token that was shown, empty when none was."""
        shown = token(self.request)
        return shown[1] if shown else ""

    async def look_up(self, kind: access.Kind, secret: str) -> access.Recognised:
        """Return the session behind a token.

        Raises:
            NotSignedInError: there is none.
        """
        async with self.writing() as db:
            found = await access.recognise(
                db, self.trail, self.settings, secret, remote=self.remote, now=self.now, kind=kind,
                in_use=self.request.url.path not in _BY_ITSELF,
            )  # fmt: skip
        if found is None:
            raise NotSignedInError("Your session has ended. Sign in again.")
        return found

    def writing(self) -> AbstractAsyncContextManager[WriteSession]:
        """Open a transaction of a route's own, for what must be committed before the route goes on."""
        return writing(self.request.app.state.door)


def _door(request: Request, moment: Annotated[datetime, Depends(now)]) -> Door:
    return Door(request, ledger(request), request.app.state.keys, _settings(request), moment)


async def recognise(door: Annotated[Door, Depends(_door)]) -> access.Recognised:
    """Return the session behind a request, half-open ones included.

    Raises:
        NotSignedInError: there is none.
    """
    shown = token(door.request)
    if shown is None:
        raise NotSignedInError("Sign in first.")
    return await door.look_up(*shown)


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Hand a page its session: scripts can't read it, other sites can't send it."""
    over_https = secure(request)
    name = HOST_COOKIE if over_https else COOKIE
    response.set_cookie(name, secret, httponly=True, samesite="strict", secure=over_https, path="/")


def delete_cookie(request: Request, response: Response) -> None:
    """Take a page's session back."""
    over_https = secure(request)
    name = HOST_COOKIE if over_https else COOKIE
    response.delete_cookie(name, httponly=True, samesite="strict", secure=over_https, path="/")


UNFINISHED = {
    access.Stage.VERIFY: Saying("Show your second factor first."),
    access.Stage.ENROL: Saying("Your roles ask for a second factor: enrol one on the sign-in page first."),
    access.Stage.RENEW: Saying("Somebody else knows your password: change it on the sign-in page first."),
}
"""What a half-open session is told."""


def officer(request: Request, who: Annotated[access.Recognised, Depends(recognise)]) -> access.Mandate:
    """Return the mandate of who is signed in: his roles now, the purpose and the case he names.

    Raises:
        NotSignedInError: the session is open half only.
        PurposeRefusedError: his roles have no such purpose.
    """
    if who.stage is not access.Stage.FULL:
        raise NotSignedInError(UNFINISHED[who.stage], who.stage)
    case_no = unquote(request.headers.get(CASE, "")) or None
    return replace(who.mandate, case_no=case_no, purpose=_purpose(request, who.mandate, case_no))


def _purpose(request: Request, mandate: access.Mandate, case_no: str | None) -> str:
    named = request.headers.get(PURPOSE)
    if named is None:
        investigates = case_no is not None and access.PURPOSES[access.Purpose.INVESTIGATION] & mandate.roles
        return access.Purpose.INVESTIGATION if investigates else mandate.purpose
    fitting = [purpose for purpose, roles in access.PURPOSES.items() if roles & mandate.roles]
    if named not in fitting:
        raise PurposeRefusedError(
            "Your roles have no purpose “{named}”. Theirs: {fitting}.", named=named, fitting=", ".join(fitting)
        )
    return named


DoorReadDb = Annotated[ReadSession, Depends(_read_at_door, scope="function")]
DoorWriteDb = Annotated[WriteSession, Depends(_write_at_door, scope="function")]
"""Accounts and sessions only: for routes that nobody, or who is signed in half, may take."""
Config = Annotated[Settings, Depends(_settings)]
Now = Annotated[datetime, Depends(now)]
Trail = Annotated[Ledger, Depends(ledger)]
Knock = Annotated[Door, Depends(_door)]
Session = Annotated[access.Recognised, Depends(recognise)]
"""Somebody who has signed in, perhaps half: for the routes that finish a sign-in."""
Who = Annotated[access.Mandate, Depends(officer)]


async def read(request: Request, who: Who) -> AsyncIterator[ReadSession]:
    """Open a read-only transaction on behalf of who is signed in."""
    async with reading(request.app.state.engine, who.claims) as session:
        yield session


async def _write(request: Request, who: Who) -> AsyncIterator[WriteSession]:
    async with writing(request.app.state.engine, who.claims) as session:
        yield session


ReadDb = Annotated[ReadSession, Depends(read, scope="function")]
WriteDb = Annotated[WriteSession, Depends(_write, scope="function")]
"""Sessions on behalf of who is signed in: the database shows what the claims permit."""
