"""A batch of fixes as the areas see it: which rules it can matter to, and what each makes of it. No database."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from geo import fences
from geo.areas import Near
from geo.fences import Event, Sight, State
from geo.fix import Fix
from services.areas.board import Board, Watched

Pair = tuple[int, int]
"""A rule's id and a device's id."""

Number = TypeVar("Number", int, NDArray[np.int64])

_MAX_GAP = timedelta(seconds=fences.MAX_GAP_S)


@dataclass(slots=True)
class Glance:
    """The usable fixes of a batch, each device's together and in order of time, and how they stand to the areas."""

    board: Board
    fixes: list[Fix]
    spans: dict[int, range]  # of a device, in `fixes`
    before: dict[int, Fix] = field(default_factory=dict)  # by device: the last fix before this batch
    _distance_m: dict[int, float] = field(default_factory=dict)  # by `_key` of a fix and an area near to it
    _touched: set[int] = field(default_factory=set)  # `_key` of a fix and an area that the way to the fix meets
    _distance_before_m: dict[int, float] = field(default_factory=dict)  # by `_key` of a device and an area

    _stride: int = field(init=False)

    def __post_init__(self) -> None:
        """Note how many areas there are."""
        self._stride = len(self.board.index)

    @classmethod
    def of(cls, board: Board, fixes: Sequence[Fix]) -> Self:
        """Sort out what may be evidence."""
        usable = [fix for fix in fixes if fences.is_evidence(fix)]
        usable.sort(key=attrgetter("device_id", "at", "payload_hash"))
        spans, start = dict[int, range](), 0
        for device_id, mine in groupby(usable, attrgetter("device_id")):
            spans[device_id] = range(start, start := start + sum(1 for _ in mine))
        return cls(board, usable, spans)

    def measure(self) -> None:
        """Find the areas that fixes are inside of or near to."""
        near = _near(self.board, self.fixes)
        keys = self._key(near.fix, near.area).tolist()
        self._distance_m = dict(zip(keys, near.distance_m.tolist(), strict=True))

    def measure_before(self, devices: Iterable[int]) -> None:
        """Find the areas that devices were inside of or near to before the batch, where `before` knows it."""
        known = [self.before[device_id] for device_id in devices if device_id in self.before]
        near = _near(self.board, known)
        device = np.array([fix.device_id for fix in known], dtype=np.int64)[near.fix]
        keys = self._key(device, near.area).tolist()
        self._distance_before_m = dict(zip(keys, near.distance_m.tolist(), strict=True))

    def trace(self) -> None:
        """Find the areas with a crossing rule that the straight ways between fixes meet."""
        starts, ends = list[tuple[float, float]](), list[int]()
        for device_id, span in self.spans.items():
            start = self.before.get(device_id)
            for end in span:
                here = self.fixes[end]
                if start is not None and here.at - start.at <= _MAX_GAP:
                    starts.append((start.lon_deg, start.lat_deg))
                    ends.append(end)
                start = here
        there = [(self.fixes[end].lon_deg, self.fixes[end].lat_deg) for end in ends]
        board = self.board
        way, area = board.index.meet(np.reshape(starts, (-1, 2)), np.reshape(there, (-1, 2)), board.crossing)
        self._touched = set(self._key(np.array(ends, dtype=np.int64)[way], area).tolist())

    def pairs(self) -> set[Pair]:
        """Return the pairs of a rule and a device that the fixes or ways of the batch come near to."""
        met = (divmod(key, self._stride) for key in {*self._distance_m, *self._touched})
        return {(watched.id, self.fixes[fix].device_id) for fix, area in met for watched in self.board.of_area[area]}

    def step(
        self, pairs: Collection[Pair], states: Mapping[Pair, State]
    ) -> dict[Pair, tuple[State | None, tuple[Event, ...]]]:
        """Return the state after the batch and the events of each pair."""
        rules = self.board.rules
        return {
            pair: self.walk(rules[pair[0]], pair[1], states.get(pair), self.spans[pair[1]]) for pair in sorted(pairs)
        }

    def sights(self, watched: Watched, span: Iterable[int]) -> Iterator[Sight]:
        """Return fixes as seen from a rule's area."""
        for fix in span:
            yield _sight(self.fixes[fix], self._distance_m.get(self._key(fix, watched.place)))

    def walk(
        self, watched: Watched, device_id: int, state: State | None, span: Iterable[int]
    ) -> tuple[State | None, tuple[Event, ...]]:
        """Step one rule through fixes of one device; an idle state sleeps until a fix or a way comes near."""
        events: tuple[Event, ...] = ()
        rule, area = watched.rule, watched.area
        for fix in span:
            key = self._key(fix, watched.place)
            distance_m = self._distance_m.get(key)
            if state is None or state.idle:
                if distance_m is None and key not in self._touched:
                    continue
                last = self._sight_before(device_id, fix, watched.place)
                if state is None:
                    state = fences.begin(last)
                elif last is not None and state.at is not None and last.at > state.at:
                    state, new = fences.step(state, rule, last, area)
                    events += new
            sight = _sight(self.fixes[fix], distance_m)
            state, new = fences.step(state, rule, sight, area)
            events += new
        return state, events

    def _sight_before(self, device_id: int, fix: int, place: int) -> Sight | None:
        """Return the fix before a fix, in this batch or before it, as seen from an area."""
        if fix > self.spans[device_id].start:
            return _sight(self.fixes[fix - 1], self._distance_m.get(self._key(fix - 1, place)))
        last = self.before.get(device_id)
        return None if last is None else _sight(last, self._distance_before_m.get(self._key(device_id, place)))

    def _key(self, first: Number, area: Number) -> Number:
        """Return one number for a fix or device and an area: quicker to look up than a pair."""
        return first * self._stride + area


def sleeps(state: State | None) -> bool:
    """Whether only a fix or way that comes near has to be looked at."""
    return state is None or state.idle


def _near(board: Board, fixes: Sequence[Fix]) -> Near:
    reach_m = [fences.reach_m(fences.r95_of(fix)) for fix in fixes]
    return board.index.measure([fix.lon_deg for fix in fixes], [fix.lat_deg for fix in fixes], reach_m)


def _sight(fix: Fix, distance_m: float | None) -> Sight:
    far = math.inf if distance_m is None else distance_m
    return Sight(fix.at, fix.lon_deg, fix.lat_deg, fences.r95_of(fix), far)
