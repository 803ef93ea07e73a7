"""The demo's units move as vehicles and people do."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from demo import motion
from demo.motion import Mover, Noise, Task
from demo.streets import M_PER_DEG, Streets
from tests.builders import demo_city

STEPS = 1200


@pytest.fixture
def streets() -> Streets:
    return demo_city.streets()


def mover(streets: Streets, *, walks: bool = False, beat_m: float = 2500.0, seed: int = 1) -> Mover:
    home = streets.nearest(113.155, 27.83)
    one = Mover(streets, home, beat_m, walks, random.Random(seed))  # noqa: S311  seeded on purpose
    one.start(home)
    return one


def flat(streets: Streets, place: tuple[float, float]) -> np.ndarray:
    return np.array([place[0] * streets.squeeze, place[1]]) * M_PER_DEG


def test_a_patrol_never_jumps_and_keeps_below_its_speed(streets: Streets) -> None:
    car = mover(streets)
    before, covered_m = flat(streets, car.place), 0.0
    for _ in range(STEPS):
        car.advance(1.0)
        after = flat(streets, car.place)
        step_m = float(np.hypot(*(after - before)))
        assert step_m <= car.speed_mps + 2.0
        assert car.speed_mps <= 100 / 3.6
        before, covered_m = after, covered_m + step_m
    assert covered_m > 2000.0
    assert covered_m == pytest.approx(car.odometer_m, rel=0.05)


def test_a_patrol_stays_near_its_beat(streets: Streets) -> None:
    for seed in range(5):
        car = mover(streets, seed=seed)
        for _ in range(STEPS):
            car.advance(1.0)
            assert streets.distance_m(car.home, *car.place) < 2.2 * car.beat_m


def test_a_foot_patrol_walks(streets: Streets) -> None:
    walker = mover(streets, walks=True, beat_m=420.0)
    for _ in range(STEPS):
        walker.advance(1.0)
        assert walker.speed_mps <= motion.WALK_MPS + 1e-9
        assert streets.distance_m(walker.home, *walker.place) < 1500.0
    assert walker.odometer_m > 300.0


def test_a_unit_sent_somewhere_gets_there_about_as_fast_as_the_roads_allow(streets: Streets) -> None:
    car = mover(streets)
    scene = streets.nearest(113.10, 27.81)
    way = streets.way(streets.arcs[car.arc].head, scene)
    least_s = sum(streets.arcs[arc].length_m / streets.arcs[arc].speed_mps for arc in way)
    car.respond(streets.lon[scene], streets.lat[scene])
    seconds = 0
    while not car.arrived:
        car.advance(1.0)
        seconds += 1
        assert seconds < 3 * least_s
    assert streets.distance_m(scene, *car.place) < 2.0
    assert seconds > 0.7 * least_s


def test_after_a_call_a_unit_returns_to_its_beat_and_patrols_on(streets: Streets) -> None:
    car = mover(streets)
    car.respond(113.10, 27.81)
    while not car.arrived:
        car.advance(1.0)
    car.task = Task.ON_SCENE
    place = car.place
    for _ in range(60):
        car.advance(1.0)
    assert car.place == place
    car.release()
    for _ in range(4000):
        car.advance(1.0)
        if car.task is Task.PATROL:
            break
    assert streets.distance_m(car.home, *car.place) < 60.0


def test_a_way_is_connected_and_obeys_oneways(streets: Streets) -> None:
    start, end = streets.nearest(113.12, 27.80), streets.nearest(113.768, 26.489)
    way = streets.way(start, end)
    assert streets.arcs[way[0]].tail == start
    assert streets.arcs[way[-1]].head == end
    for before, after in pairwise(way):
        assert streets.arcs[before].head == streets.arcs[after].tail
    assert streets.way(start, start) == []


def test_the_measured_place_errs_by_four_metres_and_the_error_drifts() -> None:
    noise, rng = Noise(), random.Random(3)  # noqa: S311  seeded on purpose
    errors = []
    for _ in range(20_000):
        noise.step(1.0, rng)
        errors.append((noise.east_m, noise.north_m))
    east, north = np.array(errors).T
    assert math.hypot(east.std(), north.std()) == pytest.approx(4.0, rel=0.15)
    assert np.corrcoef(east[:-1], east[1:])[0, 1] > 0.95
    assert abs(np.corrcoef(east[:-300], east[300:])[0, 1]) < 0.2
