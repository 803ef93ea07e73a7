"""Areas and rules as people draw, read and end them. A shape or rule never changes: a new one takes its place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from geo import areas as shapes
from geo import outlines
from geo.fences import Trigger
from services import access, alerts, fleet
from services.db.engine import ReadSession, WriteSession
from services.db.tables.areas import Area, AreaRule, AreaState
from services.db.types import from_wkb, plain
from services.errors import ConflictError, InvalidError, NotFoundError

KINDS = ("patrol", "restricted", "event", "boundary", "other")
MAX_PAGE = 500
MAX_CONFIRM_FIXES = 100
MAX_S = 7 * 24 * 3600


class BadShapeError(InvalidError):
    """The geometry is not that of an area."""


class BadRuleError(InvalidError):
    """The rule can't be watched for."""


class NoAreaError(NotFoundError):
    """There is no such area, or no such rule in it."""


class EndedError(ConflictError):
    """The area or rule was deactivated before."""


@dataclass(frozen=True, slots=True)
class NewRule:
    """What to watch an area for: enter, leave, dwell or cross; `unit_kinds` None watches every device."""

    trigger: str
    dwell_s: int | None = None
    confirm_fixes: int = 2
    confirm_s: int = 0
    unit_kinds: list[str] | None = None
    severity: str = "notice"


@dataclass(frozen=True, slots=True)
class RuleView(NewRule):
    """A rule as it stands."""

    id: int = field(kw_only=True)
    active: bool = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class AreaView:
    """An area as it stands; `shape` is a GeoJSON geometry in CGCS2000 degrees.

    `line` and `width_m` are those of a way, whose shape is the ground along it; `form` is as what a terminal can watch
    the area by itself: circle, rectangle, polygon, route, or None.
    """

    id: int
    name: str
    kind: str
    shape: dict[str, Any]
    line: dict[str, Any] | None
    width_m: int | None
    form: str | None
    revision: int
    active: bool
    created_at: datetime
    rules: list[RuleView]


@dataclass(frozen=True, slots=True)
class Areas:
    """A page of areas, and what to ask for the next one with."""

    items: list[AreaView]
    next_cursor: str | None


async def create_area(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    name: str,
    kind: str,
    shape: Mapping[str, Any],
    width_m: int | None = None,
    radius_m: float | None = None,
    rules: Sequence[NewRule] = (),
) -> AreaView:
    """Draw an area with its rules; the watchers know it from their next batch on.

    Raises:
        BadShapeError: `shape` is no valid GeoJSON Polygon or MultiPolygon of a sensible size, no LineString with a
            width and no Point with a radius.
        BadRuleError: a rule can't be watched for, or the kind or the name is none.
    """
    await access.grant(mandate, access.Act.MANAGE_AREAS, "new area")
    if kind not in KINDS or not name.strip():
        raise BadRuleError("An area has a name and a kind: {kinds}.", kinds=", ".join(KINDS))
    for rule in rules:
        _check(rule)
    try:
        drawn = outlines.read_drawn(shape, width_m, radius_m)
    except shapes.ShapeError as error:
        raise BadShapeError(error.pattern, **error.values) from error
    row = insert(Area).values(
        name=name.strip(), kind=kind, created_by=mandate.account_id, shape=from_wkb(drawn.shape.wkb, "MULTIPOLYGON"),
        line=from_wkb(drawn.line.wkb, "LINESTRING") if drawn.line else None, width_m=width_m,
        form=outlines.form_of(drawn),
    )  # fmt: skip
    area_id = int((await db.execute(row.returning(Area.id))).scalar_one())
    if rules:
        await db.execute(insert(AreaRule), [{"area_id": area_id, **asdict(rule)} for rule in rules])
    return await _view(db, area_id)


async def list_areas(
    mandate: access.Mandate, db: ReadSession, *, active: bool = True, cursor: str | None = None, limit: int = 100
) -> Areas:
    """Return a page of areas with their rules, in the order they were drawn.

    Raises:
        BadCursorError: the cursor is not one that a page gave.
    """
    await access.grant(mandate, access.Act.VIEW_AREAS)
    limit = min(limit, MAX_PAGE)
    after = alerts.read_cursor(cursor) if cursor else 0
    found = await _views(db, Area.active == active, Area.id > after, limit=limit + 1)
    return Areas(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


async def read_area(mandate: access.Mandate, db: ReadSession, area_id: int) -> AreaView:
    """Return an area, active or not.

    Raises:
        NoAreaError: there is none.
    """
    await access.grant(mandate, access.Act.VIEW_AREAS, f"area:{area_id}")
    return await _view(db, area_id)


async def add_rule(mandate: access.Mandate, db: WriteSession, area_id: int, rule: NewRule) -> RuleView:
    """Watch an area for one thing more.

    Raises:
        BadRuleError: it can't be watched for.
        NoAreaError: there is no such area.
        EndedError: the area is not active.
    """
    await access.grant(mandate, access.Act.MANAGE_AREAS, f"area:{area_id}")
    _check(rule)
    if not (await _view(db, area_id)).active:
        raise EndedError("Area {area_id} is not active; draw it anew to watch it.", area_id=area_id)
    row = insert(AreaRule).values(area_id=area_id, **asdict(rule)).returning(AreaRule.id)
    return RuleView(**asdict(rule), id=int((await db.execute(row)).scalar_one()), active=True)


async def deactivate_area(mandate: access.Mandate, db: WriteSession, area_id: int) -> None:
    """End an area and its rules; its alerts stay.

    Raises:
        NoAreaError: there is none.
        EndedError: it was ended before.
    """
    await access.grant(mandate, access.Act.MANAGE_AREAS, f"area:{area_id}")
    if not (await _view(db, area_id)).active:
        raise EndedError("Area {area_id} is not active.", area_id=area_id)
    await db.execute(update(Area).where(Area.id == area_id).values(active=False))
    await _end_rules(db, AreaRule.area_id == area_id)


async def deactivate_rule(mandate: access.Mandate, db: WriteSession, area_id: int, rule_id: int) -> None:
    """End one rule of an area.

    Raises:
        NoAreaError: the area has no such rule.
        EndedError: it was ended before.
    """
    await access.grant(mandate, access.Act.MANAGE_AREAS, f"area:{area_id}")
    rule = next((rule for rule in (await _view(db, area_id)).rules if rule.id == rule_id), None)
    if rule is None:
        raise NoAreaError("Area {area_id} has no rule {rule_id}.", area_id=area_id, rule_id=rule_id)
    if not rule.active:
        raise EndedError("Rule {rule_id} is not active.", rule_id=rule_id)
    await _end_rules(db, AreaRule.id == rule_id)


def _check(rule: NewRule) -> None:
    """Refuse what can't be watched for, saying what can."""
    if rule.trigger not in set(Trigger):
        raise BadRuleError("A rule watches for one of: {triggers}.", triggers=", ".join(Trigger))
    dwells = rule.trigger == Trigger.DWELL
    if dwells != (rule.dwell_s is not None) or (rule.dwell_s is not None and not 1 <= rule.dwell_s <= MAX_S):
        raise BadRuleError("A dwell rule, and no other, says how long in dwell_s: 1 to {most_s} seconds.", most_s=MAX_S)
    if not 1 <= rule.confirm_fixes <= MAX_CONFIRM_FIXES or not 0 <= rule.confirm_s <= MAX_S:
        raise BadRuleError(
            "Confirmation takes 1 to {most} fixes and 0 to {most_s} seconds.", most=MAX_CONFIRM_FIXES, most_s=MAX_S
        )
    if rule.severity not in alerts.SEVERITIES:
        raise BadRuleError("The severity is one of: {severities}.", severities=", ".join(alerts.SEVERITIES))
    if rule.unit_kinds is not None and (not rule.unit_kinds or not set(rule.unit_kinds) <= set(fleet.KINDS)):
        raise BadRuleError("Unit kinds are null for every device, or some of: {kinds}.", kinds=", ".join(fleet.KINDS))


async def _end_rules(db: WriteSession, which: ColumnElement[bool]) -> None:
    """End rules and forget where devices stood to them."""
    await db.execute(update(AreaRule).where(which).values(active=False))
    await db.execute(delete(AreaState).where(AreaState.rule_id.in_(select(AreaRule.id).where(which))))


async def _view(db: ReadSession, area_id: int) -> AreaView:
    found = await _views(db, Area.id == area_id)
    if not found:
        raise NoAreaError("There is no area {area_id}.", area_id=area_id)
    return found[0]


async def _views(db: ReadSession, *conditions: ColumnElement[bool], limit: int | None = None) -> list[AreaView]:
    columns = (
        Area.id, Area.name, Area.kind, _geojson(Area.shape), _geojson(Area.line), Area.width_m, Area.form,
        Area.revision, Area.active, Area.created_at,
    )  # fmt: skip
    found = select(*columns).where(*conditions).order_by(Area.id).limit(limit)
    areas: Sequence[Any] = (await db.execute(found)).all()
    rules: dict[int, list[RuleView]] = {}
    of_these = select(AreaRule).where(AreaRule.area_id.in_([area.id for area in areas])).order_by(AreaRule.id)
    for rule in (await db.execute(of_these)).scalars() if areas else ():
        rules.setdefault(rule.area_id, []).append(_rule_view(rule))
    return [
        AreaView(
            area_id, name, kind, json.loads(shape), line and json.loads(line), width_m, form, revision, active,
            created_at, rules.get(area_id, []),
        )
        for area_id, name, kind, shape, line, width_m, form, revision, active, created_at in areas
    ]  # fmt: skip


def _geojson(column: Any) -> ColumnElement[Any]:
    """Degrees to 0.1 mm; without the member crs, which RFC 7946 does not know."""
    return func.ST_AsGeoJSON(plain(column), 9, 0)


def _rule_view(rule: AreaRule) -> RuleView:
    return RuleView(
        rule.trigger, rule.dwell_s, rule.confirm_fixes, rule.confirm_s, rule.unit_kinds, rule.severity,
        id=rule.id, active=rule.active,
    )  # fmt: skip
