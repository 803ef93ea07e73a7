from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import track
from geo.fix import Fix, Quality
from tests.builders.synthetic_city import CITY, city, seconds


@cache
def tracks() -> dict[str, track.Track]:
    return {name: track.Track.clean(of.times_s, of.lon_deg, of.lat_deg) for name, of in city().items()}


def walk(*legs: tuple[float, float, float]) -> track.Track:
    """Stand or go: (seconds, metres east, metres north) relative to the last place; a fix every 10 s."""
    rows, here = [(0.0, 0.0, 0.0)], (0.0, 0.0, 0.0)
    for seconds_, east, north in legs:
        steps = max(int(seconds_ // 10), 1)
        for step in range(1, steps + 1):
            part = step / steps
            rows.append((here[0] + seconds_ * part, here[1] + east * part, here[2] + north * part))
        here = rows[-1]
    times, east_m, north_m = np.array(rows).T
    return track.Track(times, 113 + east_m / 98_440, 27.8 + north_m / 110_810)


def test_a_drive_has_its_length() -> None:
    assert track.length_m(walk((100, 1000, 0), (100, 0, 1000))) == pytest.approx(2000, rel=0.01)


def test_a_parked_car_with_jitter_has_no_length() -> None:
    noise = np.random.default_rng(1).normal(0, 4, (2, 3600))
    parked = track.Track(np.arange(3600.0), 113 + noise[0] / 98_440, 27.8 + noise[1] / 110_810)
    assert track.length_m(parked) == 0


def test_lengths_of_a_day_agree_with_the_truth() -> None:
    truth = pd.read_csv(CITY / "truth_trips.csv").groupby("object_id")["length_m"].sum()
    ratios = [track.length_m(of) / truth[name] for name, of in tracks().items()]
    assert np.median(ratios) == pytest.approx(0.99, abs=0.02)


def test_a_silence_while_moving_is_a_gap_and_a_parked_one_is_not() -> None:
    driven = track.Track(np.array([0, 10, 310, 320.0]), np.array([113, 113.001, 113.05, 113.051]), np.full(4, 27.8))
    assert track.gaps(driven) == [track.Gap(10, 310)]
    parked = track.Track(np.array([0, 300, 600, 2000.0]), np.full(4, 113.0), np.full(4, 27.8))
    assert track.gaps(parked) == [track.Gap(600, 2000)]


def test_a_stop_begins_on_arrival_and_ends_on_departure() -> None:
    (stop,) = track.stops(walk((100, 1000, 0), (400, 0, 0), (100, 0, 1000)))
    assert stop.start_s == pytest.approx(100, abs=5)
    assert stop.end_s == pytest.approx(500, abs=5)
    assert (stop.lon_deg, stop.lat_deg) == pytest.approx((113 + 1000 / 98_440, 27.8), abs=1e-4)


def test_a_wait_shorter_than_asked_is_no_stop() -> None:
    light = walk((100, 1000, 0), (90, 0, 0), (100, 1000, 0))
    assert track.stops(light) == []
    assert len(track.stops(light, min_s=60)) == 1


def test_one_stray_fix_does_not_end_a_stop() -> None:
    parked = walk((600, 0, 0))
    parked.lon_deg[30] += 0.0008  # 79 m
    assert len(track.stops(parked)) == 1


def test_two_places_are_two_stops() -> None:
    first, second = track.stops(walk((400, 0, 0), (60, 300, 0), (400, 0, 0)))
    assert first.end_s < second.start_s


def test_stops_of_the_city_are_found() -> None:
    """One to one, overlap over union above one half, every true stop of five minutes or longer."""
    truth = pd.read_csv(CITY / "truth_stops.csv").query("duration_s >= 300")
    starts, ends = seconds(truth["start"]), seconds(truth["end"])
    hits, found, errors = 0, 0, list[float]()
    for name, of in tracks().items():
        mine = (truth["object_id"] == name).to_numpy()
        left = list(zip(starts[mine], ends[mine], strict=True))
        for stop in track.stops(of):
            found += 1
            for start, end in left:
                both = min(end, stop.end_s) - max(start, stop.start_s)
                if both > (max(end, stop.end_s) - min(start, stop.start_s)) / 2:
                    left.remove((start, end))
                    hits, errors = hits + 1, [*errors, abs(start - stop.start_s), abs(end - stop.end_s)]
                    break
    assert 2 * hits / (found + len(truth)) >= 0.99
    assert np.median(errors) <= 2
    assert np.mean(np.array(errors) <= 15) >= 0.85, "the rest lies in blackouts"


def test_a_track_is_made_of_the_trustworthy_fixes_in_order() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)

    def fix(at_s: int, flags: Quality = Quality(0)) -> Fix:  # noqa: B008
        return Fix(1, start + timedelta(seconds=at_s), 113.0 + at_s * 1e-5, 27.8, payload_hash=at_s, flags=flags)

    made = track.Track.of([fix(20), fix(0), fix(10, Quality.NOT_POSITIONED), fix(10), fix(10), fix(30, Quality.FUTURE)])
    assert (made.times_s - start.timestamp()).tolist() == [0, 10, 20]


def test_no_fixes_make_an_empty_track_without_stops() -> None:
    empty = track.Track.of([])
    assert (track.stops(empty), track.gaps(empty), track.length_m(empty)) == ([], [], 0.0)


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(112, 114), st.floats(27, 28)), max_size=50))
def test_stops_lie_in_order_inside_the_track(rows: list[tuple[int, float, float]]) -> None:
    made = track.Track.clean(*np.array(sorted(rows), dtype=float).reshape(-1, 3).T)
    found = track.stops(made, min_s=60, radius_m=20_000)
    assert all(stop.start_s <= stop.end_s for stop in found)
    assert all(made.times_s[0] <= stop.start_s and stop.end_s <= made.times_s[-1] for stop in found)
