"""Signing in and out, and who is behind a token.

A session is half open after the password where a second factor is asked for: it can do nothing but show or enrol
one. What a session may do is decided anew at each request from the roles the account holds at that moment. The token
changes when the session gains rights; the database knows its hash only.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import delete, exists, insert, select, update

from services.access import accounts, factors, passwords
from services.access.keys import Keyring
from services.access.mandates import Mandate
from services.access.roles import SECOND_FACTOR, Role, default_purpose
from services.audit import Entry, Ledger
from services.db.engine import ReadSession, WriteSession, writing
from services.db.tables.access import Account, AccountRole, Login
from services.errors import NotAllowedError, Saying
from services.settings import Settings

MAX_FAILURES = 5
LOCK = timedelta(minutes=15)
_TOKEN_BYTES = 32
_SEEN_STEP = timedelta(seconds=30)
_DEVICE_CHARACTERS = 200


class LoginRefusedError(NotAllowedError):
    """Name or password is wrong, or the account is locked."""


class Kind(StrEnum):
    """How a session is shown: the two never stand for each other."""

    PAGE = "page"  # a cookie that scripts can't read
    MACHINE = "machine"  # a bearer token


class Stage(StrEnum):
    """How far a session is open."""

    VERIFY = "verify"  # the second factor must be shown
    ENROL = "enrol"  # the roles ask for a second factor, and there is none yet
    RENEW = "renew"  # somebody else knows the password: it must be changed
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A session that was found behind a token."""

    mandate: Mandate
    account_id: int
    session_id: str
    stage: Stage
    ends_at: datetime


async def sign_in(
    ledger: Ledger,
    username: str,
    password: str,
    *,
    remote: str,
    now: datetime,
    kind: Kind = Kind.MACHINE,
    device: str | None = None,
) -> str:
    """Check the password and return a new session's token; five failures lock the account for 15 minutes.

    Raises:
        LoginRefusedError: the same sentence whatever was wrong, unless the account is locked.
    """
    async with writing(ledger.engine) as db:  # its own transaction: a failure must be counted although it is raised
        found = select(Account).where(Account.username == username, Account.active).with_for_update()
        account = (await db.execute(found)).scalar_one_or_none()
        refusal = await _refusal(db, account, password, now)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        if account and refusal is None:
            await _open(db, account, token, kind, now=now, remote=remote, device=device)
            roles = await accounts.roles_of(db, account.id)
            if await _stage(db, account, roles, None) in {Stage.FULL, Stage.RENEW}:
                await _forgive(db, account.id)
    await _tell(ledger, account.id if account else None, "sign_in", remote, allowed=refusal is None)
    if refusal:
        raise LoginRefusedError(refusal)
    return token


async def open_session(
    ledger: Ledger, account_id: int, *, remote: str, now: datetime, device: str | None, second_factor: bool
) -> str:
    """Open a page's session for somebody whom another provider vouches for; return its token.

    Raises:
        LoginRefusedError: the account is shut or locked.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    async with writing(ledger.engine) as db:
        account = (await db.execute(select(Account).where(Account.id == account_id))).scalar_one()
        refused = not account.active or _is_locked(account, now)
        if not refused:
            factor_at = now if second_factor else None
            await _open(db, account, token, Kind.PAGE, now=now, remote=remote, device=device, factor_at=factor_at)
    await _tell(ledger, account_id, "sign_in", remote, allowed=not refused)
    if refused:
        raise LoginRefusedError("This account is shut or locked. Ask the security administrator.")
    return token


async def verify_factor(ledger: Ledger, keys: Keyring, token: str, code: str, *, remote: str, now: datetime) -> str:
    """Open a half-open session with a code of the second factor; return its new token.

    Raises:
        LoginRefusedError: the session is gone or the account locked.
        WrongCodeError: the code is wrong, too old, or was used before.
    """
    fresh = secrets.token_urlsafe(_TOKEN_BYTES)
    async with writing(ledger.engine) as db:
        account = await _behind(db, token)
        locked = _is_locked(account, now)
        accepted = not locked and await factors.accepts(db, keys, account.id, code, now)
        if accepted:
            await _forgive(db, account.id)
            await _rotate(db, token, fresh, now)
        elif not locked:
            await _count_failure(db, account, now)
    await _tell(ledger, account.id, "verify_factor", remote, allowed=accepted)
    if locked:
        raise LoginRefusedError(_LOCKED)
    if not accepted:
        raise factors.WrongCodeError("This code is wrong, too old, or was used before. Wait for the next one.")
    return fresh


async def confirm_factor(
    ledger: Ledger, keys: Keyring, token: str, code: str, *, remote: str, now: datetime
) -> tuple[str, list[str]]:
    """Finish the enrolment of a second factor with its first code; return the session's new token and recovery codes.

    Raises:
        WrongCodeError: the code is not one of the new secret's.
    """
    fresh = secrets.token_urlsafe(_TOKEN_BYTES)
    async with writing(ledger.engine) as db:
        account = await _behind(db, token)
        codes = await factors.confirm(db, keys, account.id, code, now)
        await _forgive(db, account.id)
        await _rotate(db, token, fresh, now)
    await _tell(ledger, account.id, "enrol_factor", remote, allowed=True)
    return fresh, codes


async def check_password(ledger: Ledger, account_id: int, password: str, *, remote: str, now: datetime) -> None:
    """Ask again for the password before something that changes the keys of an account.

    Raises:
        LoginRefusedError: it is wrong, or the account is locked.
    """
    async with writing(ledger.engine) as db:
        account = (await db.execute(select(Account).where(Account.id == account_id).with_for_update())).scalar_one()
        refusal = await _refusal(db, account, password, now)
    await _tell(ledger, account_id, "check_password", remote, allowed=refusal is None)
    if refusal:
        raise LoginRefusedError(refusal)


async def change_password(
    ledger: Ledger, who: Recognised, current: str, new: str, *, remote: str, now: datetime
) -> None:
    """Change one's own password; all other sessions of the account end.

    Raises:
        LoginRefusedError: the present password is wrong.
        WeakPasswordError: the new one is too short, easily guessed, or the old one.
    """
    await check_password(ledger, who.account_id, current, remote=remote, now=now)
    if new == current:
        raise passwords.WeakPasswordError("The new password is the old one.")
    passwords.check(new, who.mandate.username, second_factor=bool(who.mandate.roles & SECOND_FACTOR))
    values = {"password_hash": passwords.hashed(new), "must_renew": False}
    async with writing(ledger.engine) as db:
        await db.execute(update(Account).where(Account.id == who.account_id).values(**values))
        await db.execute(delete(Login).where(Login.account_id == who.account_id, Login.id != who.session_id))
    await _tell(ledger, who.account_id, "change_password", remote, allowed=True)


async def sign_out(db: WriteSession, token: str) -> None:
    """End the session of a token; an unknown token is no error."""
    await db.execute(delete(Login).where(Login.token_hash == _digest(token)))


async def recognise(
    db: WriteSession,
    ledger: Ledger,
    settings: Settings,
    token: str,
    *,
    remote: str,
    now: datetime,
    kind: Kind = Kind.MACHINE,
    in_use: bool = True,
) -> Recognised | None:
    """Return the session behind a token, or None when it is unknown, of another kind, idle too long or over.

    A request that a page makes by itself is not use (`in_use` False): it does not keep the session from idling.
    """
    found = (
        select(Login, Account)
        .join(Account, Account.id == Login.account_id)
        .where(Login.token_hash == _digest(token), Login.kind == kind, Account.active)
    )
    row = (await db.execute(found)).one_or_none()
    if row is None:
        return None
    login, account = row
    roles = await accounts.roles_of(db, account.id)
    idle_at, ends_at = lifetime(settings, Kind(login.kind), roles, login.created_at, login.seen_at)
    if now >= ends_at or (idle_at and now >= idle_at):
        return None
    if in_use and now - login.seen_at > _SEEN_STEP:
        await db.execute(update(Login).where(Login.token_hash == login.token_hash).values(seen_at=now))
    mandate = Mandate(
        account.id, account.username, account.display_name, roles, ledger, purpose=default_purpose(roles),
        remote=remote, made_at=now, expires_at=ends_at,
    )  # fmt: skip
    stage = await _stage(db, account, roles, login.factor_at)
    return Recognised(mandate, account.id, login.id, stage, ends_at)


def lifetime(
    settings: Settings, kind: Kind, roles: frozenset[Role], since: datetime, seen_at: datetime
) -> tuple[datetime | None, datetime]:
    """Return when a session is over for want of use (None: never), and when in any case.

    A machine's token is short and knows no idling; the wall (指挥大屏) shows and is never touched.
    """
    if kind is Kind.MACHINE:
        return None, since + timedelta(minutes=settings.token_max_min)
    if roles == {Role.WALL}:
        return None, since + timedelta(hours=settings.wall_max_h)
    return seen_at + timedelta(minutes=settings.session_idle_min), since + timedelta(hours=settings.session_max_h)


async def expire_logins(db: WriteSession, settings: Settings, now: datetime) -> int:
    """Delete sessions that are over and return how many."""
    on_wall = exists().where(AccountRole.account_id == Login.account_id, AccountRole.role == Role.WALL)
    machine = Login.kind == Kind.MACHINE
    idle = Login.seen_at < now - timedelta(minutes=settings.session_idle_min)
    gone = delete(Login).where(
        (Login.created_at < now - timedelta(hours=max(settings.session_max_h, settings.wall_max_h)))
        | (machine & (Login.created_at < now - timedelta(minutes=settings.token_max_min)))
        | (~machine & ~on_wall & idle)
    )
    return len((await db.execute(gone.returning(Login.token_hash))).all())


_LOCKED = Saying("This account is locked after five wrong passwords. Try again in 15 minutes.")


async def _open(
    db: WriteSession, account: Account, token: str, kind: Kind, *, now: datetime, remote: str, device: str | None,
    factor_at: datetime | None = None,
) -> None:  # fmt: skip
    row = {"token_hash": _digest(token), "id": secrets.token_hex(8), "account_id": account.id, "kind": kind}
    name = device[:_DEVICE_CHARACTERS] if device else None
    times = {"created_at": now, "seen_at": now, "factor_at": factor_at}
    await db.execute(insert(Login).values(**row, **times, remote=remote, device=name))


async def _stage(db: ReadSession, account: Account, roles: frozenset[Role], factor_at: datetime | None) -> Stage:
    if factor_at is None:
        enrolled = (await factors.state(db, account.id)).enrolled
        if enrolled:
            return Stage.VERIFY
        if roles & SECOND_FACTOR:
            return Stage.ENROL
    return Stage.RENEW if account.must_renew else Stage.FULL


async def _behind(db: WriteSession, token: str) -> Account:
    """Return the account of a session, locked for this transaction, so that guesses at once are counted one by one."""
    found = select(Account).join(Login, Login.account_id == Account.id).where(Login.token_hash == _digest(token))
    account = (await db.execute(found.with_for_update(of=Account))).scalar_one_or_none()
    if account is None:
        raise LoginRefusedError("Your session has ended. Sign in again.")
    return account


async def _rotate(db: WriteSession, token: str, fresh: str, now: datetime) -> None:
    values = {"token_hash": _digest(fresh), "factor_at": now, "seen_at": now}
    await db.execute(update(Login).where(Login.token_hash == _digest(token)).values(**values))


async def _refusal(db: WriteSession, account: Account | None, password: str, now: datetime) -> Saying | None:
    """Return why this sign-in is refused, counting a wrong password, or None."""
    if account and _is_locked(account, now):
        return _LOCKED
    kept = select(Account.password_hash).where(Account.id == account.id) if account else None
    if await passwords.matches(None if kept is None else (await db.execute(kept)).scalar_one(), password):
        return None
    if account:
        await _count_failure(db, account, now)
    return Saying("Name or password is wrong.")


def _is_locked(account: Account, now: datetime) -> bool:
    return account.locked_until is not None and account.locked_until > now


async def _count_failure(db: WriteSession, account: Account, now: datetime) -> None:
    failures = account.failures + 1
    locked = failures >= MAX_FAILURES
    values = {"failures": 0 if locked else failures, "locked_until": now + LOCK if locked else None}
    await db.execute(update(Account).where(Account.id == account.id).values(**values))


async def _forgive(db: WriteSession, account_id: int) -> None:
    await db.execute(update(Account).where(Account.id == account_id).values(failures=0, locked_until=None))


async def _tell(ledger: Ledger, account_id: int | None, act: str, remote: str, *, allowed: bool) -> None:
    outcome = "allowed" if allowed else "refused"
    await ledger.append(
        Entry(account_id=account_id, act=act, target="", purpose="duty", case_no=None, outcome=outcome, remote=remote)
    )


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
