"""The policies that are compared. Each but the first differs from one before it in one thing."""

from dataclasses import dataclass

import numpy as np

from bench.simulate.city import City, Ints
from bench.simulate.world import Policy, World
from geo import posts


@dataclass(frozen=True, slots=True)
class AtRandom:
    """Units wait anywhere, the same places for both ways of choosing; the fastest over the roads is sent."""

    def start(self, city: City, seed: int) -> Ints:
        """Put the units anywhere."""
        return np.random.default_rng([11, seed]).choice(city.homes, city.setting.units, replace=False)

    def send(self, world: World, free: Ints, place: int) -> int:
        """Send the fastest over the roads."""
        return int(free[world.to_places(world.city.time_s, free, place).argmin()])

    def rest(self, world: World, unit: int) -> int:
        """Go back to the own place."""
        return int(world.home[unit])


@dataclass(frozen=True, slots=True)
class AirLine(AtRandom):
    """The nearest as the crow flies is sent."""

    def send(self, world: World, free: Ints, place: int) -> int:
        """Send the nearest as the crow flies."""
        return int(free[world.to_places(world.city.airline_m, free, place).argmin()])


@dataclass(frozen=True, slots=True)
class AtPosts(AtRandom):
    """Units wait at the posts of the p-median; the fastest is sent."""

    def start(self, city: City, seed: int) -> Ints:
        """Put one unit at each post."""
        return np.random.default_rng([11, seed]).permutation(city.posts)


@dataclass(frozen=True, slots=True)
class Redeployed(AtPosts):
    """A unit that becomes free waits at the post where it adds most; the fastest is sent.

    `busy` is the share of the time that a unit is taken for busy. `second`: what a second until the first free unit
    counts, in calls in time; 0 is DMEXCLP as published.
    """

    busy: float
    second: float = 0.0

    def rest(self, world: World, unit: int) -> int:  # noqa: ARG002 - any unit is as good as another
        """Go where most is added."""
        city, others = world.city, world.free()
        idle_s = city.time_s[np.ix_(world.goal[others], city.demand)]
        site = posts.best_site(
            idle_s, city.post_s, city.weights, city.setting.limit_s, self.busy,
            per_second=self.second,
        )  # fmt: skip
        return int(city.posts[site])


@dataclass(frozen=True, slots=True)
class CoverageFirst(AtPosts):
    """DMEXCLP dispatch (Jagtenberg 2016): of those who arrive in time the one that coverage misses least is sent.

    When nobody arrives in time the fastest is sent.
    """

    busy: float

    def send(self, world: World, free: Ints, place: int) -> int:
        """Send who is missed least among those in time."""
        city = world.city
        time_s = world.to_places(city.time_s, free, place)
        in_time = np.flatnonzero(time_s <= city.setting.limit_s)
        if not len(in_time):
            return int(free[time_s.argmin()])
        times = city.time_s[np.ix_(world.goal[free], city.demand)]
        loss = posts.marginal_losses(times, city.weights, city.setting.limit_s, self.busy)
        return int(free[in_time[loss[in_time].argmin()]])


def of(city: City, busy: float) -> dict[str, Policy]:
    """Return the policies by name, in the order of the report."""
    return {
        "airline": AirLine(),
        "road": AtRandom(),
        "posts": AtPosts(),
        "redeployed": Redeployed(busy),
        "redeployed_by_time": Redeployed(busy, second=1 / city.setting.limit_s),
        "coverage_dispatch": CoverageFirst(busy),
    }
