"""Posts: the programmes against trying everything, and advice that only comes when something is gained."""

from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import posts

SEEDS = st.integers(0, 10_000)


def town(seed, sites=7, demand=15):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 5000, (sites, 2)), rng.uniform(0, 5000, (demand, 2))
    times = np.hypot(*(a[:, None] - b[None]).T).T / 10
    times[rng.random(times.shape) < 0.05] = np.inf
    return times, rng.integers(1, 20, demand).astype(float)


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.integers(1, 4))
def test_the_p_median_is_the_best_of_all_choices(seed, count):
    times, weights = town(seed)
    cost = np.minimum(times, posts.UNREACHABLE_S)
    best = min(float(weights @ cost[list(chosen)].min(axis=0)) for chosen in combinations(range(len(times)), count))
    found = posts.p_median(times, weights, count)
    assert found.value * weights.sum() == pytest.approx(best, rel=1e-3)
    assert found.units.sum() == count
    assert found.gap == pytest.approx(0, abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.integers(1, 4), st.sampled_from([0.0, 0.2, 0.5]))
def test_mexclp_is_the_best_of_all_choices_units_at_one_site_included(seed, count, busy):
    times, weights = town(seed)
    reach = times <= 200
    share = weights / weights.sum()
    best = max(
        float(share @ (1 - busy ** reach[list(chosen)].sum(axis=0)))
        for chosen in combinations_with_replacement(range(len(times)), count)
    )
    found = posts.mexclp(reach, weights, count, busy)
    assert found.value == pytest.approx(best, rel=1e-3)
    assert found.units.sum() == count


def test_when_units_are_often_busy_two_wait_where_most_calls_are():
    reach, weights = np.eye(3, dtype=bool), np.array([10.0, 3.0, 1.0])
    assert posts.mclp(reach, weights, 2).units.tolist() == [1, 1, 0]
    assert posts.mexclp(reach, weights, 2, 0.5).units.tolist() == [2, 0, 0]


def test_more_posts_than_sites_take_every_site():
    times, weights = town(1)
    assert posts.p_median(times, weights, 50).units.tolist() == [1] * len(times)


def test_what_leaving_costs_is_what_nobody_else_reaches():
    times = np.array([[10.0, 10, 500], [500, 10, 500]])
    losses = posts.marginal_losses(times, np.array([1.0, 2, 1]), 60, 0.0)
    assert losses.tolist() == [0.25, 0.0]
    busy = posts.marginal_losses(times, np.array([1.0, 2, 1]), 60, 0.5)
    assert busy.tolist() == [0.5 * 0.25 + 0.25 * 0.5, 0.25 * 0.5]


def test_nobody_is_moved_while_nothing_is_gained_and_the_second_one_counts_the_first():
    sites = np.array([[10.0, 500, 500], [500, 10, 500], [500, 500, 10]])
    weights = np.array([5.0, 3, 2])
    assert posts.advise_moves(sites.copy(), sites, weights, 60, 0.0) == []
    together = np.array([[10.0, 500, 500]] * 3)
    moves = posts.advise_moves(together, sites, weights, 60, 0.0)
    assert [move.site for move in moves] == [1, 2]
    assert [move.gain_share for move in moves] == pytest.approx([0.3, 0.2])
    assert len({move.unit for move in moves}) == 2


def test_a_move_that_makes_more_wait_than_it_covers_is_not_advised():
    weights = np.array([90.0, 10])
    unit, site = np.array([[0.0, 130]]), np.array([[119.0, 119]])
    assert posts.advise_moves(unit, site, weights, 120, 0.0) == []
    near = np.array([[30.0, 110]])
    assert [move.gain_share for move in posts.advise_moves(unit + 20, near, weights, 120, 0.0)] == pytest.approx([0.1])


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.sampled_from([0.1, 0.4]))
def test_every_move_raises_the_expected_coverage_by_what_it_says(seed, busy):
    times, weights = town(seed)
    share, units = weights / weights.sum(), times[:4].copy()

    def value():
        return float(share @ posts.covered((units <= 200).sum(axis=0), busy))

    for move in posts.advise_moves(times[:4], times, weights, 200, busy):
        before = value()
        units[move.unit] = times[move.site]
        assert value() - before == pytest.approx(move.gain_share)
        assert move.gain_share >= 0.01


def test_the_best_site_is_where_nobody_is_and_with_a_price_for_seconds_where_calls_wait_longest():
    sites = np.array([[10.0, 500, 500], [500, 10, 500], [500, 400, 50]])
    weights = np.array([5.0, 3, 2.9])
    idle = sites[:1]
    assert posts.best_site(idle, sites, weights, 60, 0.2) == 1
    assert posts.best_site(idle, sites, weights, 60, 0.2, per_second=1.0) == 2
    nobody = np.empty((0, 3))
    assert posts.best_site(nobody, sites, weights, 60, 0.2) == 0


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.sampled_from([0.0, 0.3]))
def test_the_seconds_a_further_unit_saves_are_those_of_the_sorted_list(seed, busy):
    times, weights = town(seed)
    cost = np.minimum(times, posts.UNREACHABLE_S)
    share = weights / weights.sum()

    def expected(idle):
        ranked = np.sort(np.concatenate((idle, np.full((3, idle.shape[1]), posts.UNREACHABLE_S))), axis=0)[:3]
        return float(sum((1 - busy) * busy**rank * (share @ ranked[rank]) for rank in range(3)))

    saved = posts._time_gain(cost[:3], cost[3:], share, busy)
    for site in range(len(cost) - 3):
        assert saved[site] == pytest.approx(expected(cost[:3]) - expected(np.vstack((cost[:3], cost[3 + site]))))
