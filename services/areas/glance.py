"""A batch of fixes as the areas see it: which rules it can matter to, and what each makes of it. No database."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

import numpy as np

from geo import fences
from geo.areas import Near
from geo.fences import Event, Sight, State
from geo.fix import Fix
from services.areas.board import Board, Watched

Pair = tuple[int, int]
"""A rule's id and a device's id."""

_MAX_GAP = timedelta(seconds=fences.MAX_GAP_S)


@dataclass(slots=True)
class Glance:
    """The usable fixes of a batch, each device's together and in order of time, and how they stand to the areas."""

    board: Board
    fixes: list[Fix]
    spans: dict[int, range]  # of a device, in `fixes`
    before: dict[int, Fix] = field(default_factory=dict)  # by device: the last fix before this batch
    _distance_m: dict[tuple[int, int], float] = field(default_factory=dict)  # of (fix, area), in their order
    _touched: set[tuple[int, int]] = field(default_factory=set)  # (fix, area): the way to the fix meets the area
    _distance_before_m: dict[tuple[int, int], float] = field(default_factory=dict)  # of (device, area)

    @classmethod
    def of(cls, board: Board, fixes: Sequence[Fix]) -> Self:
        """Sort out what may be evidence."""
        by_device = defaultdict[int, list[Fix]](list)
        for fix in fixes:
            if fences.is_evidence(fix):
                by_device[fix.device_id].append(fix)
        flat, spans = list[Fix](), dict[int, range]()
        for device_id, mine in by_device.items():
            spans[device_id] = range(len(flat), len(flat) + len(mine))
            flat += sorted(mine, key=lambda fix: fix.at)
        return cls(board, flat, spans)

    def measure(self) -> None:
        """Find the areas that fixes are inside of or near to."""
        near = _near(self.board, self.fixes)
        keys = zip(near.fix.tolist(), near.area.tolist(), strict=True)
        self._distance_m = dict(zip(keys, near.distance_m.tolist(), strict=True))

    def measure_before(self, devices: Iterable[int]) -> None:
        """Find the areas that devices were inside of or near to before the batch, where `before` knows it."""
        known = [self.before[device_id] for device_id in devices if device_id in self.before]
        near = _near(self.board, known)
        keys = zip([known[fix].device_id for fix in near.fix.tolist()], near.area.tolist(), strict=True)
        self._distance_before_m = dict(zip(keys, near.distance_m.tolist(), strict=True))

    def trace(self) -> None:
        """Find the areas with a crossing rule that the straight ways between fixes meet."""
        ways = [(start, end) for start, end in self._ways() if self.fixes[end].at - start.at <= _MAX_GAP]
        starts = np.array([(start.lon_deg, start.lat_deg) for start, _ in ways]).reshape(-1, 2)
        ends = np.array([(self.fixes[end].lon_deg, self.fixes[end].lat_deg) for _, end in ways]).reshape(-1, 2)
        way, area = self.board.index.meet(starts, ends, self.board.crossing)
        self._touched = {(ways[i][1], j) for i, j in zip(way.tolist(), area.tolist(), strict=True)}

    def pairs(self) -> set[Pair]:
        """Return the pairs of a rule and a device that the fixes or ways of the batch come near to."""
        near = {(self.fixes[fix].device_id, area) for fix, area in (*self._distance_m, *self._touched)}
        return {(watched.id, device_id) for device_id, area in near for watched in self.board.of_area[area]}

    def step(
        self, pairs: Collection[Pair], states: Mapping[Pair, State]
    ) -> dict[Pair, tuple[State | None, list[Event]]]:
        """Return the state after the batch and the events of each pair."""
        rules = self.board.rules
        return {pair: self._walk(rules[pair[0]], pair[1], states.get(pair)) for pair in sorted(pairs)}

    def _walk(self, watched: Watched, device_id: int, state: State | None) -> tuple[State | None, list[Event]]:
        """Step one rule through one device's fixes; an idle state sleeps until a fix or a way comes near."""
        events, place = list[Event](), watched.place
        last = self._sight_before(device_id, place)
        for fix in self.spans[device_id]:
            key = (fix, place)
            sight = _sight(self.fixes[fix], self._distance_m.get(key, np.inf))
            asleep = sleeps(state)
            if not asleep or key in self._distance_m or key in self._touched:
                if state is None:
                    state = fences.begin(last)
                elif asleep and last is not None and state.at is not None and last.at > state.at:
                    state, missed = fences.step(state, watched.rule, last, watched.area)
                    events += missed
                state, new = fences.step(state, watched.rule, sight, watched.area)
                events += new
            last = sight
        return state, events

    def _sight_before(self, device_id: int, place: int) -> Sight | None:
        fix = self.before.get(device_id)
        return None if fix is None else _sight(fix, self._distance_before_m.get((device_id, place), np.inf))

    def _ways(self) -> Iterable[tuple[Fix, int]]:
        """Yield each fix but a device's first known one, by index, and the fix before it."""
        for device_id, span in self.spans.items():
            start = self.before.get(device_id)
            for end in span:
                if start is not None:
                    yield start, end
                start = self.fixes[end]


def sleeps(state: State | None) -> bool:
    """Whether only a fix or way that comes near has to be looked at."""
    return state is None or state.idle


def _near(board: Board, fixes: Sequence[Fix]) -> Near:
    reach_m = [fences.reach_m(fences.r95_of(fix)) for fix in fixes]
    return board.index.measure([fix.lon_deg for fix in fixes], [fix.lat_deg for fix in fixes], reach_m)


def _sight(fix: Fix, distance_m: float) -> Sight:
    return Sight(fix.at, fix.lon_deg, fix.lat_deg, fences.r95_of(fix), distance_m)
