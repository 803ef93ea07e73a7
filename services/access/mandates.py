"""The mandate, made at the door, and the grant that stands on the first line of every use case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.access.roles import PERMISSIONS, Act, Purpose, Role
from services.audit import Entry, Ledger
from services.db.claims import Claims
from services.errors import NotAllowedError


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Mandate:
    """On whose behalf something is done: the officer, the purpose, the case, until when. Made at the door."""

    account_id: int | None
    username: str
    display_name: str
    roles: frozenset[Role]
    ledger: Ledger
    purpose: str = Purpose.DUTY
    case_no: str | None = None
    remote: str | None = None
    made_at: datetime = field(default_factory=_clock)
    expires_at: datetime | None = None

    @property
    def claims(self) -> Claims:
        """What the database has to know of it."""
        return Claims(self.account_id, sorted(self.roles), self.purpose, self.case_no)

    @property
    def acts(self) -> frozenset[Act]:
        """What these roles permit."""
        return frozenset(act for act, roles in PERMISSIONS.items() if roles & self.roles)


class RoleRefusedError(NotAllowedError):
    """The roles of the account do not permit the act."""


class MandateOverError(NotAllowedError):
    """The mandate's time has passed."""


def system_mandate(ledger: Ledger) -> Mandate:
    """Return the mandate of a command run by the machine's own operator."""
    return Mandate(None, "operator", "Operator", frozenset(Role), ledger, purpose=Purpose.OPERATION, remote="local")


@dataclass(frozen=True, slots=True)
class Look:
    """A grant that was given; whoever reads tells it how much was seen."""

    mandate: Mandate
    act: Act
    target: str

    async def saw(self, rows: int) -> None:
        """Record, before they are handed out, how many rows are."""
        await record(self.mandate, self.act, self.target, allowed=True, rows=rows)


@dataclass(slots=True)
class Seen:
    """How many rows a look is about to hand out; whoever reads tells it."""

    rows: int = 0


async def grant(mandate: Mandate, act: Act, target: str = "") -> Look:
    """Permit the act or refuse it; either way it is recorded, in a transaction of its own.

    Raises:
        RoleRefusedError: none of the officer's roles permits the act.
        MandateOverError: the mandate's time has passed.
    """
    refusal = _refusal(mandate, act)
    await record(mandate, act, target, allowed=refusal is None)
    if refusal:
        raise refusal
    return Look(mandate, act, target)


@asynccontextmanager
async def look(mandate: Mandate, act: Act, target: str = "") -> AsyncIterator[Seen]:
    """Permit a look that roles alone decide, or refuse it; nothing leaves the block before it is recorded.

    What was permitted and how much was seen are committed together, at the end of the block. A look that fails is
    recorded as permitted; a refusal as with `grant`.

    Raises:
        RoleRefusedError, MandateOverError: see `grant`.
    """
    if refusal := _refusal(mandate, act):
        await record(mandate, act, target, allowed=False)
        raise refusal
    permitted, seen = _entry(mandate, act, target, "allowed"), Seen()
    try:
        yield seen
    except BaseException:
        await mandate.ledger.append(permitted)
        raise
    await mandate.ledger.append(permitted, _entry(mandate, act, target, "seen", seen.rows))


async def record(mandate: Mandate, act: str, target: str, *, allowed: bool, rows: int | None = None) -> None:
    """Write one line of the audit trail on a mandate's behalf; with `rows` it says what an earlier one led to."""
    outcome = "refused" if not allowed else "allowed" if rows is None else "seen"
    await mandate.ledger.append(_entry(mandate, act, target, outcome, rows))


def _refusal(mandate: Mandate, act: Act) -> NotAllowedError | None:
    """Return why the officer may not, None when he may."""
    if mandate.expires_at is not None and mandate.expires_at <= _clock():
        return MandateOverError("This mandate is over. Sign in again.")
    if PERMISSIONS[act] & mandate.roles:
        return None
    permitted = ", ".join(sorted(PERMISSIONS[act]))
    return RoleRefusedError(
        "Your roles do not permit “{act}”. It is permitted to: {permitted}.", act=act, permitted=permitted
    )


def _entry(mandate: Mandate, act: str, target: str, outcome: str, rows: int | None = None) -> Entry:
    return Entry(
        account_id=mandate.account_id, act=act, target=target, purpose=mandate.purpose, case_no=mandate.case_no,
        outcome=outcome, remote=mandate.remote, rows=rows,
    )  # fmt: skip
