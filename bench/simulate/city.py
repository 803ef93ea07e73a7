"""A city to dispatch in: a real road network, invented calls, and the travel time between all places that occur."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geo import coverage, crs, posts
from geo.roads import RoadGraph
from services.ingest import roads as files

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOT_SPOTS, HOT_SHARE, HOT_SPREAD = 15, 0.75, 0.05
"""Three quarters of the calls come from around fifteen places; the spread is a share of the city's width."""

SCENES, HOMES, SITES, SQUARES = 800, 300, 250, 400
"""Places calls come from; places units may stand at by chance; candidates for posts; demand that posts look at."""

PAST_CALLS = 3000


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked of a city: so many units, a call is late after so long."""

    name: str
    units: int
    limit_s: float


SETTINGS = (Setting("shanghai_centre", 30, 300.0), Setting("wuhan", 60, 600.0))


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Places are rows: first the scenes, then the homes. Times are those of the road engine, place to place."""

    setting: Setting
    graph: RoadGraph
    node: Ints
    time_s: Floats
    airline_m: Floats
    scenes: Ints
    homes: Ints
    demand: Ints  # the squares that posts and coverage are judged by
    weights: Floats
    posts: Ints  # by p-median, one for each unit
    post_s: Floats  # from each post to the squares
    gap: float | None


def build(data: Path, setting: Setting) -> City:
    """Read the network, invent where calls come from, and find the posts from a past that is none of the runs."""
    graph = RoadGraph(files.read(data / "roads" / setting.name).network)
    rng = np.random.default_rng(20)
    scene_nodes = _scenes(graph, rng)
    home_nodes = rng.choice(graph.nodes, HOMES, replace=False)
    index = np.concatenate((scene_nodes, home_nodes))
    places = graph.at_nodes(graph.network.node_id[index])
    time_s = np.minimum(coverage.times_s(graph, places, places), posts.UNREACHABLE_S)
    lon, lat = graph.network.lon_deg[index], graph.network.lat_deg[index]
    airline_m = crs.haversine_m(lon[:, None], lat[:, None], lon[None], lat[None])
    past = np.bincount(rng.integers(0, SCENES, PAST_CALLS), minlength=SCENES)
    demand = np.sort(rng.choice(SCENES, SQUARES, replace=False, p=past / past.sum()))
    weights = past[demand].astype(float)
    sites = rng.choice(len(index), SITES, replace=False)
    placed = posts.p_median(time_s[np.ix_(sites, demand)], weights, setting.units, seconds=60)
    chosen = sites[np.flatnonzero(placed.units)]
    return City(
        setting, graph, index, time_s, airline_m, np.arange(SCENES), np.arange(SCENES, len(index)), demand, weights,
        chosen, time_s[np.ix_(chosen, demand)], placed.gap,
    )  # fmt: skip


def _scenes(graph: RoadGraph, rng: np.random.Generator) -> Ints:
    """Return nodes that calls come from: most near hot spots, the rest anywhere."""
    nodes = graph.nodes
    lon, lat = graph.network.lon_deg[nodes], graph.network.lat_deg[nodes]
    spread_deg = HOT_SPREAD * (lon.max() - lon.min())
    spots = rng.choice(len(nodes), HOT_SPOTS)
    found = set[int]()
    while len(found) < SCENES:
        if rng.random() < HOT_SHARE:
            spot = spots[rng.integers(HOT_SPOTS)]
            at = (lon[spot] + rng.normal(0, spread_deg), lat[spot] + rng.normal(0, spread_deg))
            row = int(((lon - at[0]) ** 2 + (lat - at[1]) ** 2).argmin())
        else:
            row = int(rng.integers(len(nodes)))
        found.add(int(nodes[row]))
    return np.array(sorted(found))
