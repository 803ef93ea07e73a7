"""Commands to devices: ask, see how far they came, take back what waits."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, status
from pydantic import Field

from api import deps
from api.problems import Told
from api.schemas import Id, Model, Page
from geo import outlines
from services import commands

router = APIRouter(tags=["devices"])

NO_ZEROS = r"^[^\x00]*$"
State = Literal["queued", "sent", "acknowledged", "answered", "refused", "timed_out", "expired", "cancelled"]
Cursor = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=commands.MAX_PAGE)]
AreaNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Speed = Annotated[float | None, Field(gt=0, le=100, description="Limit in m/s")]
Held = Annotated[int, Field(ge=0, le=255, description="How long it may be exceeded, in seconds")]
Ids = Annotated[list[AreaNumber], Field(max_length=125, description="None: all of the form")]


class _Asked(Model):
    expires_in_s: int = Field(3600, ge=1, le=7 * 86_400, description="Not sent within this time, it is not sent at all")


class PositionNow(_Asked):
    """Where are you (0x8201)? The answer is a fix like any other."""

    kind: Literal["position_now"]


class Track(_Asked):
    """Report every so often for a while (0x8202); an interval of 0 ends it."""

    kind: Literal["track"]
    interval_s: int = Field(ge=0, le=65_535)
    validity_s: int = Field(600, ge=1, le=7 * 86_400)


class Text(_Asked):
    """A text on the terminal's display (0x8300), read out if asked for."""

    kind: Literal["text"]
    text: str = Field(min_length=1, max_length=1024, pattern=NO_ZEROS)
    urgent: bool = False
    read_out: bool = False


class QueryAttributes(_Asked):
    """Which maker, model, firmware (0x8107)?"""

    kind: Literal["query_attributes"]


class QueryParameters(_Asked):
    """Which parameters (0x8104, 0x8106)? No names: all."""

    kind: Literal["query_parameters"]
    names: list[str] = Field(default_factory=list, max_length=50)


class SetParameters(_Asked):
    """Set parameters (0x8103), by name with the unit in it, such as heartbeat_s."""

    kind: Literal["set_parameters"]
    values: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1, max_length=50)


class Restart(_Asked):
    """Start anew (0x8105, command 4)."""

    kind: Literal["restart"]


class SetArea(_Asked):
    """Watch an area or a way of the map (0x8600, 0x8602, 0x8604, 0x8606): the form follows from how it was drawn."""

    kind: Literal["set_area"]
    area_id: AreaNumber
    tell_driver: bool = False
    max_speed_mps: Speed = None
    segment_speeds_mps: list[Speed] = Field([], max_length=outlines.MAX_POINTS, description="Of a way, in its order")
    overspeed_s: Held = 10
    daily_from: Clock | None = Field(None, description="Beijing time; with daily_to, else all day")
    daily_to: Clock | None = None


class DeleteAreas(_Asked):
    """Forget areas or routes (0x8601, 0x8603, 0x8605, 0x8607)."""

    kind: Literal["delete_areas"]
    form: outlines.Form
    ids: Ids = Field(default_factory=list)


class QueryAreas(_Asked):
    """Which areas or routes do you watch (0x8608, 2019)?"""

    kind: Literal["query_areas"]
    form: outlines.Form
    ids: Ids = Field(default_factory=list)


CommandIn = Annotated[
    PositionNow | Track | Text | QueryAttributes | QueryParameters | SetParameters | Restart | SetArea | DeleteAreas
    | QueryAreas,
    Field(discriminator="kind"),
]  # fmt: skip


class CommandOut(Model):
    """A command: `attempts` is how often it was sent, `answer` what the terminal said.

    `detail` is why it was refused: failed, bad_message, unsupported, or a sentence (then `told` has its pattern).
    """

    id: int
    device_id: int
    kind: str
    parameters: dict[str, Any]
    state: State
    asked_by: str | None
    asked_at: datetime
    expires_at: datetime
    attempts: int
    sent_at: datetime | None
    settled_at: datetime | None
    answer: dict[str, Any] | None
    detail: str | None
    told: Told | None


@router.post("/devices/{device_id}/commands", status_code=status.HTTP_201_CREATED)
async def command_device(who: deps.Who, db: deps.WriteDb, now: deps.Now, device_id: Id, body: CommandIn) -> CommandOut:
    """Give a device a command. What changes its configuration asks for `configure_device` besides."""
    asked = await commands.ask(
        who, db, device_id=device_id, kind=body.kind, valid_for=timedelta(seconds=body.expires_in_s), now=now,
        parameters=body.model_dump(exclude={"kind", "expires_in_s"}, exclude_none=True),
    )  # fmt: skip
    return CommandOut.model_validate(asked)


@router.get("/devices/{device_id}/commands")
async def list_of_device(
    who: deps.Who, db: deps.ReadDb, device_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> Page[CommandOut]:
    """The commands of one device, newest first."""
    found = await commands.list_of_device(who, db, device_id, before_id=cursor, limit=limit)
    return Page[CommandOut].of(found, limit)


@router.get("/commands")
async def list_commands(
    who: deps.Who, db: deps.ReadDb, state: State | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[CommandOut]:
    """Commands of all devices, newest first, in one state or all."""
    found = await commands.list_commands(who, db, state=state, before_id=cursor, limit=limit)
    return Page[CommandOut].of(found, limit)


@router.delete("/commands/{command_id}")
async def cancel_command(who: deps.Who, db: deps.WriteDb, now: deps.Now, command_id: Id) -> CommandOut:
    """Take a command back while it waits."""
    return CommandOut.model_validate(await commands.cancel(who, db, command_id, now=now))
