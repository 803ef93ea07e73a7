"""Alerts: what somebody has to look at, who did, and how it ended."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api import deps
from api.schemas import Id, Model, Page
from services import alerts

router = APIRouter(prefix="/alerts", tags=["alerts"])


class AlertOut(Model):
    """An alert; `at` is when it happened, `raised_at` when the service knew. The place is CGCS2000 degrees."""

    id: int
    kind: str
    severity: Literal["notice", "warning", "urgent"]
    at: datetime
    raised_at: datetime
    state: Literal["open", "acknowledged", "closed"]
    device_id: int | None
    unit_id: int | None
    call_sign: str | None
    area_id: int | None
    area_name: str | None
    lon_deg: float | None
    lat_deg: float | None
    detail: dict[str, Any]
    close_reason: str | None
    corrects: int | None = Field(
        description="The alert that late fixes proved wrong; with `withdrawn` in the detail nothing took its place"
    )
    corrected_by: int | None = Field(description="The alert that corrects this one")


class Closing(Model):
    """Why an alert is closed."""

    reason: str = Field(min_length=1, max_length=2000)


@router.get("")
async def list_alerts(
    who: deps.Who,
    db: deps.ReadDb,
    state: Literal["open", "acknowledged", "closed"] | None = None,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=alerts.MAX_PAGE)] = 50,
) -> Page[AlertOut]:
    """Alerts, newest first, of one state or all."""
    return Page[AlertOut].model_validate(await alerts.list_alerts(who, db, state=state, cursor=cursor, limit=limit))


@router.post("/{alert_id}/acknowledge")
async def acknowledge_alert(who: deps.Who, db: deps.WriteDb, now: deps.Now, alert_id: Id) -> AlertOut:
    """Say that you have seen an open alert and take care of it."""
    return AlertOut.model_validate(await alerts.acknowledge_alert(who, db, alert_id, now=now))


@router.post("/{alert_id}/close")
async def close_alert(who: deps.Who, db: deps.WriteDb, now: deps.Now, alert_id: Id, body: Closing) -> AlertOut:
    """Close an acknowledged alert with the reason."""
    return AlertOut.model_validate(await alerts.close_alert(who, db, alert_id, reason=body.reason, now=now))
