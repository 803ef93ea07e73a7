"""Fences: evidence, hysteresis, and the promise that jitter on an edge makes one pair of events at most."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import areas, fences
from geo.fences import Evidence, Rule, Side, Sight, State, Trigger
from geo.fix import Fix, Quality

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
LON, LAT = 113.13, 27.83
INDEX = areas.Areas(
    [shapely.box(LON, LAT - 0.01, LON + 0.02, LAT + 0.01), shapely.box(LON, LAT - 0.01, LON + 1e-4, LAT + 0.01)]
)
FIELD, STRIP = INDEX[0], INDEX[1]  # 2 km by 2 km, and 10 m by 2 km; both have their western edge at LON
EAST_M = 1 / 98_500  # degrees of longitude per metre here
NORTH_M = 1 / 110_800


def sights(area, metres, r95_m=15.0, every_s=10.0, north_m=0.0):
    """Fixes at distances east of the western edge, one every `every_s` seconds, as the index sees them."""
    metres = np.asarray(metres, float)
    lon, lat = LON + metres * EAST_M, np.broadcast_to(LAT + np.asarray(north_m) * NORTH_M, metres.shape)
    near = INDEX.measure(lon, lat, np.full(len(metres), fences.reach_m(r95_m)))
    mine = near.area == [FIELD, STRIP].index(area)
    distance = dict(zip(near.fix[mine].tolist(), near.distance_m[mine].tolist(), strict=True))
    return [
        Sight(START + timedelta(seconds=i * every_s), float(x), float(y), r95_m, distance.get(i, math.inf))
        for i, (x, y) in enumerate(zip(lon, lat, strict=True))
    ]


def run(rule, seen, area=FIELD, state=None):
    state, events = state or State(), []
    for sight in seen:
        state, new = fences.step(state, rule, sight, area)
        events += new
    return state, events


ENTER, LEAVE, CROSS = Rule(Trigger.ENTER), Rule(Trigger.LEAVE), Rule(Trigger.CROSS)


@pytest.mark.parametrize(
    ("distance_m", "evidence"),
    [
        (-15.0, Evidence.CLEAR_IN),
        (-14.9, Evidence.AMBIGUOUS),
        (0.0, Evidence.AMBIGUOUS),
        (14.9, Evidence.AMBIGUOUS),
        (15.0, Evidence.CLEAR_OUT),
        (-math.inf, Evidence.CLEAR_IN),
        (math.inf, Evidence.CLEAR_OUT),
    ],
)
def test_only_a_disc_clear_of_the_edge_is_evidence(distance_m, evidence):
    assert Sight(START, LON, LAT, 15.0, distance_m).evidence is evidence


def test_driving_in_and_out_makes_one_enter_and_one_leave_at_the_first_clear_fix():
    seen = sights(FIELD, [-400, -200, -5, 100, 300, 500, 5, -20, -200, -400, -600])
    _, entered = run(ENTER, seen)
    _, left = run(LEAVE, seen)
    assert [(e.at, e.known_at) for e in entered] == [(seen[3].at, seen[4].at)]
    assert [e.at for e in left] == [seen[7].at]
    assert entered[0].lon_deg == seen[3].lon_deg


def test_one_fix_inside_is_not_yet_an_enter():
    state, events = run(ENTER, sights(FIELD, [-400, 300, -400, -400, 300, -400]))
    assert events == []
    assert state.side is Side.OUT


def test_confirmation_may_ask_for_more_fixes_and_for_time():
    seen = sights(FIELD, [-200] + [300] * 20, every_s=5)
    _, events = run(replace(ENTER, confirm_fixes=4), seen)
    assert [e.known_at for e in events] == [seen[4].at]
    _, events = run(replace(ENTER, confirm_s=60), seen)
    assert [e.known_at for e in events] == [seen[13].at]
    _, events = run(replace(ENTER, confirm_fixes=1), seen)
    assert [e.known_at for e in events] == [seen[1].at]


def test_a_vague_fix_between_two_clear_ones_does_not_undo_them():
    seen = sights(FIELD, [-400, 100, 100, 100])
    seen[2] = seen[2]._replace(r95_m=200.0, distance_m=-100.0)
    assert seen[2].evidence is Evidence.AMBIGUOUS
    _, events = run(ENTER, seen)
    assert [(e.at, e.known_at) for e in events] == [(seen[1].at, seen[3].at)]


def test_a_device_that_was_inside_before_the_rule_has_not_entered():
    before, *after = sights(FIELD, [500, 500, 500, 500])
    state, events = run(ENTER, after, state=fences.begin(before))
    assert events == []
    assert state.side is Side.IN
    assert state.since == before.at


def test_a_device_of_which_nothing_is_known_and_that_is_inside_is_told_to_have_entered():
    _, events = run(ENTER, sights(FIELD, [500, 500, 500]), state=fences.begin(None))
    assert len(events) == 1


def test_a_device_first_seen_outside_has_not_left():
    _, events = run(LEAVE, sights(FIELD, [-500, -500, -500]))
    assert events == []


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("r95_m", [5.0, 15.0, 15 * 2.448])  # too good to be true, unknown, true (Rayleigh)
@pytest.mark.parametrize("every_s", [1, 5, 10])
@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_a_vehicle_parked_on_the_edge_for_an_hour_makes_one_pair_at_most(trigger, r95_m, every_s, law):
    count = 3600 // every_s
    for seed in range(5):
        rng = np.random.default_rng(seed)
        east_m, north_m = rng.uniform(-15, 15, (2, count)) if law == "uniform" else rng.normal(0, 15, (2, count))
        seen = sights(FIELD, rng.uniform(-10, 10) + east_m, r95_m, every_s, north_m)
        _, events = run(Rule(trigger, dwell_s=120), seen)
        assert len(events) <= 1, seed


@given(st.integers(0, 100_000))
def test_a_vehicle_parked_in_a_strip_thinner_than_its_jitter_crosses_it_once_at_most(seed):
    rng = np.random.default_rng(seed)
    seen = sights(STRIP, rng.normal(5, 15, 720), every_s=5)
    _, events = run(CROSS, seen, STRIP)
    assert len(events) <= 1


def test_jitter_does_not_make_the_fence_deaf_to_a_real_departure_and_return():
    rng = np.random.default_rng(7)
    parked = rng.uniform(-15, 15, 360).tolist()
    seen = sights(FIELD, [*parked, 500, 700, 900, 700, 500, 200, -100, -300, -500, -300, -100, 200, 500, 700])
    _, entered = run(ENTER, seen)
    _, left = run(LEAVE, seen)
    assert [e.at for e in entered][-1] == seen[-3].at
    assert [e.at for e in left][-1] == seen[-8].at


def test_hovering_just_outside_counts_as_left_after_five_times_the_fixes():
    seen = sights(FIELD, [-200, -200, 30, 30, 30, *[-30] * 12])
    _, events = run(LEAVE, seen)
    assert [(e.at, e.known_at) for e in events] == [(seen[5].at, seen[14].at)]


def test_dwelling_is_told_once_a_stay_and_only_by_a_clear_fix():
    rule = Rule(Trigger.DWELL, dwell_s=60)
    seen = sights(FIELD, [-200, *[300] * 6, 5, 300, 300, -300, -300, -300, *[300] * 9])
    _, events = run(rule, seen)
    assert [e.at for e in events] == [seen[8].at, seen[19].at]


def test_a_silence_does_not_end_a_stay():
    early = sights(FIELD, [-200, 300, 300])
    later = early[-1]._replace(at=early[-1].at + timedelta(hours=1))
    _, events = run(Rule(Trigger.DWELL, dwell_s=1800), [*early, later])
    assert [e.at for e in events] == [later.at]


def test_a_fast_way_over_a_strip_is_a_crossing_though_no_fix_is_inside():
    seen = sights(STRIP, [-300, -100, 100, 300])
    _, events = run(CROSS, seen, STRIP)
    assert [(e.trigger, e.at) for e in events] == [(Trigger.CROSS, seen[2].at)]


def test_vague_fixes_over_the_strip_do_not_hide_the_crossing():
    seen = sights(STRIP, [-100, -40, -8, 4, 18, 50, 100], every_s=2)
    assert {s.evidence for s in seen[2:5]} == {Evidence.AMBIGUOUS}
    _, events = run(CROSS, seen, STRIP)
    assert [e.at for e in events] == [seen[5].at]


def test_a_blackout_is_not_called_a_crossing():
    assert run(CROSS, sights(STRIP, [-300, 300], every_s=121), STRIP)[1] == []
    assert len(run(CROSS, sights(STRIP, [-300, 300], every_s=120), STRIP)[1]) == 1


def test_a_way_that_clips_a_corner_by_less_than_the_accuracy_is_no_crossing():
    north_m = 0.01 / NORTH_M  # the north-western corner of the field
    clipping = sights(FIELD, [-100, 110], north_m=np.array([-95, 105]) + north_m)
    assert run(CROSS, clipping)[1] == []
    through = sights(FIELD, [-100, 500], north_m=np.array([-500, 100]) + north_m)
    assert len(run(CROSS, through)[1]) == 1


def test_driving_through_slowly_is_one_crossing_and_back_again_another():
    seen = sights(FIELD, [-300, 500, 1000, 1500, 2300, 2500, 1500, 500, -300])
    _, events = run(CROSS, seen)
    assert [e.at for e in events] == [seen[4].at, seen[8].at]


def test_coming_out_without_having_gone_in_is_no_crossing():
    assert run(CROSS, sights(FIELD, [500, 500, -300, -500]))[1] == []


def test_a_late_fix_changes_nothing_and_is_counted():
    seen = sights(FIELD, [-400, -200, 300, 500])
    state, _ = run(ENTER, seen)
    for late in (seen[1]._replace(distance_m=math.inf), seen[0]):
        after, events = fences.step(state, ENTER, late, FIELD)
        assert events == ()
        assert after == state._replace(late=1)
    again, events = fences.step(state, ENTER, seen[3], FIELD)
    assert (again, events) == (state, ())


@given(st.integers(0, 100_000), st.sampled_from(list(Trigger)), st.integers(0, 30))
def test_a_state_survives_json_in_the_middle_of_anything(seed, trigger, cut):
    rng = np.random.default_rng(seed)
    rule, seen = Rule(trigger, dwell_s=30), sights(FIELD, rng.normal(0, 60, 40))
    whole, events = run(rule, seen)
    middle, first = run(rule, seen[:cut])
    revived = State.from_json(json.loads(json.dumps(middle.to_json(), allow_nan=False)))
    assert revived == middle
    last, second = run(rule, seen[cut:], state=revived)
    assert (last, first + second) == (whole, events)


def test_an_idle_state_learns_nothing_from_a_fix_deep_outside():
    for rule in (ENTER, LEAVE, Rule(Trigger.DWELL, dwell_s=60), CROSS):
        state, _ = run(rule, sights(FIELD, [-300, 300, 300, 300, -300, -300]))
        assert state.idle
        after, events = fences.step(state, rule, sights(FIELD, [-300] * 7)[-1], FIELD)
        assert events == ()
        assert after._replace(at=None, since=None, anchor=None) == state._replace(at=None, since=None, anchor=None)


@pytest.mark.parametrize("flag", list(Quality))
def test_doubtful_fixes_are_no_evidence_but_late_estimated_and_skewed_ones_are(flag):
    fix = Fix(1, START, LON, LAT, 0, flags=flag)
    assert fences.is_evidence(fix) == (flag in {Quality.LATE, Quality.ESTIMATED, Quality.CLOCK_SKEW})


def test_a_fix_is_judged_by_its_own_accuracy_within_bounds():
    fix = Fix(1, START, LON, LAT, 0)
    assert fences.r95_of(fix) == fences.DEFAULT_R95_M
    assert fences.r95_of(replace(fix, accuracy_m=0.0)) == fences.MIN_R95_M
    assert fences.is_evidence(replace(fix, accuracy_m=80.0))
    assert not fences.is_evidence(replace(fix, accuracy_m=3000.0))
