"""The demo city, drawn once for all tests of a process."""

from functools import cache

from demo import city, ground
from demo.network import Network
from demo.streets import Streets


@cache
def land() -> ground.Ground:
    return ground.load()


@cache
def network() -> Network:
    return city.build(land())


@cache
def streets() -> Streets:
    return Streets(network())
