"""Areas drawn on the map and the rules they are watched by."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, status
from pydantic import Field

from api import deps
from api.schemas import Id, Model, Page
from geo import outlines
from services import areas

router = APIRouter(prefix="/areas", tags=["areas"])


class RuleIn(Model):
    """What to watch for: `dwell_s` belongs to dwell alone; `unit_kinds` null watches every device."""

    trigger: Literal["enter", "leave", "dwell", "cross"]
    dwell_s: int | None = Field(None, ge=1, le=areas.MAX_S)
    confirm_fixes: int = Field(2, ge=1, le=areas.MAX_CONFIRM_FIXES)
    confirm_s: int = Field(0, ge=0, le=areas.MAX_S)
    unit_kinds: list[str] | None = Field(None, max_length=20)
    severity: Literal["notice", "warning", "urgent"] = "notice"

    def to_rule(self) -> areas.NewRule:
        """Return the rule as the service takes it."""
        return areas.NewRule(**self.model_dump())


class RuleOut(RuleIn):
    """A rule as it stands."""

    id: int
    active: bool


class AreaIn(Model):
    """An area to draw, in CGCS2000 degrees (lon, lat).

    `shape` is a GeoJSON Polygon or MultiPolygon, a LineString with `width_m`, or a Point with `radius_m`.
    """

    name: str = Field(min_length=1, max_length=120)
    kind: Literal["patrol", "restricted", "event", "boundary", "other"] = "other"
    shape: dict[str, Any]
    width_m: int | None = Field(None, ge=1, le=outlines.MAX_WIDTH_M, description="Of a way, from edge to edge")
    radius_m: float | None = Field(None, ge=outlines.MIN_M, le=outlines.MAX_RADIUS_M)
    rules: list[RuleIn] = Field([], max_length=20)


class AreaOut(Model):
    """An area as it stands, with its rules, ended ones included.

    `line` and `width_m` are those of a way. `form` is as what a JT/T 808 terminal can watch it; null: it can't.
    """

    id: int
    name: str
    kind: str
    shape: dict[str, Any]
    line: dict[str, Any] | None
    width_m: int | None
    form: outlines.Form | None
    revision: int
    active: bool
    created_at: datetime
    rules: list[RuleOut]


@router.get("")
async def list_areas(
    who: deps.Who,
    db: deps.ReadDb,
    *,
    active: bool = True,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=areas.MAX_PAGE)] = 100,
) -> Page[AreaOut]:
    """Active areas (or, with `active=false`, ended ones) in the order they were drawn."""
    page = await areas.list_areas(who, db, active=active, cursor=cursor, limit=limit)
    return Page[AreaOut].model_validate(page)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_area(who: deps.Who, db: deps.WriteDb, body: AreaIn) -> AreaOut:
    """Draw an area; it is watched from the next batch of fixes on."""
    rules = [rule.to_rule() for rule in body.rules]
    area = await areas.create_area(
        who, db, name=body.name, kind=body.kind, shape=body.shape, rules=rules,
        width_m=body.width_m, radius_m=body.radius_m,
    )  # fmt: skip
    return AreaOut.model_validate(area)


@router.get("/{area_id}")
async def read_area(who: deps.Who, db: deps.ReadDb, area_id: Id) -> AreaOut:
    """Return one area, active or ended."""
    return AreaOut.model_validate(await areas.read_area(who, db, area_id))


@router.delete("/{area_id}", status_code=status.HTTP_204_NO_CONTENT)
async def deactivate_area(who: deps.Who, db: deps.WriteDb, area_id: Id) -> None:
    """End an area and its rules; its alerts stay."""
    await areas.deactivate_area(who, db, area_id)


@router.post("/{area_id}/rules", status_code=status.HTTP_201_CREATED)
async def add_rule(who: deps.Who, db: deps.WriteDb, area_id: Id, body: RuleIn) -> RuleOut:
    """Watch an area for one thing more."""
    return RuleOut(**asdict(await areas.add_rule(who, db, area_id, body.to_rule())))


@router.delete("/{area_id}/rules/{rule_id}", status_code=status.HTTP_204_NO_CONTENT)
async def deactivate_rule(who: deps.Who, db: deps.WriteDb, area_id: Id, rule_id: Id) -> None:
    """End one rule of an area."""
    await areas.deactivate_rule(who, db, area_id, rule_id)
