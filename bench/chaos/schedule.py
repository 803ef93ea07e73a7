"""Which faults happen when: the same seed draws the same schedule."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

LANES: Mapping[str, Sequence[str]] = {
    "gateways": ("kill_gateway", "freeze_gateway", "stop_gateway"),
    "database": ("stop_database", "crash_database", "slow_database", "disconnect", "full_disk"),
    "lines": ("cut_lines", "hop", "mute_lines"),
}
"""Faults of a lane follow each other; those of different lanes overlap."""

BUS_LANES: Mapping[str, Sequence[str]] = {
    **LANES,
    "bus": ("kill_bus", "freeze_bus", "stop_bus"),
    "writers": ("kill_writer", "freeze_writer", "stop_writer"),
}
"""Where a bus stands between gateways and database."""

LONGEST_S = 3.0  # a fault
PAUSE_S = 3.0  # the longest between two of a lane


@dataclass(frozen=True, slots=True)
class Fault:
    """Something breaks at a time, for a while."""

    at_s: float
    lane: str
    kind: str
    for_s: float
    which: int  # of several gateways: this one, counted around

    def as_json(self) -> dict[str, object]:
        """The fault as it is printed."""
        return asdict(self)


def draw(seed: int, seconds: float, lanes: Mapping[str, Sequence[str]] = LANES) -> list[Fault]:
    """Draw a schedule; every lane breaks something at least once."""
    rng = random.Random(seed)
    faults = list[Fault]()
    for lane, kinds in lanes.items():
        at_s = rng.uniform(0.5, PAUSE_S)
        while True:
            for_s = round(rng.uniform(0.2, LONGEST_S), 2)
            faults.append(Fault(round(at_s, 2), lane, rng.choice(kinds), for_s, rng.randrange(1000)))
            at_s += for_s + rng.uniform(0.5, PAUSE_S)
            if at_s + LONGEST_S > seconds:
                break
    return sorted(faults, key=lambda fault: fault.at_s)
