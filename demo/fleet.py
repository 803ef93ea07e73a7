"""300 police units on the road, in one process: each drives, and its terminal tells the gateway where it is."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demo import motion, radio
from demo.people import PlannedUnit
from demo.streets import Streets
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages.position import LocationReport

SWITCHED_ON_EVERY_S = 0.025
"""At the start of the shift the terminals come on the air one after the other."""
SLOTS = 10
"""The units of a period report in so many groups, so that they don't all speak at once."""
BLIND_EVERY_S = 2.5 * 3600.0
"""Mean time between blind zones of a unit (underground car parks, tunnels): positions are caught up afterwards."""
SILENT_EVERY_S = 9 * 3600.0
"""Mean time between silences of a unit (terminal switched off): nothing is caught up."""
LONG_PAST = timedelta(hours=3)
SHORT_PAST = timedelta(minutes=30)
LONG_PAST_EVERY = 18
"""Every so many units had their terminal on for `LONG_PAST` before the start, the others for `SHORT_PAST`."""


@dataclass(slots=True)
class Member:
    """One unit of the fleet."""

    plan: PlannedUnit
    mover: motion.Mover
    radio: radio.Radio
    rng: random.Random
    blind_s: float = 0.0  # left to go
    silent_s: float = 0.0

    def step(self, dt_s: float, at: datetime, now: float, *, mishaps: bool) -> None:
        """Drive for a while and report."""
        for _ in range(max(round(dt_s), 1)):
            self.mover.advance(min(dt_s, 1.0))
        if mishaps:
            self._suffer(dt_s)
        if self.silent_s <= 0.0:
            self.radio.report(self._report(at), now)
        self.radio.on_air = self.blind_s <= 0.0 and self.silent_s <= 0.0
        self.radio.tick(now)

    def _report(self, at: datetime) -> LocationReport:
        mover = self.mover
        speed = max(mover.speed_mps + (self.rng.gauss(0.0, 0.15) if mover.speed_mps else 0.0), 0.0)
        return radio.report(at, mover.measured, speed, mover.heading_deg, mover.odometer_m)

    def _suffer(self, dt_s: float) -> None:
        """Now and then a blind zone, more rarely a silence; never on the way to a call."""
        self.blind_s, self.silent_s = max(self.blind_s - dt_s, 0.0), max(self.silent_s - dt_s, 0.0)
        if self.mover.task is not motion.Task.PATROL:
            return
        chance = self.rng.random()
        if chance < dt_s / SILENT_EVERY_S:
            self.silent_s = self.rng.uniform(200.0, 900.0)
        elif chance < dt_s / SILENT_EVERY_S + dt_s / BLIND_EVERY_S:
            self.blind_s = self.rng.uniform(40.0, 150.0)

    def remember(self, since: datetime, until: datetime, every_s: int) -> None:
        """Drive through the time before the start; what was driven is caught up like after a blind zone."""
        seconds = int((until - since).total_seconds())
        for second in range(seconds):
            self.mover.advance(1.0)
            if second % every_s == 0:
                self.radio.kept.append(self._report(since + timedelta(seconds=second)))


@dataclass(frozen=True, slots=True)
class Known:
    """What the service already knows of a unit: its newest position."""

    at: datetime
    lon_deg: float
    lat_deg: float


@dataclass(slots=True)
class Fleet:
    """All units, by call sign."""

    members: dict[str, Member]
    tally: radio.Tally
    streets: Streets
    mishaps: bool = True

    async def remember(self, known: dict[str, Known], now: datetime) -> None:
        """Give each unit a past: from its newest known position on, or a few hours back."""
        for number, (call_sign, member) in enumerate(self.members.items()):
            longer = number % LONG_PAST_EVERY == 0
            since = now - (LONG_PAST if longer else SHORT_PAST)
            last = known.get(call_sign)
            place = (last.lon_deg, last.lat_deg) if last else (member.plan.lon_deg, member.plan.lat_deg)
            member.mover.start(self.streets.nearest(*place))
            if last:
                since = max(since, last.at + timedelta(seconds=5))
            member.remember(since, now, 5 if longer else 15)
            await asyncio.sleep(0)

    async def run(self, period_s: float = 1.0) -> None:
        """Drive and report once a period, for ever."""
        loop = asyncio.get_running_loop()
        groups: Sequence[list[Member]] = [list(self.members.values())[k::SLOTS] for k in range(SLOTS)]
        start = loop.time()
        beginning = datetime.now(UTC).replace(microsecond=0)
        for number, member in enumerate(self.members.values()):
            member.radio.stay_off_until(start + number * SWITCHED_ON_EVERY_S)
        beat, passed_s = 0, period_s
        try:
            while True:
                at = beginning + timedelta(seconds=round(beat * period_s))
                for slot, group in enumerate(groups):
                    await asyncio.sleep(max(start + (beat + slot / SLOTS) * period_s - loop.time(), 0.0))
                    for member in group:
                        member.step(passed_s, at, loop.time(), mishaps=self.mishaps)
                late = int((loop.time() - start) / period_s) - beat - 1  # after a pause of the machine
                passed_s = period_s * (1 + max(late, 0))
                beat += 1 + max(late, 0)
        finally:
            for member in self.members.values():
                member.radio.drop()

    @property
    def signed_in(self) -> int:
        """Terminals that the gateway has accepted."""
        return sum(member.radio.signed_in for member in self.members.values())

    @property
    def unacknowledged(self) -> int:
        """Reports that are not known to be stored."""
        return sum(member.radio.unacknowledged for member in self.members.values())


def muster(plans: Sequence[PlannedUnit], streets: Streets, address: tuple[str, int], *, mishaps: bool = True) -> Fleet:
    """The fleet, each unit standing in the middle of its beat, not yet on the air."""
    tally = radio.Tally()
    members: dict[str, Member] = {}
    for plan in plans:
        rng = random.Random(plan.phone)
        home = streets.nearest(plan.lon_deg, plan.lat_deg)
        mover = motion.Mover(streets, home, plan.beat_m, plan.kind == "foot", rng)
        mover.start(home)
        who = radio.Identity(plan.phone, Version(plan.version), plan.terminal_id, plan.plate)
        members[plan.call_sign] = Member(plan, mover, radio.Radio(who, address, tally), rng)
    return Fleet(members, tally, streets, mishaps)
