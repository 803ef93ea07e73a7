"""Units, calls and time (simpy). What differs between policies stands in `policies`; here everything is the same."""

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from bench.simulate.city import City, Floats, Ints

HOURS, WARM_UP_S = 48, 3600.0
SCENE_S, SCENE_SIGMA = 1500.0, 0.6
"""Time on the scene: log-normal, mean 25 min."""


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """The calls of a run: when, where, and how long the unit stays."""

    at_s: Floats
    place: Ints
    scene_s: Floats


def draw_calls(city: City, load: float, seed: int) -> Calls:
    """Draw the calls of one run; every policy gets the same.

    `load` is the share of the time that a unit is on a scene: the rate of calls follows from it.
    """
    rng = np.random.default_rng([7, seed])
    gap_s = SCENE_S / (load * city.setting.units)
    at_s = np.cumsum(rng.exponential(gap_s, int(1.2 * HOURS * 3600 / gap_s)))
    at_s = at_s[at_s < HOURS * 3600]
    mu = np.log(SCENE_S) - SCENE_SIGMA**2 / 2
    return Calls(at_s, rng.choice(city.scenes, len(at_s)), rng.lognormal(mu, SCENE_SIGMA, len(at_s)))


class Policy(Protocol):
    """Where units wait, who is sent, and where one goes that has become free."""

    def start(self, city: City, seed: int) -> Ints:
        """Return the place of each unit at the beginning."""
        ...

    def send(self, world: "World", free: Ints, place: int) -> int:
        """Return which of the free units goes."""
        ...

    def rest(self, world: "World", unit: int) -> int:
        """Return the place where a unit that is free again goes to wait."""
        ...


@dataclass(slots=True, eq=False)
class World:
    """The state of all units. A free one stands, or drives from one place to another and may be sent meanwhile.

    On the way between two places its time to a third is taken as the mean of the times from both, weighted by how far
    it is: on a plane that is never too short. All policies are judged by the same.
    """

    city: City
    policy: Policy
    calls: Calls
    home: Ints
    env: simpy.Environment = field(default_factory=simpy.Environment)
    busy: np.ndarray[Any, np.dtype[np.bool_]] = field(init=False)
    start: Ints = field(init=False)  # the place a unit comes from
    goal: Ints = field(init=False)  # the place it stands at or drives to
    left_s: Floats = field(init=False)
    way_s: Floats = field(init=False)
    response_s: Floats = field(init=False)
    waiting: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Let every unit stand at its place."""
        units = len(self.home)
        self.busy = np.zeros(units, np.bool_)
        self.start, self.goal = self.home.copy(), self.home.copy()
        self.left_s, self.way_s = np.zeros(units), np.ones(units)
        self.response_s = np.full(len(self.calls.at_s), np.nan)

    def run(self) -> Floats:
        """Run to the end and return the response time of every call after the warm-up."""
        self.env.process(self._arrivals())
        self.env.run()
        return self.response_s[self.calls.at_s >= WARM_UP_S]

    def free(self) -> Ints:
        """Return the units that may be sent."""
        return np.flatnonzero(~self.busy)

    def share(self, units: Ints) -> Floats:
        """Return how far each free unit is on its way, 0 to 1."""
        return np.clip((self.env.now - self.left_s[units]) / self.way_s[units], 0, 1)

    def to_places(self, table: Floats, units: Ints, places: Ints | int) -> Floats:
        """Return times, or metres, from where free units are to places, from a table between places."""
        share = self.share(units)
        if isinstance(places, np.ndarray):
            from_start, from_goal = table[np.ix_(self.start[units], places)], table[np.ix_(self.goal[units], places)]
            share = share[:, None]
        else:
            from_start, from_goal = table[self.start[units], places], table[self.goal[units], places]
        blend: Floats = (1 - share) * from_start + share * from_goal
        return blend

    def _arrivals(self) -> Generator[simpy.Event, None, None]:
        for call, at_s in enumerate(self.calls.at_s):
            yield self.env.timeout(at_s - self.env.now)
            free = self.free()
            if len(free):
                self._dispatch(self.policy.send(self, free, int(self.calls.place[call])), call)
            else:
                self.waiting.append(call)

    def _dispatch(self, unit: int, call: int) -> None:
        drive_s = float(self.to_places(self.city.time_s, np.array([unit]), int(self.calls.place[call]))[0])
        self.busy[unit] = True
        self.response_s[call] = self.env.now + drive_s - self.calls.at_s[call]
        self.env.process(self._serve(unit, call, drive_s))

    def _serve(self, unit: int, call: int, drive_s: float) -> Generator[simpy.Event, None, None]:
        yield self.env.timeout(drive_s + self.calls.scene_s[call])
        here = int(self.calls.place[call])
        self.start[unit] = self.goal[unit] = here
        self.left_s[unit], self.way_s[unit] = self.env.now, 1.0
        if self.waiting:
            self._dispatch(unit, self.waiting.popleft())
            return
        self.goal[unit] = self.policy.rest(self, unit)
        self.way_s[unit] = max(1.0, self.city.time_s[here, self.goal[unit]])
        self.busy[unit] = False
