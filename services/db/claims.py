"""On whose behalf a transaction runs: what the policies of the database read.

Claims are local to a transaction, so that nothing is left of them on a pooled connection. They are set in one
statement, the first of the transaction; see docs/adr/0066.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Claims:
    """An officer, his roles, the purpose, the case. `account_id` None: a screen or the machine's own operator."""

    account_id: int | None
    roles: Sequence[str]
    purpose: str
    case_no: str | None = None


_NAMES = ("account", "roles", "purpose", "case")
_CLAIMS = ", ".join(f"set_config('tianshu.{name}', :{name}, true)" for name in _NAMES)
_READ_ONLY = "set_config('transaction_read_only', 'on', true)"
_BEGIN_READING, _CLAIM = text(f"SELECT {_READ_ONLY}"), text(f"SELECT {_CLAIMS}")
_CLAIM_READING = text(f"SELECT {_READ_ONLY}, {_CLAIMS}")
_DECLARE = text(
    "SELECT set_config('tianshu.subjects', :subjects, true), set_config('tianshu.start', :start, true), "
    "set_config('tianshu.end', :end, true), set_config('tianshu.authorisation', :authorisation, true)"
)


async def begin(db: AsyncSession, claims: Claims | None, *, read_only: bool) -> None:
    """Make the first statement of a transaction: whether it may write, and on whose behalf it runs."""
    if claims is not None:
        await db.execute(_CLAIM_READING if read_only else _CLAIM, _values(claims))
    elif read_only:
        await db.execute(_BEGIN_READING)


async def declare_look(
    db: AsyncSession,
    subjects: Sequence[str],
    start: datetime | None = None,
    end: datetime | None = None,
    authorisation_id: int | None = None,
) -> None:
    """Tell the database whose tracks are read in this transaction, start <= at < end; it shows no others.

    Subjects are such as `unit:5`, `device:7`. Without an authorisation of the claimed case the database shows what a
    dispatcher's duty permits, 24 hours at most; without a time it shows what stands beside the raw frames of a device
    to those who may see them.
    """
    values = {"subjects": ",".join(subjects), "start": _iso(start), "end": _iso(end)}
    await db.execute(_DECLARE, values | {"authorisation": "" if authorisation_id is None else str(authorisation_id)})


def _values(claims: Claims) -> dict[str, Any]:
    account = "" if claims.account_id is None else str(claims.account_id)
    return {
        "account": account, "roles": ",".join(claims.roles), "purpose": claims.purpose, "case": claims.case_no or "",
    }  # fmt: skip


def _iso(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""
