"""The demo city: a plausible network that keeps to the ground it stands on."""

import csv
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from demo import city, ground
from demo.network import Network
from tests.builders import demo_city


@pytest.fixture
def land() -> ground.Ground:
    return demo_city.land()


@pytest.fixture
def network() -> Network:
    return demo_city.network()


def edges_in_metres(network: Network) -> np.ndarray:
    degrees = shapely.multipoints(shapely.points(network.lon_deg, network.lat_deg))
    places = shapely.get_coordinates(ground.to_metres(degrees))
    return shapely.linestrings(np.stack([places[network.source - 1], places[network.target - 1]], axis=1))


def test_every_node_reaches_every_other(network: Network) -> None:
    both = ~network.oneway
    tails = np.concatenate([network.source, network.target[both]]) - 1
    heads = np.concatenate([network.target, network.source[both]]) - 1
    count = len(network.lon_deg)
    arcs = coo_array((np.ones(len(tails)), (tails, heads)), shape=(count, count))
    parts, _ = connected_components(arcs, directed=True, connection="strong")
    assert parts == 1
    assert 8_000 < count < 25_000


def test_only_bridges_cross_the_river(network: Network, land: ground.Ground) -> None:
    over = shapely.intersects(edges_in_metres(network), land.water)
    names = {network.name[k] for k in np.flatnonzero(over)}
    assert all(name.endswith("大桥") for name in names)
    assert 5 <= len(names) <= 12
    urban = shapely.intersects(edges_in_metres(network), land.river)
    assert 5 <= urban.sum() <= 10


def test_all_roads_lie_inside_the_city(network: Network, land: ground.Ground) -> None:
    assert shapely.contains(land.boundary, edges_in_metres(network)).all()


def test_roads_lead_to_every_county_seat(network: Network) -> None:
    for name, lon, lat in ground.SEATS.values():
        near = np.hypot((network.lon_deg - lon) * 98_500, (network.lat_deg - lat) * 110_800) < 1500.0
        assert near.sum() > 40, name


def test_motorways_have_two_carriageways_and_some_streets_are_oneway(network: Network) -> None:
    highway = np.array(network.highway)
    assert network.oneway[highway == "motorway"].all()
    assert 100 < network.oneway[highway == "residential"].sum() < 0.3 * (highway == "residential").sum()
    assert {"trunk", "primary", "secondary", "tertiary", "unclassified"} <= set(network.highway)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    network: Network, land: ground.Ground, tmp_path: Path
) -> None:
    network.write(tmp_path / "a")
    city.build(land).write(tmp_path / "b")
    city.build(land, seed=7).write(tmp_path / "c")
    for table in ("nodes.csv", "edges.csv"):
        first = (tmp_path / "a" / table).read_bytes()
        assert first == (tmp_path / "b" / table).read_bytes()
        assert first != (tmp_path / "c" / table).read_bytes()


def test_edge_costs_are_length_over_speed_and_minus_one_forbids(network: Network, tmp_path: Path) -> None:
    folder = network.write(tmp_path)
    with (folder / "edges.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(network.source)
    for row, oneway in zip(rows, network.oneway, strict=True):
        cost_s = float(row["length_m"]) * 3.6 / float(row["speed_kmh"])
        assert float(row["cost_s"]) == pytest.approx(cost_s, abs=1e-4)
        assert float(row["reverse_cost_s"]) == (-1.0 if oneway else pytest.approx(cost_s, abs=1e-4))
