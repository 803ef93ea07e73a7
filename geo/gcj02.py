"""The shifted coordinates of Chinese maps: GCJ-02 (国测局坐标) and Baidu's BD-09.

Only the doors to the outside may use this module: files that are declared to be shifted, and base maps that are.
Everything inside is CGCS2000, which for this purpose has the numbers of WGS 84 (the ellipsoids differ by 0.1 mm).

Neither system is published; the formulas are the public approximation on the Krasovsky ellipsoid that all libraries
share, some 0.7 m from what map vendors answer. The *inverse* here is exact with respect to the formula: a fixed-point
iteration down to 1e-12 degrees, where the common one-step inverse leaves up to 4 m.

A place inside `BOX` is shifted, a place outside has the same numbers in all systems. Within a few hundred metres
outside the box a number can be read both ways; the inverse then prefers the reading that lies inside.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Degrees = TypeVar("Degrees", float, Array)
"""A number or an array of numbers; what goes in comes out."""

BOX: Final = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the shifted region in WGS 84 degrees. It holds neighbours too: it is not "in China"."""

KRASOVSKY_A_M: Final = 6378245.0
KRASOVSKY_EE: Final = 0.00669342162296594323
BAIDU_WAVE: Final = np.pi * 3000.0 / 180.0

_CLOSE_DEG: Final = 1e-12
_EDGE_DEG: Final = 1e-10
_LONGEST_SHIFT_DEG: Final = 0.1
_HOME: Final = (105.0, 35.0)  # stands in for places that need no computing
_MOST_ROUNDS: Final = 20


class UnknownSystemError(ValueError):
    """The coordinate system has no name here."""


def convert(lon_deg: Degrees, lat_deg: Degrees, source: str, target: str) -> tuple[Degrees, Degrees]:
    """Carry degrees from one of wgs84, cgcs2000, gcj02, bd09 to another.

    Raises:
        UnknownSystemError: one of the names is none of these four.
    """
    into, out_of = _forward(target), _forward(source)
    if into is out_of:
        return lon_deg, lat_deg
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    x, y = _shift(*_unshift(lon, lat, out_of), into)
    if isinstance(lon_deg, np.ndarray):
        return x, y
    return float(x), float(y)


def wgs84_to_gcj02(lon_deg: Degrees, lat_deg: Degrees) -> tuple[Degrees, Degrees]:
    """Shift WGS 84 degrees to GCJ-02."""
    return convert(lon_deg, lat_deg, "wgs84", "gcj02")


def gcj02_to_wgs84(lon_deg: Degrees, lat_deg: Degrees) -> tuple[Degrees, Degrees]:
    """Undo the shift of GCJ-02, exactly."""
    return convert(lon_deg, lat_deg, "gcj02", "wgs84")


def _same(lon: Array, lat: Array) -> tuple[Array, Array]:
    return lon, lat


def _to_gcj02(lon: Array, lat: Array) -> tuple[Array, Array]:
    """Apply the public formula of the GCJ-02 shift, without regard to the box."""
    x, y = lon - 105.0, lat - 35.0
    ripple = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east_m += (ripple + _wave(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north_m += (ripple + _wave(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2.0 / 3.0
    phi = np.radians(lat)
    w = 1.0 - KRASOVSKY_EE * np.sin(phi) ** 2
    meridian_m = KRASOVSKY_A_M * (1.0 - KRASOVSKY_EE) / (w * np.sqrt(w))
    parallel_m = KRASOVSKY_A_M / np.sqrt(w) * np.cos(phi)
    return lon + np.degrees(east_m / parallel_m), lat + np.degrees(north_m / meridian_m)


def _wave(value: Array, *terms: tuple[float, float]) -> Array:
    """Sum `amplitude * sin(pi * value / period)`."""
    return np.asarray(np.sum([amplitude * np.sin(np.pi * value / period) for amplitude, period in terms], axis=0))


def _to_bd09(lon: Array, lat: Array) -> tuple[Array, Array]:
    """Apply Baidu's own turn and stretch on top of the GCJ-02 shift."""
    lon, lat = _to_gcj02(lon, lat)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * BAIDU_WAVE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * BAIDU_WAVE)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


Formula = Callable[[Array, Array], tuple[Array, Array]]

FORWARD: Final[Mapping[str, Formula]] = {
    "wgs84": _same,
    "cgcs2000": _same,
    "gcj02": _to_gcj02,
    "bd09": _to_bd09,
}
"""From WGS 84 into each system."""


def _forward(system: str) -> Formula:
    """Return the formula that leads into a system."""
    try:
        return FORWARD[system.lower()]
    except KeyError:
        raise UnknownSystemError(f"unknown coordinate system {system!r}: one of {', '.join(FORWARD)}") from None


def _shift(lon: Array, lat: Array, forward: Formula) -> tuple[Array, Array]:
    """Carry WGS 84 into a system, inside the box only."""
    inside = _inside(lon, lat)
    x, y = forward(np.where(inside, lon, _HOME[0]), np.where(inside, lat, _HOME[1]))
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _unshift(lon: Array, lat: Array, forward: Formula) -> tuple[Array, Array]:
    """Find the WGS 84 place that the formula carries to the given one: x <- x - (f(x) - g).

    The shift changes by less than 3 % of the way walked, so every round wins 1.5 decimal digits or more.
    """
    near = _inside(lon, lat, slack=_LONGEST_SHIFT_DEG)
    to_x, to_y = np.where(near, lon, _HOME[0]), np.where(near, lat, _HOME[1])
    x, y = to_x, to_y
    for _ in range(_MOST_ROUNDS):
        ahead_x, ahead_y = forward(x, y)
        miss_x, miss_y = ahead_x - to_x, ahead_y - to_y
        x, y = x - miss_x, y - miss_y
        if not np.any(np.maximum(np.abs(miss_x), np.abs(miss_y)) > _CLOSE_DEG):
            break
    shifted = near & (_inside(x, y, slack=_EDGE_DEG) | _inside(lon, lat))
    return np.where(shifted, x, lon), np.where(shifted, y, lat)


def _inside(lon: Array, lat: Array, *, slack: float = 0.0) -> NDArray[np.bool_]:
    """Tell which places lie inside the shifted region."""
    west, south, east, north = BOX
    return (lon >= west - slack) & (lon <= east + slack) & (lat >= south - slack) & (lat <= north + slack)
