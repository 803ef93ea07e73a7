"""What is true now: where the units are, which calls and alerts are open, and what changed since a moment.

A moment is a transaction number. `Changes.xid` is the oldest transaction still running when its rows were read, and
asking for what changed since then may tell a thing twice but never leaves one out, whatever the order of commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, text
from sqlalchemy.orm import aliased

from services import access, carriage
from services.db.engine import ReadSession
from services.db.tables.alerts import Alert
from services.db.tables.areas import Area
from services.db.tables.calls import Assignment, Call
from services.db.tables.fleet import Carriage, Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain, point

FREE = "free"
CONFIDENTIAL = ("unusual_use",)
"""Kinds of alerts that are the auditor's alone."""

UnitRow = tuple[int, float | None, float | None, float | None, float | None, float | None, float | None, str]
"""unit id, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, Unix time in s, state: as streamed.

Place and time are None when nothing was heard since the unit carries its device, or it carries none.
"""


@dataclass(frozen=True, slots=True)
class UnitPosition:
    """A unit and where its device was last."""

    unit_id: int
    call_sign: str
    kind: str
    equipment: list[str]
    state: str
    lon_deg: float
    lat_deg: float
    at: datetime
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """A unit proposed for or sent to a call, when it took each step, and how it stands on its way."""

    id: int
    unit_id: int
    state: str
    proposed_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    clear_at: datetime | None
    expected_s: float | None  # travel time foreseen when it was sent
    eta_at: datetime | None  # arrival foreseen now
    way: str | None  # on_route, off_route, stopped, silent
    reason: str | None  # of a refusal or withdrawal
    by_machine: bool


@dataclass(frozen=True, slots=True)
class CallView:
    """A call (警情) as everybody sees it, with the units sent to it."""

    id: int
    kind: str
    priority: int
    lon_deg: float | None  # None: the place is unknown
    lat_deg: float | None
    address: str
    notes: str
    answers: dict[str, Any]
    division: str | None
    outside: bool
    state: str
    taken_at: datetime
    signed_at: datetime | None
    feedback_at: datetime | None
    closed_at: datetime | None
    result_code: str | None
    assignments: list[AssignmentView]


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as everybody sees it, with the names of its unit and area."""

    id: int
    kind: str
    severity: str
    at: datetime
    raised_at: datetime
    state: str
    device_id: int | None
    unit_id: int | None
    call_sign: str | None
    area_id: int | None
    area_name: str | None
    lon_deg: float | None
    lat_deg: float | None
    detail: dict[str, Any]
    close_reason: str | None
    corrects: int | None  # the alert that late fixes proved wrong, and that this one takes the place of
    corrected_by: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What the live map has to know, and the moment to ask from next time."""

    units: list[UnitRow]
    calls: list[CallView]
    alerts: list[AlertView]
    xid: int


async def watch(mandate: access.Mandate) -> access.Look:
    """Permit an officer to follow the live map; whoever shows it tells the answer how much is on it."""
    look = await access.grant(mandate, access.Act.VIEW_LIVE)
    return look  # noqa: RET504 -- the grant is the first line


async def present(db: ReadSession) -> int:
    """Return the present moment: the oldest transaction that still runs.

    Ask before reading rows: what commits in between is then told again, not lost.
    """
    xmin = await db.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    return int(xmin.scalar_one())


async def changed_since(db: ReadSession, xid: int) -> Changes:
    """Return what was written by transactions from `xid` on: newest positions, units, calls, alerts."""
    now_xid = await present(db)
    sent = select(Assignment.call_id).where(Assignment.changed_xid >= xid)
    return Changes(
        await _unit_rows(db, or_(NewestFix.changed_xid >= xid, Unit.changed_xid >= xid)),
        await view_calls(db, or_(Call.changed_xid >= xid, Call.id.in_(sent))),
        await view_alerts(db, Alert.changed_xid >= xid),
        now_xid,
    )


async def everything(db: ReadSession) -> Changes:
    """Return all units that have a position, all calls and all alerts that are not closed."""
    now_xid = await present(db)
    return Changes(
        await _unit_rows(db, NewestFix.at.is_not(None)),
        await view_calls(db, Call.state != "closed"),
        await view_alerts(db, Alert.state != "closed"),
        now_xid,
    )


async def free_units_near(
    db: ReadSession, lon_deg: float, lat_deg: float, *, radius_m: float, seen_since: datetime
) -> list[UnitPosition]:
    """Return the free units within a radius that were heard of since a time, nearest first (as the crow flies)."""
    here = point(lon_deg, lat_deg)
    near = _positions().where(
        Unit.state == FREE, NewestFix.at >= seen_since, func.ST_DWithin(NewestFix.place, here, radius_m)
    )
    rows = await db.execute(near.order_by(NewestFix.place.op("<->")(here), Unit.id))
    return [UnitPosition(*row) for row in rows]


async def view_calls(db: ReadSession, *conditions: ColumnElement[bool], limit: int | None = None) -> list[CallView]:
    """Return the calls that meet the conditions, newest first."""
    place = plain(Call.place)
    found = select(
        Call.id, Call.kind, Call.priority, func.ST_X(place), func.ST_Y(place), Call.address, Call.notes, Call.answers,
        Call.division, Call.outside, Call.state, Call.taken_at, Call.signed_at, Call.feedback_at, Call.closed_at,
        Call.result_code,
    ).where(*conditions)  # fmt: skip
    rows: Sequence[Any] = (await db.execute(found.order_by(Call.id.desc()).limit(limit))).all()
    sent = await _assignments(db, [row[0] for row in rows])
    return [CallView(*(*row, sent.get(row[0], []))) for row in rows]


async def view_alerts(db: ReadSession, *conditions: ColumnElement[bool], limit: int | None = None) -> list[AlertView]:
    """Return the alerts that meet the conditions, newest first."""
    place = plain(Alert.place)
    head = (Alert.id, Alert.kind, Alert.severity, Alert.at, Alert.raised_at, Alert.state, Alert.device_id)
    names = (Unit.id, Unit.call_sign, Alert.area_id, Area.name, func.ST_X(place), func.ST_Y(place))
    correction = aliased(Alert)
    found = (
        select(*head, *names, Alert.detail, Alert.close_reason, Alert.corrects, correction.id)
        .outerjoin(Carriage, carriage.carried(Alert.device_id, Alert.at))
        .outerjoin(Unit, Unit.id == Carriage.unit_id)
        .outerjoin(Area, Area.id == Alert.area_id)
        .outerjoin(correction, correction.corrects == Alert.id)
        .where(Alert.kind.not_in(CONFIDENTIAL), *conditions)
    )
    return [AlertView(*row) for row in await db.execute(found.order_by(Alert.id.desc()).limit(limit))]


async def _unit_rows(db: ReadSession, *conditions: ColumnElement[bool]) -> list[UnitRow]:
    place = plain(NewestFix.place)
    found = select(
        Unit.id, func.ST_X(place), func.ST_Y(place), NewestFix.heading_deg, NewestFix.speed_mps,
        NewestFix.accuracy_m, NewestFix.at, Unit.state,
    ).outerjoin(Carriage, carriage.PRESENT).outerjoin(NewestFix, carriage.HEARD)  # fmt: skip
    return [_unit_row(row) for row in await db.execute(found.where(*conditions))]


def _unit_row(row: Row[Any]) -> UnitRow:
    unit_id, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at, state = tuple(row)
    return (unit_id, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at and at.timestamp(), state)


def _positions() -> Any:
    place = plain(NewestFix.place)
    return select(
        Unit.id, Unit.call_sign, Unit.kind, Unit.equipment, Unit.state, func.ST_X(place), func.ST_Y(place),
        NewestFix.at, NewestFix.speed_mps, NewestFix.heading_deg, NewestFix.accuracy_m,
    ).join(Carriage, carriage.PRESENT).join(NewestFix, carriage.HEARD)  # fmt: skip


async def _assignments(db: ReadSession, call_ids: Sequence[int]) -> dict[int, list[AssignmentView]]:
    """Return the assignments of calls, in the order they were made."""
    if not call_ids:
        return {}
    found = select(
        Assignment.call_id, Assignment.id, Assignment.unit_id, Assignment.state, Assignment.proposed_at,
        Assignment.dispatched_at, Assignment.accepted_at, Assignment.en_route_at, Assignment.on_scene_at,
        Assignment.clear_at, Assignment.expected_s, Assignment.eta_at, Assignment.way, Assignment.reason,
        Assignment.by_machine,
    ).where(Assignment.call_id.in_(call_ids))  # fmt: skip
    views: dict[int, list[AssignmentView]] = {}
    for row in await db.execute(found.order_by(Assignment.id)):
        call_id, *values = tuple[Any, ...](row)
        views.setdefault(call_id, []).append(AssignmentView(*values))
    return views
