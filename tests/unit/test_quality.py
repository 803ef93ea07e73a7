from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import quality
from geo.fix import Quality
from tests.builders.synthetic_city import CITY, city

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def judge(**facts: Any) -> Quality:
    usual = {"lon_deg": 113.1, "lat_deg": 27.8, "at": NOW}
    tolerances = {"future_tolerance": timedelta(minutes=5), "past_tolerance": timedelta(days=3652)}
    return quality.judge(**{**usual, **tolerances, "now": NOW, **facts})


def test_an_ordinary_fix_raises_no_doubt() -> None:
    assert judge() == Quality(0)
    assert judge(at=NOW + timedelta(minutes=5)) == Quality(0)


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        ({"positioned": False}, Quality.NOT_POSITIONED),
        ({"encrypted": True}, Quality.ENCRYPTED),
        ({"lon_deg": 0.0, "lat_deg": 0.0}, Quality.ZERO),
        ({"lat_deg": 119.0}, Quality.OUT_OF_RANGE),
        ({"lon_deg": -180.5}, Quality.OUT_OF_RANGE),
        ({"lon_deg": float("nan")}, Quality.OUT_OF_RANGE),
        ({"at": NOW + timedelta(minutes=5, seconds=1)}, Quality.FUTURE),
        ({"at": datetime(2094, 1, 1, tzinfo=UTC)}, Quality.FUTURE),
        ({"at": NOW - timedelta(days=3653)}, Quality.PAST),
    ],
)
def test_each_doubt_has_its_flag(facts: dict[str, Any], doubt: Quality) -> None:
    assert judge(**facts) == doubt


def test_doubts_add_up() -> None:
    assert judge(positioned=False, lon_deg=0, lat_deg=0) == Quality.NOT_POSITIONED | Quality.ZERO


def test_on_the_equator_alone_is_no_null_position() -> None:
    assert judge(lon_deg=113.0, lat_deg=0.0) == Quality(0)


def test_spikes_of_the_city_are_found_and_good_fixes_are_not() -> None:
    hit = missed = false = good = bad_starts = 0
    for fixes in city().values():
        flagged, truth = quality.spikes(fixes.times_s, fixes.lon_deg, fixes.lat_deg), fixes.spike
        hit, missed = hit + int((flagged & truth).sum()), missed + int((~flagged & truth).sum())
        false, good = false + int((flagged & ~truth).sum()), good + int((~truth).sum())
        bad_starts += int(truth[0] and flagged[0])
    print(f"recall {hit / (hit + missed):.4f} of {hit + missed} spikes, false {false / good:.5f} of {good} fixes")  # noqa: T201 -- the figures
    assert hit / (hit + missed) >= 0.955
    assert false / good <= 0.0005
    assert bad_starts == 3, "all tracks that begin with a wrong position"


def test_spikes_of_a_real_drive_are_found(shared_data: Path) -> None:
    drive = pd.read_csv(shared_data / "tracks" / "wuhan_vehicle.csv")
    flagged = quality.spikes(pd.to_datetime(drive["ts"]).map(pd.Timestamp.timestamp), drive["lon"], drive["lat"])
    spike = (drive["label"] == "spike").to_numpy()
    assert (flagged & spike).sum() >= 25
    assert not (flagged & ~spike).any()


def test_real_tracks_without_spikes_are_left_alone(shared_data: Path) -> None:
    for name in ("limerick_bus", "liverpool_bus"):
        rides = pd.read_csv(shared_data / "tracks" / f"{name}.csv").groupby("object_id")
        for _, ride in rides:
            times = pd.to_datetime(ride["ts"]).map(pd.Timestamp.timestamp)
            assert not quality.spikes(times, ride["lon"], ride["lat"]).any()


def test_a_wild_fix_does_not_accuse_its_neighbours() -> None:
    times = np.arange(0, 200, 10.0)
    lon, lat = 113 + times * 1e-4, np.full(times.size, 27.8)
    lat[8] += 0.02
    lat[13:15] += [0.01, -0.02]
    assert np.flatnonzero(quality.spikes(times, lon, lat)).tolist() == [8, 13, 14]


@given(st.integers(0, 4))
def test_a_track_too_short_to_tell_is_believed(count: int) -> None:
    assert not quality.spikes(np.arange(count) * 10.0, np.full(count, 113.0), np.full(count, 27.0)).any()


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-180, 180), st.floats(-90, 90)), max_size=60))
def test_any_track_gets_one_answer_a_fix(rows: list[tuple[int, float, float]]) -> None:
    table = np.array(sorted(rows), dtype=float).reshape(-1, 3)
    assert quality.spikes(*table.T).shape == (len(rows),)


def test_the_city_is_in_the_repository() -> None:
    assert (CITY / "fixes.parquet").is_file()
