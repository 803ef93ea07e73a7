"""What is reached over the roads within a time: matrices, ground, shares."""

from itertools import pairwise

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


BLOCK = {1: (113.0, 28.0), 2: (113.015, 28.0), 3: (113.015, 28.0135), 4: (113.0, 28.0135)}
"""A block of 1.5 km with streets around it."""

AROUND = [(1, 2, 60, 60), (2, 3, 60, 60), (3, 4, 60, 60), (4, 1, 60, 60)]


def test_a_block_without_roads_inside_is_reached_when_the_streets_around_it_are():
    graph = RoadGraph(network(AROUND, BLOCK))
    (ring,) = coverage.Ground.of(graph).reached(graph.at_nodes([1]), [300.0])
    assert shapely.get_num_interior_rings(shapely.get_parts(ring.shape)).sum() == 0
    assert ring.shape.covers(shapely.Point(113.0075, 28.0067))


def test_a_block_with_a_road_inside_that_nobody_reaches_is_a_hole_at_every_limit():
    nodes = BLOCK | {5: (113.006, 28.0067), 6: (113.009, 28.0067)}
    graph = RoadGraph(network([*AROUND, (5, 6, 20, 20)], nodes))
    rings = coverage.Ground.of(graph).reached(graph.at_nodes([1]), [300.0, 600.0])
    assert rings[0].shape.equals(rings[1].shape)
    assert not rings[0].shape.intersects(shapely.LineString([nodes[5], nodes[6]]))
    assert shapely.get_num_interior_rings(shapely.get_parts(rings[0].shape)).sum() == 1


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_limits_lie_within_each_other_and_every_hole_is_by_a_road_that_is_not_reached(seed):
    rng, side = np.random.default_rng(seed), 7
    wobble = rng.uniform(-0.001, 0.001, (side * side + 1, 2))
    places = {r * side + c + 1: (113 + c * 0.003, 28 + r * 0.003) for r in range(side) for c in range(side)}
    nodes = {node: (lon + wobble[node, 0], lat + wobble[node, 1]) for node, (lon, lat) in places.items()}
    pairs = [(n, n + 1) for n in nodes if n % side] + [(n, n + side) for n in nodes if n + side in nodes]
    kept = [pair for pair in pairs if rng.random() < 0.8]
    graph = RoadGraph(network([(a, b, *rng.choice([20, 60, 400], 2)) for a, b in kept], nodes))
    ground = coverage.Ground.of(graph)
    origins = graph.at_nodes(rng.choice(graph.network.node_id, 2))
    rings = ground.reached(origins)
    assert all(shapely.is_valid(ring.shape) for ring in rings)
    assert all(outer.shape.buffer(1e-9).covers(inner.shape) for outer, inner in pairwise(rings))
    for ring in rings:
        late = _squares(ground, ground._times_s(origins, 600.0) > ring.limit_s)
        for part in shapely.get_parts(ring.shape):
            for hole in part.interiors:
                metres = crs.project(shapely.Polygon(hole), ground.zone)
                assert metres.area > 0.99 * coverage.CELL_M**2
                assert metres.intersects(late)


def _squares(ground, points):
    """Return the squares in which these points along the roads lie, in metres."""
    row, column = (axis[points] * coverage.CELL_M for axis in ground.cell)
    west, south = ground.west_m + column, ground.south_m + row
    return shapely.union_all(shapely.box(west, south, west + coverage.CELL_M, south + coverage.CELL_M))
