"""Tracks as files, and the second person's approval that most of them need."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status
from pydantic import AwareDatetime, Field

from api import deps
from api.schemas import Id, Model, Page
from services import exports

router = APIRouter(tags=["exports"])

RequestId = Annotated[
    int | None, Query(ge=1, le=2**63 - 1, description="The approved request, for more than 25 points in a day")
]
MEDIA = {exports.Format.CSV: "text/csv; charset=utf-8", exports.Format.GEOJSON: "application/geo+json"}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in MEDIA.values()}}
}


class ExportIn(Model):
    """A wish to take a unit's track along, and what for."""

    unit_id: int = Field(ge=1, le=2**63 - 1)
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(min_length=1, max_length=2000)


class ExportOut(Model):
    """A request for an export and what became of it: proposed, approved, refused."""

    id: int
    account_id: int
    asked_by: str
    own: bool
    unit_id: int
    call_sign: str
    start: datetime
    end: datetime
    reason: str
    case_no: str | None
    asked_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    expires_at: datetime | None


class DecisionIn(Model):
    """Whether it may be done."""

    approve: bool


@router.get("/units/{unit_id}/track.{form}", response_class=Response, responses=ANSWERS)
async def download_track(
    *,
    who: deps.Who,
    db: deps.WriteDb,
    now: deps.Now,
    unit_id: Id,
    form: exports.Format,
    start: AwareDatetime,
    end: AwareDatetime,
    request_id: RequestId = None,
) -> Response:
    """A unit's track as a file (csv, geojson), CGCS2000. More than 25 points in a day need an approved request."""
    file = await exports.export_track(
        who, db, unit_id=unit_id, start=start, end=end, form=form, now=now, request_id=request_id
    )
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Tianshu-SHA256": file.sha256}
    return Response(file.data, media_type=MEDIA[form], headers=headers)


@router.post("/exports", status_code=status.HTTP_201_CREATED)
async def request_export(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: ExportIn) -> ExportOut:
    """Ask for the approval of an export."""
    return ExportOut.model_validate(await exports.request_export(who, db, **dict(body), now=now))


@router.get("/exports")
async def list_exports(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=exports.MAX_PAGE)] = 50,
) -> Page[ExportOut]:
    """Requests for exports, newest first: an approver sees all, everybody else his own."""
    found = await exports.list_requests(who, db, below_id=cursor, limit=limit)
    return Page[ExportOut].of(found, limit)


@router.post("/exports/{request_id}/decision")
async def decide_export(who: deps.Who, db: deps.WriteDb, now: deps.Now, request_id: Id, body: DecisionIn) -> ExportOut:
    """Approve a request for a day, or refuse it; never one's own."""
    return ExportOut.model_validate(await exports.decide_request(who, db, request_id, approve=body.approve, now=now))
