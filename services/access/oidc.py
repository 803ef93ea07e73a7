"""Signing in with another provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636), state and nonce.

    page ─GET /oidc/start─> here ──(state, nonce, challenge)──> provider
    page <───────────────── provider: code, state
    page ─GET /oidc/callback─> here ──(code, verifier)──> provider ──> ID token
                               signature (pinned algorithms), then every claim, then the link to an account

The provider says who somebody is, never what he may do: accounts are linked by (issuer, subject) by a security
administrator, and roles stand here. The steps of OAuth are Authlib's, the tokens joserfc's.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from sqlalchemy import delete, insert, select

from services.access import sessions
from services.audit import Ledger
from services.db.engine import WriteSession, reading, writing
from services.db.tables.access import Identity, PendingSignIn
from services.errors import NotAllowedError, NotFoundError, UnavailableError
from services.settings import Settings

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that are taken. Asymmetric ones only: no `none`, and no secret that a public key could pass for."""
GOOD_FOR = timedelta(minutes=10)
LEEWAY_S = 60
_TIMEOUT_S = 10.0
_PROVED_TWICE = "mfa"  # RFC 8176


class NoProviderError(NotFoundError):
    """No provider is set up."""


class ProviderError(UnavailableError):
    """The provider does not answer as OpenID Connect asks."""


class ProviderRefusedError(NotAllowedError):
    """The sign-in was not begun here, was used before, or the token does not stand up."""


class UnknownSubjectError(NotAllowedError):
    """The provider knows the person, this service does not."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the state it has to come back with."""

    url: str
    state: str


async def begin(db: WriteSession, settings: Settings, *, redirect_uri: str, now: datetime) -> Departure:
    """Begin a sign-in at the provider.

    Raises:
        NoProviderError: none is set up.
        ProviderError: it does not describe itself.
    """
    about = await _discover(settings)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    await db.execute(delete(PendingSignIn).where(PendingSignIn.created_at < now - GOOD_FOR))
    row = {"state_hash": _digest(state), "nonce": nonce, "verifier": verifier, "created_at": now}
    await db.execute(insert(PendingSignIn).values(**row))
    url = prepare_grant_uri(
        about["authorization_endpoint"], settings.oidc_client_id, "code", redirect_uri, "openid", state,
        nonce=nonce, code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256",
    )  # fmt: skip
    return Departure(str(url), state)


async def finish(
    ledger: Ledger,
    settings: Settings,
    *,
    code: str,
    state: str,
    redirect_uri: str,
    remote: str,
    device: str | None,
    now: datetime,
) -> str:
    """Finish a sign-in with what the provider sent; return the token of the new session.

    Raises:
        ProviderRefusedError: the state is unknown, old or used; or the ID token does not stand up.
        UnknownSubjectError: nobody has linked this person to an account.
        ProviderError: the provider does not answer.
    """
    pending = await _take(ledger, state, now)
    about = await _discover(settings)
    token = await _redeem(settings, about, code, pending.verifier, redirect_uri)
    claims = _opened(token, await _fetch("GET", about["jwks_uri"]))
    check_claims(claims, issuer=about["issuer"], client_id=settings.oidc_client_id, nonce=pending.nonce, now=now)
    account_id = await _linked(ledger, about["issuer"], str(claims["sub"]))
    proved_twice = _PROVED_TWICE in (claims.get("amr") or [])
    return await sessions.open_session(
        ledger, account_id, remote=remote, now=now, device=device, second_factor=proved_twice
    )


def check_claims(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime) -> None:
    """Check every claim of an ID token whose signature holds (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        ProviderRefusedError: naming the claim.
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": client_id},
        sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )  # fmt: skip
    try:
        registry.validate(dict(claims))
    except JoseError as error:
        wrong = error.description or error.error
        raise ProviderRefusedError("The provider's token does not stand up: {wrong}.", wrong=wrong) from error
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client_id) != client_id or (len(audiences) > 1 and "azp" not in claims):
        raise ProviderRefusedError("The provider's token was made for another service.")


def _opened(token: str, key_set: Any) -> dict[str, Any]:
    """Return the claims of a token whose signature holds under one of the provider's keys."""
    try:
        return dict(jwt.decode(token, jwk.KeySet.import_key_set(key_set), algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderRefusedError("The provider's token does not stand up: its signature can't be trusted.") from error


async def _take(ledger: Ledger, state: str, now: datetime) -> PendingSignIn:
    """Return what was begun under this state, and forget it at once: it is good once, whatever comes of it."""
    async with writing(ledger.engine) as db:
        taken = delete(PendingSignIn).where(PendingSignIn.state_hash == _digest(state)).returning(PendingSignIn)
        pending = (await db.execute(taken)).scalar_one_or_none()
    if pending is None or pending.created_at < now - GOOD_FOR:
        raise ProviderRefusedError("This sign-in was not begun here, is too old, or was used before. Begin again.")
    return pending


async def _linked(ledger: Ledger, issuer: str, subject: str) -> int:
    async with reading(ledger.engine) as db:
        found = select(Identity.account_id).where(Identity.issuer == issuer, Identity.subject == subject)
        account_id = (await db.execute(found)).scalar()
    if account_id is None:
        raise UnknownSubjectError(
            "The provider knows you as “{subject}”, but no account here is linked to that name. "
            "Ask the security administrator.",
            subject=subject,
        )
    return account_id


async def _discover(settings: Settings) -> dict[str, Any]:
    """Return what the provider says about itself (OpenID Connect Discovery 1.0)."""
    if settings.oidc_issuer is None:
        raise NoProviderError("No provider is set up: see TIANSHU_OIDC_ISSUER.")
    about = await _fetch("GET", f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration")
    needed = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
    if not isinstance(about, dict) or not needed <= about.keys() or about["issuer"] != settings.oidc_issuer:
        raise ProviderError("The provider's description of itself does not match TIANSHU_OIDC_ISSUER.")
    return about


async def _redeem(settings: Settings, about: Mapping[str, Any], code: str, verifier: str, redirect_uri: str) -> str:
    """Exchange the code for the ID token."""
    form = prepare_token_request("authorization_code", "", redirect_uri, code=code, code_verifier=verifier)
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    way = ClientAuth(settings.oidc_client_id, secret, "client_secret_basic" if secret else "none")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    uri, headers, form = way.prepare("POST", about["token_endpoint"], headers, form)
    answer = await _fetch("POST", uri, headers=headers, content=form)
    if not isinstance(answer, dict) or not isinstance(answer.get("id_token"), str):
        raise ProviderError("The provider gave no ID token.")
    return str(answer["id_token"])


async def _fetch(method: str, url: str, **more: Any) -> Any:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            response = await client.request(method, url, **more)
            response.raise_for_status()
            return response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError("The provider does not answer as it should. Try again, or use a password.") from error


def _digest(state: str) -> bytes:
    return sha256(state.encode()).digest()
