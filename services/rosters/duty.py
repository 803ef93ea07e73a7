"""Who is on duty, on which beat and for how long: what dispatch asks. No mandate: nothing here is shown as it is."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from services.db.engine import ReadSession
from services.db.tables.patrols import Roster

AROUND = timedelta(hours=12)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """A unit's duty that is running."""

    unit_id: int
    roster_id: int
    shift: str
    beat_id: int | None
    starts_at: datetime
    ends_at: datetime

    def hours(self, now: datetime) -> float:
        """Return for how long it has run, in hours."""
        return (now - self.starts_at) / _HOUR

    def left_h(self, now: datetime) -> float:
        """Return for how long it goes on, in hours."""
        return (self.ends_at - now) / _HOUR


async def on_duty(db: ReadSession, now: datetime) -> dict[int, Duty]:
    """Return the running duty of every unit that has one."""
    columns = (Roster.unit_id, Roster.id, Roster.shift, Roster.beat_id, Roster.starts_at, Roster.ends_at)
    running = select(*columns).where(Roster.starts_at <= now, Roster.ends_at > now)
    return {row[0]: Duty(*row) for row in await db.execute(running)}


async def in_use(db: ReadSession, now: datetime) -> bool:
    """Return whether anybody is rostered within half a day: where nobody is, nobody can be off duty by the roster."""
    near = select(Roster.id).where(Roster.starts_at < now + AROUND, Roster.ends_at > now - AROUND)
    return (await db.execute(near.limit(1))).first() is not None


async def hours_worked(db: ReadSession, now: datetime, within: timedelta = timedelta(hours=24)) -> dict[int, float]:
    """Return how many hours of duty each unit has had in the time up to now: what a rule on fatigue looks at."""
    since = now - within
    duties = select(Roster.unit_id, Roster.starts_at, Roster.ends_at)
    hours = defaultdict[int, float](float)
    for unit_id, start, end in await db.execute(duties.where(Roster.starts_at < now, Roster.ends_at > since)):
        hours[unit_id] += (min(end, now) - max(start, since)) / _HOUR
    return dict(hours)
