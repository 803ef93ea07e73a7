"""What fixes prove about a checkpoint: presence, absence, and nothing at all."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import patrol
from geo.fix import Fix, Quality
from geo.patrol import Seen, Task, Verdict

START = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
LON, LAT = 113.14, 27.83
DEG_PER_M = 1 / 111_195
LATER = START.timestamp() + 86_400


def fixes(*rows, accuracy_m=5.0):
    """Rows of seconds after the start and metres north of the checkpoint, perhaps with an accuracy."""
    return [
        Fix(1, START + timedelta(seconds=row[0]), LON, LAT + row[1] * DEG_PER_M, number,
            accuracy_m=row[2] if len(row) > 2 else accuracy_m)
        for number, row in enumerate(rows)
    ]  # fmt: skip


def task(*, dwell_s=120, radius_m=50, start=0, end=3600):
    return Task(LON, LAT, radius_m, dwell_s, START.timestamp() + start, START.timestamp() + end)


def judge(rows, now_s=LATER, **more):
    return patrol.judge(Seen.of(fixes(*rows)), task(**more), now_s)


def every(step, first, last, away_m):
    return [(second, away_m) for second in range(first, last + 1, step)]


def test_who_stays_long_enough_has_visited_and_three_fixes_say_so():
    visit = judge([*every(30, 0, 570, 500), *every(30, 600, 780, 10), (690, 2), *every(30, 810, 3600, 500)])
    assert visit.verdict is Verdict.VISITED
    assert (visit.dwell_s, visit.dwell_at_most_s) == (180, 240)
    assert visit.arrived_s == START.timestamp() + 600
    assert [(fix.at_s - START.timestamp(), fix.distance_m) for fix in visit.evidence] == [
        (600, 10), (690, 2), (780, 10),
    ]  # fmt: skip


def test_who_leaves_early_was_there_too_short():
    visit = judge([*every(30, 0, 570, 500), *every(30, 600, 630, 10), *every(30, 660, 3600, 500)])
    assert (visit.verdict, visit.dwell_s, visit.dwell_at_most_s) == (Verdict.TOO_SHORT, 30, 90)


def test_who_was_heard_of_all_the_time_and_never_came_has_missed_it():
    visit = judge([*every(60, 0, 1800, 500), *every(60, 1860, 3600, 80)])
    assert (visit.verdict, visit.arrived_s) == (Verdict.MISSED, None)
    assert [fix.distance_m for fix in visit.evidence] == [80]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "nothing heard"),
        ([*every(60, 0, 1200, 500), *every(60, 1500, 3600, 500)], "silent for five minutes"),
        (every(60, 0, 3600, 48), "the disc straddles the edge"),
        ([(second, 300, 400.0) for second in range(0, 3601, 60)], "vague to 400 m"),
        ([*every(60, 0, 540, 500), (600, 10), *every(60, 780, 3600, 500)], "there once, then unheard for 3 minutes"),
    ],
)
def test_what_nothing_proves_is_unproven_and_not_missed(rows, why):
    assert judge(rows).verdict is Verdict.UNPROVEN, why


def test_a_fix_on_the_edge_within_a_stay_does_not_end_it_but_one_outside_does():
    edge = [(0, 500), *every(30, 30, 90, 10), (120, 48), *every(30, 150, 210, 10), *every(60, 240, 3600, 500)]
    assert judge(edge).dwell_s == 180
    gone = [(0, 500), *every(30, 30, 90, 10), (120, 300), *every(30, 150, 210, 10), *every(60, 240, 3600, 500)]
    assert judge(gone).dwell_s == 60


def test_two_short_stays_do_not_add_up_to_a_long_one():
    rows = [*every(30, 0, 60, 10), *every(30, 90, 600, 500), *every(30, 630, 690, 10), *every(30, 720, 3600, 500)]
    assert judge(rows).verdict is Verdict.TOO_SHORT


def test_a_visit_outside_of_the_window_counts_nothing():
    rows = [*every(30, 0, 600, 10), *every(30, 630, 3600, 500)]
    assert judge(rows, start=900, end=3600).verdict is Verdict.MISSED
    assert judge(rows, start=0, end=700).verdict is Verdict.VISITED


def test_while_there_is_time_a_stop_is_pending_but_a_proven_visit_stands():
    now_s = START.timestamp() + 300
    assert judge(every(30, 0, 300, 500), now_s=now_s).verdict is Verdict.PENDING
    assert judge(every(30, 0, 300, 10), now_s=now_s).verdict is Verdict.VISITED
    assert judge([], now_s=START.timestamp() - 60).verdict is Verdict.PENDING


def test_doubted_fixes_prove_nothing_and_order_of_arrival_does_not_matter():
    rows = fixes(*every(30, 0, 300, 10))
    doubted = [Fix(1, fix.at, fix.lon_deg, fix.lat_deg, 9, accuracy_m=5, flags=Quality.JUMP) for fix in rows]
    assert patrol.judge(Seen.of(doubted), task(), LATER).verdict is Verdict.UNPROVEN
    assert patrol.judge(Seen.of(rows[::-1]), task(), LATER) == patrol.judge(Seen.of(rows), task(), LATER)


def test_a_stop_reached_before_one_that_stands_before_it_is_out_of_order():
    assert patrol.out_of_order([10, None, 30, 20, 40]) == [False, False, False, True, False]


def test_the_longest_silence_counts_the_ends():
    seen = Seen.of(fixes((100, 0), (160, 0), (400, 0)))
    start_s = START.timestamp()
    assert seen.silent_s(start_s, start_s + 500) == 240
    assert seen.silent_s(start_s, start_s + 1000) == 600


@given(
    st.lists(st.tuples(st.integers(0, 3600), st.integers(0, 200), st.floats(1, 60)), max_size=40), st.integers(0, 900)
)
def test_what_is_proven_lies_within_what_is_possible(rows, dwell_s):
    visit = judge(rows, dwell_s=dwell_s)
    assert 0 <= visit.dwell_s <= visit.dwell_at_most_s or visit.arrived_s is None
    assert (visit.verdict is Verdict.VISITED) == (visit.arrived_s is not None and visit.dwell_s >= dwell_s)
    if visit.verdict is Verdict.TOO_SHORT:
        assert visit.dwell_at_most_s < dwell_s
