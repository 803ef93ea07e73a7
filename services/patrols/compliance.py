"""Compliance (巡逻考核): what a unit's track proves about its plan, with the fixes that prove it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from geo import patrol
from services import access, tracks
from services.db.engine import ReadSession
from services.patrols import plans


@dataclass(frozen=True, slots=True)
class StopResult:
    """A stop of a plan and what is proven about it."""

    stop: plans.StopView
    visit: patrol.Visit
    out_of_order: bool


@dataclass(frozen=True, slots=True)
class Compliance:
    """A plan, how well the unit was heard of meanwhile, and what is proven about each stop."""

    plan: plans.PlanView
    fixes: int
    silent_s: float  # the longest silence
    results: tuple[StopResult, ...]


async def judge_plan(mandate: access.Mandate, db: ReadSession, plan_id: int, *, now: datetime) -> Compliance:
    """Return what the track of the plan's unit proves about each stop up to now. It is a look at a track.

    Raises:
        NoPlanError: there is no such plan.
        NoTrackError: the unit carried no device then.
    """
    await access.grant(mandate, access.Act.VIEW_PATROLS, f"plan:{plan_id}")
    await access.grant(mandate, access.Act.VIEW_TRACK, f"plan:{plan_id}")
    plan = await plans.view(db, plan_id)
    parts = await tracks.read(mandate, db, unit_id=plan.unit_id, start=plan.starts_at, end=plan.ends_at)
    seen = patrol.Seen.of([*chain(*parts)])
    visits = await asyncio.to_thread(_judge, plan, seen, now)
    late = patrol.out_of_order([visit.arrived_s for visit in visits]) if plan.ordered else [False] * len(visits)
    results = tuple(StopResult(*one) for one in zip(plan.stops, visits, late, strict=True))
    until = min(now, plan.ends_at)
    silent_s = seen.silent_s(plan.starts_at.timestamp(), until.timestamp()) if until > plan.starts_at else 0.0
    return Compliance(plan, len(seen.at_s), silent_s, results)


def moment(at_s: float | None) -> datetime | None:
    """Return a Unix time as aware UTC."""
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _judge(plan: plans.PlanView, seen: patrol.Seen, now: datetime) -> list[patrol.Visit]:
    return [
        patrol.judge(
            seen,
            patrol.Task(
                stop.lon_deg, stop.lat_deg, stop.radius_m, stop.dwell_s,
                (stop.window_start or plan.starts_at).timestamp(), (stop.window_end or plan.ends_at).timestamp(),
            ),
            now.timestamp(),
        )
        for stop in plan.stops
    ]  # fmt: skip
