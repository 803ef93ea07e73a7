"""How one unit moves: along arcs, faster and slower like a driver, within its beat, or by the fastest way to a call."""

import math
import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from demo.streets import M_PER_DEG, Arc, Streets

ACCELERATION_MPS2 = 1.6
BRAKING_MPS2 = 2.4
WALK_MPS = 1.35
NOISE_M = 2.8
"""Standard deviation of one axis of the GNSS error: 4 m in the plane."""
NOISE_MEMORY_S = 45.0
"""How long the error takes to change."""


class Task(StrEnum):
    """What a unit is about."""

    PATROL = "patrol"
    RESPOND = "respond"
    ON_SCENE = "on_scene"
    RETURN = "return"


SHARES = {Task.PATROL: 0.62, Task.RESPOND: 1.05, Task.ON_SCENE: 0.0, Task.RETURN: 0.85}
"""Of the road's speed: a patrol looks left and right, a response does not."""


@dataclass(slots=True)
class Noise:
    """A GNSS error that drifts: a first-order autoregression on each axis, as real errors do."""

    east_m: float = 0.0
    north_m: float = 0.0

    def step(self, dt_s: float, rng: random.Random) -> None:
        """Let it drift for a while."""
        keep = math.exp(-dt_s / NOISE_MEMORY_S)
        fresh = NOISE_M * math.sqrt(1.0 - keep * keep)
        self.east_m = self.east_m * keep + rng.gauss(0.0, fresh)
        self.north_m = self.north_m * keep + rng.gauss(0.0, fresh)


@dataclass(slots=True)
class Mover:
    """One unit on the road. `advance` is all that happens to it; time is the caller's."""

    streets: Streets
    home: int  # node in the middle of its beat
    beat_m: float
    walks: bool
    rng: random.Random
    task: Task = Task.PATROL
    arc: int = -1
    offset_m: float = 0.0
    speed_mps: float = 0.0
    wait_s: float = 0.0
    following: int = -1
    route: deque[int] = field(default_factory=deque)
    noise: Noise = field(default_factory=Noise)
    odometer_m: float = 0.0

    def start(self, node: int) -> None:
        """Stand at a node."""
        self.arc = self.rng.choice(self.streets.out[node])
        self.offset_m = self.speed_mps = 0.0
        self.following = self._choose(self.streets.arcs[self.arc])

    @property
    def place(self) -> tuple[float, float]:
        """True lon, lat in degrees."""
        arc = self.streets.arcs[self.arc]
        share = self.offset_m / arc.length_m
        lon, lat = self.streets.lon, self.streets.lat
        return (
            lon[arc.tail] + (lon[arc.head] - lon[arc.tail]) * share,
            lat[arc.tail] + (lat[arc.head] - lat[arc.tail]) * share,
        )

    @property
    def measured(self) -> tuple[float, float]:
        """Lon, lat in degrees as a receiver would tell them."""
        lon, lat = self.place
        metre = 1.0 / M_PER_DEG
        return lon + self.noise.east_m * metre / self.streets.squeeze, lat + self.noise.north_m * metre

    @property
    def heading_deg(self) -> float:
        """Direction of travel, clockwise from north."""
        return self.streets.arcs[self.arc].heading_deg

    def respond(self, lon_deg: float, lat_deg: float) -> None:
        """Go to a scene by the fastest way."""
        self._follow(self.streets.nearest(lon_deg, lat_deg), Task.RESPOND)

    def release(self) -> None:
        """Go back to the beat."""
        self._follow(self.home, Task.RETURN)

    @property
    def arrived(self) -> bool:
        """Whether the unit stands where it was sent."""
        return self.task is Task.RESPOND and not self.route and self.speed_mps == 0.0

    def _follow(self, node: int, task: Task) -> None:
        arc = self.streets.arcs[self.arc]
        self.task, self.wait_s = task, 0.0
        self.route = deque(self.streets.way(arc.head, node))
        self.following = self.route[0] if self.route else -1

    def advance(self, dt_s: float) -> None:
        """Move for `dt_s` seconds (about one)."""
        self.noise.step(dt_s, self.rng)
        if self.wait_s > 0.0 or self.task is Task.ON_SCENE:
            self._stand(dt_s)
            return
        arc = self.streets.arcs[self.arc]
        left_m = arc.length_m - self.offset_m
        may = math.sqrt(self._corner_mps(arc) ** 2 + 2.0 * BRAKING_MPS2 * left_m)
        wish = min(self._cruise_mps(arc), may)
        slowest = max(self.speed_mps - BRAKING_MPS2 * dt_s, 0.0)
        self.speed_mps = min(max(wish, slowest), self.speed_mps + ACCELERATION_MPS2 * dt_s)
        self._roll(self.speed_mps * dt_s)

    def _stand(self, dt_s: float) -> None:
        """Brake to a stop, then wait."""
        if self.speed_mps > 0.0:
            self.speed_mps = max(self.speed_mps - BRAKING_MPS2 * dt_s, 0.0)
            self._roll(self.speed_mps * dt_s)
        else:
            self.wait_s = max(self.wait_s - dt_s, 0.0)

    def _roll(self, distance_m: float) -> None:
        """Cover a distance, over as many arcs as it takes."""
        self.odometer_m += distance_m
        self.offset_m += distance_m
        while self.offset_m >= self.streets.arcs[self.arc].length_m - 0.5:
            if self.following < 0:
                self.offset_m = self.streets.arcs[self.arc].length_m
                self.speed_mps = 0.0
                if self.task is Task.RETURN:
                    self.task = Task.PATROL
                    self.following = self._choose(self.streets.arcs[self.arc])
                return
            self.offset_m = max(self.offset_m - self.streets.arcs[self.arc].length_m, 0.0)
            self._turn()

    def _turn(self) -> None:
        """Go on to the next arc and decide on the one after."""
        self.arc = self.following
        arc = self.streets.arcs[self.arc]
        if self.route and self.route[0] == self.arc:
            self.route.popleft()
        if self.task is Task.PATROL:
            self.following = self._choose(arc)
            self._maybe_stop(arc)
        else:
            self.following = self.route[0] if self.route else -1

    def _maybe_stop(self, arc: Arc) -> None:
        """Traffic lights, and now and then a checkpoint where the patrol stands for a few minutes."""
        ways = len(self.streets.out[arc.tail])
        if ways < 3 or self.walks:
            if self.walks and self.rng.random() < 0.05:
                self.wait_s = self.rng.uniform(30.0, 240.0)
            return
        chance = self.rng.random()
        if chance < 0.012:
            self.wait_s = self.rng.uniform(90.0, 420.0)
        elif chance < 0.10 and ways >= 4:
            self.wait_s = self.rng.uniform(8.0, 45.0)

    def _choose(self, arc: Arc) -> int:
        """The arc a patrol takes at the end of this one: rather straight on, rather a bigger road, within the beat."""
        streets = self.streets
        home_lon, home_lat = streets.lon[self.home], streets.lat[self.home]
        choices = [number for number in streets.out[arc.head] if streets.arcs[number].head != arc.tail]
        if self.walks:
            choices = [number for number in choices if streets.arcs[number].walkable] or choices
        if not choices:
            return self.rng.choice(streets.out[arc.head])
        weights: list[float] = []
        for number in choices:
            on = streets.arcs[number]
            straight = 1.0 + math.cos(math.radians(on.heading_deg - arc.heading_deg))
            weight = on.rank * (0.35 + straight)
            east, north = (streets.lon[on.head] - home_lon) * streets.squeeze, streets.lat[on.head] - home_lat
            away_m = math.hypot(east, north) * M_PER_DEG
            if away_m > self.beat_m:
                weight *= math.exp(-4.0 * (away_m / self.beat_m - 1.0)) * 0.2
            weights.append(weight + 1e-9)
        return self.rng.choices(choices, weights)[0]

    def _cruise_mps(self, arc: Arc) -> float:
        if self.walks and self.task is Task.PATROL:  # to a call and back a foot patrol is given a lift
            return WALK_MPS
        return arc.speed_mps * SHARES[self.task]

    def _corner_mps(self, arc: Arc) -> float:
        """Speed at which the next corner can be taken; zero where the way ends."""
        if self.following < 0:
            return 0.3
        turn = abs((self.streets.arcs[self.following].heading_deg - arc.heading_deg + 180.0) % 360.0 - 180.0)
        return 40.0 if turn < 15.0 else 14.0 if turn < 35.0 else 7.5 if turn < 65.0 else 4.5 if turn < 120.0 else 2.0
