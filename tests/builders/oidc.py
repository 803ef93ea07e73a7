"""A small OpenID Connect provider with keys of its own, that can be told to misbehave."""

import asyncio
import base64
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Form, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwk, jwt

Field = Annotated[str, Form()]
CLIENT, SECRET = "tianshu", "client secret of the tests"


def signed(provider: "Provider", claims: dict[str, Any]) -> str:
    """Return an honest token."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, provider.key)


@dataclass
class Provider:
    """What it knows: the key it signs with, who signs in, and how its tokens are bent."""

    issuer: str = ""
    key: jwk.RSAKey = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    subject: str = "officer-4711"
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[["Provider", dict[str, Any]], str] = signed
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: list[str] = field(default_factory=list)


def unsigned(_: Provider, claims: dict[str, Any]) -> str:
    """Return a token of `alg: none`."""
    parts = [b'{"alg":"none"}', _json(claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def confused(provider: Provider, claims: dict[str, Any]) -> str:
    """Return a token signed by HMAC with the public key as its secret."""
    pem = provider.key.as_pem(private=False)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(_json(claims)).rstrip(b"=")
    mark = hmac.digest(pem, head + b"." + body, "sha256")
    return b".".join([head, body, base64.urlsafe_b64encode(mark).rstrip(b"=")]).decode()


def strange(_: Provider, claims: dict[str, Any]) -> str:
    """Return a token signed with a key the provider does not publish."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, jwk.RSAKey.generate_key(2048))


def _json(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims).encode()


def make(provider: Provider) -> FastAPI:
    """Return the provider's web application; everybody who comes is `provider.subject`."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def describe() -> dict[str, str]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": provider.issuer} | {name: f"{provider.issuer}/{end}" for name, end in ends.items()}

    @app.get("/keys")
    def publish() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        provider.grants[code] = asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 303)

    @app.post("/token")
    def redeem(
        code: Field, redirect_uri: Field, code_verifier: Field, authorization: Annotated[str, Header()]
    ) -> JSONResponse:
        asked = provider.grants.pop(code, None)
        challenge = base64.urlsafe_b64encode(sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        right = asked and asked["code_challenge"] == challenge and asked["redirect_uri"] == redirect_uri
        if not right or authorization != f"Basic {known}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        provider.redeemed.append(code)
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": provider.issuer, "sub": provider.subject, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **provider.claims,
        }  # fmt: skip
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": provider.sign(provider, claims)})

    return app


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[None]:
    """Let the provider listen on a port of its own; its issuer is set to the address."""
    server = uvicorn.Server(uvicorn.Config(make(provider), port=0, log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        server.should_exit = True
        await task
