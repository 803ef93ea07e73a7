"""Rounds over checkpoints: what is visited, when, and why something is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import rounds
from geo.rounds import Car, Obstacle, Stop

DAY = 8 * 3600


def plane(places, mps=10.0):
    at = np.array(places, float)
    return np.hypot(*(at[:, None] - at[None]).T).T / mps


def test_two_cars_at_both_ends_of_a_street_share_it_where_it_is_nearest():
    times = plane([(0, 0), (10_000, 0), (1000, 0), (2000, 0), (9000, 0)])
    plan = rounds.plan_rounds(times, [Stop(60, 0, DAY)] * 3, [Car(0, DAY)] * 2, seconds=0.3)
    assert plan.left_out == ()
    assert {one.car: {call.stop for call in one.calls} for one in plan.rounds} == {0: {0, 1}, 1: {2}}
    assert plan.drive_s == 400 + 200


def test_a_car_waits_for_a_window_and_stays_as_long_as_asked():
    plan = rounds.plan_rounds(plane([(0, 0), (1000, 0)]), [Stop(300, 5000, 6000)], [Car(0, DAY)], seconds=0.3)
    (call,) = plan.rounds[0].calls
    assert call.begins_s == 5000 >= call.arrives_s
    assert call.leaves_s == 5300
    assert plan.rounds[0].back_s == 5400


@pytest.mark.parametrize(
    ("stop", "why", "late"),
    [
        (Stop(60, 0, 40), Obstacle.TOO_LATE, (60, 160)),
        (Stop(60, DAY - 100, DAY), Obstacle.TOO_LATE, (60, 160)),  # back after the end of the duty
    ],
)
def test_what_nobody_reaches_in_time_is_left_out_with_how_late_each_would_be(stop, why, late):
    times = plane([(0, 0), (-1000, 0), (1000, 0)])
    plan = rounds.plan_rounds(times, [stop], [Car(0, DAY)] * 2, seconds=0.2)
    assert plan.rounds == ()
    assert plan.left_out == (rounds.LeftOut(0, why, late),)


def test_where_no_road_leads_it_says_so():
    times = plane([(0, 0), (1000, 0), (2000, 0)])
    times[0, 2] = np.inf
    plan = rounds.plan_rounds(times, [Stop(60, 0, DAY)] * 2, [Car(0, DAY)], seconds=0.2)
    assert plan.left_out == (rounds.LeftOut(1, Obstacle.NO_ROAD, (None,)),)
    assert [call.stop for call in plan.rounds[0].calls] == [0]


def test_what_fits_one_by_one_but_not_together_says_that():
    times = plane([(0, 0), (1000, 0), (-1000, 0)])
    plan = rounds.plan_rounds(times, [Stop(600, 100, 200)] * 2, [Car(0, DAY)], seconds=0.3)
    (left,) = plan.left_out
    assert (left.why, left.late_s) == (Obstacle.NOT_ALL_TOGETHER, (0,))
    assert len(plan.rounds[0].calls) == 1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_every_round_keeps_every_window_and_the_duty(seed):
    rng = np.random.default_rng(seed)
    cars, count = int(rng.integers(1, 4)), int(rng.integers(1, 12))
    times = plane(rng.uniform(0, 8000, (cars + count, 2)))
    starts = rng.integers(0, 5000, count)
    stops = [Stop(int(dwell), int(start), int(start) + 2000)
             for dwell, start in zip(rng.integers(0, 600, count), starts, strict=True)]  # fmt: skip
    duties = [Car(int(begin), int(begin) + 6000) for begin in rng.integers(0, 2000, cars)]
    plan = rounds.plan_rounds(times, stops, duties, seconds=0.1)
    visited = [call.stop for one in plan.rounds for call in one.calls]
    assert sorted(visited + [left.stop for left in plan.left_out]) == list(range(count))
    for one in plan.rounds:
        here, clock = one.car, one.leaves_s
        assert clock >= duties[one.car].start_s
        for call in one.calls:
            assert call.arrives_s >= clock + times[here, cars + call.stop] - 1
            assert stops[call.stop].start_s <= call.begins_s <= stops[call.stop].end_s
            assert call.begins_s >= call.arrives_s
            assert call.leaves_s == call.begins_s + stops[call.stop].dwell_s
            here, clock = cars + call.stop, call.leaves_s
        assert one.back_s <= duties[one.car].end_s
