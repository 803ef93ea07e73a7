"""Checkpoints, patrol plans, proposed rounds, and what the tracks prove."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, Field

from api import deps, graph
from api.schemas import Id, Model, Page
from geo.patrol import Verdict
from services import patrols
from services.patrols import checkpoints, compliance, plans, proposals

router = APIRouter(tags=["patrols"])

WORDS = r"^[^\x00]+$"
"""Text that PostgreSQL can keep."""

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class CheckpointIn(Model):
    """A place that patrols have to come to; CGCS2000 degrees."""

    name: str = Field(max_length=120, pattern=WORDS)
    lon_deg: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat_deg: float = Field(ge=-90, le=90, allow_inf_nan=False)
    radius_m: float = Field(50, ge=checkpoints.LEAST_RADIUS_M, le=checkpoints.MOST_RADIUS_M)
    dwell_s: int = Field(180, ge=0, le=checkpoints.MOST_DWELL_S)
    beat_id: Number | None = None


class CheckpointOut(CheckpointIn):
    """A checkpoint as it stands."""

    id: int
    active: bool


class StopIn(Model):
    """A checkpoint to visit: without a window while the plan lasts, without a stay the checkpoint's own."""

    checkpoint_id: Number
    window_start: AwareDatetime | None = None
    window_end: AwareDatetime | None = None
    dwell_s: int | None = Field(None, ge=0, le=checkpoints.MOST_DWELL_S)
    expected_at: AwareDatetime | None = None

    def to_stop(self) -> plans.NewStop:
        """Return the stop as the service takes it."""
        return plans.NewStop(**self.model_dump())


class PlanIn(Model):
    """What a unit is asked to do; `ordered`: in the order of the stops, else in any."""

    unit_id: Number
    name: str = Field(max_length=120, pattern=WORDS)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    ordered: bool = False
    stops: list[StopIn] = Field(min_length=1, max_length=plans.MAX_STOPS)


class StopOut(Model):
    """A stop of a plan with its place."""

    checkpoint_id: int
    name: str
    lon_deg: float
    lat_deg: float
    radius_m: float
    window_start: datetime | None
    window_end: datetime | None
    dwell_s: int
    expected_at: datetime | None


class PlanOut(Model):
    """A plan as it stands."""

    id: int
    unit_id: int
    call_sign: str
    name: str
    starts_at: datetime
    ends_at: datetime
    ordered: bool
    active: bool
    stops: list[StopOut]


class RoundsIn(Model):
    """Units and checkpoints to make rounds of, and how long to search."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    unit_ids: list[Number] = Field(min_length=1, max_length=proposals.MAX_UNITS)
    stops: list[StopIn] = Field(min_length=1, max_length=plans.MAX_STOPS)
    seconds: float = Field(2, ge=0.2, le=30)


class ProposedStopOut(Model):
    """A visit of a round; it may have to wait between arriving and starting."""

    checkpoint_id: int
    name: str
    lon_deg: float
    lat_deg: float
    arrives_at: datetime
    starts_at: datetime
    leaves_at: datetime


class RoundOut(Model):
    """What one unit would do, beginning and ending where it is now."""

    unit_id: int
    call_sign: str
    leaves_at: datetime
    back_at: datetime
    drive_s: int
    stops: list[ProposedStopOut]


class ReasonOut(Model):
    """Of a unit: how late it would be, driving there first; null: no road leads."""

    unit_id: int
    call_sign: str
    late_s: int | None


class LeftOutOut(Model):
    """A checkpoint in no round, and why."""

    checkpoint_id: int
    name: str
    code: Literal["off_network", "no_road", "too_late", "not_all_together"]
    units: list[ReasonOut]


class ProposalOut(Model):
    """Rounds, proposed and not stored, and what could not be fitted in."""

    drive_s: int
    rounds: list[RoundOut]
    left_out: list[LeftOutOut]


class EvidenceOut(Model):
    """A fix that says something about a stop."""

    at: datetime
    lon_deg: float
    lat_deg: float
    accuracy_m: float
    distance_m: float


class ResultOut(Model):
    """A stop and what the track proves: the stay lasted `dwell_s` at least and `dwell_at_most_s` at most."""

    checkpoint_id: int
    name: str
    lon_deg: float
    lat_deg: float
    radius_m: float
    state: Verdict
    needed_s: int
    dwell_s: float
    dwell_at_most_s: float
    arrived_at: datetime | None
    left_at: datetime | None
    out_of_order: bool
    evidence: list[EvidenceOut]


class ComplianceOut(Model):
    """A plan, how well the unit was heard of, what is proven about each stop, and how many there are of each."""

    plan: PlanOut
    fixes: int
    silent_s: float
    stops: list[ResultOut]
    counts: dict[Verdict, int]


@router.get("/checkpoints")
async def list_checkpoints(who: deps.Who, db: deps.ReadDb, *, active: bool = True) -> Page[CheckpointOut]:
    """Active checkpoints (or, with `active=false`, ended ones) in the order they were set."""
    found = await patrols.list_checkpoints(who, db, active=active)
    return Page(items=[CheckpointOut.model_validate(one) for one in found])


@router.post("/checkpoints", status_code=status.HTTP_201_CREATED)
async def create_checkpoint(who: deps.Who, db: deps.WriteDb, body: CheckpointIn) -> CheckpointOut:
    """Set a checkpoint."""
    asked = patrols.NewCheckpoint(**body.model_dump())
    return CheckpointOut.model_validate(await patrols.create_checkpoint(who, db, asked))


@router.put("/checkpoints/{checkpoint_id}")
async def change_checkpoint(who: deps.Who, db: deps.WriteDb, checkpoint_id: Id, body: CheckpointIn) -> CheckpointOut:
    """Set a checkpoint anew under its number; plans made before keep the place they had."""
    asked = patrols.NewCheckpoint(**body.model_dump())
    return CheckpointOut.model_validate(await patrols.change_checkpoint(who, db, checkpoint_id, asked))


@router.delete("/checkpoints/{checkpoint_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_checkpoint(who: deps.Who, db: deps.WriteDb, checkpoint_id: Id) -> None:
    """End a checkpoint; plans that name it keep it."""
    await patrols.end_checkpoint(who, db, checkpoint_id)


@router.get("/patrols/plans")
async def list_plans(
    who: deps.Who,
    db: deps.ReadDb,
    start: AwareDatetime,
    end: AwareDatetime,
    unit_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Page[PlanOut]:
    """The plans that overlap a span of 31 days at most, of one unit or all."""
    found = await patrols.list_plans(who, db, start=start, end=end, unit_id=unit_id)
    return Page(items=[PlanOut.model_validate(plan) for plan in found])


@router.post("/patrols/plans", status_code=status.HTTP_201_CREATED)
async def create_plan(who: deps.Who, db: deps.WriteDb, body: PlanIn) -> PlanOut:
    """Ask a unit to visit checkpoints."""
    plan = await patrols.create_plan(
        who, db, unit_id=body.unit_id, name=body.name, starts_at=body.starts_at, ends_at=body.ends_at,
        ordered=body.ordered, stops=[stop.to_stop() for stop in body.stops],
    )  # fmt: skip
    return PlanOut.model_validate(plan)


@router.delete("/patrols/plans/{plan_id}", status_code=status.HTTP_204_NO_CONTENT)
async def cancel_plan(who: deps.Who, db: deps.WriteDb, plan_id: Id) -> None:
    """Cancel a plan."""
    await patrols.cancel_plan(who, db, plan_id)


@router.post("/patrols/plans/optimise")
async def propose_rounds(who: deps.Who, db: deps.ReadDb, roads: graph.Roads, body: RoundsIn) -> ProposalOut:
    """Rounds that drive least, from where the units are now. Nothing is stored; what does not fit is explained."""
    proposal = await patrols.propose_rounds(
        who, db, roads, starts_at=body.starts_at, ends_at=body.ends_at, unit_ids=body.unit_ids,
        stops=[stop.to_stop() for stop in body.stops], seconds=body.seconds,
    )  # fmt: skip
    return ProposalOut.model_validate(proposal)


@router.get("/patrols/compliance")
async def judge_plan(
    who: deps.Who, db: deps.ReadDb, now: deps.Now, plan_id: Annotated[int, Query(ge=1, le=2**63 - 1)]
) -> ComplianceOut:
    """What the unit's track proves about each stop of a plan up to now. It is a look at a track, and recorded so."""
    found = await patrols.judge_plan(who, db, plan_id, now=now)
    stops = [_result(one) for one in found.results]
    counts = {verdict: sum(stop.state is verdict for stop in stops) for verdict in Verdict}
    plan = PlanOut.model_validate(found.plan)
    return ComplianceOut(plan=plan, fixes=found.fixes, silent_s=found.silent_s, stops=stops, counts=counts)


def _result(one: patrols.StopResult) -> ResultOut:
    stop, visit = one.stop, one.visit
    evidence = [
        EvidenceOut(at=compliance.moment(fix.at_s), lon_deg=fix.lon_deg, lat_deg=fix.lat_deg,
                    accuracy_m=fix.accuracy_m, distance_m=fix.distance_m)
        for fix in visit.evidence
    ]  # fmt: skip
    return ResultOut(
        checkpoint_id=stop.checkpoint_id, name=stop.name, lon_deg=stop.lon_deg, lat_deg=stop.lat_deg,
        radius_m=stop.radius_m, state=visit.verdict, needed_s=stop.dwell_s, dwell_s=visit.dwell_s,
        dwell_at_most_s=visit.dwell_at_most_s, arrived_at=compliance.moment(visit.arrived_s),
        left_at=compliance.moment(visit.left_s), out_of_order=one.out_of_order, evidence=evidence,
    )  # fmt: skip
