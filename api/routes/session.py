"""Signing in and out, the second factor, and one's own sessions."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response, status
from pydantic import Field

from api import deps
from api.problems import NotSignedInError
from api.schemas import Model
from services import access, accounts

router = APIRouter(tags=["session"])

Code = Annotated[str, Field(min_length=6, max_length=40)]
Password = Annotated[str, Field(min_length=1, max_length=200)]


class Credentials(Model):
    """A name and a password."""

    username: str = Field(min_length=1, max_length=100)
    password: Password


class MachineCredentials(Credentials):
    """A name, a password and, where the roles ask for one, a code of the second factor."""

    code: Code | None = None


class CodeIn(Model):
    """A one-time password of six digits, or a recovery code."""

    code: Code


class PasswordIn(Model):
    """The password, asked for again."""

    password: Password | None = None


class NewPasswordIn(Model):
    """A change of the password."""

    current: Password
    new: Password


class NextOut(Model):
    """What is left of the sign-in: show the second factor, enrol one, change the password, or nothing."""

    next: Literal["verify", "enrol", "renew"] | None


class TokenOut(Model):
    """A bearer token for a machine client, and when it ends."""

    token: str
    ends_at: datetime


class MeOut(Model):
    """Who is signed in, what that permits, and until when."""

    username: str
    display_name: str
    roles: list[access.Role]
    acts: list[access.Act]
    ends_at: datetime | None
    stale_after_s: int


class EnrolmentOut(Model):
    """The secret of a second factor: as text, as an otpauth address, and as a QR code (SVG)."""

    secret: str
    uri: str
    svg: str


class RecoveryOut(Model):
    """Recovery codes, shown this once; each is good once."""

    recovery_codes: list[str]


class FactorOut(Model):
    """One's own second factor."""

    required: bool
    enrolled: bool
    recovery_codes_left: int


class SessionOut(Model):
    """A session of one's own."""

    id: str
    kind: access.Kind
    device: str | None
    remote: str | None
    since: datetime
    seen_at: datetime
    ends_at: datetime
    current: bool


@router.post("/login")
async def sign_in(door: deps.Knock, response: Response, body: Credentials) -> NextOut:
    """Sign in; the session comes as a cookie that scripts can't read, and may still ask for a second factor."""
    deps.refuse_cross_site(door.request)
    token = await access.sign_in(
        door.trail, body.username, body.password, remote=door.remote, now=door.now, kind=access.Kind.PAGE,
        device=_device(door),
    )  # fmt: skip
    deps.set_cookie(door.request, response, token)
    return await _next(door, token)


@router.post("/tokens")
async def make_token(door: deps.Knock, body: MachineCredentials) -> TokenOut:
    """Sign a machine client in; it sends the token as `Authorization: Bearer …` for an hour."""
    token = await access.sign_in(
        door.trail, body.username, body.password, remote=door.remote, now=door.now, device=_device(door)
    )
    if body.code is not None:
        token = await access.verify_factor(door.trail, door.keys, token, body.code, remote=door.remote, now=door.now)
    found = await door.look_up(access.Kind.MACHINE, token)
    if found.stage is not access.Stage.FULL:
        async with door.writing() as db:
            await access.sign_out(db, token)
        raise access.LoginRefusedError(deps.UNFINISHED[found.stage])
    return TokenOut(token=token, ends_at=found.ends_at)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out(door: deps.Knock, response: Response, _: deps.Session, db: deps.DoorWriteDb) -> None:
    """End this session."""
    await access.sign_out(db, door.token)
    deps.delete_cookie(door.request, response)


@router.get("/me")
async def read_me(who: deps.Who, settings: deps.Config) -> MeOut:
    """Who is signed in, and after how long without a fix a unit is stale."""
    return MeOut(
        username=who.username, display_name=who.display_name, roles=sorted(who.roles), acts=sorted(who.acts),
        ends_at=who.expires_at, stale_after_s=settings.stale_after_s,
    )  # fmt: skip


@router.post("/password", status_code=status.HTTP_204_NO_CONTENT)
async def change_password(door: deps.Knock, who: deps.Session, body: NewPasswordIn) -> None:
    """Change one's own password; one's other sessions end."""
    _refuse(who, access.Stage.VERIFY, access.Stage.ENROL)
    await access.change_password(door.trail, who, body.current, body.new, remote=door.remote, now=door.now)


@router.get("/factor")
async def read_factor(who: deps.Session, db: deps.DoorReadDb) -> FactorOut:
    """One's own second factor."""
    state = await access.factor_state(db, who.account_id)
    required = bool(who.mandate.roles & access.SECOND_FACTOR)
    return FactorOut(required=required, enrolled=state.enrolled, recovery_codes_left=state.recovery_codes_left)


@router.post("/factor/enrol")
async def begin_enrolment(door: deps.Knock, who: deps.Session, body: PasswordIn) -> EnrolmentOut:
    """Begin to enrol a second factor; who is signed in already shows the password again."""
    _refuse(who, access.Stage.VERIFY, access.Stage.RENEW)
    if who.stage is access.Stage.FULL:
        given = body.password or ""
        await access.check_password(door.trail, who.account_id, given, remote=door.remote, now=door.now)
    async with door.writing() as db:
        enrolment = await access.begin_enrolment(db, door.keys, who.account_id, who.mandate.username)
    return EnrolmentOut.model_validate(enrolment)


@router.post("/factor/confirm")
async def confirm_enrolment(door: deps.Knock, response: Response, who: deps.Session, body: CodeIn) -> RecoveryOut:
    """Put the second factor in force with its first code; the session gets a new cookie."""
    _refuse(who, access.Stage.VERIFY, access.Stage.RENEW)
    token, codes = await access.confirm_factor(
        door.trail, door.keys, door.token, body.code, remote=door.remote, now=door.now
    )
    deps.set_cookie(door.request, response, token)
    return RecoveryOut(recovery_codes=codes)


@router.post("/factor/verify")
async def verify_factor(door: deps.Knock, response: Response, _: deps.Session, body: CodeIn) -> NextOut:
    """Show the second factor; the session gets a new cookie."""
    token = await access.verify_factor(door.trail, door.keys, door.token, body.code, remote=door.remote, now=door.now)
    deps.set_cookie(door.request, response, token)
    return await _next(door, token)


@router.get("/sessions")
async def list_sessions(
    who: deps.Who, session: deps.Session, db: deps.ReadDb, settings: deps.Config, now: deps.Now
) -> list[SessionOut]:
    """One's own sessions, the newest use first."""
    found = await accounts.list_own_sessions(who, db, settings, session.session_id, now=now)
    return [SessionOut.model_validate(one) for one in found]


@router.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_session(who: deps.Who, db: deps.WriteDb, session_id: Annotated[str, Path(max_length=40)]) -> None:
    """End one of one's own sessions."""
    await accounts.end_own_session(who, db, session_id)


@router.delete("/sessions", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out_everywhere(door: deps.Knock, response: Response, who: deps.Who, db: deps.WriteDb) -> None:
    """End all of one's own sessions, this one included."""
    await accounts.end_own_sessions(who, db)
    deps.delete_cookie(door.request, response)


async def _next(door: deps.Door, token: str) -> NextOut:
    found = await door.look_up(access.Kind.PAGE, token)
    return NextOut.model_validate({"next": None if found.stage is access.Stage.FULL else found.stage})


def _refuse(who: access.Recognised, *stages: access.Stage) -> None:
    """Refuse a session that is not open far enough."""
    if who.stage in stages:
        raise NotSignedInError(deps.UNFINISHED[who.stage], who.stage)


def _device(door: deps.Door) -> str | None:
    return door.request.headers.get("user-agent")
