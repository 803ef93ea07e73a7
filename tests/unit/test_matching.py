"""Units for several calls at once, out of times that are searched only as far as needed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geo import matching

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))
BY_ROAD = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays.arrays(float, shape, elements=st.sampled_from([np.inf, *range(1, 5000, 7)])),
        arrays.arrays(float, shape, elements=st.sampled_from([matching.NEVER_S, *range(5, 5000, 11)])),
    )
)


def searched(road_s, otherwise_s, first_s=60.0):
    """Return times of which each search finds only what lies within its limit, and the searches that were made."""
    limits = []

    def search(row):
        def look(limit_s):
            limits.append(limit_s)
            return np.where(road_s[row] <= limit_s, road_s[row], np.inf)

        return look

    return matching.Times([search(row) for row in range(len(road_s))], [first_s] * len(road_s), otherwise_s), limits


def whole(road_s, otherwise_s):
    return np.where(otherwise_s >= matching.NEVER_S, matching.NEVER_S, np.where(np.isinf(road_s), otherwise_s, road_s))


@given(BY_ROAD)
def test_the_pairs_are_those_of_the_whole_table(both):
    table = whole(*both)
    for choose in (matching.together, matching.one_by_one):
        times, _ = searched(*both)
        pairs, expected = times.choose(choose), choose(table)
        assert len(pairs) == len(expected)
        assert sum(table[pair] for pair in pairs) == sum(table[pair] for pair in expected)
        assert [times.least_s[pair] for pair in pairs] == [table[pair] for pair in pairs]
        assert [times.by_road[pair] for pair in pairs] == [np.isfinite(both[0][pair]) for pair in pairs]


def test_what_lies_far_is_not_searched_for_when_the_answer_lies_near():
    road_s = np.array([[50.0, 3000.0], [3000.0, 40.0]])
    times, limits = searched(road_s, np.full((2, 2), 900.0))
    assert times.choose(matching.together) == [(0, 0), (1, 1)]
    assert limits == [60.0, 60.0]


def test_a_call_is_given_up_only_when_no_unit_is_fit_for_it():
    never = matching.NEVER_S
    times, _ = searched(np.array([[np.inf, 10.0], [np.inf, 20.0]]), np.array([[700.0, never], [never, never]]))
    assert times.choose(matching.together) == times.choose(matching.one_by_one) == [(0, 0)]
    assert times.least_s[0, 0] == 700
    assert not times.by_road[0, 0]
