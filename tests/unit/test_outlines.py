"""Areas as a terminal can watch them."""

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import areas, outlines


def shape(*rings: list[tuple[float, float]]) -> dict:
    return {"type": "MultiPolygon", "coordinates": [[[*ring, ring[0]] for ring in rings]]}


def around(lon: float, lat: float, radius_m: float, corners: int) -> list[tuple[float, float]]:
    metre = 1 / 111_320
    turns = [2 * math.pi * n / corners for n in range(corners)]
    return [
        (lon + radius_m * metre * math.sin(turn) / math.cos(math.radians(lat)), lat + radius_m * metre * math.cos(turn))
        for turn in turns
    ]


def test_an_upright_rectangle_is_one_whatever_the_order_of_its_corners():
    corners = [(113.1, 27.8), (113.2, 27.8), (113.2, 27.9), (113.1, 27.9)]
    expected = outlines.Rectangle(113.1, 27.8, 113.2, 27.9)
    assert outlines.simplest(shape(corners)) == expected
    assert outlines.simplest(shape(corners[::-1])) == expected


def test_many_corners_at_the_same_distance_are_a_circle_that_holds_them_all():
    corners = around(113.13, 27.83, 500, 64)
    circle = outlines.simplest(shape(corners))
    assert isinstance(circle, outlines.Circle)
    assert (circle.lon_deg, circle.lat_deg) == pytest.approx((113.13, 27.83), abs=1e-5)
    assert circle.radius_m == pytest.approx(500, rel=0.01)


def test_a_hexagon_and_a_leaning_rectangle_are_polygons_with_each_corner_once():
    hexagon = around(113.13, 27.83, 500, 6)
    found = outlines.simplest(shape(hexagon))
    assert isinstance(found, outlines.Polygon)
    assert len(found.points) == 6
    leaning = [(113.1, 27.8), (113.2, 27.81), (113.19, 27.9), (113.09, 27.89)]
    assert outlines.simplest(shape(leaning)) == outlines.Polygon(tuple(leaning))


def test_an_ellipse_is_no_circle():
    corners = [(113.13 + (lon - 113.13) * 1.1, lat) for lon, lat in around(113.13, 27.83, 500, 64)]
    assert isinstance(outlines.simplest(shape(corners)), outlines.Polygon)


def test_holes_and_several_parts_are_refused():
    outer = [(113.1, 27.8), (113.2, 27.8), (113.2, 27.9), (113.1, 27.9)]
    inner = [(113.14, 27.84), (113.16, 27.84), (113.15, 27.86)]
    with pytest.raises(areas.ShapeError, match="parts of this area: 1, holes: 1"):
        outlines.simplest(shape(outer, inner))
    two = shapely.geometry.mapping(shapely.MultiPolygon([shapely.box(113, 27, 114, 28), shapely.box(115, 27, 116, 28)]))
    with pytest.raises(areas.ShapeError, match="parts of this area: 2"):
        outlines.simplest(two)


# -- what people draw

WAY = {"type": "LineString", "coordinates": [[113.1, 27.8], [113.1, 27.81], [113.12, 27.81]]}


def test_a_way_is_the_ground_along_its_line():
    drawn = outlines.read_drawn(WAY, 50, None)
    assert outlines.form_of(drawn) == "route"
    assert shapely.geometry.mapping(drawn.line)["coordinates"] == tuple(map(tuple, WAY["coordinates"]))
    edge_m = areas.signed_distance_m(drawn.shape, [113.1, 113.11, 113.1], [27.805, 27.81, 27.8])
    assert edge_m == pytest.approx([-25, -25, -25], abs=0.1)
    beside = areas.signed_distance_m(drawn.shape, [113.1 + 30 / 98_500], [27.805])
    assert beside == pytest.approx([5], abs=0.2)


@given(st.floats(73.6, 135), st.floats(5, 53), st.floats(1, 20_000))
def test_a_point_with_a_radius_is_a_circle_and_comes_back_as_it_was_drawn(lon, lat, radius_m):
    drawn = outlines.read_drawn({"type": "Point", "coordinates": [lon, lat]}, None, radius_m)
    circle = outlines.simplest(shapely.geometry.mapping(drawn.shape))
    assert isinstance(circle, outlines.Circle)
    assert outlines.form_of(drawn) == "circle"
    assert circle.radius_m == pytest.approx(radius_m, abs=0.2)
    assert (circle.lon_deg, circle.lat_deg) == pytest.approx((lon, lat), abs=2e-5)


def test_an_area_with_a_hole_has_no_form_that_a_terminal_can_watch():
    outer = [[113.1, 27.8], [113.2, 27.8], [113.2, 27.9], [113.1, 27.9], [113.1, 27.8]]
    inner = [[113.14, 27.84], [113.16, 27.84], [113.15, 27.86], [113.14, 27.84]]
    forms = [
        outlines.form_of(outlines.read_drawn({"type": "Polygon", "coordinates": rings}, None, None))
        for rings in ([outer, inner], [outer], [inner])
    ]
    assert forms == [None, "rectangle", "polygon"]


POINT = {"type": "Point", "coordinates": [113.1, 27.8]}


@pytest.mark.parametrize(
    ("shape", "width_m", "radius_m", "words"),
    [
        (WAY, None, None, "has a width"),
        (WAY, 256, None, "1 to 255 metres"),
        (WAY, 20, 100, "has a radius"),
        (POINT, None, None, "has a radius"),
        (POINT, None, 0.5, "radius of 1 to"),
        (POINT, 20, 100, "has a width"),
        ({"type": "LineString", "coordinates": [[113.1, 27.8]]}, 20, None, "2 to 1000"),
        ({"type": "LineString", "coordinates": [[113.1, 27.8], [113.1, 27.8]]}, 20, None, "2 to 1000"),
        ({"type": "LineString", "coordinates": [[113.1, 27.8], [27.8, 113.1]]}, 20, None, "2 to 1000"),
        ({"type": "LineString", "coordinates": [[113.1, "x"], [113, 27]]}, 20, None, "2 to 1000"),
        ({"type": "LineString", "coordinates": None}, 20, None, "2 to 1000"),
        ({"type": "LineString", "coordinates": [[113.1, 27.8], [float("nan"), 27]]}, 20, None, "2 to 1000"),
        ({"type": "Point", "coordinates": [2.3, 48.8]}, None, 500, "outside of China"),
        ({"type": "Point", "coordinates": 5}, None, 500, "pair in degrees"),
    ],
)
def test_what_is_not_drawn_right_is_refused_with_what_would_be(shape, width_m, radius_m, words):
    with pytest.raises(areas.ShapeError, match=words):
        outlines.read_drawn(shape, width_m, radius_m)
