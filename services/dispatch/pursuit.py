"""Units on their way: expected arrival, and whether they keep to the road, stand still, or have fallen silent.

A unit is off its route when what it still needs has grown by `OFF_ROUTE_S` over the least it ever needed, until it
comes `BACK_S` nearer again. It has stopped when it stayed within `STOPPED_M` for `STOPPED_FOR`, further from the scene
than that. Either is told once, and again only after the unit was on its route in between.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

from sqlalchemy import func, select, update

from geo import crs
from geo.roads import Modes
from services import alerts, carriage
from services.db.engine import WriteSession
from services.db.tables.calls import Assignment, Call
from services.db.tables.fleet import Carriage, Unit
from services.db.tables.tracks import NewestFix
from services.db.types import plain
from services.dispatch import calls, recommend
from services.dispatch.codes import Step, Way
from services.settings import Settings

OFF_ROUTE_S, BACK_S = 60.0, 20.0
STOPPED_M, STOPPED_FOR = 40.0, timedelta(seconds=60)
_WORTH_TELLING_S = 5.0
"""An expected arrival that moved by less is left as it is: nobody's screen has to change for it."""

_ONE_LOOKS = 31340
"""The advisory lock of who looks."""

_KINDS = {Way.OFF_ROUTE: "unit_off_route", Way.STOPPED: "unit_stopped", Way.SILENT: "unit_silent"}


@dataclass(frozen=True, slots=True)
class Running:
    """A unit on its way: where it was last, where it goes, what is known of it."""

    assignment_id: int
    call_id: int
    unit_id: int
    call_sign: str
    kind: str
    device_id: int | None
    lon_deg: float | None
    lat_deg: float | None
    at: datetime | None
    there_lon_deg: float | None
    there_lat_deg: float | None
    eta_at: datetime | None
    way: str | None


@dataclass(slots=True)
class _Trail:
    """What was seen of one assignment since it set out, in this process: nothing that a restart may not forget."""

    least_s: float
    stood: tuple[float, float, datetime]  # where (lon, lat) and since when
    worst_s: float | None = None  # while off the route: the most it needed since

    def is_off(self, time_s: float) -> bool:
        """Take in what is still needed, and say whether the unit is off its route."""
        if self.worst_s is None:
            self.least_s = min(self.least_s, time_s)
            self.worst_s = time_s if time_s - self.least_s > OFF_ROUTE_S else None
        else:
            self.worst_s = max(self.worst_s, time_s)
            if self.worst_s - time_s > BACK_S:
                self.least_s, self.worst_s = time_s, None
        return self.worst_s is not None


@dataclass(slots=True)
class Pursuit:
    """Follows all units on their way; one look after the other."""

    trails: dict[int, _Trail] = field(default_factory=dict)  # by assignment

    async def look(self, db: WriteSession, roads: Modes | None, settings: Settings, now: datetime) -> int:
        """Update the expected arrivals, tell who does not come nearer; return how many are on their way.

        Of several workers one looks at a time.
        """
        if not (await db.execute(select(func.pg_try_advisory_xact_lock(_ONE_LOOKS)))).scalar_one():
            return 0
        running = await _running(db)
        self.trails = {row.assignment_id: trail for row in running if (trail := self.trails.get(row.assignment_id))}
        times_s = await asyncio.to_thread(_times_s, roads, running)
        for row, time_s in zip(running, times_s, strict=True):
            await self._follow(db, settings, row, time_s, now)
        return len(running)

    async def _follow(
        self, db: WriteSession, settings: Settings, row: Running, time_s: float | None, now: datetime
    ) -> None:
        way = self._way(settings, row, time_s, now)
        eta_at = now + timedelta(seconds=time_s) if time_s is not None and way is not Way.SILENT else row.eta_at
        if way == row.way and not _moved(row.eta_at, eta_at):
            return
        mine = (Assignment.id == row.assignment_id, Assignment.state == Step.EN_ROUTE)
        values = {"eta_at": eta_at, "way": way.value if way else None}
        changed = await db.execute(update(Assignment).where(*mine).values(**values).returning(Assignment.id))
        if changed.scalar_one_or_none() is not None and way in _KINDS and way != row.way:
            await _tell(db, row, way, now)

    def _way(self, settings: Settings, row: Running, time_s: float | None, now: datetime) -> Way | None:
        """Say how a unit stands on its way."""
        if row.at is None or row.lon_deg is None or row.lat_deg is None or now - row.at > settings.stale_after:
            return Way.SILENT
        if time_s is None:
            return None
        here = (row.lon_deg, row.lat_deg, row.at)
        trail = self.trails.setdefault(row.assignment_id, _Trail(time_s, here))
        if float(crs.haversine_m(*trail.stood[:2], *here[:2])) > STOPPED_M:
            trail.stood = here
        off = trail.is_off(time_s)
        if row.at - trail.stood[2] >= STOPPED_FOR and _away_m(row, here[:2]) > STOPPED_M:
            return Way.STOPPED
        return Way.OFF_ROUTE if off else Way.ON_ROUTE


async def _running(db: WriteSession) -> Sequence[Running]:
    """Return the units that are on their way to a call."""
    here, there = plain(NewestFix.place), plain(Call.place)
    columns = (
        select(
            Assignment.id, Assignment.call_id, Unit.id, Unit.call_sign, Unit.kind, Carriage.device_id, func.ST_X(here),
            func.ST_Y(here), NewestFix.at, func.ST_X(there), func.ST_Y(there), Assignment.eta_at, Assignment.way,
        )
        .join(Unit, Unit.id == Assignment.unit_id)
        .join(Call, Call.id == Assignment.call_id)
        .outerjoin(Carriage, carriage.PRESENT)
        .outerjoin(NewestFix, carriage.HEARD)
        .where(Assignment.state == Step.EN_ROUTE)
    )  # fmt: skip
    return [Running(*row) for row in await db.execute(columns.order_by(Assignment.id))]


def _times_s(roads: Modes | None, running: Sequence[Running]) -> list[float | None]:
    """Return what each still needs, in seconds."""
    return [
        recommend.expected_s(roads, row.kind, (row.lon_deg, row.lat_deg), (row.there_lon_deg, row.there_lat_deg))
        if row.lon_deg is not None and row.lat_deg is not None
        else None
        for row in running
    ]


def _away_m(row: Running, here: tuple[float, float]) -> float:
    if row.there_lon_deg is None or row.there_lat_deg is None:
        return inf
    return float(crs.haversine_m(*here, row.there_lon_deg, row.there_lat_deg))


def _moved(before: datetime | None, after: datetime | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs((after - before).total_seconds()) >= _WORTH_TELLING_S


async def _tell(db: WriteSession, row: Running, way: Way, now: datetime) -> None:
    """Raise an alert and write it into the call's log."""
    kind = _KINDS[way]
    detail = {"call_id": row.call_id, "assignment_id": row.assignment_id, "unit_id": row.unit_id,
              "call_sign": row.call_sign, "heard_at": row.at.isoformat() if row.at else None}  # fmt: skip
    raised = await alerts.raise_alert(
        db, key=f"{kind}:{row.assignment_id}:{now.isoformat()}", kind=kind, severity="warning", at=now,
        device_id=row.device_id, lon_deg=row.lon_deg, lat_deg=row.lat_deg, detail=detail,
    )  # fmt: skip
    if raised is not None:
        await calls.log(db, row.call_id, kind, by=None, at=now, detail=detail)
