"""Officers, by their account: what is kept under their name.

The audit trail stays until its own time is over (网络安全法 21; 个人信息保护法 47 excepts what a law says to keep),
with the account's number, no name.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update

from services import access, carriage
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account, AccountRole, Identity, Login, RecoveryCode, SecondFactor
from services.db.tables.calls import Crew
from services.db.tables.fleet import Carriage, Unit
from services.errors import InvalidError, NotAllowedError, NotFoundError
from services.subjects.records import write_down

MAX_CARRIED = 100
"""Duties on units that are listed, the newest first."""
_DELETED = (Login, Identity, RecoveryCode, SecondFactor, AccountRole)


class NoPersonError(NotFoundError):
    """There is no such account."""


class OwnDataError(NotAllowedError):
    """Nobody decides on his own data."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept about a person: the account's own data, its sessions, what it carried, how much it did."""

    account_id: int
    username: str
    display_name: str
    active: bool
    created_at: datetime
    roles: list[str]
    sessions: list[dict[str, Any]]
    identities: list[str]
    second_factor: bool
    done: dict[str, int]
    carried: list[dict[str, Any]]


async def find_person(db: ReadSession, username: str) -> int:
    """Return the number of the account of a name, for the operator's command line.

    Raises:
        NoPersonError: there is none.
    """
    account_id = (await db.execute(select(Account.id).where(Account.username == username))).scalar()
    if account_id is None:
        raise NoPersonError("There is no account of this name.")
    return account_id


async def list_person(mandate: access.Mandate, db: ReadSession, account_id: int) -> Record:
    """Return what is kept about a person (个人信息保护法 44, 45).

    Raises:
        NoPersonError: there is no such account.
    """
    look = await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"list account:{account_id}")
    account = await _account(db, account_id)
    logins = select(Login.kind, Login.created_at, Login.seen_at, Login.remote, Login.device).where(
        Login.account_id == account_id
    )
    identities = select(Identity.issuer, Identity.subject).where(Identity.account_id == account_id)
    since, until = carriage.on_duty()
    carried = (
        select(Unit.call_sign, Carriage.device_id, since.label("since"), until.label("until"))
        .select_from(Crew)
        .join(Unit, Unit.id == Crew.unit_id)
        .outerjoin(Carriage, carriage.WITH_CREW)
        .where(Crew.account_id == account_id)
        .order_by(since.desc())
    )
    factors = select(func.count()).select_from(SecondFactor).where(SecondFactor.account_id == account_id)
    record = Record(
        account_id, account.username, account.display_name, account.active, account.created_at,
        sorted(await access.roles_of(db, account_id)),
        [dict(row._mapping) for row in await db.execute(logins)],  # noqa: SLF001
        [f"{issuer} {subject}" for issuer, subject in await db.execute(identities)],
        bool((await db.execute(factors)).scalar_one()), await _done(db, account_id),
        [dict(row._mapping) for row in await db.execute(carried.limit(MAX_CARRIED))],  # noqa: SLF001
    )  # fmt: skip
    await look.saw(1)
    return record


async def correct_person(mandate: access.Mandate, db: WriteSession, account_id: int, *, display_name: str) -> None:
    """Correct the name a person is shown by (个人信息保护法 46).

    Raises:
        OwnDataError: it is one's own.
        NoPersonError: there is no such account.
        InvalidError: the name is blank.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"correct account:{account_id}")
    await _another(mandate, db, account_id)
    if not display_name.strip():
        raise InvalidError("A name is not blank.")
    await db.execute(update(Account).where(Account.id == account_id).values(display_name=display_name.strip()))


async def delete_person(mandate: access.Mandate, db: WriteSession, account_id: int, *, now: datetime) -> dict[str, int]:
    """Delete a person's account data, and return how many rows about what was done on duty stay, by table.

    The account's number stays, without name, password, roles, sessions and factors; nobody can sign in with it.

    Raises:
        OwnDataError: it is one's own.
        NoPersonError: there is no such account.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"delete account:{account_id}")
    await _another(mandate, db, account_id)
    rows = 1
    for table in _DELETED:
        gone = delete(table).where(table.account_id == account_id).returning(table.account_id)
        rows += len((await db.execute(gone)).all())
    nobody = {"username": f"deleted-{account_id}", "display_name": "", "password_hash": None, "active": False}
    await db.execute(update(Account).where(Account.id == account_id).values(nobody))
    await write_down(db, f"subject:{account_id}", rows, now)
    return await _done(db, account_id)


async def _another(mandate: access.Mandate, db: WriteSession, account_id: int) -> None:
    if mandate.account_id == account_id:
        raise OwnDataError("Nobody decides on his own data: ask another security administrator.")
    await _account(db, account_id)


async def _account(db: ReadSession, account_id: int) -> Account:
    account = (await db.execute(select(Account).where(Account.id == account_id))).scalar_one_or_none()
    if account is None or account.username == f"deleted-{account_id}":
        raise NoPersonError("There is no account {account_id}, or its data is deleted.", account_id=account_id)
    return account


async def _done(db: ReadSession, account_id: int) -> dict[str, int]:
    """Return how much a person did on duty, by table."""
    found = await db.execute(text("SELECT what, rows FROM tianshu_count_done(:person)"), {"person": account_id})
    return {str(what): int(rows) for what, rows in found}
