"""The administration of accounts and roles by the security administrator, and everybody's own sessions.

Nobody changes an account of his own here: roles, locks and factors of the security administrator are another's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects import postgresql

from services import access
from services.access import passwords
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account, AccountRole, Identity, Login, SecondFactor
from services.errors import ConflictError, NotAllowedError, NotFoundError
from services.settings import Settings


class NoAccountError(NotFoundError):
    """There is no such account, session or link."""


class OwnAccountError(NotAllowedError):
    """Nobody decides on his own access."""


class LinkedError(ConflictError):
    """The provider's name belongs to an account already."""


class LastRoleError(ConflictError):
    """An account keeps at least one role."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as its administrator sees it."""

    id: int
    username: str
    display_name: str
    active: bool
    locked_until: datetime | None
    created_at: datetime
    roles: list[str]
    has_factor: bool
    sessions: int
    identities: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account just made, and the password that its owner has to change at once."""

    id: int
    password: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session: which device, from where, since when; when it is over in any case."""

    id: str
    kind: str
    device: str | None
    remote: str | None
    since: datetime
    seen_at: datetime
    ends_at: datetime
    current: bool


async def list_accounts(
    mandate: access.Mandate, db: ReadSession, *, after_id: int, limit: int
) -> Sequence[AccountView]:
    """Return accounts by id."""
    await access.grant(mandate, access.Act.VIEW_ACCOUNTS)
    return await _views(db, select(Account).where(Account.id > after_id).order_by(Account.id).limit(limit))


async def read_account(mandate: access.Mandate, db: ReadSession, account_id: int) -> AccountView:
    """Return one account.

    Raises:
        NoAccountError: there is none of this number.
    """
    await access.grant(mandate, access.Act.VIEW_ACCOUNTS, f"account:{account_id}")
    found = await _views(db, select(Account).where(Account.id == account_id))
    if not found:
        raise NoAccountError("There is no account {account_id}.", account_id=account_id)
    return found[0]


async def create_account(
    mandate: access.Mandate, db: WriteSession, *, username: str, display_name: str, roles: frozenset[access.Role]
) -> NewAccount:
    """Create an account with a random password, told once, that its owner changes at the first sign-in.

    Raises:
        SeparationError: the roles must not meet in one person.
        NameTakenError: the name is taken.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"create:{','.join(sorted(roles))}")
    password = passwords.make()
    account_id = await access.create_account(db, username, display_name, password, roles, must_renew=True)
    return NewAccount(account_id, password)


async def grant_role(mandate: access.Mandate, db: WriteSession, account_id: int, role: access.Role) -> None:
    """Give an account a role; it counts from the next request on.

    Raises:
        OwnAccountError: it is one's own account.
        SeparationError: the role must not meet one that the account holds.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"grant:{role} account:{account_id}")
    await _another(mandate, db, account_id)
    access.check_separation(await access.roles_of(db, account_id) | {role})
    row = postgresql.insert(AccountRole).values(account_id=account_id, role=role)
    await db.execute(row.on_conflict_do_nothing())


async def revoke_role(mandate: access.Mandate, db: WriteSession, account_id: int, role: access.Role) -> None:
    """Take a role from an account; it counts from the next request on.

    Raises:
        OwnAccountError: it is one's own account.
        LastRoleError: it is the account's only role.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"revoke:{role} account:{account_id}")
    await _another(mandate, db, account_id)
    if await access.roles_of(db, account_id) == {role}:
        raise LastRoleError("This is the account's only role: shut the account instead.")
    await db.execute(delete(AccountRole).where(AccountRole.account_id == account_id, AccountRole.role == role))


async def lock_account(mandate: access.Mandate, db: WriteSession, account_id: int) -> None:
    """Shut an account and end its sessions.

    Raises:
        OwnAccountError: it is one's own account.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"lock account:{account_id}")
    await _another(mandate, db, account_id)
    await db.execute(update(Account).where(Account.id == account_id).values(active=False))
    await db.execute(delete(Login).where(Login.account_id == account_id))


async def unlock_account(mandate: access.Mandate, db: WriteSession, account_id: int) -> None:
    """Open an account again, also before the 15 minutes after wrong passwords are over.

    Raises:
        OwnAccountError: it is one's own account.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"unlock account:{account_id}")
    await _another(mandate, db, account_id)
    values = {"active": True, "failures": 0, "locked_until": None}
    await db.execute(update(Account).where(Account.id == account_id).values(**values))


async def reset_factor(mandate: access.Mandate, db: WriteSession, account_id: int) -> None:
    """Forget the second factor of an account, whose owner enrols a new one at the next sign-in; its sessions end.

    Raises:
        OwnAccountError: it is one's own account.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"reset_factor account:{account_id}")
    await _another(mandate, db, account_id)
    await access.reset_factor(db, account_id)
    await db.execute(delete(Login).where(Login.account_id == account_id))


async def reset_password(mandate: access.Mandate, db: WriteSession, account_id: int) -> str:
    """Return a new random password, told once, that its owner changes at the next sign-in; all sessions end.

    Raises:
        OwnAccountError: it is one's own account.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"reset_password account:{account_id}")
    await _another(mandate, db, account_id)
    password = passwords.make()
    values = {"password_hash": passwords.hashed(password), "must_renew": True, "failures": 0, "locked_until": None}
    await db.execute(update(Account).where(Account.id == account_id).values(**values))
    await db.execute(delete(Login).where(Login.account_id == account_id))
    return password


async def end_sessions(mandate: access.Mandate, db: WriteSession, account_id: int) -> int:
    """End all sessions of an account and return how many there were."""
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"end_sessions account:{account_id}")
    ended = delete(Login).where(Login.account_id == account_id).returning(Login.id)
    return len((await db.execute(ended)).all())


async def link_identity(
    mandate: access.Mandate, db: WriteSession, account_id: int, *, issuer: str, subject: str
) -> None:
    """Let an account sign in through another provider, which knows it as `subject`.

    Raises:
        OwnAccountError: it is one's own account.
        LinkedError: the provider's name belongs to an account already.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"link account:{account_id}")
    await _another(mandate, db, account_id)
    row = postgresql.insert(Identity).values(account_id=account_id, issuer=issuer, subject=subject)
    linked = await db.execute(row.on_conflict_do_nothing().returning(Identity.id))
    if linked.first() is None:
        raise LinkedError("This name of the provider is linked to an account already.")


async def unlink_identity(mandate: access.Mandate, db: WriteSession, account_id: int, *, issuer: str) -> None:
    """Take an account's way in through another provider away; sessions that are open stay.

    Raises:
        NoAccountError: there is no such link.
    """
    await access.grant(mandate, access.Act.MANAGE_ACCOUNTS, f"unlink account:{account_id}")
    gone = delete(Identity).where(Identity.account_id == account_id, Identity.issuer == issuer)
    if (await db.execute(gone.returning(Identity.id))).first() is None:
        raise NoAccountError("The account is not linked to this provider.")


async def list_own_sessions(
    mandate: access.Mandate, db: ReadSession, settings: Settings, current: str, *, now: datetime
) -> list[SessionView]:
    """Return one's own sessions that are not over, the newest use first; `current` is the one that asks."""
    await access.grant(mandate, access.Act.MANAGE_OWN_SESSIONS)
    found = select(Login).where(Login.account_id == mandate.account_id).order_by(Login.seen_at.desc())
    views = []
    for login in (await db.execute(found)).scalars():
        kind = access.Kind(login.kind)
        idle_at, ends_at = access.lifetime(settings, kind, mandate.roles, login.created_at, login.seen_at)
        if now < ends_at and (idle_at is None or now < idle_at):
            views.append(
                SessionView(
                    login.id, kind, login.device, login.remote, login.created_at, login.seen_at, ends_at,
                    login.id == current,
                )
            )  # fmt: skip
    return views


async def end_own_session(mandate: access.Mandate, db: WriteSession, session_id: str) -> None:
    """End one of one's own sessions.

    Raises:
        NoAccountError: one has no such session.
    """
    await access.grant(mandate, access.Act.MANAGE_OWN_SESSIONS, "end one")
    gone = delete(Login).where(Login.id == session_id, Login.account_id == mandate.account_id)
    if (await db.execute(gone.returning(Login.id))).first() is None:
        raise NoAccountError("You have no such session.")


async def end_own_sessions(mandate: access.Mandate, db: WriteSession) -> None:
    """End all of one's own sessions."""
    await access.grant(mandate, access.Act.MANAGE_OWN_SESSIONS, "end all")
    await db.execute(delete(Login).where(Login.account_id == mandate.account_id))


async def _another(mandate: access.Mandate, db: WriteSession, account_id: int) -> None:
    """Refuse one's own account and one that does not exist; who changes the same account at once waits here."""
    if mandate.account_id == account_id:
        raise OwnAccountError("Nobody decides on his own access: ask another security administrator.")
    if (await db.execute(select(Account.id).where(Account.id == account_id).with_for_update())).first() is None:
        raise NoAccountError("There is no account {account_id}.", account_id=account_id)


async def _views(db: ReadSession, found: Select[Account]) -> list[AccountView]:
    accounts = list((await db.execute(found)).scalars())
    ids = [account.id for account in accounts]
    roles = await _grouped(db, select(AccountRole.account_id, AccountRole.role).where(AccountRole.account_id.in_(ids)))
    names = select(Identity.account_id, Identity.issuer, Identity.subject).where(Identity.account_id.in_(ids))
    links = await _grouped(db, names)
    enrolled = select(SecondFactor.account_id).where(
        SecondFactor.account_id.in_(ids), SecondFactor.secret_box.is_not(None)
    )
    factors = set((await db.execute(enrolled)).scalars())
    counted = select(Login.account_id, func.count()).where(Login.account_id.in_(ids)).group_by(Login.account_id)
    open_now = {account_id: int(count) for account_id, count in await db.execute(counted)}
    return [
        AccountView(
            account.id, account.username, account.display_name, account.active, account.locked_until,
            account.created_at, sorted(role for (role,) in roles.get(account.id, [])), account.id in factors,
            open_now.get(account.id, 0),
            [{"issuer": issuer, "subject": subject} for issuer, subject in links.get(account.id, [])],
        )
        for account in accounts
    ]  # fmt: skip


async def _grouped(db: ReadSession, pairs: Select[*tuple[Any, ...]]) -> dict[int, list[tuple[str, ...]]]:
    """Return rows by their first column."""
    found: dict[int, list[tuple[str, ...]]] = {}
    for account_id, *values in await db.execute(pairs):
        found.setdefault(account_id, []).append(tuple(values))
    return found
