"""Authorisations of cases (调取证据): proposed by an investigator, approved by a second person, revoked at any time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import aliased

from geo import areas as shapes
from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.cases import Authorisation
from services.db.types import from_wkb, plain
from services.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError
from services.settings import Settings

LEVELS = ("county", "city", "province", "ministry")


class NoAuthorisationError(NotFoundError):
    """There is no such authorisation."""


class ScopeError(InvalidError):
    """What is proposed is no limit."""


class OwnProposalError(NotAllowedError):
    """Nobody approves what he proposed himself."""


class SettledError(ConflictError):
    """It was approved or revoked before."""


@dataclass(frozen=True, slots=True)
class NewAuthorisation:
    """What an investigator asks for; `area` is a GeoJSON Polygon or MultiPolygon in CGCS2000 degrees."""

    case_no: str
    instrument: str
    issuing_unit: str
    issuing_level: str
    purpose: str
    subjects: Sequence[str]
    sources: Sequence[str]
    window_start: datetime
    window_end: datetime
    expires_at: datetime
    area: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AuthorisationView:
    """An authorisation as it stands."""

    id: int
    case_no: str
    instrument: str
    issuing_unit: str
    issuing_level: str
    purpose: str
    subjects: list[str]
    sources: list[str]
    window_start: datetime
    window_end: datetime
    expires_at: datetime
    state: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    revoked_at: datetime | None
    area: dict[str, Any] | None
    own: bool


async def list_authorisations(
    mandate: access.Mandate, db: ReadSession, *, before_id: int | None, limit: int
) -> list[AuthorisationView]:
    """Return authorisations, the newest first."""
    await access.grant(mandate, access.Act.VIEW_CASES)
    found = _select().order_by(Authorisation.id.desc()).limit(limit)
    if before_id is not None:
        found = found.where(Authorisation.id < before_id)
    return await _views(mandate, db, found)


async def propose(
    mandate: access.Mandate, db: WriteSession, settings: Settings, wanted: NewAuthorisation, *, now: datetime
) -> AuthorisationView:
    """Write a proposal down; it permits nothing before it is approved.

    Raises:
        ScopeError: neither subjects nor an area is named, the window is empty or the expiry too far, or the shape bad.
    """
    await access.grant(mandate, access.Act.PROPOSE_CASE, f"case:{wanted.case_no}")
    _check(settings, wanted, now)
    row = insert(Authorisation).values(
        case_no=wanted.case_no, instrument=wanted.instrument, issuing_unit=wanted.issuing_unit,
        issuing_level=wanted.issuing_level, purpose=wanted.purpose, subjects=list(wanted.subjects),
        sources=list(wanted.sources), window_start=wanted.window_start, window_end=wanted.window_end,
        area=None if wanted.area is None else from_wkb(_area_wkb(wanted.area), "MULTIPOLYGON"),
        expires_at=wanted.expires_at, proposed_by=mandate.account_id, proposed_at=now,
    )  # fmt: skip
    number = int((await db.execute(row.returning(Authorisation.id))).scalar_one())
    return (await _views(mandate, db, _select().where(Authorisation.id == number)))[0]


async def approve(
    mandate: access.Mandate, db: WriteSession, authorisation_id: int, *, now: datetime
) -> AuthorisationView:
    """Put a proposal in force: somebody else's, by somebody with the approver's role.

    Raises:
        OwnProposalError: one proposed it oneself.
        SettledError: it was approved or revoked before, or has expired.
    """
    await access.grant(mandate, access.Act.APPROVE_CASE, f"authorisation:{authorisation_id}")
    row = await _locked(db, authorisation_id)
    if row.proposed_by == mandate.account_id:
        raise OwnProposalError("Nobody approves what he proposed himself.")
    if row.state != "proposed" or row.expires_at <= now:
        raise SettledError(
            "This authorisation is {state} already.", state=row.state if row.state != "proposed" else "expired"
        )
    values = {"state": "approved", "approved_by": mandate.account_id, "approved_at": now}
    await db.execute(update(Authorisation).where(Authorisation.id == authorisation_id).values(**values))
    return (await _views(mandate, db, _select().where(Authorisation.id == authorisation_id)))[0]


async def revoke(
    mandate: access.Mandate, db: WriteSession, authorisation_id: int, *, now: datetime
) -> AuthorisationView:
    """End an authorisation, or refuse a proposal; it counts from the next query on.

    Raises:
        SettledError: it was revoked before.
    """
    await access.grant(mandate, access.Act.REVOKE_CASE, f"authorisation:{authorisation_id}")
    row = await _locked(db, authorisation_id)
    if row.state == "revoked":
        raise SettledError("This authorisation is revoked already.")
    values = {"state": "revoked", "revoked_by": mandate.account_id, "revoked_at": now}
    await db.execute(update(Authorisation).where(Authorisation.id == authorisation_id).values(**values))
    return (await _views(mandate, db, _select().where(Authorisation.id == authorisation_id)))[0]


def _check(settings: Settings, wanted: NewAuthorisation, now: datetime) -> None:
    if not wanted.subjects and wanted.area is None:
        raise ScopeError("Name subjects, or an area in which to look: an authorisation without either is no limit.")
    if not wanted.sources:
        raise ScopeError("Name at least one source of records.")
    if wanted.window_start >= wanted.window_end:
        raise ScopeError("The window ends before it starts.")
    latest = now + timedelta(days=settings.authorisation_max_days)
    if not now < wanted.expires_at <= latest:
        raise ScopeError("The authorisation expires after now and by {latest}.", latest=f"{latest:%Y-%m-%d}")
    if wanted.window_end > now:
        raise ScopeError("The window ends in the future: investigations replay records held, they follow nobody live.")


def _area_wkb(area: Mapping[str, Any]) -> bytes:
    try:
        return shapes.read_shape(area).wkb
    except shapes.ShapeError as error:
        raise ScopeError(error.pattern, **error.values) from error


async def _locked(db: WriteSession, authorisation_id: int) -> Authorisation:
    found = select(Authorisation).where(Authorisation.id == authorisation_id).with_for_update()
    row = (await db.execute(found)).scalar_one_or_none()
    if row is None:
        raise NoAuthorisationError("There is no authorisation {authorisation_id}.", authorisation_id=authorisation_id)
    return row


_proposer, _approver = aliased(Account), aliased(Account)


def _select() -> Select[Any]:
    return (
        select(
            Authorisation,
            func.ST_AsGeoJSON(plain(Authorisation.area), 6),
            _proposer.display_name,
            _approver.display_name,
        )
        .join(_proposer, _proposer.id == Authorisation.proposed_by)
        .outerjoin(_approver, _approver.id == Authorisation.approved_by)
        .execution_options(populate_existing=True)
    )


def _json(area: str | None) -> dict[str, Any] | None:
    return None if area is None else dict(json.loads(area))


async def _views(mandate: access.Mandate, db: ReadSession, found: Select[Any]) -> list[AuthorisationView]:
    return [
        AuthorisationView(
            row.id, row.case_no, row.instrument, row.issuing_unit, row.issuing_level, row.purpose, list(row.subjects),
            list(row.sources), row.window_start, row.window_end, row.expires_at, row.state, proposer, row.proposed_at,
            approver, row.approved_at, row.revoked_at, _json(area), row.proposed_by == mandate.account_id,
        )
        for row, area, proposer, approver in await db.execute(found)
    ]  # fmt: skip
