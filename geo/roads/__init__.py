"""Roads: a directed network, travel times and ways over it."""

from geo.roads.closing import MAX_SNAP_M, edges_closed, lines_of
from geo.roads.graph import Reach, RoadGraph
from geo.roads.modes import WALKING_MPS, Cover, Modes
from geo.roads.ties import ACCESS_MPS, MAX_ACCESS_M
from geo.roads.values import (
    FORBIDDEN,
    Anchors,
    Journey,
    Network,
    NetworkError,
    Route,
    Table,
    UnknownNodeError,
)

__all__ = [
    "ACCESS_MPS",
    "FORBIDDEN",
    "MAX_ACCESS_M",
    "MAX_SNAP_M",
    "WALKING_MPS",
    "Anchors",
    "Cover",
    "Journey",
    "Modes",
    "Network",
    "NetworkError",
    "Reach",
    "RoadGraph",
    "Route",
    "Table",
    "UnknownNodeError",
    "edges_closed",
    "lines_of",
]
