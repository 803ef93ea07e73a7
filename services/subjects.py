"""What the service keeps about a person, and what can be corrected or deleted (个人信息保护法 44 to 47).

Today the people whose data is kept under their own name are those with accounts. The audit trail stays until its own
time is over (网络安全法 21; 个人信息保护法 47 excepts what a law says to keep), with the account's number, no name.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account, AccountRole, Identity, Login, RecoveryCode, SecondFactor
from services.db.tables.alerts import Alert
from services.db.tables.audit import AuditEntry, AuditReview
from services.db.tables.calls import CallEvent
from services.db.tables.exports import ExportFile, ExportRequest
from services.db.tables.retention import Destruction
from services.errors import InvalidError, NotFoundError

BASIS = "个人信息保护法 47: on the person's request or when the purpose is over"
_DELETED = (Login, Identity, RecoveryCode, SecondFactor, AccountRole)
_KEPT = {
    "audit": AuditEntry.account_id,
    "audit_review": AuditReview.account_id,
    "call_event": CallEvent.account_id,
    "alert": Alert.acknowledged_by,
    "export_request": ExportRequest.account_id,
    "export_file": ExportFile.account_id,
}
"""What a person did on duty: it stays, under the account's number, until the retention of its kind is over."""


class NoPersonError(NotFoundError):
    """There is no account of this name."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept about a person: the account's own data, its sessions, and how much it did, by table."""

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


async def list_person(mandate: access.Mandate, db: ReadSession, username: str) -> Record:
    """Return what is kept about a person.

    Raises:
        NoPersonError: there is no such account.
    """
    look = await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, "list")
    account = await _account(db, username)
    mine = account.id
    logins = select(Login.kind, Login.created_at, Login.seen_at, Login.remote, Login.device).where(
        Login.account_id == mine
    )
    identities = select(Identity.issuer, Identity.subject).where(Identity.account_id == mine)
    factors = select(func.count()).select_from(SecondFactor).where(SecondFactor.account_id == mine)
    done = {name: await _count(db, column, mine) for name, column in _KEPT.items()}
    record = Record(
        mine, account.username, account.display_name, account.active, account.created_at,
        sorted(await access.roles_of(db, mine)), [dict(row._mapping) for row in await db.execute(logins)],  # noqa: SLF001
        [f"{issuer} {subject}" for issuer, subject in await db.execute(identities)],
        bool((await db.execute(factors)).scalar_one()), done,
    )  # fmt: skip
    await access.Look(look.mandate, look.act, f"list account:{mine}").saw(1)
    return record


async def correct_person(mandate: access.Mandate, db: WriteSession, username: str, *, display_name: str) -> None:
    """Correct the name a person is shown by (个人信息保护法 46).

    Raises:
        NoPersonError: there is no such account.
        InvalidError: the name is blank.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, "correct")
    account = await _account(db, username)
    if not display_name.strip():
        raise InvalidError("A name is not blank.")
    await access.record(mandate, access.Act.MANAGE_PERSONAL_DATA, f"correct account:{account.id}", allowed=True)
    await db.execute(update(Account).where(Account.id == account.id).values(display_name=display_name.strip()))


async def delete_person(mandate: access.Mandate, db: WriteSession, username: str, *, now: datetime) -> dict[str, int]:
    """Delete a person's account data, and return how many rows about what was done on duty stay, by table.

    The account's number stays, without name, password, roles, sessions and factors; nobody can sign in with it.

    Raises:
        NoPersonError: there is no such account.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, "delete")
    account = await _account(db, username)
    mine = account.id
    await access.record(mandate, access.Act.MANAGE_PERSONAL_DATA, f"delete account:{mine}", allowed=True)
    rows = 1
    for table in _DELETED:
        rows += len((await db.execute(delete(table).where(table.account_id == mine).returning(table.account_id))).all())
    nobody = {"username": f"deleted-{mine}", "display_name": "", "password_hash": None, "active": False}
    await db.execute(update(Account).where(Account.id == mine).values(nobody))
    row = {"at": now, "what": f"subject:{mine}", "basis": BASIS, "before": None, "rows": rows, "partitions": []}
    await db.execute(insert(Destruction).values(row))
    return {name: await _count(db, column, mine) for name, column in _KEPT.items()}


async def _account(db: ReadSession, username: str) -> Account:
    account = (await db.execute(select(Account).where(Account.username == username))).scalar_one_or_none()
    if account is None:
        raise NoPersonError("There is no account of this name.")
    return account


async def _count(db: ReadSession, column: Any, account_id: int) -> int:
    return int((await db.execute(select(func.count()).where(column == account_id))).scalar_one())
