"""Closing roads on the map, walking against the traffic, and what a unit's leaving uncovers."""

import numpy as np
import pytest
import shapely

from geo.roads import FORBIDDEN, Modes, Network, RoadGraph, edges_closed, lines_of
from geo.roads.closing import without
from tests.builders import town

NETWORK = town.plan().network
ROADS = {name: row for row, (*_, name) in enumerate(town.EDGES)}


def cross() -> Network:
    """A road to the east in two pieces, with a street to the north from its middle."""
    lon, lat = np.array([113.100, 113.110, 113.120, 113.110]), np.array([27.80, 27.80, 27.80, 27.81])
    source, target = np.array([1, 2, 2]), np.array([2, 3, 4])
    return Network(np.arange(1, 5), lon, lat, source, target, *(np.full(3, 1000.0) for _ in range(3)))


def test_a_point_closes_the_road_at_it_and_one_far_from_all_roads_none():
    assert edges_closed(cross(), shapely.Point(113.105, 27.8003)).tolist() == [0]
    assert edges_closed(cross(), shapely.Point(113.105, 27.8010)).tolist() == []


def test_a_line_closes_what_runs_along_it_and_no_crossing_street():
    drawn = shapely.LineString([(113.1085, 27.80005), (113.1115, 27.80005)])
    assert edges_closed(cross(), drawn).tolist() == [0, 1]
    assert edges_closed(cross(), shapely.LineString([(113.110, 27.801), (113.110, 27.805)])).tolist() == [2]
    beyond = shapely.LineString([(113.1203, 27.80), (113.125, 27.80)])  # goes on where the road ends
    assert edges_closed(cross(), beyond).tolist() == []


def test_a_polygon_closes_what_it_meets():
    assert edges_closed(cross(), shapely.box(113.109, 27.7995, 113.111, 27.8005)).tolist() == [0, 1, 2]


def test_both_directions_of_a_closed_edge_are_forbidden_and_the_others_stay():
    closed = without(cross(), np.array([1]))
    assert closed.cost_s.tolist() == [1000, FORBIDDEN, 1000]
    assert closed.reverse_cost_s.tolist() == [1000, FORBIDDEN, 1000]
    assert lines_of(cross(), np.array([1])).wkt == "MULTILINESTRING ((113.11 27.8, 113.12 27.8))"


def test_a_closed_bridge_parts_the_banks_for_cars_and_not_for_feet():
    modes = Modes.of(NETWORK, 300.0)
    bridge = edges_closed(NETWORK, shapely.Point(113.135, 27.86))
    shut = modes.closing(bridge)

    def time_s(graph: RoadGraph) -> float:
        return float(graph.times_to(graph.at_nodes(3), graph.at_nodes(1))[0])

    assert time_s(modes.drive) < np.inf
    assert time_s(shut.drive) == np.inf
    assert time_s(shut.walk) == pytest.approx(time_s(modes.walk))
    assert time_s(shut.closing(np.empty(0, np.int64)).drive) == time_s(modes.drive)


def test_the_walk_takes_its_way_at_walking_pace_whatever_the_one_way_signs():
    one_way = Network(
        NETWORK.node_id, NETWORK.lon_deg, NETWORK.lat_deg, NETWORK.source, NETWORK.target, NETWORK.length_m,
        NETWORK.cost_s, np.full(len(NETWORK.source), FORBIDDEN),
    )  # fmt: skip
    modes = Modes.of(one_way, 300.0)
    there = modes.walk.times_to(modes.walk.at_nodes(1), modes.walk.at_nodes(2))[0]
    assert there == pytest.approx(NETWORK.length_m[0] / 1.4)
    assert modes.drive.times_to(modes.drive.at_nodes(1), modes.drive.at_nodes(2))[0] == np.inf


def test_a_unit_alone_on_its_bank_covers_it_alone_and_two_at_one_place_nothing():
    modes = Modes.of(NETWORK, 120.0)
    places = np.array([town.WEST, town.SOUTH, town.SOUTH])
    lost = modes.cover.alone(*places.T).mean(axis=1)
    assert lost[0] > 0.05
    assert lost[1:].tolist() == [0, 0]
