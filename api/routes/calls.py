"""Calls: taking one, what is known of it, who could go, sending, closing."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response, status
from pydantic import Field

from api import deps, graph, ground
from api.schemas import AssignmentOut, CallOut, GuidanceOut, Id, Model, Page, RecommendationOut, RecommendedUnit
from services import dispatch
from services.dispatch import HIGHEST_PRIORITY, LOWEST_PRIORITY

router = APIRouter(prefix="/calls", tags=["calls"])

Kind = Annotated[str, Field(min_length=1, max_length=40)]
Priority = Annotated[int, Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Address = Annotated[str, Field(max_length=300)]
Notes = Annotated[str, Field(max_length=4000)]
Answers = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=500)]], Field(max_length=40)
]
Said = Annotated[str, Field(min_length=1, max_length=4000)]


class EventOut(Model):
    """A line of a call's log; without `who` the machine or a terminal did it."""

    at: datetime
    account_id: int | None
    who: str | None
    what: str
    detail: dict[str, Any]


class LinkOut(Model):
    """Another call that has to do with this one."""

    call_id: int
    kind: Literal["duplicate", "related"]
    at: datetime


class CallRecordOut(CallOut):
    """A call with its result, its log and its links."""

    result: str | None
    events: list[EventOut]
    links: list[LinkOut]


class DraftIn(Model):
    """A call as the dispatcher hears it. Priority 1 is the highest; the place is CGCS2000 degrees, or left out."""

    kind: Kind
    priority: Priority
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    address: Address = ""
    notes: Notes = ""
    answers: Answers = Field(default_factory=dict)

    @property
    def draft(self) -> dispatch.Draft:
        """The same for the service."""
        return dispatch.Draft(**{name: getattr(self, name) for name in DraftIn.model_fields})


class CallIn(DraftIn):
    """A call to take; `outside_confirmed` takes one from outside of the city (mutual aid)."""

    outside_confirmed: bool = False


class ChangeIn(Model):
    """What is to be different; what is left out stays. A place is changed as a whole."""

    kind: Kind | None = None
    priority: Priority | None = None
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None
    address: Address | None = None
    notes: Notes | None = None
    answers: Answers | None = None
    outside_confirmed: bool = False


class WhyOut(Model):
    """What speaks for one event: time and way between the calls, the kind, the share of the words."""

    seconds: float
    distance_m: float | None
    same_kind: bool
    words: float


class SimilarOut(Model):
    """A call that may be about the same event. Nothing is merged by itself."""

    call: CallOut
    score: float
    why: WhyOut


class LeftOutOut(Model):
    """A free unit that is not recommended: stale, wrong_kind, lacks_equipment, off_shift, other_beat, fatigued."""

    unit: RecommendedUnit
    why: str
    values: dict[str, Any]


class CandidatesOut(Model):
    """Who is recommended, who is not and why; `pace_s_per_m` is what estimates from the straight line rest on."""

    recommended: list[RecommendationOut]
    left_out: list[LeftOutOut]
    pace_s_per_m: float


class Sending(Model):
    """Which unit goes; `proposed` only reserves it."""

    unit_id: int = Field(ge=1, le=2**63 - 1)
    level: Literal["proposed", "dispatched"] = "dispatched"


class Ending(Model):
    """How the call ended (处警结果): words, and a code of the table of results."""

    result: Said
    result_code: str | None = Field(None, max_length=40)


class Reopening(Model):
    """Why a closed call is opened again."""

    reason: str = Field(min_length=1, max_length=2000)


class Feedback(Model):
    """What was reported back."""

    text: Said


class Linking(Model):
    """Which other call, and how it has to do with this one."""

    other_id: int = Field(ge=1, le=2**63 - 1)
    kind: Literal["duplicate", "related"]


class Marking(Model):
    """Whether a step of the guidance is done."""

    done: bool


@router.post("", status_code=status.HTTP_201_CREATED)
async def take_call(
    *,
    who: deps.Who,
    db: deps.WriteDb,
    settings: deps.Config,
    land: ground.Land,
    now: deps.Now,
    body: CallIn,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> CallOut:
    """Take a call. Sent again with the same `Idempotency-Key`, the call of the first time is returned.

    A place outside of the city is refused (urn:tianshu:OutsideCity) unless `outside_confirmed`.
    """
    taken = await dispatch.take_call(
        who, db, settings, land, body.draft,
        outside_confirmed=body.outside_confirmed, now=now, request_key=idempotency_key,
    )  # fmt: skip
    return CallOut.model_validate(taken)


@router.post("/similar")
async def similar_to_draft(who: deps.Who, db: deps.ReadDb, now: deps.Now, body: DraftIn) -> list[SimilarOut]:
    """Calls that may be about the same event as one that is being told; nothing is written."""
    found = await dispatch.similar_to_draft(who, db, body.draft, now=now)
    return [SimilarOut.model_validate(item) for item in found]


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
    return CallRecordOut(
        **call.model_dump(),
        result=record.result,
        events=[EventOut.model_validate(event) for event in record.events],
        links=[LinkOut.model_validate(link) for link in record.links],
    )


@router.patch("/{call_id}")
async def amend_call(
    *,
    who: deps.Who,
    db: deps.WriteDb,
    settings: deps.Config,
    land: ground.Land,
    now: deps.Now,
    call_id: Id,
    body: ChangeIn,
) -> CallOut:
    """Change what is known of a call; a call without a place is placed so. The log keeps before and after."""
    change = dispatch.Change(**body.model_dump(exclude={"outside_confirmed"}))
    outside = body.outside_confirmed
    changed = await dispatch.amend_call(
        who, db, settings, land, call_id, change=change, outside_confirmed=outside, now=now
    )
    return CallOut.model_validate(changed)


@router.post("/{call_id}/sign")
async def sign_call(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id) -> CallOut:
    """Sign for a call (签收). Sending a unit signs for it too."""
    return CallOut.model_validate(await dispatch.sign_call(who, db, call_id, now=now))


@router.post("/{call_id}/feedback")
async def report_back(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, body: Feedback) -> CallOut:
    """Write down what was reported back (反馈)."""
    return CallOut.model_validate(await dispatch.report_back(who, db, call_id, said=body.text, now=now))


@router.get("/{call_id}/similar")
async def similar_to_call(who: deps.Who, db: deps.ReadDb, call_id: Id) -> list[SimilarOut]:
    """Calls that may be about the same event and are not linked yet."""
    found = await dispatch.similar_to_call(who, db, call_id)
    return [SimilarOut.model_validate(item) for item in found]


@router.post("/{call_id}/links", status_code=status.HTTP_201_CREATED)
async def link_calls(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, body: Linking) -> list[LinkOut]:
    """Say that two calls are one event, or have to do with each other."""
    kind = dispatch.Link(body.kind)
    links = await dispatch.link_calls(who, db, call_id, other_id=body.other_id, kind=kind, now=now)
    return [LinkOut.model_validate(link) for link in links]


@router.delete("/{call_id}/links/{other_id}", status_code=status.HTTP_204_NO_CONTENT)
async def unlink_calls(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, other_id: Id) -> Response:
    """Take a link back."""
    await dispatch.unlink_calls(who, db, call_id, other_id=other_id, now=now)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/{call_id}/recommendations")
async def recommend_units(
    *, who: deps.Who, db: deps.ReadDb, roads: graph.Ways, settings: deps.Config, now: deps.Now, call_id: Id
) -> list[RecommendationOut]:
    """Free units near a call that suit it, soonest first, each with its reason and what it would leave uncovered."""
    found = await dispatch.recommend_units(who, db, roads, settings, call_id=call_id, now=now)
    return [RecommendationOut.model_validate(item) for item in found]


@router.get("/{call_id}/candidates")
async def list_candidates(
    *,
    who: deps.Who,
    db: deps.ReadDb,
    roads: graph.Ways,
    settings: deps.Config,
    now: deps.Now,
    call_id: Id,
    kinds: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006 -- FastAPI copies it
    equipment: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006
    beat_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    on_shift: bool = True,
) -> CandidatesOut:
    """Recommended units by your own wishes, and which free units were left out and why."""
    wishes = dispatch.Wishes(frozenset(kinds), frozenset(equipment), beat_id, on_shift)
    found = await dispatch.list_candidates(who, db, roads, settings, call_id=call_id, wishes=wishes, now=now)
    return CandidatesOut.model_validate(found)


@router.post("/{call_id}/assignments", status_code=status.HTTP_201_CREATED)
async def assign_unit(
    *,
    who: deps.Who,
    db: deps.WriteDb,
    roads: graph.Ways,
    settings: deps.Config,
    now: deps.Now,
    call_id: Id,
    body: Sending,
) -> AssignmentOut:
    """Send a free unit, or propose it, which reserves it. When another dispatcher was quicker, this says so (409)."""
    level = dispatch.Step(body.level)
    sent = await dispatch.assign_unit(
        who, db, roads, settings, call_id=call_id, unit_id=body.unit_id, level=level, now=now
    )
    return AssignmentOut.model_validate(sent)


@router.get("/{call_id}/guidance")
async def read_guidance(who: deps.Who, db: deps.ReadDb, settings: deps.Config, call_id: Id) -> GuidanceOut:
    """Enforcement guidance (执法指引) for the kind of a call, with what was checked off."""
    return GuidanceOut.model_validate(await dispatch.read_guidance(who, db, settings, call_id))


@router.post("/{call_id}/guidance/{step}")
async def check_off(
    *, who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, call_id: Id, step: str, body: Marking
) -> GuidanceOut:
    """Check a step of the guidance off, or take that back; it is written into the call's log."""
    marked = await dispatch.check_off(who, db, settings, call_id, step=step, done=body.done, now=now)
    return GuidanceOut.model_validate(marked)


@router.post("/{call_id}/close")
async def close_call(
    *, who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, call_id: Id, body: Ending
) -> CallOut:
    """Close a call with its result, once all its units are clear."""
    closed = await dispatch.close_call(
        who, db, settings, call_id, result=body.result, result_code=body.result_code, now=now
    )
    return CallOut.model_validate(closed)


@router.post("/{call_id}/reopen")
async def reopen_call(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, body: Reopening) -> CallOut:
    """Open a closed call again, with a reason."""
    return CallOut.model_validate(await dispatch.reopen_call(who, db, call_id, reason=body.reason, now=now))
