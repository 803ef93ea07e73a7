"""Plans (巡逻计划): which checkpoints a unit is asked to visit, in which windows, for how long, in order or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, true, update

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Unit
from services.db.tables.patrols import Checkpoint, PatrolPlan, PatrolStop
from services.db.types import plain, point
from services.errors import InvalidError, NotFoundError
from services.patrols import checkpoints

MAX_PLAN = timedelta(hours=24)
MAX_SPAN = timedelta(days=31)
MAX_STOPS = 200
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class NoPlanError(NotFoundError):
    """There is no such plan, it is cancelled, or there is no such unit."""


class WindowError(InvalidError):
    """A time ends before it begins, or lies outside of its plan."""


@dataclass(frozen=True, slots=True)
class NewStop:
    """A checkpoint to visit; without a window while the plan lasts, without a stay the checkpoint's own."""

    checkpoint_id: int
    window_start: datetime | None = None
    window_end: datetime | None = None
    dwell_s: int | None = None
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopView:
    """A stop of a plan with its place: where the checkpoint was when the plan was made."""

    checkpoint_id: int
    name: str
    lon_deg: float
    lat_deg: float
    radius_m: float
    window_start: datetime | None
    window_end: datetime | None
    dwell_s: int
    expected_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as it stands; `ordered`: in the order of its stops, else in any."""

    id: int
    unit_id: int
    call_sign: str
    name: str
    starts_at: datetime
    ends_at: datetime
    ordered: bool
    active: bool
    stops: tuple[StopView, ...] = ()


async def create_plan(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    unit_id: int,
    name: str,
    starts_at: datetime,
    ends_at: datetime,
    stops: Sequence[NewStop],
    ordered: bool = False,
) -> PlanView:
    """Ask a unit to visit checkpoints.

    Raises:
        WindowError: the plan, or a window, ends before it begins, leaves the plan, or the plan lasts over 24 hours.
        NoPlanError, NoCheckpointError: there is no such unit, or checkpoint.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"unit:{unit_id} plan")
    check_span(starts_at, ends_at)
    if not name.strip():
        raise WindowError("A plan needs a name.")
    known = await check_stops(db, stops, starts_at, ends_at)
    if (await db.execute(select(Unit.id).where(Unit.id == unit_id))).scalar_one_or_none() is None:
        raise NoPlanError("There is no unit {unit_id}.", unit_id=unit_id)
    values = {"unit_id": unit_id, "name": name.strip(), "starts_at": starts_at, "ends_at": ends_at, "ordered": ordered}
    row = insert(PatrolPlan).values(**values, created_by=mandate.account_id).returning(PatrolPlan.id)
    plan_id = int((await db.execute(row)).scalar_one())
    rows = [
        {
            "plan_id": plan_id, "position": position, "checkpoint_id": stop.checkpoint_id,
            "window_start": stop.window_start, "window_end": stop.window_end, "expected_at": stop.expected_at,
            "place": point(known[stop.checkpoint_id].lon_deg, known[stop.checkpoint_id].lat_deg),
            "radius_m": known[stop.checkpoint_id].radius_m,
            "dwell_s": known[stop.checkpoint_id].dwell_s if stop.dwell_s is None else stop.dwell_s,
        }
        for position, stop in enumerate(stops, 1)
    ]  # fmt: skip
    await db.execute(insert(PatrolStop).values(rows))
    return await view(db, plan_id)


async def list_plans(
    mandate: access.Mandate, db: ReadSession, *, start: datetime, end: datetime, unit_id: int | None = None
) -> list[PlanView]:
    """Return the plans that overlap a span, of one unit or all, in order of their beginning.

    Raises:
        WindowError: the span is empty or longer than 31 days.
    """
    await access.grant(mandate, access.Act.VIEW_PATROLS, f"plans {start.isoformat()}/{end.isoformat()}")
    if not timedelta() < end - start <= MAX_SPAN:
        raise WindowError("Plans are read from a start to a later end, 31 days at most.")
    of_unit = true() if unit_id is None else PatrolPlan.unit_id == unit_id
    return await _views(
        db, PatrolPlan.active.is_(True), PatrolPlan.starts_at < end, PatrolPlan.ends_at > start, of_unit
    )


async def cancel_plan(mandate: access.Mandate, db: WriteSession, plan_id: int) -> None:
    """Cancel a plan; it is kept, and nobody is judged by it.

    Raises:
        NoPlanError: there is none, or it is cancelled already.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"plan:{plan_id}")
    if not (await view(db, plan_id)).active:
        raise NoPlanError("Plan {plan_id} is cancelled already.", plan_id=plan_id)
    await db.execute(update(PatrolPlan).where(PatrolPlan.id == plan_id).values(active=False))


async def view(db: ReadSession, plan_id: int) -> PlanView:
    """Return a plan.

    Raises:
        NoPlanError: there is none.
    """
    found = await _views(db, PatrolPlan.id == plan_id)
    if not found:
        raise NoPlanError("There is no plan {plan_id}.", plan_id=plan_id)
    return found[0]


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Refuse a plan that is none.

    Raises:
        WindowError: it ends before it begins, or lasts over 24 hours.
    """
    if not timedelta() < ends_at - starts_at <= MAX_PLAN or not EARLIEST < starts_at < LATEST:
        raise WindowError("A plan of this century ends after it begins, and lasts 24 hours at most.")


async def check_stops(
    db: ReadSession, stops: Sequence[NewStop], starts_at: datetime, ends_at: datetime
) -> dict[int, checkpoints.CheckpointView]:
    """Return the checkpoints of stops that fit into a plan.

    Raises:
        WindowError: there is none, there are too many, or a window is empty, leaves the plan or is too short.
        NoCheckpointError: there is no such active checkpoint.
    """
    if not 1 <= len(stops) <= MAX_STOPS:
        raise WindowError("A plan has 1 to {most} stops.", most=MAX_STOPS)
    for stop in stops:
        start, end = stop.window_start or starts_at, stop.window_end or ends_at
        if not starts_at <= start < end <= ends_at or not starts_at <= (stop.expected_at or starts_at) <= ends_at:
            raise WindowError(
                "The window of checkpoint {checkpoint_id} is empty or leaves the time of the plan.",
                checkpoint_id=stop.checkpoint_id,
            )
    known = await checkpoints.find(db, [stop.checkpoint_id for stop in stops])
    for stop in stops:
        stay_s = known[stop.checkpoint_id].dwell_s if stop.dwell_s is None else stop.dwell_s
        if timedelta(seconds=stay_s) > (stop.window_end or ends_at) - (stop.window_start or starts_at):
            raise WindowError(
                "The window of checkpoint {checkpoint_id} is shorter than the stay of {stay_s} s.",
                checkpoint_id=stop.checkpoint_id,
                stay_s=stay_s,
            )
    return known


async def _views(db: ReadSession, *conditions: ColumnElement[bool]) -> list[PlanView]:
    plan = PatrolPlan
    when = (plan.starts_at, plan.ends_at, plan.ordered, plan.active)
    found = select(plan.id, plan.unit_id, Unit.call_sign, plan.name, *when).join(Unit, Unit.id == plan.unit_id)
    rows = (await db.execute(found.where(*conditions).order_by(plan.starts_at, plan.id))).all()
    stops = await _stops(db, [row[0] for row in rows])
    return [replace(PlanView(*row), stops=tuple(stops.get(row[0], ()))) for row in rows]


async def _stops(db: ReadSession, plan_ids: Sequence[int]) -> dict[int, list[StopView]]:
    if not plan_ids:
        return {}
    place = plain(PatrolStop.place)
    where = (Checkpoint.id, Checkpoint.name, func.ST_X(place), func.ST_Y(place), PatrolStop.radius_m)
    when = (PatrolStop.window_start, PatrolStop.window_end, PatrolStop.dwell_s, PatrolStop.expected_at)
    found = select(PatrolStop.plan_id, *where, *when).join(Checkpoint, Checkpoint.id == PatrolStop.checkpoint_id)
    of_these = found.where(PatrolStop.plan_id.in_(plan_ids)).order_by(PatrolStop.plan_id, PatrolStop.position)
    stops: dict[int, list[StopView]] = {}
    for row in await db.execute(of_these):
        plan_id, *values = tuple[Any, ...](row)
        stops.setdefault(plan_id, []).append(StopView(*values))
    return stops
