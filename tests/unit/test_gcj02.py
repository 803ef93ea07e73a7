import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import crs, gcj02

EXCEPTIONS = {
    (120.019809, 29.199786): "eviltransform's BD-09 uses pi where pi * 3000 / 180 is needed: 10 m off",
    (120.036455, 29.210504): "eviltransform's BD-09 uses pi where pi * 3000 / 180 is needed: 41 m off",
    (123, 0): "BD09MC is a projection in metres, not one of the four systems",
}

inside_lon = st.floats(73.0, 137.0)
inside_lat = st.floats(1.5, 55.0)
system = st.sampled_from(["wgs84", "cgcs2000", "gcj02", "bd09"])


@given(inside_lon, inside_lat, system, system)
def test_going_there_and_back_ends_within_a_billionth_of_a_degree(
    lon: float, lat: float, source: str, target: str
) -> None:
    there = gcj02.convert(lon, lat, source, target)
    back = gcj02.convert(*there, target, source)
    assert back == pytest.approx((lon, lat), abs=1e-9, rel=0)


@given(inside_lon, inside_lat)
def test_the_long_way_round_equals_the_direct_one(lon: float, lat: float) -> None:
    direct = gcj02.convert(lon, lat, "wgs84", "bd09")
    by_gcj02 = gcj02.convert(*gcj02.wgs84_to_gcj02(lon, lat), "gcj02", "bd09")
    assert by_gcj02 == pytest.approx(direct, abs=1e-9, rel=0)


@given(st.floats(-180, 180), st.floats(-90, 90), system, system)
def test_far_outside_of_the_box_nothing_is_shifted(lon: float, lat: float, source: str, target: str) -> None:
    if not (71 < lon < 139 and 0 < lat < 57):
        assert gcj02.convert(lon, lat, source, target) == pytest.approx((lon, lat), abs=1e-12, rel=0)


def test_places_just_inside_the_edge_of_the_box_come_back_too() -> None:
    west, south, east, north = gcj02.BOX
    lon = np.array([west, west, east, east, 105.0])
    lat = np.array([south, north, south, north, 35.0])
    for target in ("gcj02", "bd09"):
        back = gcj02.convert(*gcj02.convert(lon, lat, "wgs84", target), target, "wgs84")
        np.testing.assert_allclose(back, (lon, lat), atol=1e-9, rtol=0)


def test_arrays_give_what_numbers_give() -> None:
    lon, lat = np.array([113.134, 116.4, 2.35]), np.array([27.8275, 39.9, 48.86])
    many = np.column_stack(gcj02.convert(lon, lat, "wgs84", "bd09"))
    one_by_one = [gcj02.convert(x, y, "wgs84", "bd09") for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    np.testing.assert_allclose(many, one_by_one, atol=1e-12, rtol=0)
    assert isinstance(one_by_one[0][0], float)


def test_zhuzhou_is_shifted_by_the_known_distances() -> None:
    place = (113.1340, 27.8275)
    assert float(crs.distance_m(*place, *gcj02.wgs84_to_gcj02(*place))) == pytest.approx(671, abs=1)
    assert float(crs.distance_m(*place, *gcj02.convert(*place, "wgs84", "bd09"))) == pytest.approx(1254, abs=1)


def test_no_number_stays_no_number_and_spoils_no_neighbour() -> None:
    lon, lat = gcj02.convert(np.array([np.nan, 113.0]), np.array([27.0, 27.0]), "gcj02", "wgs84")
    assert np.isnan(lon[0])
    assert np.isfinite([lon[1], lat[1]]).all()


def test_an_unknown_system_is_refused_by_name() -> None:
    with pytest.raises(gcj02.UnknownSystemError, match=r"mercator.*wgs84, cgcs2000, gcj02, bd09"):
        gcj02.convert(113.0, 27.0, "wgs84", "mercator")


def test_every_vector_of_other_libraries_is_met_or_excepted(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "protocols" / "coordinates.json").read_text())
    assert len(vectors) > 1400
    missed = {}
    for vector in vectors:
        where = (vector["lon"], vector["lat"])
        try:
            lon, lat = gcj02.convert(float(where[0]), float(where[1]), vector["from"], vector["to"])
        except gcj02.UnknownSystemError:
            missed[where] = "system"
            continue
        error = max(abs(lon - vector["expected_lon"]), abs(lat - vector["expected_lat"]))
        if error > vector["tolerance"]:
            assert vector["pass_reference_formula"] is False
            missed[where] = f"{error} deg"
    assert missed.keys() == EXCEPTIONS.keys()
