"""Fences: how a fix stands to an area, and when that is worth an event.

A fix is a disc, not a point: it holds the true place with 95 % probability within r95. Only a disc clear of the edge
is evidence; one that straddles it says nothing.

    distance (signed, negative inside)   -5 r95      -r95    0    r95       5 r95
    evidence                         deep in | clear in | ambiguous | clear out | deep out

Events come from a state machine with hysteresis, one per device and rule. After a change of side the next one needs
five times as much (`WIDE`): evidence five times as deep, or five times as many fixes over a minute at least, until a
fix deep on the present side re-arms the rule. A vehicle that jitters on the edge therefore makes one pair of events at
most, and one that really leaves is told at once.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from geo.areas import Area
from geo.fix import UNTIMELY, UNUSABLE, Fix, Quality

DEFAULT_R95_M: Final = 15.0
"""Accuracy of a fix that states none: a vehicle's single-frequency receiver among buildings."""

MIN_R95_M: Final = 1.0
"""No fix of a vehicle is taken to be better than this, whatever it claims."""

MAX_R95_M: Final = 1000.0
"""A fix worse than this is no evidence of anything (a cell tower's position)."""

WIDE: Final = 5
"""How much more a change of side needs when it follows another: times r95 in depth, or times the number of fixes."""

DEEP_M: Final = WIDE * DEFAULT_R95_M
"""A fix nearer to the edge than this is never deep, however good it claims to be."""

CALM_S: Final = 60.0
"""A change of side that follows another and is not deep takes at least this long."""

MAX_GAP_S: Final = 120.0
"""Two fixes further apart than this show no path: a blackout is not called a crossing."""

NO_EVIDENCE: Final = UNUSABLE | UNTIMELY | Quality.SPEED | Quality.JUMP
"""A fix with one of these flags says nothing about any area."""

_NO_EVIDENCE: Final = int(NO_EVIDENCE)  # operations of IntFlag cost a microsecond each


class Trigger(StrEnum):
    """What a rule watches an area for."""

    ENTER = "enter"
    LEAVE = "leave"
    DWELL = "dwell"
    CROSS = "cross"


class Side(StrEnum):
    """Where a device is known to be. Unknown is neither."""

    UNKNOWN = "unknown"
    IN = "in"
    OUT = "out"


class Evidence(StrEnum):
    """What one fix proves."""

    CLEAR_IN = "clear_in"
    CLEAR_OUT = "clear_out"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Rule:
    """When to call it an event. `confirm_*` hold for changes of side; a crossing is confirmed by its own two ends."""

    trigger: Trigger
    confirm_fixes: int = 2
    confirm_s: float = 0.0
    dwell_s: float = 0.0
    max_gap_s: float = MAX_GAP_S

    @property
    def settling_s(self) -> float:
        """How long a run of deep fixes has to last to turn any state."""
        return 0.0 if self.trigger is Trigger.CROSS else self.confirm_s


class Sight(NamedTuple):
    """One fix as seen from one area. The distance is infinite where it was not worth measuring (deep in, deep out).

    Sights and states are tuples because tens of thousands are made a second: a frozen dataclass costs five times that.
    """

    at: datetime
    lon_deg: float
    lat_deg: float
    r95_m: float = DEFAULT_R95_M
    distance_m: float = math.inf

    @property
    def evidence(self) -> Evidence:
        """What the fix proves at its accuracy."""
        if abs(self.distance_m) < self.r95_m:
            return Evidence.AMBIGUOUS
        return Evidence.CLEAR_IN if self.distance_m < 0 else Evidence.CLEAR_OUT

    @property
    def deep(self) -> bool:
        """Whether the fix is so far from the edge that jitter can't explain it."""
        return abs(self.distance_m) >= reach_m(self.r95_m)


@dataclass(frozen=True, slots=True)
class Event:
    """Something a rule watches for has happened: `at` the first fix that showed it, known since `known_at`."""

    trigger: Trigger
    at: datetime
    lon_deg: float
    lat_deg: float
    known_at: datetime
    r95_m: float


class State(NamedTuple):
    """What is known of one device at one rule; immutable, and JSON both ways."""

    at: datetime | None = None  # of the newest fix taken in
    side: Side = Side.UNKNOWN
    since: datetime | None = None  # first fix of the stay on this side
    armed: bool = True  # the next change of side needs ordinary evidence only
    told: bool = False  # this stay's dwelling is reported
    far: bool = False  # the newest fix was deep outside
    run: int = 0  # weight of the clear fixes in favour of the other side
    first: Sight | None = None  # the first of them
    anchor: Sight | None = None  # a crossing starts here: the last fix clear outside
    late: int = 0  # fixes older than `at`, which changed nothing

    @property
    def idle(self) -> bool:
        """Whether a fix deep outside would teach nothing: such a state needs no reading and no writing."""
        return self.far and self.armed and self.side is Side.OUT and not self.run

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "at": self.at and self.at.isoformat(),
            "side": self.side.value,
            "since": self.since and self.since.isoformat(),
            "armed": self.armed,
            "told": self.told,
            "far": self.far,
            "run": self.run,
            "first": self.first and _sight_to_json(self.first),
            "anchor": self.anchor and _sight_to_json(self.anchor),
            "late": self.late,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "State":
        """Return the state that `to_json` wrote."""
        return cls(
            at=_moment(values["at"]),
            side=Side(values["side"]),
            since=_moment(values["since"]),
            armed=values["armed"],
            told=values["told"],
            far=values["far"],
            run=values["run"],
            first=_sight_from_json(values["first"]),
            anchor=_sight_from_json(values["anchor"]),
            late=values["late"],
        )


def reach_m(r95_m: float) -> float:
    """Return the distance from an edge beyond which a fix is deep inside or outside, and need not be measured."""
    return max(WIDE * r95_m, DEEP_M)


def r95_of(fix: Fix) -> float:
    """Return the accuracy a fix is judged by, in metres: its own within bounds, or the default."""
    return DEFAULT_R95_M if fix.accuracy_m is None else max(fix.accuracy_m, MIN_R95_M)


def is_evidence(fix: Fix) -> bool:
    """Whether a fix may be evidence at all: usable, timely, no outlier, and not hopelessly vague."""
    return not int.__and__(fix.flags, _NO_EVIDENCE) and r95_of(fix) <= MAX_R95_M


def begin(prior: Sight | None) -> State:
    """Return the state of a device that a rule has not met: what its last fix before says, if there is one.

    A device that was clear inside already has not entered; one of which nothing is known may be told to have.
    """
    if prior is None or prior.evidence is Evidence.AMBIGUOUS:
        return State(at=prior.at if prior else None)
    inside = prior.evidence is Evidence.CLEAR_IN
    side = Side.IN if inside else Side.OUT
    return State(prior.at, side, prior.at, far=prior.deep and not inside, anchor=None if inside else prior)


def step(state: State, rule: Rule, sight: Sight, area: Area) -> tuple[State, tuple[Event, ...]]:
    """Take in one fix. A fix not newer than the state changes nothing but the count of late ones."""
    if state.at is not None and sight.at <= state.at:
        return (state._replace(late=state.late + 1) if sight.at < state.at else state), ()
    if rule.trigger is Trigger.CROSS:
        return _step_cross(state, rule, sight, area)
    after = _step_side(state, rule, sight)
    if rule.trigger is Trigger.DWELL:
        return _step_dwell(after, rule, sight)
    turned = after.side is not state.side and (after.side is Side.IN or state.side is Side.IN)
    if turned and (after.side is Side.IN) == (rule.trigger is Trigger.ENTER):
        return after, (_event(rule, state.first or sight, sight),)
    return after, ()


def settled(rule: Rule, sights: Iterable[Sight]) -> Iterator[int]:
    """Tell after which of some fixes, one after the other, the state is `begin` of that fix, whatever it was before.

    A run of deep fixes on one side that would turn even a state that is not armed; to a rule whose past inside matters
    (how long, from where) only a run outside.
    """
    outside_only = rule.trigger in (Trigger.DWELL, Trigger.CROSS)
    needed = 1 if rule.trigger is Trigger.CROSS else rule.confirm_fixes
    count, first = 0, None
    for index, sight in enumerate(sights):
        same = first is not None and (sight.distance_m < 0) is (first.distance_m < 0)
        if not sight.deep or (outside_only and sight.distance_m < 0):
            count, first = 0, None
        elif not same or first is None:
            count, first = 1, sight
        else:
            count += 1
        if first is not None and count >= needed and sight.at - first.at >= timedelta(seconds=rule.settling_s):
            yield index


def _step_side(state: State, rule: Rule, sight: Sight) -> State:
    """Weigh a fix for or against the known side."""
    known, inside, deep = state.side, sight.distance_m < 0, sight.deep
    other = Side.OUT if known is Side.IN else Side.IN
    far = deep and not inside
    if inside is not (other is Side.IN):  # it speaks for the known side, or settles an unknown one outside
        settles = known is Side.UNKNOWN and sight.evidence is Evidence.CLEAR_OUT
        side, since = (Side.OUT, sight.at) if settles else (known, state.since)
        return State(sight.at, side, since, state.armed or deep, state.told, far, 0, None, None, state.late)
    if sight.evidence is Evidence.AMBIGUOUS:
        return state._replace(at=sight.at, far=False)
    first = state.first or sight
    run = state.run + (WIDE if deep and not state.armed else 1)
    needed = rule.confirm_fixes * (1 if state.armed else WIDE)
    needed_s = rule.confirm_s if state.armed or deep else max(rule.confirm_s, CALM_S)
    if run < needed or sight.at - first.at < timedelta(seconds=needed_s):
        return state._replace(at=sight.at, far=far, run=run, first=first)
    return State(sight.at, other, first.at, armed=deep, far=far, late=state.late)


def _step_dwell(after: State, rule: Rule, sight: Sight) -> tuple[State, tuple[Event, ...]]:
    """Report a stay once, at a fix that is clear inside. A silence does not end a stay."""
    due = after.side is Side.IN and not after.told and sight.evidence is Evidence.CLEAR_IN
    if not due or after.since is None or sight.at - after.since < timedelta(seconds=rule.dwell_s):
        return after, ()
    return after._replace(told=True), (_event(rule, sight, sight),)


def _step_cross(state: State, rule: Rule, sight: Sight, area: Area) -> tuple[State, tuple[Event, ...]]:
    """Look for a passage: clear outside, then inside or straight through, then clear outside again."""
    evidence, anchor = sight.evidence, state.anchor
    if evidence is Evidence.AMBIGUOUS:
        return state._replace(at=sight.at, far=False), ()
    if evidence is Evidence.CLEAR_IN:
        return state._replace(at=sight.at, side=Side.IN, far=False), ()
    through = anchor is not None and (
        state.side is Side.IN
        or (sight.at - anchor.at <= timedelta(seconds=rule.max_gap_s) and area.passes(anchor, sight))
    )
    deep = sight.deep
    told = through and (state.armed or (deep and anchor is not None and anchor.deep))
    armed = deep or (state.armed and not told)
    after = State(sight.at, Side.OUT, sight.at, armed, far=deep, anchor=sight, late=state.late)
    return after, (_event(rule, sight, sight),) if told else ()


def _event(rule: Rule, first: Sight, known: Sight) -> Event:
    return Event(rule.trigger, first.at, first.lon_deg, first.lat_deg, known.at, first.r95_m)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _sight_to_json(sight: Sight) -> list[Any]:
    """Return a fix as JSON; an infinite distance, which JSON lacks, is told by its sign alone."""
    far = math.isinf(sight.distance_m)
    distance = math.copysign(1, sight.distance_m) if far else sight.distance_m
    return [sight.at.isoformat(), sight.lon_deg, sight.lat_deg, sight.r95_m, distance, far]


def _sight_from_json(values: list[Any] | None) -> Sight | None:
    if values is None:
        return None
    at, lon_deg, lat_deg, r95_m, distance, far = values
    return Sight(datetime.fromisoformat(at), lon_deg, lat_deg, r95_m, distance * math.inf if far else distance)
