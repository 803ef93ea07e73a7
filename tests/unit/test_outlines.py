"""Areas as a terminal can watch them."""

import math

import pytest
import shapely

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
