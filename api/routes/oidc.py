"""Signing in with another provider (OpenID Connect)."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import RedirectResponse

from api import deps
from api.schemas import Model
from services import access
from services.errors import NotAllowedError, UnavailableError

router = APIRouter(prefix="/oidc", tags=["session"])

COOKIE = "tianshu-state"
"""Ties a sign-in to the browser that began it; sent back from the provider's site, so not strict."""
Text = Annotated[str, Query(min_length=1, max_length=4000)]


class ProviderOut(Model):
    """Whether another provider can be used."""

    enabled: bool


@router.get("")
async def read_provider(settings: deps.Config) -> ProviderOut:
    """Whether people can sign in with another provider. Open."""
    return ProviderOut(enabled=settings.oidc_issuer is not None)


@router.get("/start", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def begin(door: deps.Knock, db: deps.DoorWriteDb) -> Response:
    """Send the browser to the provider. Open."""
    departure = await access.begin_oidc(db, door.settings, redirect_uri=_back(door), now=door.now)
    answer = RedirectResponse(departure.url, status.HTTP_303_SEE_OTHER)
    answer.set_cookie(
        COOKIE, departure.state, max_age=600, httponly=True, samesite="lax", secure=deps.secure(door.request),
        path="/oidc",
    )  # fmt: skip
    return answer


@router.get("/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def finish(door: deps.Knock, code: Text, state: Text) -> Response:
    """Take the browser back from the provider, signed in. Open."""
    try:
        return await _finish(door, code, state)
    except (NotAllowedError, UnavailableError) as error:
        if "text/html" not in door.request.headers.get("accept", ""):
            raise
        kind = type(error).__name__.removesuffix("Error")
        return RedirectResponse(f"/login?refused={kind}", status.HTTP_303_SEE_OTHER)


async def _finish(door: deps.Door, code: str, state: str) -> Response:
    begun = door.request.cookies.get(COOKIE, "")
    if not hmac.compare_digest(begun.encode(), state.encode()):
        raise access.ProviderRefusedError("This sign-in was begun in another browser, or not at all. Begin again.")
    token = await access.finish_oidc(
        door.trail, door.settings, code=code, state=state, redirect_uri=_back(door), remote=door.remote,
        device=door.request.headers.get("user-agent"), now=door.now,
    )  # fmt: skip
    found = await door.look_up(access.Kind.PAGE, token)
    target = "/" if found.stage is access.Stage.FULL else f"/login?step={found.stage}"
    answer = RedirectResponse(target, status.HTTP_303_SEE_OTHER)
    deps.set_cookie(door.request, answer, token)
    answer.delete_cookie(COOKIE, path="/oidc")
    return answer


def _back(door: deps.Door) -> str:
    base = door.settings.public_url or str(door.request.base_url)
    return f"{base.rstrip('/')}/oidc/callback"
