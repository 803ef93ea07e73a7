"""An officer's phone: his unit, his call, the way there, steps, guidance, SOS. Nothing of anybody else's."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, status
from pydantic import Field

from api import deps, graph
from api.schemas import AssignmentOut, CallOut, GuidanceOut, Model
from services import dispatch
from services.dispatch import serving

router = APIRouter(prefix="/my", tags=["officer"])


class MyUnitOut(Model):
    """The unit an officer is on; the place is null while unknown."""

    id: int
    call_sign: str
    kind: str
    state: str
    lon_deg: float | None
    lat_deg: float | None
    at: datetime | None


class RouteOut(Model):
    """The way to the scene as a GeoJSON feature: properties time_s, length_m, estimated."""

    type: Literal["Feature"] = "Feature"
    geometry: dict[str, Any]
    properties: dict[str, Any]


class MineOut(Model):
    """What the phone shows. The call has only the own unit's assignment."""

    officer: str
    unit: MyUnitOut | None
    on_duty_since: datetime | None
    assignment: AssignmentOut | None
    call: CallOut | None
    guidance: GuidanceOut | None
    route: RouteOut | None


class OpenUnitOut(Model):
    """A unit that may be signed on to."""

    id: int
    call_sign: str
    kind: str
    division: str | None


class Joining(Model):
    """Which unit."""

    unit_id: int = Field(ge=1, le=2**63 - 1)


class Step(Model):
    """The step that was taken."""

    state: Literal["accepted", "en_route", "on_scene", "clear"]


class Because(Model):
    """Why."""

    reason: str = Field(min_length=1, max_length=2000)


class Telling(Model):
    """What was found and done."""

    text: str = Field(min_length=1, max_length=4000)


class Marking(Model):
    """Whether a step of the guidance is done."""

    done: bool


class Helping(Model):
    """Where the phone is, as far as it knows, in CGCS2000 degrees."""

    lon_deg: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    lat_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None


class HelpOut(Model):
    """The alert that stands on every dispatcher's screen now."""

    alert_id: int


@router.get("")
async def read_mine(who: deps.Who, db: deps.ReadDb, roads: graph.Ways, settings: deps.Config) -> MineOut:
    """My unit, its call, the guidance for it, and the way there."""
    return _out(await serving.read_mine(who, db, roads, settings))


@router.get("/units")
async def list_open_units(who: deps.Who, db: deps.ReadDb) -> list[OpenUnitOut]:
    """The units I may sign on to."""
    return [OpenUnitOut.model_validate(unit) for unit in await serving.list_open_units(who, db)]


@router.put("/duty", status_code=status.HTTP_204_NO_CONTENT)
async def sign_on(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: Joining) -> None:
    """Sign on to a unit; a unit that was off duty is free from now on."""
    await serving.sign_on(who, db, body.unit_id, now=now)


@router.delete("/duty", status_code=status.HTTP_204_NO_CONTENT)
async def sign_off(who: deps.Who, db: deps.WriteDb, now: deps.Now) -> None:
    """Sign off; a unit that nobody is on any more is off duty."""
    await serving.sign_off(who, db, now=now)


@router.post("/status", status_code=status.HTTP_204_NO_CONTENT)
async def report(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: Step) -> None:
    """Report my unit's next step: accepted, en route, on scene, clear."""
    await serving.report(who, db, step=dispatch.Step(body.state), now=now)


@router.post("/refuse", status_code=status.HTTP_204_NO_CONTENT)
async def decline(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: Because) -> None:
    """Refuse to go, with a reason; before setting out only."""
    await serving.decline(who, db, reason=body.reason, now=now)


@router.post("/feedback", status_code=status.HTTP_204_NO_CONTENT)
async def tell(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: Telling) -> None:
    """Report back what was found and done (反馈)."""
    await serving.tell(who, db, said=body.text, now=now)


@router.post("/guidance/{step}", status_code=status.HTTP_204_NO_CONTENT)
async def check_off(
    *, who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, step: str, body: Marking
) -> None:
    """Check a step of the guidance off, or take that back; it is written into the call's log."""
    await serving.check_off_mine(who, db, settings, step=step, done=body.done, now=now)


@router.post("/sos", status_code=status.HTTP_201_CREATED)
async def call_for_help(
    who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, body: Helping
) -> HelpOut:
    """Call for help: an urgent alert on every dispatcher's screen. While one is open, that one is told again."""
    place = (body.lon_deg, body.lat_deg) if body.lon_deg is not None and body.lat_deg is not None else None
    alert_id = await serving.call_for_help(who, db, settings, place=place, accuracy_m=body.accuracy_m, now=now)
    return HelpOut(alert_id=alert_id)


def _out(mine: serving.Mine) -> MineOut:
    route = None
    if mine.route:
        line = {"type": "LineString", "coordinates": mine.route.line.round(6).tolist()}
        figures = {"time_s": mine.route.time_s, "length_m": mine.route.length_m, "estimated": mine.route.estimated}
        route = RouteOut(geometry=line, properties=figures)
    return MineOut(
        officer=mine.officer,
        unit=MyUnitOut.model_validate(mine.unit) if mine.unit else None,
        on_duty_since=mine.unit.since if mine.unit else None,
        assignment=AssignmentOut.model_validate(mine.assignment) if mine.assignment else None,
        call=CallOut.model_validate(mine.call) if mine.call else None,
        guidance=GuidanceOut.model_validate(mine.guidance) if mine.guidance else None,
        route=route,
    )
