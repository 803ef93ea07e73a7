"""What a track tells: how far it went, where it stood, where nothing was heard.

All functions take a `Track`: arrays in order of time, without what is known to be wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import dist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo import crs, quality
from geo.fix import UNTIMELY, UNUSABLE, Fix, Quality

Array = NDArray[np.float64]
Point = tuple[float, ...]

STOP_RADIUS_M: Final = 45.0
"""Fixes this close to their common centre are one place: three times the scatter of a street canyon (σ 14 m)."""

SCATTER_M: Final = 15.0
"""What receivers scatter in any case: a fix this close to the centre has arrived."""

LONGEST_SILENCE_S: Final = 3600.0
"""A terminal that is heard at the same place before and after a silence of up to this is believed to have stood."""

SLOWEST_MPS: Final = 2.0
"""Nobody is believed to come or go slower than this when the time of arrival is read off the last leg."""


@dataclass(frozen=True, slots=True)
class Track:
    """Positions of one device in order of time: seconds since 1970, CGCS2000 degrees."""

    times_s: Array
    lon_deg: Array
    lat_deg: Array

    @classmethod
    def of(cls, fixes: Iterable[Fix]) -> "Track":
        """Take fixes in any order; null, untimely and wild positions are left out."""
        doubted = UNUSABLE | UNTIMELY | Quality.JUMP
        rows = sorted((fix.at.timestamp(), fix.lon_deg, fix.lat_deg) for fix in fixes if not fix.flags & doubted)
        return cls.clean(*np.array(rows, dtype=np.float64).reshape(-1, 3).T)

    @classmethod
    def clean(cls, times_s: ArrayLike, lon_deg: ArrayLike, lat_deg: ArrayLike) -> "Track":
        """Take positions in order of time: one an instant, without the isolated wrong ones."""
        times, lon, lat = (np.asarray(column, dtype=np.float64) for column in (times_s, lon_deg, lat_deg))
        good = ~quality.spikes(times, lon, lat)
        good[1:] &= np.diff(times) > 0
        return cls(times[good], lon[good], lat[good])

    def points(self) -> list[Point]:
        """Return the places in space, metres."""
        return [tuple(point) for point in crs.on_the_sphere(self.lon_deg, self.lat_deg).tolist()]


@dataclass(frozen=True, slots=True)
class Stop:
    """It stood here from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    lon_deg: float
    lat_deg: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was heard between the fix at `start_s` and the one at `end_s`: where it was meanwhile is not known."""

    start_s: float
    end_s: float


def length_m(track: Track, *, step_m: float = 2 * SCATTER_M) -> float:
    """Return the length of the way in metres, straight between fixes, so that silences shorten it.

    A fix counts once it lies `step_m` from the last counted one; or the scatter of a parked vehicle would add up to
    kilometres a day.
    """
    points = track.points()
    total, here = 0.0, points[0] if points else ()
    for there in points[1:]:
        step = dist(here, there)
        if step >= step_m:
            total, here = total + step, there
    return total


def gaps(track: Track, *, longer_than_s: float = 120.0, parked_s: float = 900.0) -> list[Gap]:
    """Return the silences: longer than one limit if it moved meanwhile, than the other if it is where it was.

    (Parked terminals report every five minutes or so; that is not a gap.)
    """
    silence = np.diff(track.times_s)
    points = crs.on_the_sphere(track.lon_deg, track.lat_deg)
    moved = np.linalg.norm(np.diff(points, axis=0), axis=1) > STOP_RADIUS_M
    found = np.flatnonzero(silence > np.where(moved, longer_than_s, parked_s))
    return [Gap(float(track.times_s[at]), float(track.times_s[at + 1])) for at in found]


def stops(track: Track, *, min_s: float = 300.0, radius_m: float = STOP_RADIUS_M) -> list[Stop]:
    """Return where it stood for `min_s` or longer, in order of time.

    A stop is a run of fixes around a common centre; one fix that strays and comes back does not end it. The ends are
    then drawn in to the fixes that have really arrived, and out again by the time that the last leg must have taken.
    """
    points, times = track.points(), track.times_s.tolist()
    found: list[Stop] = []
    first = 0
    while first < len(points):
        last = _last_of_run(points, times, first, radius_m)
        stop = _stop(track, points, first, last) if times[last] - times[first] > min_s / 2 else None
        if stop and stop.end_s - stop.start_s >= min_s:
            found.append(stop)
            first = last
        first += 1
    return found


def _last_of_run(points: list[Point], times: list[float], first: int, radius_m: float) -> int:
    """Return the last fix of the run that begins here: all within the radius of their mean, but for single strays."""
    x, y, z = points[first]
    count, last, at = 1, first, first + 1
    while at < len(points) and at - last <= 2 and times[at] - times[last] <= LONGEST_SILENCE_S:  # noqa: PLR2004
        px, py, pz = points[at]
        if dist((x / count, y / count, z / count), (px, py, pz)) <= radius_m:
            x, y, z, count, last = x + px, y + py, z + pz, count + 1, at
        at += 1
    return last


def _stop(track: Track, points: list[Point], first: int, last: int) -> Stop:
    """Place a run of fixes at their median and find when it came and went."""
    run = np.array(points[first : last + 1])
    away = np.linalg.norm(run - np.median(run, axis=0), axis=1)
    arrived = np.flatnonzero(away <= max(SCATTER_M, 2.5 * float(np.median(away))))
    begin, end = first + int(arrived[0]), first + int(arrived[-1])
    centre = tuple(np.median(run[arrived], axis=0).tolist())
    stay = slice(begin, end + 1)
    return Stop(
        _crossing_s(track.times_s, points, centre, inside=begin, step=-1),
        _crossing_s(track.times_s, points, centre, inside=end, step=1),
        float(np.median(track.lon_deg[stay])),
        float(np.median(track.lat_deg[stay])),
    )


def _crossing_s(times_s: Array, points: list[Point], centre: Point, *, inside: int, step: int) -> float:
    """Return when it came (step -1) or went (step 1): the outer fix's time, less the way from it at the speed there.

    The answer lies between the outermost fix inside the stop and its neighbour outside.
    """
    outside, beyond = inside + step, inside + 2 * step
    if not 0 <= outside < len(points):
        return float(times_s[inside])
    speed = SLOWEST_MPS
    if 0 <= beyond < len(points):
        speed = max(speed, dist(points[outside], points[beyond]) / abs(times_s[beyond] - times_s[outside]))
    way_s = dist(points[outside], centre) / speed
    return float(times_s[outside] - step * min(way_s, abs(times_s[outside] - times_s[inside])))
