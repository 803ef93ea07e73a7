"""Every column of the reference tables of three real networks; travel times stand in other tests too."""

import csv

import numpy as np
import pytest

from geo import crs
from geo.roads import RoadGraph
from services.ingest import roads as files

OF_THE_README = {"wuhan": (15, 246.2, 230.7), "shanghai_centre": (16, 161.2, 100.2), "changsha_yuelu": (11, 98.0, 81.9)}
"""Of 50 incidents: where the nearest as the crow flies is not the soonest; mean time of the one pick and the other."""


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows, name, kind=float):
    return np.array([kind(row[name]) for row in rows])


@pytest.mark.parametrize("name", OF_THE_README)
def test_the_reference_tables_are_reproduced_column_by_column(shared_data, name):
    graph = RoadGraph(files.read(shared_data / "roads" / name).network)
    folder = shared_data / "roads" / "reference"

    pairs = table(folder / f"{name}_od.csv")
    here, there = graph.at_nodes(column(pairs, "source", int)), graph.at_nodes(column(pairs, "target", int))
    found = graph.times(here, there)
    assert np.abs(found.time_s - column(pairs, "time_s")).max() < 0.01
    assert np.abs(found.shortest_m - column(pairs, "shortest_m")).max() < 0.01
    assert np.abs(crs.haversine_m(*here.place.T, *there.place.T) - column(pairs, "airline_m")).max() < 0.01

    units = graph.at_nodes(column(table(folder / f"{name}_units.csv"), "unit_node", int))
    unit_ids = column(table(folder / f"{name}_units.csv"), "unit_node", int)
    rows = table(folder / f"{name}_nearest_units.csv")
    others, airline_pick_s, road_pick_s = 0, [], []
    for first in range(0, len(rows), 5):
        five = rows[first : first + 5]
        scene = graph.at_nodes(int(five[0]["incident_node"]))
        times_s = graph.times_to(scene, units)
        airline_m = crs.haversine_m(*units.place.T, *scene.place[0])
        soonest = np.argsort(times_s, kind="stable")[:5]
        rank = np.argsort(np.argsort(airline_m, kind="stable"))[soonest] + 1
        assert unit_ids[soonest].tolist() == column(five, "unit_node", int).tolist()
        assert np.abs(times_s[soonest] - column(five, "time_s")).max() < 0.01
        assert np.abs(airline_m[soonest] - column(five, "airline_m")).max() < 0.1
        assert rank.tolist() == column(five, "airline_rank", int).tolist()
        others += int(rank[0] != 1)
        airline_pick_s.append(times_s[airline_m.argmin()])
        road_pick_s.append(times_s[soonest[0]])
    assert (others, round(np.mean(airline_pick_s), 1), round(np.mean(road_pick_s), 1)) == OF_THE_README[name]
