"""Authorisations of cases: what an investigation may look at."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, Field

from api import deps
from api.schemas import Id, Model, Page
from services import access, cases

router = APIRouter(prefix="/authorisations", tags=["cases"])

Words = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class AuthorisationIn(Model):
    """What an investigator asks for: `subjects` as unit:5 or device:7, `area` a GeoJSON (multi)polygon or null."""

    case_no: Words
    instrument: Words
    issuing_unit: Words
    issuing_level: Literal["county", "city", "province", "ministry"]
    purpose: Words
    subjects: list[Annotated[str, Field(pattern=r"^(unit|device):[1-9]\d{0,17}$")]] = Field([], max_length=50)
    sources: list[access.Source] = Field([access.Source.TRACKS], min_length=1)
    window_start: AwareDatetime
    window_end: AwareDatetime
    expires_at: AwareDatetime
    area: dict[str, Any] | None = None


class AuthorisationOut(AuthorisationIn):
    """An authorisation as it stands; `own` when the one who asks proposed it."""

    id: int
    state: Literal["proposed", "approved", "revoked"]
    proposed_by: str
    proposed_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    own: bool


@router.get("")
async def list_authorisations(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[AuthorisationOut]:
    """Authorisations, the newest first."""
    found = await cases.list_authorisations(who, db, before_id=cursor, limit=limit)
    return Page[AuthorisationOut].of(found, limit)


@router.post("", status_code=status.HTTP_201_CREATED)
async def propose(
    who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, body: AuthorisationIn
) -> AuthorisationOut:
    """Propose an authorisation; it permits nothing before somebody else approves it."""
    wanted = cases.NewAuthorisation(**dict(body))
    return AuthorisationOut.model_validate(await cases.propose(who, db, settings, wanted, now=now))


@router.post("/{authorisation_id}/approve")
async def approve(who: deps.Who, db: deps.WriteDb, now: deps.Now, authorisation_id: Id) -> AuthorisationOut:
    """Approve somebody else's proposal."""
    return AuthorisationOut.model_validate(await cases.approve(who, db, authorisation_id, now=now))


@router.post("/{authorisation_id}/revoke")
async def revoke(who: deps.Who, db: deps.WriteDb, now: deps.Now, authorisation_id: Id) -> AuthorisationOut:
    """End an authorisation, or refuse a proposal."""
    return AuthorisationOut.model_validate(await cases.revoke(who, db, authorisation_id, now=now))
