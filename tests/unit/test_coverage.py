"""What is reached over the roads within a time: matrices, ground, shares."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import coverage, crs
from geo.roads import RoadGraph
from services.ingest import roads as files
from tests.builders import town
from tests.unit.test_roads import network


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_times_are_those_of_the_engine_whichever_list_is_shorter(seed):
    rng, side = np.random.default_rng(seed), 6
    nodes = {r * side + c + 1: (113 + c * 0.004, 28 + r * 0.004) for r in range(side) for c in range(side)}
    pairs = [(n, n + 1) for n in nodes if n % side] + [(n, n + side) for n in nodes if n + side in nodes]
    edges = [(a, b, *rng.choice([-1, 20, 40, 300], 2, p=[0.2, 0.4, 0.3, 0.1])) for a, b in pairs]
    graph = RoadGraph(network(edges, nodes))
    some = graph.at_places(rng.uniform(113, 113.02, 4), rng.uniform(28, 28.02, 4))
    many = graph.at_places(rng.uniform(113, 113.02, 9), rng.uniform(28, 28.02, 9))
    for origins, targets in ((some, many), (many, some)):
        expected = [graph.times_to(targets[column : column + 1], origins) for column in range(len(targets))]
        found = coverage.times_s(graph, origins, targets)
        assert found == pytest.approx(np.array(expected).T)
        assert coverage.soonest_s(graph, origins, targets, 500.0) == pytest.approx(
            np.where(found.min(axis=0) <= 500, found.min(axis=0), np.inf)
        )


def test_a_unit_in_the_middle_of_a_street_reaches_both_ways_as_far_as_its_time():
    graph = RoadGraph(network([(1, 2, 100, 100)]))
    (ring,) = coverage.Ground.of(graph).reached(graph.at_places(113.015, 28.0), [25.0])
    assert ring.roads_share == pytest.approx(0.5, abs=0.03)
    assert ring.shape.covers(shapely.Point(113.015, 28.0))
    assert ring.shape.covers(shapely.MultiPoint([(113.013, 28.0), (113.017, 28.0)]))
    assert not ring.shape.intersects(shapely.MultiPoint([(113.0105, 28.0), (113.0195, 28.0)]))


def test_against_a_one_way_street_nothing_is_reached():
    graph = RoadGraph(network([(1, 2, 100, -1), (2, 3, 100, 100)]))
    here = graph.at_nodes([2])
    (ring,) = coverage.Ground.of(graph).reached(here, [100.0])
    assert ring.roads_share == pytest.approx(0.5, abs=0.03)
    assert not ring.shape.intersects(shapely.Point(113.014, 28.0))


def test_the_river_is_not_crossed_where_there_is_no_bridge():
    graph = town.graph()
    rings = coverage.Ground.of(graph).reached(graph.at_places(*town.WEST))
    assert [ring.limit_s for ring in rings] == [600, 300, 180]
    assert not any(ring.shape.covers(shapely.Point(town.SCENE)) for ring in rings[1:])
    assert rings[0].shape.covers(rings[1].shape.buffer(-1e-3))
    shares = [ring.roads_share for ring in rings]
    assert shares == sorted(shares, reverse=True)


def test_with_nobody_free_nothing_is_reached():
    graph = town.graph()
    nobody = graph.at_places(np.empty(0), np.empty(0))
    rings = coverage.Ground.of(graph).reached(nobody)
    assert [(ring.shape.is_empty, ring.roads_share) for ring in rings] == [(True, 0.0)] * 3
    assert np.isinf(coverage.soonest_s(graph, nobody, graph.at_places(*town.SCENE), 600)).all()


def test_on_real_roads_the_ground_holds_the_nodes_that_are_reached_and_is_valid(shared_data):
    graph = RoadGraph(files.read(shared_data / "roads" / "shanghai_centre").network)
    rng = np.random.default_rng(4)
    units = graph.at_nodes(rng.choice(graph.network.node_id, 2))
    nodes = graph.network.node_id[::20]
    targets = graph.at_nodes(nodes)
    least = coverage.soonest_s(graph, units, targets, 300.0)
    (ring,) = coverage.Ground.of(graph).reached(units, [300.0])
    assert ring.shape.is_valid
    reached = shapely.points(targets.place[np.isfinite(least)])
    assert 100 < len(reached) < len(nodes)
    zone = crs.zone_for(121.5)
    ground = crs.project(ring.shape, zone)
    away_m = shapely.distance(ground, [crs.project(point, zone) for point in reached])
    assert away_m.max() < coverage.CELL_M
    whole_s = coverage.soonest_s(graph, units, targets, np.inf)
    late = shapely.points(targets.place[(whole_s > 450) & np.isfinite(whole_s)])
    assert len(late) > 20
    assert shapely.contains(ring.shape, late).mean() < 0.1
