"""The service's HTTP door as one signed-in demo account uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp

TIMEOUT_S = 20.0
SILENCE_S = 45.0
"""A stream that says nothing for longer, not even that it is alive, is dead."""
PAGE = 100


class DoorClosedError(Exception):
    """The service could not be reached, or refused; the sentence says what it said."""


class Door:
    """One account's way in: signs in by itself, and again when its session has ended."""

    def __init__(self, client: httpx.AsyncClient, username: str, password: str, totp: str | None = None) -> None:
        """`client` knows the address; `totp` is the otpauth address of a second factor. Nothing is sent yet."""
        self._client, self._username, self._password = client, username, password
        self._totp = pyotp.parse_uri(totp) if totp else None
        self._token: str | None = None

    async def get(self, path: str, **query: str | float) -> Any:
        """The JSON behind a path."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: object | None = None, **more: Any) -> Any:
        """Send JSON (or `files=`) and return the JSON that comes back, None for nothing."""
        return await self._ask("POST", path, **({} if body is None else {"json": body}), **more)

    async def pages(self, path: str, **query: str | float) -> AsyncIterator[dict[str, Any]]:
        """All items of a paged list."""
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=PAGE, **query, **({"cursor": cursor} if cursor else {}))
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def stream(self, path: str) -> AsyncIterator[tuple[str, str]]:
        """Server-sent events as name and data, until the service ends the stream."""
        await self.get("/me")  # signs in, or in again
        name = ""
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self._client.stream("GET", path, headers=headers, timeout=SILENCE_S) as response:
                if response.is_error:
                    raise DoorClosedError(f"GET {path}: {response.status_code}")
                async for line in response.aiter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        yield name, value
        except httpx.HTTPError as error:
            raise DoorClosedError(f"GET {path}: {type(error).__name__}") from error

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = await self._send(method, path, more)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                self._token = None
                response = await self._send(method, path, more)
        except httpx.HTTPError as error:
            raise DoorClosedError(f"{method} {path}: {type(error).__name__}") from error
        if response.is_error:
            raise DoorClosedError(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    async def _send(self, method: str, path: str, more: Mapping[str, Any]) -> httpx.Response:
        if self._token is None:
            answer = await self._sign_in()
            answer.raise_for_status()
            self._token = str(answer.json()["token"])
        bearer = {"Authorization": f"Bearer {self._token}"}
        return await self._client.request(method, path, headers=bearer, **more)

    async def _sign_in(self) -> httpx.Response:
        """Sign in; a code that was used before, by another door of the account, is followed by the next one."""
        credentials = {"username": self._username, "password": self._password}
        if not isinstance(self._totp, pyotp.TOTP):
            return await self._client.post("/tokens", json=credentials)
        for ahead in (0, 1):  # the service takes the next step's code too
            code = self._totp.at(datetime.now(UTC), counter_offset=ahead)
            answer = await self._client.post("/tokens", json=credentials | {"code": code})
            if answer.status_code != httpx.codes.FORBIDDEN:
                return answer
        await asyncio.sleep(self._totp.interval)
        code = self._totp.at(datetime.now(UTC), counter_offset=1)
        return await self._client.post("/tokens", json=credentials | {"code": code})


async def wait_until_ready(client: httpx.AsyncClient, *, timeout_s: float = 120.0) -> None:
    """Return when the service answers that it is ready.

    Raises:
        DoorClosedError: it did not within `timeout_s`.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        try:
            if (await client.get("/ready")).is_success:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.5)
    raise DoorClosedError(f"The service did not become ready within {timeout_s:.0f} s.")


def doors(client: httpx.AsyncClient, logins: Mapping[str, Mapping[str, Any]]) -> dict[str, Door]:
    """One door a role, of the first demo account that holds it."""
    found: dict[str, Door] = {}
    for username, login in logins.items():
        for role in login["roles"]:
            found.setdefault(role, Door(client, username, login["password"], login.get("totp")))
    return found
