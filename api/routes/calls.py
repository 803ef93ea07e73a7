"""Calls: taking one, who could go, sending, closing."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, status
from pydantic import Field

from api import deps, graph
from api.schemas import Id, Model, Page
from services import dispatch
from services.dispatch.codes import HIGHEST_PRIORITY, LOWEST_PRIORITY

router = APIRouter(prefix="/calls", tags=["calls"])


class AssignmentOut(Model):
    """A unit sent to a call; `expected_s` is the travel time foreseen when it was sent."""

    id: int
    unit_id: int
    state: dispatch.Step
    dispatched_at: datetime
    en_route_at: datetime | None
    on_scene_at: datetime | None
    clear_at: datetime | None
    expected_s: float | None


class CallOut(Model):
    """A call with the units sent to it. The place is CGCS2000 degrees."""

    id: int
    kind: str
    priority: int
    lon_deg: float
    lat_deg: float
    address: str
    notes: str
    state: dispatch.CallState
    taken_at: datetime
    closed_at: datetime | None
    assignments: list[AssignmentOut]


class EventOut(Model):
    """A line of a call's log: taken, dispatched, en_route, on_scene, clear, closed."""

    at: datetime
    account_id: int | None
    what: str
    detail: dict[str, Any]


class CallRecordOut(CallOut):
    """A call with its result and its log."""

    result: str | None
    events: list[EventOut]


class CallIn(Model):
    """A call as the dispatcher hears it. Priority 1 is the highest; the place is CGCS2000 degrees."""

    kind: dispatch.CallKind
    priority: int = Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)
    lon_deg: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat_deg: float = Field(ge=-90, le=90, allow_inf_nan=False)
    address: str = Field("", max_length=300)
    notes: str = Field("", max_length=4000)


class RecommendedUnit(Model):
    """A unit that could go, and where it was last."""

    id: int = Field(validation_alias="unit_id")
    call_sign: str
    kind: str
    lon_deg: float
    lat_deg: float
    at: datetime


class ReasonOut(Model):
    """Why a unit has its rank: nearest_by_road, soonest_not_nearest, later_by_road, fallback; with figures."""

    code: str
    values: dict[str, Any]


class RecommendationOut(Model):
    """A unit with its travel time; `estimated`: from the straight line, because no road answer was to be had."""

    unit: RecommendedUnit
    time_s: float
    length_m: float
    reason: ReasonOut
    estimated: bool


class Sending(Model):
    """Which unit goes."""

    unit_id: int = Field(ge=1, le=2**63 - 1)


class Ending(Model):
    """How the call ended."""

    result: str = Field(min_length=1, max_length=4000)


@router.post("", status_code=status.HTTP_201_CREATED)
async def take_call(
    who: deps.Who,
    db: deps.WriteDb,
    now: deps.Now,
    body: CallIn,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> CallOut:
    """Take a call. Sent again with the same `Idempotency-Key`, the call of the first time is returned."""
    taken = await dispatch.take_call(who, db, **body.model_dump(), now=now, request_key=idempotency_key)
    return CallOut.model_validate(taken)


@router.get("")
async def list_calls(
    who: deps.Who,
    db: deps.ReadDb,
    state: dispatch.CallState | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=dispatch.MAX_PAGE)] = 50,
) -> Page[CallOut]:
    """Calls, newest first, of one state or all."""
    found = await dispatch.list_calls(who, db, state=state, below_id=cursor, limit=limit)
    return Page[CallOut].model_validate(found)


@router.get("/{call_id}")
async def read_call(who: deps.Who, db: deps.ReadDb, call_id: Id) -> CallRecordOut:
    """A call with everything that happened to it."""
    record = await dispatch.read_call(who, db, call_id)
    call = CallOut.model_validate(record.call)
    events = [EventOut.model_validate(event) for event in record.events]
    return CallRecordOut(**call.model_dump(), result=record.result, events=events)


@router.get("/{call_id}/recommendations")
async def recommend_units(
    *, who: deps.Who, db: deps.ReadDb, roads: graph.Roads, settings: deps.Config, now: deps.Now, call_id: Id
) -> list[RecommendationOut]:
    """Free units near a call, soonest first, each with its reason."""
    found = await dispatch.recommend_units(who, db, roads, settings, call_id=call_id, now=now)
    return [RecommendationOut.model_validate(item) for item in found]


@router.post("/{call_id}/assignments", status_code=status.HTTP_201_CREATED)
async def assign_unit(
    *,
    who: deps.Who,
    db: deps.WriteDb,
    roads: graph.Roads,
    settings: deps.Config,
    now: deps.Now,
    call_id: Id,
    body: Sending,
) -> AssignmentOut:
    """Send a free unit. When another dispatcher was quicker, this says so (409)."""
    sent = await dispatch.assign_unit(who, db, roads, settings, call_id=call_id, unit_id=body.unit_id, now=now)
    return AssignmentOut.model_validate(sent)


@router.post("/{call_id}/close")
async def close_call(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, body: Ending) -> CallOut:
    """Close a call with its result, once all its units are clear."""
    return CallOut.model_validate(await dispatch.close_call(who, db, call_id, result=body.result, now=now))
