"""Rounds that drive least, proposed and not stored; and in words that a page can say, what does not fit and why."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from geo import coverage, rounds
from geo.roads import RoadGraph
from services import access, carriage
from services.db.engine import ReadSession
from services.db.tables.fleet import Carriage, Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain
from services.errors import ConflictError
from services.patrols import checkpoints, plans

MAX_UNITS = 30


class NoRoadsError(ConflictError):
    """No road network is loaded."""


class NoStartError(ConflictError):
    """Nobody knows where a unit is, so that no round can begin there."""


@dataclass(frozen=True, slots=True)
class ProposedStop:
    """A visit of a round; it may have to wait for its window between arriving and starting."""

    checkpoint_id: int
    name: str
    lon_deg: float
    lat_deg: float
    arrives_at: datetime
    starts_at: datetime
    leaves_at: datetime


@dataclass(frozen=True, slots=True)
class ProposedRound:
    """What one unit would do; it begins and ends where the unit is now."""

    unit_id: int
    call_sign: str
    leaves_at: datetime
    back_at: datetime
    drive_s: int
    stops: tuple[ProposedStop, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Of a unit that can't visit a checkpoint: how late it would be, driving there first; None: no road leads."""

    unit_id: int
    call_sign: str
    late_s: int | None


@dataclass(frozen=True, slots=True)
class LeftOutStop:
    """A checkpoint in no round: off_network, no_road, too_late or not_all_together, and what of each unit."""

    checkpoint_id: int
    name: str
    code: str
    units: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The rounds, and what could not be fitted in."""

    drive_s: int
    rounds: tuple[ProposedRound, ...]
    left_out: tuple[LeftOutStop, ...]


@dataclass(frozen=True, slots=True)
class _Car:
    unit_id: int
    call_sign: str
    lon_deg: float
    lat_deg: float


async def propose_rounds(
    mandate: access.Mandate,
    db: ReadSession,
    graph: RoadGraph | None,
    *,
    starts_at: datetime,
    ends_at: datetime,
    unit_ids: Sequence[int],
    stops: Sequence[plans.NewStop],
    seconds: float,
) -> Proposal:
    """Return rounds of the units over the checkpoints, begun where each unit is now, after some seconds of search.

    Raises:
        NoRoadsError: no road network is loaded.
        WindowError, NoCheckpointError: as for a plan.
        NoPlanError: there is no such unit.
        NoStartError: a unit has never reported a position.
    """
    await access.grant(mandate, access.Act.MANAGE_PATROLS, f"rounds of {len(unit_ids)} units")
    if graph is None:
        raise NoRoadsError("No road network is loaded, so that no round can be planned.")
    plans.check_span(starts_at, ends_at)
    places = await plans.check_stops(db, stops, starts_at, ends_at)
    cars = await _cars(db, unit_ids)
    chosen = [(stop, places[stop.checkpoint_id]) for stop in stops]
    return await asyncio.to_thread(_propose, graph, cars, chosen, (starts_at, ends_at), seconds)


async def _cars(db: ReadSession, unit_ids: Sequence[int]) -> list[_Car]:
    place = plain(NewestFix.place)
    known = select(Unit.id, Unit.call_sign, func.ST_X(place), func.ST_Y(place))
    with_places = (
        known.outerjoin(Carriage, carriage.PRESENT).outerjoin(NewestFix, carriage.HEARD).where(Unit.id.in_(unit_ids))
    )
    found = {row[0]: _Car(*row) for row in await db.execute(with_places)}
    if missing := set(unit_ids) - found.keys():
        raise plans.NoPlanError("There is no unit {unit_id}.", unit_id=min(missing))
    cars = [found[unit_id] for unit_id in dict.fromkeys(unit_ids)]
    if lost := next((car for car in cars if car.lon_deg is None), None):
        raise NoStartError(
            "{call_sign} has never reported a position: nobody knows where its round would begin.",
            call_sign=lost.call_sign,
        )
    return cars


def _propose(
    graph: RoadGraph,
    cars: Sequence[_Car],
    chosen: Sequence[tuple[plans.NewStop, checkpoints.CheckpointView]],
    span: tuple[datetime, datetime],
    seconds: float,
) -> Proposal:
    zero, until = span
    seen = [place for _, place in chosen]
    lon_deg = [car.lon_deg for car in cars] + [place.lon_deg for place in seen]
    lat_deg = [car.lat_deg for car in cars] + [place.lat_deg for place in seen]
    anchors = graph.at_places(lon_deg, lat_deg)
    times_s = coverage.times_s(graph, anchors, anchors)
    tasks = [_task(stop, place, span) for stop, place in chosen]
    duty = rounds.Car(0, int((until - zero).total_seconds()))
    plan = rounds.plan_rounds(times_s, tasks, [duty] * len(cars), seconds=seconds)
    off = ~anchors.on_network[len(cars) :]
    return Proposal(
        plan.drive_s,
        tuple(_round(one, cars[one.car], seen, zero) for one in plan.rounds),
        tuple(_left_out(one, seen[one.stop], cars, off_network=bool(off[one.stop])) for one in plan.left_out),
    )


def _task(stop: plans.NewStop, place: checkpoints.CheckpointView, span: tuple[datetime, datetime]) -> rounds.Stop:
    """Return a stop in seconds of the plan; the stay has to end within the window."""
    start, end = stop.window_start or span[0], stop.window_end or span[1]
    dwell_s = place.dwell_s if stop.dwell_s is None else stop.dwell_s
    begin, latest = (int((at - span[0]).total_seconds()) for at in (start, end - timedelta(seconds=dwell_s)))
    return rounds.Stop(dwell_s, begin, latest)


def _round(one: rounds.Round, car: _Car, seen: Sequence[checkpoints.CheckpointView], zero: datetime) -> ProposedRound:
    def at(second: int) -> datetime:
        return zero + timedelta(seconds=second)

    stops = tuple(
        ProposedStop(
            seen[call.stop].id, seen[call.stop].name, seen[call.stop].lon_deg, seen[call.stop].lat_deg,
            at(call.arrives_s), at(call.begins_s), at(call.leaves_s),
        )
        for call in one.calls
    )  # fmt: skip
    return ProposedRound(car.unit_id, car.call_sign, at(one.leaves_s), at(one.back_s), one.drive_s, stops)


def _left_out(
    one: rounds.LeftOut, place: checkpoints.CheckpointView, cars: Sequence[_Car], *, off_network: bool
) -> LeftOutStop:
    units = tuple(Reason(car.unit_id, car.call_sign, late) for car, late in zip(cars, one.late_s, strict=True))
    return LeftOutStop(place.id, place.name, "off_network" if off_network else one.why.value, units)
