"""Signing in and out."""

from fastapi import APIRouter, Request, Response, status
from pydantic import Field

from api import deps
from api.schemas import Model
from services import access

router = APIRouter(tags=["session"])


class Credentials(Model):
    """A name and a password."""

    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=200)


class TokenOut(Model):
    """A bearer token for a machine client."""

    token: str


class MeOut(Model):
    """Who is signed in, and what that permits."""

    username: str
    display_name: str
    roles: list[access.Role]
    acts: list[access.Act]


@router.post("/login", status_code=status.HTTP_204_NO_CONTENT)
async def sign_in(request: Request, response: Response, body: Credentials, trail: deps.Trail, now: deps.Now) -> None:
    """Sign in; the session comes as a cookie that scripts can't read."""
    deps.refuse_cross_site(request)
    token = await access.sign_in(trail, body.username, body.password, remote=deps.remote(request), now=now)
    secure = request.url.scheme == "https"
    response.set_cookie(deps.COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


@router.post("/tokens")
async def make_token(request: Request, body: Credentials, trail: deps.Trail, now: deps.Now) -> TokenOut:
    """Sign a machine client in; it sends the token as `Authorization: Bearer …`."""
    token = await access.sign_in(trail, body.username, body.password, remote=deps.remote(request), now=now)
    return TokenOut(token=token)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out(request: Request, response: Response, _: deps.Who, db: deps.WriteDb) -> None:
    """End this session."""
    await access.sign_out(db, deps.token(request) or "")
    response.delete_cookie(deps.COOKIE, path="/")


@router.get("/me")
async def read_me(who: deps.Who) -> MeOut:
    """Who is signed in."""
    return MeOut(username=who.username, display_name=who.display_name, roles=sorted(who.roles), acts=sorted(who.acts))
