"""What a unit's leaving would uncover: the ground that no other free vehicle reaches in time, and its beats.

The ground is the points of `geo.roads.modes.Cover`, taken evenly over the roads: a share is as fine as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geo.roads import Modes
from geo.roads.modes import WALKERS
from geo.roads.values import Bools
from services import live, rosters


@dataclass(frozen=True, slots=True)
class BeatLoss:
    """A beat, and the share of it that would be uncovered."""

    id: int
    name: str
    lost_share: float


@dataclass(frozen=True, slots=True)
class Leaves:
    """What is lost of all ground and of each beat, the most first, and the places (lon, lat) that are lost."""

    minutes: int
    lost_share: float
    beats: tuple[BeatLoss, ...]
    places: tuple[tuple[float, float], ...]


def look(
    roads: Modes | None, units: Sequence[live.UnitPosition], beats: Sequence[rosters.Outline]
) -> Mapping[int, Leaves]:
    """Return by unit what the leaving of each vehicle would uncover, as long as all others stay."""
    drivers = [unit for unit in units if unit.kind not in WALKERS]
    if roads is None or not drivers:
        return {}
    cover = roads.cover
    alone = cover.alone([unit.lon_deg for unit in drivers], [unit.lat_deg for unit in drivers])
    inside = [shapely.contains_xy(beat.ground, cover.lon_deg, cover.lat_deg) for beat in beats]
    minutes = round(cover.limit_s / 60)
    return {
        unit.unit_id: Leaves(
            minutes,
            float(lost.mean()),
            _by_beat(lost, beats, inside),
            tuple(zip(cover.lon_deg[lost].tolist(), cover.lat_deg[lost].tolist(), strict=True)),
        )
        for unit, lost in zip(drivers, alone, strict=True)
    }


def _by_beat(lost: Bools, beats: Sequence[rosters.Outline], inside: Sequence[Bools]) -> tuple[BeatLoss, ...]:
    found = [
        BeatLoss(beat.id, beat.name, float(np.mean(lost[ground])))
        for beat, ground in zip(beats, inside, strict=True)
        if (lost & ground).any()
    ]
    return tuple(sorted(found, key=lambda one: (-one.lost_share, one.name)))
