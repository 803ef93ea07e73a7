"""GeoJSON: values in, RFC 7946 out; and the ground under the maps."""

import json

import numpy as np
import pytest
import shapely

from geo import crs, density
from maps import basemap, features

EPSG = 4547
PARK = shapely.box(400_000, 3_070_000, 401_000, 3_071_000)


@pytest.fixture
def spots() -> density.HotSpots:
    rng = np.random.default_rng(8)
    xy_m = np.vstack(
        [rng.uniform((400_000, 3_070_000), (401_000, 3_071_000), (60, 2)), [(400_550.0, 3_070_550.0)] * 40]
    )
    return density.hot_spots(density.lay(xy_m, 100, area=PARK.buffer(-1)), xy_m)


def test_a_cell_is_a_closed_ring_of_degrees_around_its_square(spots):
    cells = features.cells(spots, np.full(len(spots.n), 0.05), EPSG, [{}] * len(spots.n))["features"]
    rings = np.array([cell["geometry"]["coordinates"][0] for cell in cells])
    assert rings.shape == (100, 5, 2)
    x_m, y_m = crs.project_points(rings[..., 0], rings[..., 1], EPSG)
    boxes = spots.lattice.boxes
    np.testing.assert_allclose(x_m.min(axis=1), boxes[:, 0], atol=0.02)
    np.testing.assert_allclose(y_m.max(axis=1), boxes[:, 3], atol=0.02)
    assert all(shapely.Polygon(ring).exterior.is_ccw for ring in rings)


def test_the_features_of_a_cell_are_those_of_the_score(spots):
    cells = [
        cell["properties"]
        for cell in features.cells(spots, np.full(len(spots.n), 0.05), EPSG, [{"theft": 1}] * len(spots.n))["features"]
    ]
    assert [cell["n"] for cell in cells] == spots.n.tolist()
    assert [cell["gi_star_z"] for cell in cells] == spots.gi_star_z.tolist()
    assert [cell["hot"] for cell in cells] == spots.hot.tolist()
    assert cells[0]["kinds"] == {"theft": 1}


def test_only_hot_cells_have_a_rank_and_the_hottest_is_the_first(spots):
    cells = [
        cell["properties"]
        for cell in features.cells(spots, np.full(len(spots.n), 0.05), EPSG, [{}] * len(spots.n))["features"]
    ]
    ranked = sorted((cell["rank"], cell["gi_star_z"]) for cell in cells if cell["hot"])
    assert [rank for rank, _ in ranked] == list(range(1, len(ranked) + 1))
    assert [z for _, z in ranked] == sorted((z for _, z in ranked), reverse=True)
    assert ranked[0][1] == max(spots.gi_star_z)
    assert all(cell["rank"] is None for cell in cells if not cell["hot"])


def test_a_hot_cell_is_firm_only_if_luck_seldom_does_as_well(spots):
    often = np.where(np.arange(len(spots.n)) % 2, 0.05, 0.051)
    cells = features.cells(spots, often, EPSG, [{}] * len(spots.n))["features"]
    firm = [cell["properties"]["firm"] for cell in cells]
    assert firm == (spots.hot & (often <= 0.05)).tolist()
    assert 0 < sum(firm) < spots.hot.sum()


def test_members_stand_beside_the_features():
    found = features.collection([], summary={"n": 1})
    assert list(found) == ["type", "summary", "features"]


def test_coordinates_are_rounded_to_a_centimetre():
    found = features.point(113.123456789123, 27.987654321987, {})
    assert found["geometry"]["coordinates"] == (113.1234568, 27.9876543)


def test_everything_that_is_built_can_be_written_as_json(spots):
    text = json.dumps(
        features.cells(spots, np.full(len(spots.n), 0.05), EPSG, [{}] * len(spots.n), summary={"n": 1}), allow_nan=False
    )
    assert json.loads(text)["type"] == "FeatureCollection"


@pytest.mark.parametrize("name", basemap.LAYERS)
def test_a_layer_lies_around_zhuzhou(name):
    shapes = [shapely.geometry.shape(one["geometry"]) for one in json.loads(basemap.layer(name))["features"]]
    west, south, east, north = shapely.total_bounds(shapes)
    assert 108 < west < east < 116
    assert 24 < south < north < 31


def test_nothing_is_shifted_unless_asked_for(shared_data):
    shipped = json.loads(basemap.layer("city"))["features"]
    given = json.loads((shared_data / "zhuzhou/city.geojson").read_text())["features"]
    assert [one["geometry"] for one in shipped] == [one["geometry"] for one in given]


def test_what_lies_around_a_place_is_cut_at_the_edge():
    bounds = (113.0, 27.7, 113.2, 27.9)
    found = basemap.around("counties", bounds)["features"]
    assert 2 <= len(found) <= 6
    assert all(shapely.box(*bounds).buffer(1e-6).covers(shapely.geometry.shape(one["geometry"])) for one in found)
    assert basemap.around("river", (110.0, 20.0, 110.1, 20.1))["features"] == []


@pytest.mark.parametrize(("name", "datum"), [("secrets", "cgcs2000"), ("city", "bd09"), ("../city", "cgcs2000")])
def test_an_unknown_layer_or_datum_is_refused(name, datum):
    with pytest.raises(basemap.LayerError, match="there is no"):
        basemap.layer(name, datum)
