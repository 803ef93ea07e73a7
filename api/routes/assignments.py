"""Assignments: what a unit reports on its way to a call."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from api import deps
from api.schemas import Model
from services import dispatch

router = APIRouter(prefix="/assignments", tags=["calls"])


class Report(Model):
    """The step that was taken."""

    state: Literal["en_route", "on_scene", "clear"]


class StatusOut(Model):
    """An assignment and when it took each step."""

    id: int
    unit_id: int
    state: dispatch.Step
    dispatched_at: datetime
    en_route_at: datetime | None
    on_scene_at: datetime | None
    clear_at: datetime | None
    expected_s: float | None


@router.post("/{assignment_id}/status")
async def report_status(
    who: deps.Who,
    db: deps.WriteDb,
    now: deps.Now,
    assignment_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    body: Report,
) -> StatusOut:
    """Report the next step of an assignment: en route, on scene, clear. Steps go forward only."""
    step = dispatch.Step(body.state)
    return StatusOut.model_validate(await dispatch.report_status(who, db, assignment_id, step=step, now=now))
