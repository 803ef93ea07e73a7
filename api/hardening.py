"""What every answer carries and every request has to keep to, in one place around the whole application.

Headers (OWASP Secure Headers), who may be addressed, how long a body may be, how often the costly may be asked for.
Plain ASGI, so that streams pass through unbuffered.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from services.errors import Saying
from services.settings import Settings

_PAGES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",  # MapLibre decodes images through object URLs
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
PAGES = "; ".join(f"{directive} {sources}" for directive, sources in _PAGES.items())
"""The pages' own policy: nothing from another host, no inline script, so no nonce is needed."""
DATA = "default-src 'none'; frame-ancestors 'none'"
"""What is no page may do nothing, should a browser be talked into showing it."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",  # what is no secret says so itself: the pages, the base map, the roads
}
_HSTS = "max-age=31536000; includeSubDomains"
_SCRIPTED = ("text/html", "text/javascript", "application/javascript")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UPLOADS: Final = {"/parks/incidents": 33 * 1024 * 1024}
"""Routes that take files, and the longest body of each in bytes: 32 MB of file and what is around it."""

_PASSWORDS: Final = r"/(login|tokens|password|factor/.+|audit/reviews)"
CHECKS_PER_MIN: Final = 6
"""Checks of the whole audit trail that one session may ask for in a minute."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Costly:
    """Routes that may be asked for so often in a minute, by whom: an address, or a session."""

    method: str
    path: re.Pattern[str]
    limit: Callable[[Settings], int]
    by_session: bool


COSTLY: tuple[Costly, ...] = (
    Costly("POST", re.compile(_PASSWORDS), lambda s: s.sign_ins_per_min, by_session=False),
    Costly("GET", re.compile(r"/units/[^/]+/track(\.\w+)?"), lambda s: s.expensive_per_min, by_session=True),
    Costly("GET", re.compile(r"/parks/[^/]+/(hotspots|report)"), lambda s: s.expensive_per_min, by_session=True),
    Costly("POST", re.compile(r"/parks/incidents"), lambda s: s.expensive_per_min, by_session=True),
    Costly("GET", re.compile(r"/posts/advice|/patrols/compliance"), lambda s: s.expensive_per_min, by_session=True),
    Costly("POST", re.compile(r"/patrols/plans/optimise"), lambda s: s.expensive_per_min, by_session=True),
    Costly("GET", re.compile(r"/audit/.+"), lambda s: s.expensive_per_min, by_session=True),
    Costly("POST", re.compile(r"/audit/checks"), lambda _: CHECKS_PER_MIN, by_session=True),
)
"""The first that fits counts. The counts live in this process; several processes count each for themselves."""


class Hardening:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Take the limits from the settings."""
        self._app, self._settings = app, settings
        self._hosts = hosts(settings)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._over_https = (settings.public_url or "").startswith("https://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what breaks a limit, pass on the rest, and put the headers on every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, _UPLOADS.get(scope["path"], self._settings.max_body_kb * 1024))
        answer = _Answer(send, hsts=self._over_https or scope["scheme"] == "https", body=body)
        refusal = await self._refusal(scope, body)
        if refusal is None:
            refusal = await self._pass_on(scope, body, answer)
        if refusal is not None:
            body.too_long = False
            await refusal(scope, receive, answer.send)

    async def _pass_on(self, scope: Scope, body: "_Body", answer: "_Answer") -> Response | None:
        """Let the application answer; return what to say instead when it could not."""
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception:
            if answer.begun:
                raise
            log.exception("request_failed", method=scope["method"], route=getattr(scope.get("route"), "path", None))
            sentence = Saying("Something went wrong here; it is written down. Nothing was shown.")
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, sentence, "urn:tianshu:Broken")
        return _too_long(body) if body.too_long else None

    async def _refusal(self, scope: Scope, body: "_Body") -> Response | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _name(headers.get("host", "")) not in self._hosts:
            sentence = Saying(
                "This service has another name. The operator sets it as TIANSHU_PUBLIC_URL or _ALLOWED_HOSTS."
            )
            return problem(HTTPStatus.BAD_REQUEST, sentence, "urn:tianshu:UnknownHost")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > body.limit:
            return _too_long(body)
        return await self._too_often(scope, headers)

    async def _too_often(self, scope: Scope, headers: Headers) -> Response | None:
        for costly in COSTLY:
            if costly.method == scope["method"] and costly.path.fullmatch(scope["path"]):
                who = _session(headers) if costly.by_session else None
                item = RateLimitItemPerMinute(costly.limit(self._settings))
                address = (scope.get("client") or ("",))[0]
                if await self._limiter.hit(item, costly.path.pattern, who or address):
                    return None
                log.warning("asked_too_often", method=costly.method, pattern=costly.path.pattern, remote=address)
                sentence = Saying("Too often. Wait a minute.")
                refusal = problem(HTTPStatus.TOO_MANY_REQUESTS, sentence, "urn:tianshu:TooOften", limit=item.amount)
                refusal.headers["Retry-After"] = "60"
                return refusal
        return None


class _Body:
    """Counts what comes in, whatever length was announced."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self.limit, self.read, self.too_long = receive, limit, 0, False

    async def receive(self) -> Message:
        message = await self._receive()
        self.read += len(message.get("body", b""))
        if self.read > self.limit:
            self.too_long = True
            return {"type": "http.disconnect"}
        return message


class _Answer:
    """Puts the headers on an answer; keeps back what the application says of a body it was not given in full."""

    def __init__(self, send: Send, *, hsts: bool, body: _Body) -> None:
        self._send, self._hsts, self._body = send, hsts, body
        self.begun = False

    async def send(self, message: Message) -> None:
        if self._body.too_long and not self.begun:
            return
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(raw=message["headers"])
            kind = headers.get("content-type", "").partition(";")[0]
            headers.setdefault("Content-Security-Policy", PAGES if kind in _SCRIPTED else DATA)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._hsts:
                headers.setdefault("Strict-Transport-Security", _HSTS)
            message["headers"] = headers.raw
        await self._send(message)


def hosts(settings: Settings) -> frozenset[str] | None:
    """Return the names the service answers to, or None for any.

    On loopback only this machine's names are known, so that no web site can talk to the service by giving its own name
    this machine's address (DNS rebinding).
    """
    if settings.allowed_hosts:
        named = frozenset(name.strip().lower() for name in settings.allowed_hosts.split(","))
        return None if "*" in named else named
    public = urlsplit(settings.public_url or "").hostname
    if _is_loopback(settings.api_host):
        return _LOOPBACK | ({public} if public else set())
    return frozenset({public}) | _LOOPBACK if public else None


def offline_policy(page: str) -> str:
    """Return the policy of a page that holds all it needs: its own scripts by their hashes, and nobody to talk to.

    It runs in a sandbox: as if from nowhere, without this service's cookie.
    """
    reader = _Scripts()
    reader.feed(page)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in reader.found]
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-modals"
    )


class _Scripts(HTMLParser):
    """Gathers the inline scripts of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found, self._inside = list[str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and "src" not in dict(attrs):
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host: str) -> str:
    """Return a Host header without its port."""
    return (urlsplit(f"//{host}").hostname or "") if "@" not in host else ""


def _session(headers: Headers) -> str | None:
    """Return what stands for the session of a request, no secret any more."""
    shown = headers.get("authorization") or headers.get("cookie")
    return hashlib.sha256(shown.encode()).hexdigest() if shown else None


def _too_long(body: _Body) -> Response:
    most = f"{body.limit // 2**20} MB" if body.limit >= 2**20 else f"{body.limit // 2**10} KB"
    sentence = Saying("The body is too long: {most} at most.", most=most)
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence, "urn:tianshu:TooLong")
