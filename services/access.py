"""Who may do what: accounts, roles, mandates, and the grant that stands on the first line of every use case."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256

import argon2
from sqlalchemy import delete, insert, select, update

from services.audit import Entry, Ledger
from services.db.engine import ReadSession, WriteSession, writing
from services.db.tables.access import Account, AccountRole, Login
from services.errors import ConflictError, InvalidError, NotAllowedError
from services.settings import Settings

MIN_PASSWORD = 12  # NIST SP 800-63B asks for 8; one factor alone asks for more
MAX_FAILURES = 5
LOCK = timedelta(minutes=15)
_TOKEN_BYTES = 32
_SEEN_STEP = timedelta(seconds=30)
_hasher = argon2.PasswordHasher()


class Role(StrEnum):
    """What a person is here for."""

    DISPATCHER = "dispatcher"
    PATROL_OFFICER = "patrol_officer"
    PARK_OFFICER = "park_officer"
    INVESTIGATOR = "investigator"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"


class Act(StrEnum):
    """Everything that asks for a grant."""

    VIEW_LIVE = "view_live"
    VIEW_TRACK = "view_track"
    VIEW_CALLS = "view_calls"
    TAKE_CALL = "take_call"
    DISPATCH = "dispatch"
    REPORT_STATUS = "report_status"
    VIEW_AREAS = "view_areas"
    MANAGE_AREAS = "manage_areas"
    VIEW_ALERTS = "view_alerts"
    HANDLE_ALERTS = "handle_alerts"
    VIEW_PARKS = "view_parks"
    MANAGE_PARKS = "manage_parks"
    IMPORT_INCIDENTS = "import_incidents"
    VIEW_ROADS = "view_roads"
    MANAGE_ROADS = "manage_roads"
    VIEW_DEVICES = "view_devices"
    MANAGE_DEVICES = "manage_devices"
    IMPORT_TRACKS = "import_tracks"
    VIEW_METRICS = "view_metrics"
    VIEW_AUDIT = "view_audit"
    MANAGE_ACCOUNTS = "manage_accounts"


_DESK = frozenset({Role.DISPATCHER})
_POLICE = frozenset({Role.DISPATCHER, Role.PATROL_OFFICER, Role.PARK_OFFICER})
_ADMIN = frozenset({Role.SYSTEM_ADMIN})
PERMISSIONS: dict[Act, frozenset[Role]] = {
    Act.VIEW_LIVE: _POLICE,
    Act.VIEW_TRACK: _DESK,
    Act.VIEW_CALLS: _POLICE,
    Act.TAKE_CALL: _DESK,
    Act.DISPATCH: _DESK,
    Act.REPORT_STATUS: frozenset({Role.DISPATCHER, Role.PATROL_OFFICER}),
    Act.VIEW_AREAS: _POLICE | _ADMIN,
    Act.MANAGE_AREAS: _DESK | _ADMIN,
    Act.VIEW_ALERTS: _POLICE,
    Act.HANDLE_ALERTS: _DESK,
    Act.VIEW_PARKS: frozenset({Role.PARK_OFFICER, Role.DISPATCHER}) | _ADMIN,
    Act.MANAGE_PARKS: frozenset({Role.PARK_OFFICER}) | _ADMIN,
    Act.IMPORT_INCIDENTS: frozenset({Role.PARK_OFFICER}) | _ADMIN,
    Act.VIEW_ROADS: _POLICE | _ADMIN,
    Act.MANAGE_ROADS: _ADMIN,
    Act.VIEW_DEVICES: _DESK | _ADMIN,
    Act.MANAGE_DEVICES: _ADMIN,
    Act.IMPORT_TRACKS: _ADMIN,
    Act.VIEW_METRICS: _ADMIN,
    Act.VIEW_AUDIT: frozenset({Role.AUDITOR}),
    Act.MANAGE_ACCOUNTS: frozenset({Role.SECURITY_ADMIN}),
}
SEPARATED = (
    frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}),
    frozenset({Role.SYSTEM_ADMIN, Role.AUDITOR}),
    frozenset({Role.SECURITY_ADMIN, Role.AUDITOR}),
)
"""Pairs of roles that never meet in one person."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """On whose behalf something is done: the officer, the purpose, the case. Made at the door."""

    account_id: int | None
    username: str
    display_name: str
    roles: frozenset[Role]
    ledger: Ledger
    purpose: str = "duty"
    case_no: str | None = None
    remote: str | None = None

    @property
    def acts(self) -> frozenset[Act]:
        """What these roles permit."""
        return frozenset(act for act, roles in PERMISSIONS.items() if roles & self.roles)


class RoleRefusedError(NotAllowedError):
    """The roles of the account do not permit the act."""


class LoginRefusedError(NotAllowedError):
    """Name or password is wrong, or the account is locked."""


def system_mandate(ledger: Ledger) -> Mandate:
    """Return the mandate of a command run by the machine's own operator."""
    return Mandate(None, "operator", "Operator", frozenset(Role), ledger, purpose="operation", remote="local")


async def grant(mandate: Mandate, act: Act, target: str = "") -> None:
    """Permit the act or refuse it; either way it is recorded, in a transaction of its own.

    Raises:
        RoleRefusedError: none of the officer's roles permits the act.
    """
    allowed = bool(PERMISSIONS[act] & mandate.roles)
    outcome = "allowed" if allowed else "refused"
    entry = Entry(mandate.account_id, act, target, mandate.purpose, mandate.case_no, outcome, mandate.remote)
    await mandate.ledger.append(entry)
    if not allowed:
        permitted = ", ".join(sorted(PERMISSIONS[act]))
        raise RoleRefusedError(f"Your roles do not permit “{act}”. It is permitted to: {permitted}.")


async def create_account(
    db: WriteSession, username: str, display_name: str, password: str, roles: frozenset[Role]
) -> int:
    """Create an account and return its id.

    Raises:
        InvalidError: the password is too short, or the roles must not meet in one person.
        ConflictError: the name is taken.
    """
    if len(password) < MIN_PASSWORD:
        raise InvalidError(f"A password has at least {MIN_PASSWORD} characters.")
    for pair in SEPARATED:
        if pair <= roles:
            raise InvalidError(f"These roles never meet in one person: {', '.join(sorted(pair))}.")
    if (await db.execute(select(Account.id).where(Account.username == username))).first():
        raise ConflictError(f"The name {username} is taken.")
    row = insert(Account).values(username=username, display_name=display_name, password_hash=_hasher.hash(password))
    account_id = int((await db.execute(row.returning(Account.id))).scalar_one())
    await db.execute(insert(AccountRole), [{"account_id": account_id, "role": role} for role in sorted(roles)])
    return account_id


async def sign_in(ledger: Ledger, username: str, password: str, *, remote: str, now: datetime) -> str:
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
            await db.execute(update(Account).where(Account.id == account.id).values(failures=0, locked_until=None))
            row = {"token_hash": _digest(token), "account_id": account.id, "created_at": now, "seen_at": now}
            await db.execute(insert(Login).values(**row, remote=remote))
    outcome = "refused" if refusal else "allowed"
    await ledger.append(Entry(account.id if account else None, "sign_in", "", "duty", None, outcome, remote))
    if refusal:
        raise LoginRefusedError(refusal)
    return token


async def sign_out(db: WriteSession, token: str) -> None:
    """End the session of a token; an unknown token is no error."""
    await db.execute(delete(Login).where(Login.token_hash == _digest(token)))


async def recognise(
    db: WriteSession, ledger: Ledger, settings: Settings, token: str, *, remote: str, now: datetime
) -> Mandate | None:
    """Return the mandate behind a token, or None when the session is unknown, idle too long or over."""
    row = (
        await db.execute(
            select(Login, Account)
            .join(Account, Account.id == Login.account_id)
            .where(
                Login.token_hash == _digest(token),
                Login.seen_at > now - timedelta(minutes=settings.session_idle_min),
                Login.created_at > now - timedelta(hours=settings.session_max_h),
                Account.active,
            )
        )
    ).one_or_none()
    if row is None:
        return None
    login, account = row
    if now - login.seen_at > _SEEN_STEP:
        await db.execute(update(Login).where(Login.token_hash == login.token_hash).values(seen_at=now))
    return Mandate(
        account.id, account.username, account.display_name, await roles_of(db, account.id), ledger, remote=remote
    )


async def roles_of(db: ReadSession, account_id: int) -> frozenset[Role]:
    """Return the roles an account holds now."""
    names = (await db.execute(select(AccountRole.role).where(AccountRole.account_id == account_id))).scalars()
    return frozenset(Role(name) for name in names)


async def expire_logins(db: WriteSession, settings: Settings, now: datetime) -> int:
    """Delete sessions that are over and return how many."""
    gone = delete(Login).where(
        (Login.seen_at < now - timedelta(minutes=settings.session_idle_min))
        | (Login.created_at < now - timedelta(hours=settings.session_max_h))
    )
    return len((await db.execute(gone.returning(Login.token_hash))).all())


async def _refusal(db: WriteSession, account: Account | None, password: str, now: datetime) -> str | None:
    """Return why this sign-in is refused, counting a wrong password, or None."""
    if account and account.locked_until and account.locked_until > now:
        return "This account is locked after five wrong passwords. Try again in 15 minutes."
    matches = await asyncio.to_thread(_matches, account.password_hash if account else _nobody(), password)
    if matches and account:
        return None
    if account:
        failures = account.failures + 1
        locked = failures >= MAX_FAILURES
        values = {"failures": 0 if locked else failures, "locked_until": now + LOCK if locked else None}
        await db.execute(update(Account).where(Account.id == account.id).values(**values))
    return "Name or password is wrong."


@cache
def _nobody() -> str:
    """Return a hash that unknown names are checked against, so that they take as long as known ones."""
    return _hasher.hash(secrets.token_urlsafe())


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except argon2.exceptions.VerificationError:
        return False


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
