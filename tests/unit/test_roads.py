"""Roads as a graph, and the readers of their files."""

import csv
import gzip
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import crs
from geo.pace import DEFAULT_PACE_S_PER_M
from geo.roads import ACCESS_MPS, Network, NetworkError, RoadGraph, UnknownNodeError
from services.ingest import roads as files

NETS = ("wuhan", "shanghai_centre", "changsha_yuelu")
STEP_DEG = 0.01


def network(edges, nodes=None):
    """Nodes 1 … on a row of hundredths of a degree at 28° N unless placed; edges are source, target, there, back."""
    ids = sorted({end for edge in edges for end in edge[:2]})
    places = nodes or {node: (113 + STEP_DEG * node, 28.0) for node in ids}
    lon, lat = np.array([places[node] for node in ids], float).T
    source, target, there, back = (np.array(column) for column in zip(*edges, strict=True))
    row = {node: index for index, node in enumerate(ids)}
    a, b = [row[end] for end in source], [row[end] for end in target]
    length = crs.haversine_m(lon[a], lat[a], lon[b], lat[b])
    return Network(np.array(ids), lon, lat, source, target, length, there.astype(float), back.astype(float))


def at(graph, *nodes):
    return graph.at_nodes(list(nodes))


def seconds(graph, source, target):
    return float(graph.times_to(at(graph, target), at(graph, source))[0])


def test_a_one_way_street_leads_one_way():
    graph = RoadGraph(network([(1, 2, 10, -1), (2, 3, 10, 20)]))
    assert seconds(graph, 1, 3) == 20
    assert seconds(graph, 3, 2) == 20
    assert seconds(graph, 3, 1) == math.inf


def test_of_parallel_edges_the_cheapest_open_one_counts():
    graph = RoadGraph(network([(1, 2, 10, 10), (1, 2, 7, -1), (2, 1, 9, -1), (1, 2, 30, 4)]))
    assert seconds(graph, 1, 2) == 7
    assert seconds(graph, 2, 1) == 4


def test_an_island_is_out_of_reach():
    graph = RoadGraph(network([(1, 2, 10, 10), (8, 9, 10, 10)]))
    assert seconds(graph, 8, 1) == math.inf
    assert graph.route(at(graph, 8), at(graph, 1)) is None
    assert graph.nearest(at(graph, 1), at(graph, 8, 2, 9), 3) == [
        graph.reach(at(graph, 1)).journey(at(graph, 8, 2, 9), 1)
    ]


def test_the_fastest_way_may_be_longer_than_the_shortest():
    nodes = {1: (113, 28), 2: (113.01, 28), 3: (113.005, 28.01)}
    graph = RoadGraph(network([(1, 2, 500, 500), (1, 3, 60, 60), (3, 2, 60, 60)], nodes))
    table = graph.times(at(graph, 1), at(graph, 2))
    assert table.time_s[0] == 120
    assert table.length_m[0] > 2 * 1000 > table.shortest_m[0]


def test_a_node_it_does_not_have_is_named():
    with pytest.raises(UnknownNodeError, match="77"):
        RoadGraph(network([(1, 2, 10, 10)])).at_nodes([1, 77])


def test_a_place_beside_the_road_pays_for_the_way_to_it():
    graph = RoadGraph(network([(1, 2, 100, 100)]))
    off_m = 50
    place = graph.at_places(113.015, 28 + off_m / 111_195)
    time_s = graph.times_to(at(graph, 2), place)[0]
    assert time_s == pytest.approx(50 + off_m / ACCESS_MPS, abs=0.01)
    assert place.access_m[0] == pytest.approx(off_m, abs=0.1)


def test_a_place_far_from_every_road_has_no_answer():
    graph = RoadGraph(network([(1, 2, 100, 100)]))
    place = graph.at_places(113.015, 28.02)
    assert not place.on_network[0]
    assert graph.times_to(at(graph, 2), place)[0] == math.inf
    assert graph.nearest(at(graph, 2), place, 1) == []
    assert graph.nearest(place, at(graph, 1), 1) == []


def test_two_places_on_one_edge_are_joined_along_it_and_not_around():
    graph = RoadGraph(network([(1, 2, 100, 200)]))
    places = graph.at_places([113.012, 113.018], [28.0, 28.0])
    assert graph.times_to(places[1:2], places[:1])[0] == pytest.approx(60)
    assert graph.times_to(places[:1], places[1:2])[0] == pytest.approx(120)
    route = graph.route(places[:1], places[1:2])
    assert route.length_m == pytest.approx(crs.haversine_m(113.012, 28, 113.018, 28), rel=1e-3)
    assert route.line.tolist() == [[113.012, 28], [113.018, 28]]


def test_against_a_one_way_street_the_way_goes_around():
    nodes = {1: (113, 28), 2: (113.01, 28), 3: (113.005, 28.01)}
    graph = RoadGraph(network([(1, 2, 100, -1), (2, 3, 50, -1), (3, 1, 70, -1)], nodes))
    places = graph.at_places([113.008, 113.002], [28.0, 28.0])
    assert graph.times_to(places[1:2], places[:1])[0] == pytest.approx(20 + 50 + 70 + 20)
    assert graph.route(places[:1], places[1:2]).length_m > 2500


def test_a_stub_cut_off_at_the_edge_of_the_map_catches_nobody():
    block = [(node, node % 300 + 1, 10, 10) for node in range(1, 301)]
    angle = {node: 2 * math.pi * node / 300 for node in range(1, 301)}
    nodes = {node: (113 + 0.02 * math.cos(a), 28 + 0.02 * math.sin(a)) for node, a in angle.items()}
    nodes |= {900: (113.0225, 28.0), 901: (113.0235, 28.0)}
    graph = RoadGraph(network([*block, (900, 901, 5, 5)], nodes))
    assert graph.times_to(at(graph, 10), graph.at_places(113.0225, 28.0))[0] < math.inf


def test_the_line_of_a_route_begins_and_ends_at_the_places_and_is_as_long_as_it_says(shared_data):
    graph = RoadGraph(files.read(shared_data / "roads" / "changsha_yuelu").network)
    rng = np.random.default_rng(5)
    west, south, east, north = graph.bounds_deg
    for _ in range(20):
        lon, lat = rng.uniform(west, east, 2), rng.uniform(south, north, 2)
        places = graph.at_places(lon, lat)
        route = graph.route(places[:1], places[1:])
        if route is None:
            assert not places.on_network.all()
            continue
        assert route.line[0].tolist() == [lon[0], lat[0]]
        assert route.line[-1].tolist() == [lon[1], lat[1]]
        assert crs.haversine_m(*route.line[:-1].T, *route.line[1:].T).sum() == pytest.approx(route.length_m, rel=2e-3)


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.tuples(*[st.integers(1, 9)] * 2, *[st.integers(-1, 50)] * 2), min_size=1, max_size=25),
    st.integers(1, 9),
)
def test_times_are_those_of_relaxing_every_edge_until_nothing_changes(edges, target):
    edges = [edge for edge in edges if edge[0] != edge[1] and max(edge[2:]) >= 0] or [(1, 2, 3, 4)]
    graph = RoadGraph(network(edges))
    ids = graph.network.node_id.tolist()
    target = target if target in ids else ids[0]
    least = {node: 0.0 if node == target else math.inf for node in ids}
    for _ in ids:
        for source, stop, there, back in edges:
            for tail, head, cost in ((source, stop, there), (stop, source, back)):
                if cost >= 0:
                    least[tail] = min(least[tail], cost + least[head])
    assert graph.times_to(at(graph, target), at(graph, *ids)).tolist() == [least[node] for node in ids]


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 10_000))
def test_the_bounded_search_finds_the_same_nearest_as_the_full_one(seed):
    rng, side = np.random.default_rng(seed), 8
    nodes = {r * side + c + 1: (113 + c * 0.004, 28 + r * 0.004) for r in range(side) for c in range(side)}
    pairs = [(n, n + 1) for n in nodes if n % side] + [(n, n + side) for n in nodes if n + side in nodes]
    edges = [(a, b, *rng.choice([-1, 20, 40, 300], 2, p=[0.2, 0.4, 0.3, 0.1])) for a, b in pairs]
    graph = RoadGraph(network(edges, nodes))
    lon, lat = rng.uniform(112.998, 113.03, 31), rng.uniform(27.998, 28.03, 31)
    scene, units = graph.at_places(lon[:1], lat[:1]), graph.at_places(lon[1:], lat[1:])
    full = graph.times_to(scene, units)
    found = graph.nearest(scene, units, 4)
    assert [way.time_s for way in found] == pytest.approx(sorted(full[np.isfinite(full)])[:4])
    assert graph.nearest_places(scene, lon[1:], lat[1:], 4) == found
    for way in found:
        route = graph.route(units[way.origin : way.origin + 1], scene)
        assert (route.time_s, route.length_m) == pytest.approx((way.time_s, way.length_m))


def test_the_pace_of_a_straight_line_is_fitted_and_has_a_default():
    assert RoadGraph(network([(1, 2, 100, 100)])).pace_s_per_m == DEFAULT_PACE_S_PER_M
    chain = RoadGraph(network([(node, node + 1, 98.2, 98.2) for node in range(1, 60)]))
    assert chain.pace_s_per_m == pytest.approx(98.2 / crs.haversine_m(113, 28, 113.01, 28), rel=1e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"node_id": np.array([1, 1])}, "Node 1 is there twice"),
        ({"lat_deg": np.array([28, 128.0])}, "Node 2 lies nowhere on earth"),
        ({"lon_deg": np.array([113, np.nan])}, "Node 2 lies nowhere on earth"),
        ({"target": np.array([3])}, "Edge 1 .* node 3, which does not exist"),
        ({"cost_s": np.array([-2.0])}, "Edge 1 .* -1 for a forbidden cost"),
        ({"length_m": np.array([np.nan])}, "Edge 1"),
        ({"cost_s": np.array([-1.0]), "reverse_cost_s": np.array([-1.0])}, "No edge of the network may be driven"),
    ],
)
def test_what_can_not_be_a_network_is_refused(change, sentence):
    good = network([(1, 2, 10, 10)])
    fields = {name: getattr(good, name) for name in Network.__slots__} | change
    with pytest.raises(NetworkError, match=sentence):
        RoadGraph(Network(**fields))


@pytest.mark.parametrize("name", NETS)
def test_the_five_nearest_units_are_those_of_the_reference(shared_data, name):
    graph = RoadGraph(files.read(shared_data / "roads" / name).network)
    folder = shared_data / "roads" / "reference"
    with (folder / f"{name}_units.csv").open() as file:
        units = [int(row["unit_node"]) for row in csv.DictReader(file)]
    with (folder / f"{name}_nearest_units.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 250
    for first in range(0, 250, 5):
        found = graph.nearest(graph.at_nodes(int(rows[first]["incident_node"])), graph.at_nodes(units), 5)
        assert [units[way.origin] for way in found] == [int(row["unit_node"]) for row in rows[first : first + 5]]
        expected = [float(row["time_s"]) for row in rows[first : first + 5]]
        assert [way.time_s for way in found] == pytest.approx(expected, abs=0.01)


def arcs(roads):
    net = roads.network
    rows = zip(
        net.source, net.target, roads.highway, roads.name, net.length_m, net.cost_s, net.reverse_cost_s, strict=True
    )
    return sorted(tuple(value.item() if hasattr(value, "item") else value for value in row) for row in rows)


def test_openstreetmap_gives_the_arcs_and_costs_of_the_edge_table(shared_data):
    folder = shared_data / "roads" / "shanghai_centre"
    ours, table = arcs(files.read(folder / "shanghai_centre.osm.gz")), arcs(files.read(folder))
    assert len(table) == 24_223
    assert [row[:4] for row in ours] == [row[:4] for row in table]
    ours, table = (np.array([row[4:] for row in rows]) for rows in (ours, table))
    assert np.abs(ours - table).max() < 0.0011  # a millimetre where rounding falls the other way
    assert ((ours == -1) == (table == -1)).all()


OSM = """<osm version="0.6">{nodes}<way id="1">{refs}<tag k="highway" v="{highway}"/>{tags}</way></osm>"""


def osm(tmp_path, highway="residential", refs=(1, 2, 3), **tags):
    nodes = "".join(f'<node id="{n}" lat="28.0" lon="{113 + n / 100}"/>' for n in (1, 2, 3))
    path = tmp_path / "map.osm"
    path.write_text(
        OSM.format(
            nodes=nodes,
            refs="".join(f'<nd ref="{n}"/>' for n in refs),
            highway=highway,
            tags="".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items()),
        ),
        encoding="utf-8",
    )
    return path


def open_ways(roads):
    net = roads.network
    return (net.cost_s > 0).all(), (net.reverse_cost_s > 0).all()


@pytest.mark.parametrize(
    ("highway", "tags", "directions"),
    [
        ("residential", {}, (True, True)),
        ("residential", {"oneway": "yes"}, (True, False)),
        ("residential", {"oneway": "1"}, (True, False)),
        ("residential", {"oneway": "-1"}, (False, True)),
        ("residential", {"oneway": "no"}, (True, True)),
        ("motorway", {}, (True, False)),
        ("motorway", {"oneway": "no"}, (True, True)),
        ("tertiary", {"junction": "roundabout"}, (True, False)),
    ],
)
def test_a_way_is_open_in_the_directions_its_tags_say(tmp_path, highway, tags, directions):
    roads = files.read(osm(tmp_path, highway, **tags))
    assert len(roads.edge_id) == 2
    assert open_ways(roads) == directions


@pytest.mark.parametrize(
    ("maxspeed", "kmh"), [("60", 60), ("", 25), ("30 mph", 25), ("walk", 25), ("4", 25), ("200", 25), ("٣٠", 25)]
)
def test_the_speed_is_the_tag_when_it_is_plausible_and_else_that_of_the_class(tmp_path, maxspeed, kmh):
    net = files.read(osm(tmp_path, maxspeed=maxspeed)).network
    assert net.cost_s == pytest.approx(net.length_m * 3.6 / kmh, abs=1e-4)


@pytest.mark.parametrize("tags", [{"access": "no"}, {"motor_vehicle": "no"}])
def test_a_road_closed_to_cars_is_no_road(tmp_path, tags):
    with pytest.raises(files.RoadFileError, match="holds no road"):
        files.read(osm(tmp_path, **tags))


def test_a_way_that_leaves_the_extract_keeps_what_is_inside(tmp_path):
    roads = files.read(osm(tmp_path, refs=(1, 2, 99)))
    assert (roads.network.source.tolist(), roads.network.target.tolist()) == ([1], [2])


def test_a_footpath_and_a_broken_file_are_no_roads(tmp_path):
    with pytest.raises(files.RoadFileError, match="holds no road"):
        files.read(osm(tmp_path, "footway"))
    (tmp_path / "broken.osm").write_text("<osm><node id=", encoding="utf-8")
    with pytest.raises(files.RoadFileError, match=r"broken\.osm can't be read"):
        files.read(tmp_path / "broken.osm")
    with pytest.raises(files.RoadFileError, match="There is no file"):
        files.read(tmp_path / "missing.pbf")


def tables(tmp_path, nodes="node_id,lon,lat\n1,113,28\n2,113.01,28\n", edges=None):
    head = "source,target,length_m,cost_s,reverse_cost_s\n"
    (tmp_path / "nodes.csv").write_text(nodes, encoding="utf-8")
    (tmp_path / "edges.csv.gz").write_bytes(gzip.compress((head + (edges or "1,2,980,70,-1\n")).encode()))
    return tmp_path


def test_tables_are_read_from_a_folder_or_from_the_edge_file(tmp_path):
    folder = tables(tmp_path)
    for path in (folder, folder / "edges.csv.gz"):
        roads = files.read(path)
        assert (roads.edge_id.tolist(), roads.highway, roads.name) == ([1], [""], [""])
        assert roads.network.reverse_cost_s.tolist() == [-1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"edges": "1,2,980,70,-1\n1,2,x,70,70\n"}, r"edges\.csv\.gz line 3: length_m 'x' is no number"),
        ({"edges": "1,2.5,980,70,70\n"}, r"line 2: target '2\.5' is no whole number"),
        ({"edges": "1,3,980,70,70\n"}, "node 3, which does not exist"),
        ({"nodes": "id,lon,lat\n1,113,28\n"}, r"nodes\.csv has no column node_id"),
        ({"nodes": "node_id,lon,lat\n1,113,28\n2,,28\n"}, r"nodes\.csv line 3: lon ''"),
        ({"nodes": ""}, r"nodes\.csv can't be read"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path, change, sentence):
    with pytest.raises(files.RoadFileError, match=sentence):
        files.read(tables(tmp_path, **change))


def test_an_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(files.RoadFileError, match=r"No edges\.csv or edges\.csv\.gz"):
        files.read(tmp_path)
