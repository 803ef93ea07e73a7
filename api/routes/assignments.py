"""Assignments: proposed, sent, refused, withdrawn, and what a unit reports on its way to a call."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api import deps
from api.schemas import AssignmentOut, Id, Model
from services import dispatch

router = APIRouter(prefix="/assignments", tags=["calls"])


class Report(Model):
    """The step that was taken."""

    state: Literal["accepted", "en_route", "on_scene", "clear"]


class Because(Model):
    """Why."""

    reason: str = Field(min_length=1, max_length=2000)


@router.post("/{assignment_id}/dispatch")
async def dispatch_proposed(
    who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, assignment_id: Id
) -> AssignmentOut:
    """Send a unit that was proposed. Until then it is reserved and has been told nothing."""
    return AssignmentOut.model_validate(await dispatch.dispatch_proposed(who, db, settings, assignment_id, now=now))


@router.post("/{assignment_id}/status")
async def report_status(
    who: deps.Who, db: deps.WriteDb, now: deps.Now, assignment_id: Id, body: Report
) -> AssignmentOut:
    """Report the next step of an assignment: accepted, en route, on scene, clear. Steps go forward only."""
    step = dispatch.Step(body.state)
    return AssignmentOut.model_validate(await dispatch.report_status(who, db, assignment_id, step=step, now=now))


@router.post("/{assignment_id}/refuse")
async def refuse(who: deps.Who, db: deps.WriteDb, now: deps.Now, assignment_id: Id, body: Because) -> AssignmentOut:
    """Refuse to go, with a reason; before setting out only."""
    return AssignmentOut.model_validate(await dispatch.refuse(who, db, assignment_id, reason=body.reason, now=now))


@router.post("/{assignment_id}/withdraw")
async def withdraw(who: deps.Who, db: deps.WriteDb, now: deps.Now, assignment_id: Id, body: Because) -> AssignmentOut:
    """Take a unit off a call before it is there, with a reason."""
    return AssignmentOut.model_validate(await dispatch.withdraw(who, db, assignment_id, reason=body.reason, now=now))
