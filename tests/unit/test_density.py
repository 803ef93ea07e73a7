"""Grid counts, Gi*, local Moran and density: laws, esda, and the reference results of real robberies."""

import csv
import json
import time
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from esda.getisord import G_Local
from esda.moran import Moran_Local
from hypothesis import given
from hypothesis import strategies as st
from libpysal.weights import W, lat2W

from geo import crs, density
from geo.density import Contiguity

UTM_16N = 32616


@pytest.fixture(scope="module")
def memphis(shared_data: Path) -> dict[str, np.ndarray]:
    """The robberies of Memphis in metres."""
    with (shared_data / "incidents/memphis/robberies_2019.csv").open() as file:
        rows = [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    lon, lat = np.array(rows).T
    return np.column_stack(crs.project_points(lon, lat, UTM_16N))


@pytest.fixture(scope="module")
def city(shared_data: Path) -> shapely.Geometry:
    """The union of the precincts of Memphis in metres."""
    return geopandas.read_file(shared_data / "incidents/memphis/precincts.geojson").to_crs(UTM_16N).union_all()


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> dict[str, np.ndarray]:
    """The 3,412 cells that Python and R agreed on, column by column."""
    with (shared_data / "incidents/reference/memphis_500m_cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def summary(shared_data: Path) -> dict[str, dict[str, float]]:
    """The figures over all cells."""
    results: dict[str, dict[str, float]] = json.loads(
        (shared_data / "incidents/reference/memphis_500m_summary.json").read_text()
    )["results"]
    return results


def test_memphis_counts_and_gi_star_are_those_of_the_reference(memphis, city, reference, summary):
    lattice = density.lay(memphis, 500, area=city)
    found = density.hot_spots(lattice, memphis)
    i, j = lattice.indices
    np.testing.assert_array_equal(i, reference["i"])
    np.testing.assert_array_equal(j, reference["j"])
    np.testing.assert_array_equal(found.n, reference["n"])
    np.testing.assert_array_equal(found.neighbours, reference["n_neigh"])
    np.testing.assert_allclose(found.gi_star_z, reference["gi_star_z"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.p_two_sided, reference["p_two_sided"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.q_bh, reference["q_bh"], rtol=0, atol=1e-8)
    assert found.gi_star_z.max() == pytest.approx(summary["gi_star"]["max_z"], abs=1e-9)
    assert found.hot.sum() == summary["gi_star"]["n_q_bh_lt_05_hot"]
    assert (found.p_two_sided < 0.05).sum() == summary["gi_star"]["n_p_lt_05"]


def test_memphis_local_moran_is_that_of_the_reference(memphis, city, reference):
    found = density.local_moran(density.lay(memphis, 500, area=city), memphis)
    np.testing.assert_allclose(found.i, reference["local_moran_I"], rtol=1e-7, atol=1e-6)
    np.testing.assert_array_equal(found.quadrant, reference["lisa_quadrant"])


def test_memphis_kernel_density_is_that_of_the_reference(memphis, city, reference):
    lattice = density.lay(memphis, 500, area=city)
    found = density.kernel_density(memphis, lattice.centres, 750)
    np.testing.assert_allclose(found, reference["kde_gauss750_per_km2"], rtol=1e-6)


def test_a_smoothed_surface_agrees_with_the_exact_density_within_one_per_cent(memphis):
    lattice = density.lay(memphis, 25)
    some = np.random.default_rng(5).choice(lattice.inside.sum(), 2000, replace=False)
    surface = density.density_surface(lattice, memphis, 750)[lattice.inside][some]
    exact = density.kernel_density(memphis, lattice.centres[some], 750)
    inner = exact > 0.1 * exact.max()
    assert inner.sum() > 500
    np.testing.assert_allclose(surface[inner], exact[inner], rtol=0.01)


def test_a_million_cells_are_scored_in_seconds():
    xy_m = np.random.default_rng(1).uniform(0, 100_000, (100_000, 2))
    started = time.perf_counter()
    found = density.hot_spots(density.lay(xy_m, 100), xy_m)
    assert len(found.n) == 1_000_000
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("contiguity", Contiguity)
def test_gi_star_is_what_esda_computes(contiguity):
    counts = np.random.default_rng(7).poisson(0.8, (9, 12))
    xy_m = _points(counts)
    found = density.hot_spots(density.lay(xy_m, 10, area=shapely.box(0.5, 0.5, 119.5, 89.5)), xy_m, contiguity)
    weights = lat2W(9, 12, rook=contiguity is Contiguity.ROOK)
    expected = G_Local(counts.ravel().astype(float), weights, transform="B", star=True, permutations=0)
    np.testing.assert_allclose(found.gi_star_z, expected.Zs, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The weights matrix is not fully connected")  # the island is the point
@pytest.mark.parametrize("contiguity", Contiguity)
def test_gi_star_is_what_esda_computes_on_an_area_with_a_hole_and_an_island(contiguity):
    ring = shapely.box(1, 1, 69, 69).difference(shapely.box(21, 21, 49, 49)).union(shapely.box(91, 91, 99, 99))
    counts = np.random.default_rng(3).poisson(1.5, (10, 10))
    lattice = density.lay(np.empty((0, 2)), 10, area=ring, origin_m=(0, 0))
    found = density.hot_spots(lattice, _points(counts), contiguity)
    cells = list(zip(*(index.tolist() for index in lattice.indices), strict=True))
    number = {cell: k for k, cell in enumerate(cells)}
    around = {
        number[i, j]: [number[i + c, j + r] for r, c in contiguity.steps if (i + c, j + r) in number] for i, j in cells
    }
    values = np.array([counts[j, i] for i, j in cells], dtype=float)
    weights = W(around, silence_warnings=True)
    expected = G_Local(values, weights, transform="B", star=True, permutations=0)
    np.testing.assert_allclose(found.gi_star_z, expected.Zs, atol=1e-12)
    moran = Moran_Local(values, weights, transformation="r", permutations=0)
    np.testing.assert_allclose(density.local_moran(lattice, _points(counts), contiguity).i, moran.Is, atol=1e-12)


def test_a_point_on_a_shared_edge_belongs_to_the_cell_east_and_north_of_it():
    lattice = density.lay(np.empty((0, 2)), 100, area=shapely.box(1, 1, 299, 299))
    counts = lattice.counts(np.array([[100.0, 100.0], [99.999, 99.999], [200.0, 0.0]]))
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_cells_are_numbered_from_the_origin_given():
    xy_m = np.array([[1005.0, -5.0], [1015.0, 5.0]])
    i, j = density.lay(xy_m, 10, origin_m=(1000, 0)).indices
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, -1), (1, -1), (0, 0), (1, 0)]


def test_a_point_outside_the_study_area_counts_nowhere():
    lattice = density.lay(np.empty((0, 2)), 10, area=shapely.box(0.5, 0.5, 39.5, 39.5))
    assert lattice.counts(np.array([[-1.0, 5.0], [5.0, 41.0], [5.0, 5.0]])).sum() == 1


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=60), st.floats(5, 200))
def test_every_point_lies_in_exactly_one_cell(points, cell_m):
    xy_m = np.array(points)
    lattice = density.lay(xy_m, cell_m)
    found = density.hot_spots(lattice, xy_m)
    assert found.n.sum() == len(points)
    assert np.all((found.p_two_sided >= 0) & (found.p_two_sided <= 1))
    assert np.all(found.q_bh >= found.p_two_sided - 1e-12)
    assert np.isfinite(found.gi_star_z).all()


@given(st.lists(st.integers(0, 5), min_size=36, max_size=36))
def test_gi_star_does_not_depend_on_which_way_is_north(counts):
    square = np.array(counts).reshape(6, 6)
    area = shapely.box(0.5, 0.5, 59.5, 59.5)
    upright, turned = (
        density.hot_spots(density.lay(xy_m, 10, area=area), xy_m).gi_star_z.reshape(6, 6)
        for xy_m in (_points(square), _points(square.T))
    )
    np.testing.assert_allclose(upright, turned.T, atol=1e-9)


def test_equal_counts_everywhere_make_nothing_hot():
    xy_m = _points(np.full((5, 5), 2))
    found = density.hot_spots(density.lay(xy_m, 10), xy_m)
    assert found.gi_star_z.tolist() == [0] * 25
    assert found.p_two_sided.tolist() == [1] * 25
    assert not found.hot.any()


def test_the_neighbourhood_sum_and_its_expectation_explain_the_score():
    counts = np.zeros((5, 5), dtype=int)
    counts[2, 2], counts[2, 3], counts[0, 0] = 6, 3, 1
    xy_m = _points(counts)
    found = density.hot_spots(density.lay(xy_m, 10, area=shapely.box(0.5, 0.5, 49.5, 49.5)), xy_m)
    middle = 2 * 5 + 2
    assert (found.n[middle], found.neighbours[middle], found.neighbourhood_n[middle]) == (6, 8, 9)
    assert found.expected_n[middle] == pytest.approx(10 / 25 * 9)


def test_cold_cells_are_never_called_hot():
    counts = np.full((20, 20), 3)
    counts[5:12, 5:12] = 0
    xy_m = _points(counts)
    found = density.hot_spots(density.lay(xy_m, 10), xy_m)
    assert ((found.gi_star_z < 0) & (found.q_bh < 0.05)).any()
    assert not (found.hot & (found.gi_star_z <= 0)).any()


def test_too_few_incidents_make_nothing_hot_whatever_the_score():
    few, enough = np.zeros((9, 9), dtype=int), np.zeros((9, 9), dtype=int)
    few[4, 4], enough[4, 4] = density.MIN_INCIDENTS - 1, density.MIN_INCIDENTS
    area = shapely.box(0.5, 0.5, 89.5, 89.5)
    found = [density.hot_spots(density.lay(xy_m, 10, area=area), xy_m) for xy_m in map(_points, (few, enough))]
    assert [(spots.q_bh < 0.05).any() for spots in found] == [True, True]
    assert [spots.hot.any() for spots in found] == [False, True]


def test_scattered_incidents_are_seldom_called_firm_where_the_normal_often_calls_them_hot():
    area, hot, firm = shapely.box(1, 1, 2099, 2099), 0, 0
    for seed in range(60):
        xy_m = np.random.default_rng(seed).uniform(0, 2100, (density.MIN_INCIDENTS, 2))
        found = density.hot_spots(density.lay(xy_m, 150, area=area), xy_m)
        hot += found.hot.any()
        firm += (density.scattered(found) <= 0.05).any()
    assert hot > 0.15 * 60
    assert firm < 0.08 * 60


def test_incidents_that_truly_gather_are_firm():
    rng = np.random.default_rng(6)
    xy_m = np.vstack([rng.uniform(0, 2100, (60, 2)), rng.normal(1000, 60, (20, 2))])
    found = density.hot_spots(density.lay(xy_m, 150), xy_m)
    luck = density.scattered(found)
    assert luck[found.gi_star_z.argmax()] <= 0.02
    assert luck[found.gi_star_z.argmin()] == 1
    np.testing.assert_array_equal(luck, density.scattered(found))


@pytest.mark.parametrize(
    ("xy_m", "cell_m", "sentence"),
    [
        ([[0, 0], [1, 1]], 0, "a cell of 0 m is impossible"),
        ([[0, 0], [1, 1]], float("nan"), "a cell of nan m is impossible"),
        ([[0, 0], [1e7, 1e7]], 100, "coordinates far off"),
        (np.empty((0, 2)), 100, "no points and no area"),
    ],
)
def test_a_grid_that_cannot_be_laid_is_refused_with_the_reason(xy_m, cell_m, sentence):
    with pytest.raises(density.DensityError, match=sentence):
        density.lay(np.array(xy_m, dtype=float), cell_m)


def _points(counts: np.ndarray) -> np.ndarray:
    """As many points in the middle of each 10 m cell as the table says; row 0 is the southernmost."""
    rows, columns = np.nonzero(counts)
    times = counts[rows, columns]
    return np.column_stack([np.repeat(columns * 10.0 + 5, times), np.repeat(rows * 10.0 + 5, times)])
