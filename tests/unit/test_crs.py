import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import crs


def test_the_zone_is_the_one_of_the_nearest_meridian() -> None:
    assert crs.zone_for(113.134) == 4547  # central meridian 114 E
    assert crs.zone_for(75) == 4534
    assert crs.zone_for(112.5) == 4547  # half way: the eastern one
    assert crs.zone_for(112.49) == 4546
    assert crs.zone_for(135) == 4554


@pytest.mark.parametrize("lon", [73.4, 136.6, -113, float("nan"), float("inf")])
def test_no_zone_covers_places_outside_of_the_series(lon: float) -> None:
    with pytest.raises(crs.CrsError, match=r"73\.5 to 136\.5"):
        crs.zone_for(lon)


@given(st.floats(73.6, 136.4), st.floats(1, 55))
def test_projecting_and_back_is_the_same_place(lon: float, lat: float) -> None:
    zone = crs.zone_for(lon)
    x_m, y_m = crs.project_points(lon, lat, zone)
    assert 300_000 < x_m < 700_000
    assert crs.unproject_points(x_m, y_m, zone) == pytest.approx((lon, lat), abs=1e-9)


def test_a_circle_of_100_m_has_its_area_in_the_zone_and_its_place_on_earth() -> None:
    centre = shapely.Point(113.134, 27.8275)
    circle_m = crs.project(centre, 4547).buffer(100, quad_segs=64)
    assert circle_m.area == pytest.approx(np.pi * 100**2, rel=1e-3)
    circle = crs.unproject(circle_m, 4547)
    assert isinstance(circle, shapely.Polygon)
    assert circle.contains(centre)
    edge = np.array(circle.exterior.coords)
    np.testing.assert_allclose(crs.distance_m(113.134, 27.8275, edge[:, 0], edge[:, 1]), 100, atol=0.1)


def test_wgs84_and_cgcs2000_have_the_same_numbers() -> None:
    for code in ("EPSG:4326", "epsg:4490", 4326):
        assert crs.to_cgcs2000(113.134, 27.8275, code) == pytest.approx((113.134, 27.8275), abs=1e-9)


def test_metres_of_other_systems_become_degrees() -> None:
    lon, lat = crs.to_cgcs2000([500_000], [3_079_600], "EPSG:4547")
    assert lon == pytest.approx([114.0], abs=1e-9)
    assert 27.8 < float(lat[0]) < 27.85
    utm = crs.to_cgcs2000(*crs.project_points(113.134, 27.8275, 32649), "EPSG:32649")
    assert utm == pytest.approx((113.134, 27.8275), abs=1e-9)


def test_beijing_1954_is_not_mistaken_for_cgcs2000() -> None:
    lon, lat = crs.to_cgcs2000(113.134, 27.8275, "EPSG:4214")
    assert 20 < float(crs.distance_m(113.134, 27.8275, lon, lat)) < 150


def test_a_datum_without_published_parameters_is_refused() -> None:
    with pytest.raises(crs.CrsError, match="no published parameters"):
        crs.to_cgcs2000(113, 27, "EPSG:4610")  # Xi'an 1980


@pytest.mark.parametrize("code", ["EPSG:999999", "EPSG:", "wgs84", "EPSG:4５47", "EPSG:-1"])
def test_a_code_that_does_not_exist_is_refused(code: str) -> None:
    with pytest.raises(crs.CrsError):
        crs.to_cgcs2000(113, 27, code)


def test_a_degree_of_latitude_has_the_length_of_the_ellipsoid() -> None:
    assert float(crs.distance_m(113, 0, 113, 1)) == pytest.approx(110_574.4, abs=0.1)
    assert crs.distance_m(113, 27, [113, 114], [28, 27]).shape == (2,)


@given(st.floats(-179, 179), st.floats(-89, 89), st.floats(-1, 1), st.floats(-0.9, 0.9))
def test_the_sphere_is_within_0_6_percent_of_the_ellipsoid(lon: float, lat: float, east: float, north: float) -> None:
    exact = float(crs.distance_m(lon, lat, lon + east, lat + north))
    assert float(crs.haversine_m(lon, lat, lon + east, lat + north)) == pytest.approx(exact, rel=0.006, abs=0.01)
