"""Distances to areas: exact near the edge, signed, with holes, in every zone."""

import math
from contextlib import suppress

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import areas, crs

LON, LAT = 113.13, 27.83
DEGREE_M = 1 / 111_000


def square(lon=LON, lat=LAT, side_m=1000.0):
    return shapely.box(*shapely.Point(lon, lat).buffer(side_m / 2 * DEGREE_M).bounds)


def star(seed, lon=LON, lat=LAT, size_m=1000.0, points=40):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * math.pi, points))
    radius = rng.uniform(0.4, 1.0, points) * size_m * DEGREE_M
    return shapely.Polygon(np.column_stack([lon + radius * np.cos(angle), lat + radius * np.sin(angle)]))


def test_the_distance_is_negative_inside_and_in_true_metres():
    shape = square()
    west, south, east, _ = shape.bounds
    middle = (south + shape.bounds[3]) / 2
    offset = 100 * DEGREE_M
    inside, outside = areas.signed_distance_m(shape, [west + offset, west - offset], [middle, middle])
    truth_m = crs.distance_m(west, middle, west + offset, middle)
    assert inside == pytest.approx(-truth_m, rel=3e-4)
    assert outside == pytest.approx(truth_m, rel=3e-4)
    assert areas.signed_distance_m(shape, [east], [middle])[0] == pytest.approx(0, abs=0.01)


def test_a_hole_is_outside_and_every_part_of_a_multipolygon_is_inside():
    hole = square(side_m=200)
    ring = square().difference(hole)
    other = square(lon=LON + 0.05)
    shape = shapely.MultiPolygon([ring, other])
    in_hole, in_ring, in_other = areas.signed_distance_m(
        shape, [LON, LON + 300 * DEGREE_M, LON + 0.05], [LAT, LAT, LAT]
    )
    assert in_hole > 80
    assert in_ring < 0
    assert in_other < -400
    near = areas.Areas([shape]).measure([LON, LON + 300 * DEGREE_M, LON + 0.05], [LAT] * 3, [500.0] * 3)
    assert near.distance_m == pytest.approx([in_hole, in_ring, in_other], abs=1e-6)


@given(st.integers(0, 10_000), st.floats(1, 400))
def test_the_index_says_what_the_slow_way_says(seed, reach_m):
    rng = np.random.default_rng(seed)
    zones = (LON, 116.4, 112.4)  # three Gauss-Krüger zones
    shapes = [star(seed + i, lon=zones[i % 3] + rng.uniform(-0.01, 0.01), points=50) for i in range(9)]
    shapes = [shape if shape.is_valid else shape.convex_hull for shape in shapes]
    lon = np.concatenate([zone + rng.uniform(-0.03, 0.03, 15) for zone in zones])
    lat = LAT + rng.uniform(-0.03, 0.03, 45)
    near = areas.Areas(shapes).measure(lon, lat, np.full(45, reach_m))
    found = {(fix, area): d for fix, area, d in zip(*(values.tolist() for values in near), strict=True)}
    for index, shape in enumerate(shapes):
        for fix, exact_m in enumerate(areas.signed_distance_m(shape, lon, lat)):
            told_m = found.get((fix, index), math.inf)
            if abs(exact_m) < reach_m:
                assert told_m == pytest.approx(exact_m, abs=1e-6)
            else:
                assert told_m == math.copysign(math.inf, exact_m)


def test_a_boundary_of_ten_thousand_vertices_is_measured_exactly():
    angle = np.linspace(0, 2 * math.pi, 10_000, endpoint=False)
    radius = 0.3 + 0.01 * np.sin(37 * angle)
    county = shapely.Polygon(np.column_stack([LON + radius * np.cos(angle), LAT + radius * np.sin(angle)]))
    lon, lat = LON + 0.305 * np.cos(angle[::97]), LAT + 0.305 * np.sin(angle[::97])
    near = areas.Areas([county]).measure(lon, lat, np.full(len(lon), 5000.0))
    assert near.distance_m == pytest.approx(areas.signed_distance_m(county, lon, lat), abs=1e-3)


def test_the_edge_is_a_geodesic_within_a_decimetre_over_ten_kilometres():
    rim = 114.4  # near the rim of the zone, where it is worst
    shape = shapely.Polygon([(rim, LAT), (rim + 0.1, LAT), (rim + 0.1, LAT - 0.05), (rim, LAT - 0.05)])
    (place,) = crs.ELLIPSOID.npts(rim, LAT, rim + 0.1, LAT, 1)
    assert abs(areas.signed_distance_m(shape, *place)) < 0.1
    near = areas.Areas([shape]).measure([place[0]], [place[1]], [5.0])
    assert near.distance_m.tolist() == pytest.approx([0], abs=0.1)


def test_the_bulge_of_a_long_edge_is_not_lost_between_its_vertices():
    shape = shapely.Polygon([(111.6, 30), (114.4, 30), (114.4, 29), (111.6, 29)])
    (place,) = crs.ELLIPSOID.npts(111.6, 30, 114.4, 30, 1)  # 800 m north of the parallel
    assert place[1] > 30.005
    near = areas.Areas([shape]).measure([place[0]], [place[1] - 0.002], [10.0])
    assert near.distance_m.tolist() == [-math.inf]


def test_a_way_that_touches_an_area_is_found_and_the_others_are_not():
    index = areas.Areas([square(), square(lon=LON + 0.1), square(lat=LAT + 0.1)])
    start, end = [(LON - 0.02, LAT), (LON - 0.02, LAT + 0.05)], [(LON + 0.02, LAT), (LON + 0.02, LAT + 0.05)]
    way, area = index.meet(start, end, np.array([True, True, True]))
    assert (way.tolist(), area.tolist()) == ([0], [0])
    way, area = index.meet(start, end, np.array([False, True, True]))
    assert len(way) == len(area) == 0


def test_an_empty_index_and_an_empty_batch_give_nothing():
    assert len(areas.Areas([]).measure([LON], [LAT], [10.0]).fix) == 0
    index = areas.Areas([square()])
    assert len(index.measure([], [], []).fix) == 0
    assert len(index.meet(np.empty((0, 2)), np.empty((0, 2)), np.array([True]))[0]) == 0


def test_an_area_outside_of_the_zones_is_refused():
    with pytest.raises(crs.CrsError, match="no CGCS2000 Gauss"):
        areas.Areas([square(lon=10)])


RING = [[113.0, 27.8], [113.1, 27.8], [113.1, 27.9], [113.0, 27.9], [113.0, 27.8]]
HOLE = [[113.04, 27.84], [113.06, 27.84], [113.06, 27.86], [113.04, 27.86], [113.04, 27.84]]


def test_geojson_polygons_with_holes_and_heights_become_multipolygons():
    shape = areas.read_shape({"type": "Polygon", "coordinates": [[[*place, 55.0] for place in RING], HOLE]})
    assert shape.geom_type == "MultiPolygon"
    assert not shape.has_z
    assert len(shape.geoms[0].interiors) == 1
    assert areas.read_shape({"type": "MultiPolygon", "coordinates": [[RING, HOLE]]}).equals(shape)


@pytest.mark.parametrize(
    ("geojson", "sentence"),
    [
        ({}, "Polygon or MultiPolygon"),
        ({"type": "Point", "coordinates": [113, 27]}, "Polygon or MultiPolygon"),
        ({"type": "Polygon", "coordinates": []}, "Polygon or MultiPolygon"),
        ({"type": "Polygon", "coordinates": RING}, "at least four"),
        ({"type": "Polygon", "coordinates": [RING[:-1]]}, "last equal to the first"),
        ({"type": "Polygon", "coordinates": [[["a", 1]] * 4]}, "pairs of numbers"),
        ({"type": "Polygon", "coordinates": [[{"lon": 1}] * 4]}, "pairs of numbers"),
        ({"type": "Polygon", "coordinates": [[[10**400, 1]] * 4]}, "pairs of numbers"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [1], [1, 2], [1, 2]]]}, "pairs of numbers"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "list of rings"),
        ({"type": "Polygon", "coordinates": [[[y, x] for x, y in RING]]}, "lon comes first"),
        ({"type": "Polygon", "coordinates": [[[math.nan, 1]] * 4]}, "last equal|between"),
        ({"type": "Polygon", "coordinates": [[[113, 27], [114, 28], [114, 27], [113, 28], [113, 27]]]}, "not valid"),
        ({"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 50]]]}, "outside of China"),
        ({"type": "Polygon", "coordinates": [[[100, 20], [111, 20], [111, 21], [100, 20]]]}, "degrees long"),
        (
            {"type": "Polygon", "coordinates": [[[113, 27], [113.000001, 27], [113, 27.000001], [113, 27]]]},
            "square metre",
        ),
        ({"type": "Polygon", "coordinates": [RING], "crs": {"type": "name"}}, "leave crs out"),
    ],
)
def test_what_is_no_area_is_refused_with_a_sentence(geojson, sentence):
    with pytest.raises(areas.ShapeError, match=sentence):
        areas.read_shape(geojson)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["lon", "0"]), inner, max_size=2),
)


@given(st.sampled_from(["Polygon", "MultiPolygon"]), JSON)
def test_any_coordinates_are_either_an_area_or_refused_with_a_sentence(kind, coordinates):
    with suppress(areas.ShapeError):
        assert areas.read_shape({"type": kind, "coordinates": coordinates}).is_valid


def test_too_many_vertices_are_refused():
    angle = np.linspace(0, 2 * math.pi, areas.MAX_VERTICES + 2)
    ring = np.column_stack([LON + 0.1 * np.cos(angle), LAT + 0.1 * np.sin(angle)]).tolist()
    ring[-1] = ring[0]
    with pytest.raises(areas.ShapeError, match="vertices"):
        areas.read_shape({"type": "Polygon", "coordinates": [ring]})
