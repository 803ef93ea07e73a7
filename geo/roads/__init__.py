"""Roads: a directed network, travel times and ways over it."""

from geo.roads.graph import ACCESS_MPS, DEFAULT_PACE_S_PER_M, MAX_ACCESS_M, Reach, RoadGraph
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
    "DEFAULT_PACE_S_PER_M",
    "FORBIDDEN",
    "MAX_ACCESS_M",
    "Anchors",
    "Journey",
    "Network",
    "NetworkError",
    "Reach",
    "RoadGraph",
    "Route",
    "Table",
    "UnknownNodeError",
]
