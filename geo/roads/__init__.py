"""Roads: a directed network, travel times and ways over it."""

from geo.roads.graph import DEFAULT_PACE_S_PER_M, Reach, RoadGraph
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
