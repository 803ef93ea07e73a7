"""One identity in two places at once, told apart from wild positions and fast roads."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from geo import clones
from geo.fix import Fix, Quality
from services.clones import leaping
from tests.builders.synthetic_city import city

START = datetime(2026, 5, 1, tzinfo=UTC)


def at(seconds: float, lon_deg: float, lat_deg: float = 27.8, device_id: int = 1, **more) -> Fix:
    return Fix(device_id, START + timedelta(seconds=seconds), lon_deg, lat_deg, int(seconds * 10), **more)


def test_two_vehicles_that_report_in_turn_are_two():
    fixes = [at(10 * n, 113.1 + n * 1e-3 if n % 2 else 113.6 - n * 1e-3) for n in range(12)]
    clone = clones.find(fixes)
    assert clone is not None
    assert clone.jumps >= clones.JUMPS
    assert clone.speed_mps > clones.IMPOSSIBLE_MPS


def test_two_vehicles_at_one_and_the_same_second_are_two():
    fixes = [at(10 * (n // 2), 113.1 + n % 2) for n in range(12)]
    assert clones.find(fixes) is not None


@pytest.mark.parametrize("fixes", [
    [at(10 * n, 113.1 + n * 3e-3) for n in range(30)],  # 30 m/s
    [at(10 * n, 113.1 + (0.5 if n == 7 else 0)) for n in range(30)],
    [at(10 * n, 113.1 + (0.5 if n in (7, 8, 9) else 0)) for n in range(30)],
    [at(10 * n, 113.1 + (0.5 if n > 15 else 0)) for n in range(30)],
    [at(10 * n, 113.1 + n % 2 * 0.5, flags=Quality.NOT_POSITIONED) for n in range(30)],
    [at(10 * n, 113.1 + n % 2 * 0.05, accuracy_m=3000.0) for n in range(30)],
    [],
], ids=["drive", "spike", "burst", "moved while silent", "no position", "vague", "nothing"])  # fmt: skip
def test_one_vehicle_is_one(fixes):
    assert clones.find(fixes) is None


def test_spikes_at_random_places_are_no_second_vehicle():
    rng = random.Random(1)  # noqa: S311 -- no secret
    for _ in range(200):
        spikes = {n for n in range(30) if rng.random() < 0.2}
        places = [(rng.choice([-1, 1]) * rng.uniform(0.03, 0.5), rng.uniform(0, 0.3)) for _ in range(30)]
        fixes = [
            at(10 * n, 113.1 + (east if n in spikes else 0), 27.8 + (north if n in spikes else 0))
            for n, (east, north) in enumerate(places)
        ]
        assert clones.find(fixes) is None


def test_nobody_in_a_city_with_wild_positions_is_taken_for_two():
    for rows in city().values():
        fixes = [
            at(second - rows.times_s[0], lon, lat)
            for second, lon, lat in zip(rows.times_s, rows.lon_deg, rows.lat_deg, strict=True)
        ]
        assert not any(clones.find(fixes[start : start + 30]) for start in range(0, len(fixes), 5))


def test_only_who_leaps_is_looked_at():
    last = {1: at(0, 113.1), 2: at(0, 113.1, device_id=2)}
    batch = [at(10, 114.0), at(10, 113.101, device_id=2), at(10, 113.1, device_id=3), at(20, 114.0)]
    assert leaping(batch, last) == [1]
    assert last[1].at == START + timedelta(seconds=20)
    assert leaping([at(30, 114.0)], last) == []
