"""Checking the whole trail, and how its seals stand: by night, at an auditor's word, or at the command line."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from services import access
from services.audit import verify
from services.db.engine import ReadSession, WriteSession, options
from services.db.security import DbRole
from services.db.tables.access import Account
from services.db.tables.audit import AuditCheck
from services.errors import Saying, UnavailableError, tell
from services.settings import Settings

MAX_FINDINGS = 100
"""Findings that are kept of one check; their number is kept in any case."""


class UnseenTrailError(UnavailableError):
    """The trail can't be read by who was asked to check it."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check of the trail; `username` None: the nightly one."""

    at: datetime
    username: str | None
    entries: int
    hours: int
    seals: int
    findings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SealState:
    """How many hours are sealed, the newest of them with its root, and the last check."""

    hours: int
    newest_hour: datetime | None
    sealed_until: datetime | None
    root: str | None
    key: str | None
    last_check: CheckView | None


async def read_seal_state(mandate: access.Mandate, db: ReadSession, settings: Settings) -> SealState:
    """Return how the seals of the trail stand, as their file says; the last check says whether that is true."""
    await access.grant(mandate, access.Act.VIEW_AUDIT, "seals")
    seals = [seal for seal in verify.read_seals(_file(settings)) if seal.get("kind") == "hour"]
    newest = seals[-1] if seals else None
    found = select(AuditCheck, Account.username).outerjoin(Account, Account.id == AuditCheck.account_id)
    last = (await db.execute(found.order_by(AuditCheck.id.desc()).limit(1))).one_or_none()
    hour = datetime.fromisoformat(newest["hour"]) if newest else None
    return SealState(
        len({seal["hour"][:13] for seal in seals}), hour,
        hour + timedelta(minutes=newest["minutes"]) if hour and newest else None, newest["root"] if newest else None,
        newest["key"] if newest else None, _view(*last) if last else None,
    )  # fmt: skip


async def check_trail(mandate: access.Mandate, db: WriteSession, settings: Settings, *, now: datetime) -> CheckView:
    """Check every entry and every seal, as `tianshu audit verify` does, and keep what was found."""
    look = await access.grant(mandate, access.Act.REVIEW_AUDIT, "check")
    report = await asyncio.to_thread(check, settings, _as(mandate, settings))
    found = report.findings[:MAX_FINDINGS]
    if len(report.findings) > MAX_FINDINGS:
        found.append(verify.Finding("more", "", Saying("{count} findings in all.", count=len(report.findings))))
    findings = [{**asdict(finding), "told": tell(finding.sentence)} for finding in found]
    row = {"at": now, "account_id": mandate.account_id, "entries": report.entries, "hours": report.hours}
    await db.execute(insert(AuditCheck).values(**row, seals=report.seals, findings=findings))
    await look.saw(report.entries)
    name = None if mandate.account_id is None else mandate.username
    return CheckView(now, name, report.entries, report.hours, report.seals, findings)


def check(settings: Settings, as_whom: str | None = None) -> verify.Report:
    """Check the trail of the settings' database; where nothing was ever sealed, the chain alone.

    The seals are read first: what is sealed meanwhile is not missed. `as_whom`: libpq's options.

    Raises:
        UnseenTrailError: not one entry can be seen.
    """
    file, key = _file(settings), settings.data_dir / "audit" / "seal.pub"
    seals: Iterable[bytes] | None = file.read_bytes().splitlines() if file.exists() else None
    public = verify.read_key(key) if key.exists() else None
    report = verify.verify(verify.read_database(settings.database_address, as_whom), seals, public)
    if report.entries == 0:  # the word that asked for this check stands in it
        raise UnseenTrailError("This process may not read the whole trail: run `tianshu audit verify` as its owner.")
    return report


def _as(mandate: access.Mandate, settings: Settings) -> str:
    """Return libpq's options for reading the trail as who asks: the login of a process may read nothing by itself."""
    role = DbRole.WORKER if mandate.account_id is None else DbRole.APP
    return f"{options(settings.database_address, role)} -c tianshu.roles={','.join(mandate.claims.roles)}"


def _file(settings: Settings) -> Path:
    return settings.audit_roots or settings.data_dir / "audit" / "roots.jsonl"


def _view(row: AuditCheck, username: str | None) -> CheckView:
    return CheckView(row.at, username, row.entries, row.hours, row.seals, row.findings)
