"""The simulation of policies: its world keeps the rules, and what is compared is compared fairly."""

from dataclasses import replace

import numpy as np
import pytest

from bench.simulate import policies
from bench.simulate.city import City, Setting
from bench.simulate.intervals import change, interval
from bench.simulate.world import HOURS, Calls, World, draw_calls
from geo import matching
from tests.builders import town


@pytest.fixture
def city():
    """Places on a line, a kilometre apart, at 10 m/s; the road between 0 and 1 makes a detour."""
    at = np.arange(6) * 1000.0
    airline = np.abs(at[:, None] - at[None])
    time_s = airline / 10
    time_s[0, 1] = time_s[1, 0] = 400.0
    places = np.arange(6)
    return City(
        Setting("line", 2, 300.0), town.graph(), places, time_s, airline, places, places, places, np.ones(6),
        np.array([1, 4]), time_s[[1, 4]], 0.0,
    )  # fmt: skip


def world(city, policy, home, *calls):
    at_s, place, scene_s = (np.array(column) for column in zip(*calls, strict=True))
    return World(city, policy, Calls(at_s.astype(float), place, scene_s.astype(float)), np.array(home))


def responses(city, policy, home, *calls):
    made = world(city, policy, home, *calls)
    made.run()
    return made.response_s.tolist()


def test_the_air_line_sends_the_near_one_around_and_the_road_sends_the_far_one(city):
    assert responses(city, policies.AirLine(), [0, 4], (10, 1, 60)) == [400]
    assert responses(city, policies.AtRandom(), [0, 4], (10, 1, 60)) == [300]


def test_a_call_waits_for_the_first_unit_that_is_free(city):
    calls = [(0, 0, 600), (0, 4, 100), (10, 3, 50)]
    assert responses(city, policies.AtRandom(), [0, 4], *calls) == [0, 0, 90 + 100]


def test_a_unit_on_its_way_back_is_sent_from_where_it_is(city):
    calls = [(0, 5, 100), (350, 2, 50)]  # free at 400 + 100, back at 1 at 900
    one = replace(city, setting=Setting("line", 1, 300.0))
    assert responses(one, policies.AtRandom(), [1], *calls) == [400, 150 + 300]
    late = [(0, 5, 100), (700, 5, 50)]  # half the way back
    assert responses(one, policies.AtRandom(), [1], *late) == [400, 200]


def test_redeployment_sends_a_unit_to_the_post_nobody_holds(city):
    narrow = replace(city, setting=Setting("line", 2, 150.0))
    made = world(narrow, policies.Redeployed(0.2), [1, 4], (0, 4, 10), (1, 5, 10))
    made.run()
    assert set(made.goal.tolist()) == {1, 4}
    both = world(narrow, policies.Redeployed(0.2), [4, 4], (0, 4, 10))
    both.run()
    assert sorted(both.goal.tolist()) == [1, 4]


def test_coverage_first_keeps_the_only_one_that_covers_and_sends_the_spare(city):
    narrow = replace(city, setting=Setting("line", 3, 200.0))
    calls = [(0, 3, 10)]
    assert responses(narrow, policies.CoverageFirst(0.2), [2, 5, 4], *calls) == [200]
    assert responses(narrow, policies.AtPosts(), [2, 5, 4], *calls) == [100]


def test_all_policies_get_the_same_calls_and_a_seed_gives_other_ones(city):
    one, same, other = draw_calls(city, 0.2, 1), draw_calls(city, 0.2, 1), draw_calls(city, 0.2, 2)
    assert (one.at_s == same.at_s).all()
    assert (one.scene_s == same.scene_s).all()
    assert len(one.at_s) != len(other.at_s) or (one.at_s != other.at_s).any()
    runs = [draw_calls(city, 0.2, seed) for seed in range(40)]
    loads = [run.scene_s.sum() / (HOURS * 3600 * city.setting.units) for run in runs]
    assert np.mean(loads) == pytest.approx(0.2, rel=0.1)


def test_intervals_are_those_of_students_t_and_changes_are_paired():
    found = interval([1.0, 2, 3, 4])
    assert (found["mean"], found["low"]) == (
        2.5,
        pytest.approx(2.5 - 3.1824 * np.std([1, 2, 3, 4], ddof=1) / 2, abs=1e-3),
    )
    paired = change([9.0, 19, 29], [10.0, 20, 30])
    assert paired == {"mean": -0.05, "low": -0.05, "high": -0.05}


def test_one_by_one_takes_the_fastest_that_is_left():
    assert matching.one_by_one(np.array([[1.0, 9.0], [2.0, 50.0]])) == [(0, 0), (1, 1)]
