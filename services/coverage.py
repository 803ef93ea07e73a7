"""What the free units reach now, and where they had better wait (覆盖、备勤点)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select

from geo import coverage, crs, posts
from geo.roads import MAX_ACCESS_M, Anchors, RoadGraph
from services import access, live
from services.db.engine import ReadSession
from services.db.tables.calls import Call
from services.db.types import plain
from services.errors import ConflictError
from services.settings import Settings

FRESH = timedelta(seconds=5)
PAST = timedelta(days=90)
LEAST_CALLS = 20
MOST_DEMAND, MOST_SITES = 300, 150
"""Squares of past calls that are looked at, and squares that posts are chosen from; the heaviest ones."""

DEMAND_CELL_DEG = 0.004  # 400 m
Floats = NDArray[np.float64]


class NoRoadsError(ConflictError):
    """No road network is loaded."""


class TooFewCallsError(ConflictError):
    """Too few past calls are known to say where units had better wait."""


class Model(StrEnum):
    """What posts are to achieve."""

    P_MEDIAN = "p_median"  # the least mean time
    MCLP = "mclp"  # the most calls within the limit of a post
    MEXCLP = "mexclp"  # the same, while units are busy for a part of the time


@dataclass(frozen=True, slots=True)
class Ring:
    """What is reached within a limit: ground in CGCS2000 degrees, shares of road kilometres and of past calls."""

    limit_s: float
    shape: shapely.MultiPolygon
    roads_share: float
    calls_share: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the free units reach, the longest limit first."""

    rings: tuple[Ring, ...]
    units: int
    computed_at: datetime


@dataclass(slots=True)
class Board:
    """One a process: the squares of the present network, and the last answer for as long as it is fresh."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ground: coverage.Ground | None = None
    answer: Coverage | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A place to wait at, for so many units."""

    lon_deg: float
    lat_deg: float
    units: int


@dataclass(frozen=True, slots=True)
class MoveAdvice:
    """A free unit had better wait at a post: what is gained, and how long it drives there."""

    unit_id: int
    call_sign: str
    lon_deg: float
    lat_deg: float
    gain_share: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Advice:
    """Posts for units, and what they achieve for the calls of the past; `gap` 0 is proven best, None not known.

    `moves` is for the units that are free now, and empty while there is nothing to gain. It says where to wait, never
    who answers a call: for priority 1 that is always the fastest unit.
    """

    kind: Model
    limit_s: float
    calls: int
    posts: tuple[Post, ...]
    mean_s: float
    covered_share: float
    gap: float | None
    moves: tuple[MoveAdvice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Demand:
    """Past calls in squares, the heaviest first."""

    lon_deg: Floats
    lat_deg: Floats
    calls: Floats

    def __len__(self) -> int:
        return len(self.calls)


async def read_coverage(
    mandate: access.Mandate,
    db: ReadSession,
    graph: RoadGraph | None,
    settings: Settings,
    board: Board,
    *,
    now: datetime,
) -> Coverage:
    """Return what the free units heard of lately reach in 3, 5 and 10 minutes; an answer serves all for 5 seconds.

    Raises:
        NoRoadsError: no road network is loaded.
    """
    async with access.look(mandate, access.Act.VIEW_LIVE, "coverage") as seen:
        if graph is None:
            raise NoRoadsError("No road network is loaded, so that nobody knows what can be reached.")
        async with board.turn:
            if board.ground is None or board.ground.graph is not graph:
                board.ground, board.answer = await asyncio.to_thread(coverage.Ground.of, graph), None
            if board.answer is None or not timedelta() <= now - board.answer.computed_at < FRESH:
                units = await _free_units(db, graph, settings, now)
                demand = await _demand(db, graph, now - PAST)
                rings = await asyncio.to_thread(_rings, board.ground, units, demand)
                board.answer = Coverage(rings, len(units), now)
        seen.rows = board.answer.units
        return board.answer


async def advise_posts(
    mandate: access.Mandate,
    db: ReadSession,
    graph: RoadGraph | None,
    settings: Settings,
    *,
    kind: Model,
    units: int | None,
    limit_s: float,
    busy: float,
    past: timedelta,
    now: datetime,
) -> Advice:
    """Return where units had better wait, from past calls; `units` None: as many as are free now.

    Raises:
        NoRoadsError: no road network is loaded.
        TooFewCallsError: fewer than 20 past calls lie on the network, or no unit is free and no number is given.
    """
    await access.grant(mandate, access.Act.DISPATCH, "posts")
    if graph is None:
        raise NoRoadsError("No road network is loaded, so that no post can be chosen.")
    demand = await _demand(db, graph, now - past)
    known = int(demand.calls.sum())
    if known < LEAST_CALLS:
        raise TooFewCallsError(
            "{known} calls of that time lie on the road network; {least} are needed at least.",
            known=known,
            least=LEAST_CALLS,
        )
    free = await _free_units(db, graph, settings, now)
    count = units or len(free)
    if not count:
        raise TooFewCallsError("No unit is free now: say for how many units posts are wanted.")
    return await asyncio.to_thread(_advise, graph, demand, free, _Wish(kind, count, limit_s, busy))


@dataclass(frozen=True, slots=True)
class _Wish:
    kind: Model
    count: int
    limit_s: float
    busy: float


async def _free_units(db: ReadSession, graph: RoadGraph, settings: Settings, now: datetime) -> list[live.UnitPosition]:
    """Return the free units heard of lately anywhere near the network."""
    west, south, east, north = graph.bounds_deg
    lon_deg, lat_deg = (west + east) / 2, (south + north) / 2
    radius_m = float(crs.haversine_m(lon_deg, lat_deg, east, north)) + MAX_ACCESS_M
    return await live.free_units_near(db, lon_deg, lat_deg, radius_m=radius_m, seen_since=now - settings.stale_after)


async def _demand(db: ReadSession, graph: RoadGraph, since: datetime) -> _Demand:
    """Return the calls since a time, in squares, that lie within the network's bounds."""
    west, south, east, north = graph.bounds_deg
    place, size = plain(Call.place), DEMAND_CELL_DEG
    column, row = (func.floor(axis / size) for axis in (func.ST_X(place), func.ST_Y(place)))
    found = (
        select(func.avg(func.ST_X(place)), func.avg(func.ST_Y(place)), func.count())
        .where(Call.taken_at >= since, func.ST_X(place).between(west, east), func.ST_Y(place).between(south, north))
        .group_by(column, row)
        .order_by(func.count().desc(), column, row)
        .limit(MOST_DEMAND)
    )
    rows = [tuple(row) for row in await db.execute(found)]
    return _Demand(*np.array(rows, np.float64).reshape(-1, 3).T)


def _rings(ground: coverage.Ground, units: Sequence[live.UnitPosition], demand: _Demand) -> tuple[Ring, ...]:
    graph, origins = ground.graph, _anchors(ground.graph, units)
    reached = ground.reached(origins)
    if not len(demand):
        return tuple(Ring(one.limit_s, one.shape, one.roads_share, None) for one in reached)
    targets = graph.at_places(demand.lon_deg, demand.lat_deg)
    soonest_s = coverage.soonest_s(graph, origins, targets, max(coverage.LIMITS_S))
    weights = demand.calls / demand.calls.sum()
    return tuple(
        Ring(one.limit_s, one.shape, one.roads_share, float(weights @ (soonest_s <= one.limit_s))) for one in reached
    )


def _anchors(graph: RoadGraph, units: Sequence[live.UnitPosition]) -> Anchors:
    places = np.array([(unit.lon_deg, unit.lat_deg) for unit in units], np.float64).reshape(-1, 2)
    return graph.at_places(places[:, 0], places[:, 1])


def _advise(graph: RoadGraph, demand: _Demand, free: Sequence[live.UnitPosition], wish: _Wish) -> Advice:
    targets = graph.at_places(demand.lon_deg, demand.lat_deg)
    sites = targets[: min(len(demand), MOST_SITES)]
    times_s = coverage.times_s(graph, sites, targets)
    reach = times_s <= wish.limit_s
    match wish.kind:
        case Model.P_MEDIAN:
            placed = posts.p_median(times_s, demand.calls, wish.count)
        case Model.MCLP:
            placed = posts.mclp(reach, demand.calls, wish.count)
        case Model.MEXCLP:
            placed = posts.mexclp(reach, demand.calls, wish.count, wish.busy)
    chosen = np.flatnonzero(placed.units)
    weights = demand.calls / demand.calls.sum()
    nearest_s = np.minimum(times_s[chosen], posts.UNREACHABLE_S).min(axis=0)
    found = tuple(
        Post(float(demand.lon_deg[site]), float(demand.lat_deg[site]), int(placed.units[site])) for site in chosen
    )
    return Advice(
        wish.kind, wish.limit_s, int(demand.calls.sum()), found, float(weights @ nearest_s),
        float(weights @ (nearest_s <= wish.limit_s)), placed.gap,
        _moves(graph, free, targets, (sites[chosen], times_s[chosen], found), (demand.calls, wish)),
    )  # fmt: skip


def _moves(
    graph: RoadGraph,
    free: Sequence[live.UnitPosition],
    targets: Anchors,
    chosen: tuple[Anchors, Floats, tuple[Post, ...]],
    what: tuple[Floats, _Wish],
) -> tuple[MoveAdvice, ...]:
    if not free:
        return ()
    (sites, site_s, found), (calls, wish) = chosen, what
    units = _anchors(graph, free)
    unit_s, drive_s = coverage.times_s(graph, units, targets), coverage.times_s(graph, units, sites)
    return tuple(
        MoveAdvice(
            free[move.unit].unit_id, free[move.unit].call_sign, found[move.site].lon_deg, found[move.site].lat_deg,
            move.gain_share, float(drive_s[move.unit, move.site]),
        )
        for move in posts.advise_moves(unit_s, site_s, calls, wish.limit_s, wish.busy)
        if np.isfinite(drive_s[move.unit, move.site])
    )  # fmt: skip
