"""Areas and routes that the terminal itself watches (JT/T 808-2011, -2013, -2019, 8.25 to 8.33).

Attribute bits of an area: 0 in a time window, 1 speed limit, 2/3 entering tells driver/platform, 4/5 leaving likewise,
6 southern latitudes, 7 western longitudes, 8 doors stay shut, 14 radio off inside, 15 detailed positions inside.
Windows are twelve digits YYMMDDhhmmss in GMT+8; with the date 000000 they hold every day.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from services.ingest.jt808.fields import chosen_by, counted, flowing, only_if, sized
from services.ingest.jt808.kinds import STRING, U8, U16, U32, Flowing, bcd, malformed, scaled, signed_by

TIMED, LIMITED = 0, 1
SOUTH, WEST = 6, 7
SEGMENT_SOUTH, SEGMENT_WEST = 2, 3
MICRO = 1_000_000

SPEED = scaled(U16, times=10, per=36)
"""Whole km/h on the wire, m/s here."""

_PAIR = struct.Struct(">ii")


def bit(number: int) -> Callable[[int], bool]:
    """Whether a bit is set."""
    return lambda value: bool(value >> number & 1)


def _read_points(data: bytes, pos: int, end: int, attributes: int) -> tuple[Any, int]:
    total, pos = _COUNT.read(data, pos, end)
    stop = pos + total * _PAIR.size
    if stop > end:
        raise malformed("{total} points announced, bytes for {left} left", total=total, left=(end - pos) // _PAIR.size)
    north, east = (-1 if attributes >> sign & 1 else 1 for sign in (SOUTH, WEST))
    pairs = _PAIR.iter_unpack(data[pos:stop])
    return tuple((_signed(lon, east) / MICRO, _signed(lat, north) / MICRO) for lat, lon in pairs), stop


def _signed(micro: int, sign: int) -> int:
    return micro * sign if micro > 0 else micro


def _write_points(points: tuple[tuple[float, float], ...], attributes: int) -> bytes:
    south, west = bit(SOUTH)(attributes), bit(WEST)(attributes)
    pairs = [(round(lon_deg * MICRO), round(lat_deg * MICRO)) for lon_deg, lat_deg in points]
    return _COUNT.write(len(pairs)) + b"".join(
        _PAIR.pack(abs(lat) if south else lat, abs(lon) if west else lon) for lon, lat in pairs
    )


_COUNT = flowing(U16)
POINTS = Flowing(_read_points, _write_points, ("attributes",))
"""Vertices as (lon_deg, lat_deg), their number before them, their signs from the area's attributes."""

WINDOW = only_if("attributes", bit(TIMED), bcd(6))
MAX_SPEED = only_if("attributes", bit(LIMITED), SPEED)
SECONDS = only_if("attributes", bit(LIMITED), U8)
LATITUDE, LONGITUDE = signed_by("attributes", SOUTH, MICRO), signed_by("attributes", WEST, MICRO)
NAME = sized(U16, STRING)


@dataclass(frozen=True, slots=True)
class Circle:
    """One circle of 0x8600, 2011 and 2013."""

    id: Annotated[int, U32]
    attributes: Annotated[int, U16]
    lat_deg: Annotated[float, LATITUDE]
    lon_deg: Annotated[float, LONGITUDE]
    radius_m: Annotated[int, U32]
    start: Annotated[str | None, WINDOW] = None
    end: Annotated[str | None, WINDOW] = None
    max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    overspeed_s: Annotated[int | None, SECONDS] = None


@dataclass(frozen=True, slots=True)
class Circle2019(Circle):
    """One circle of 2019."""

    night_max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    name: Annotated[str, NAME] = ""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """One rectangle of 0x8602, 2011 and 2013, by its corners in the north-west and south-east."""

    id: Annotated[int, U32]
    attributes: Annotated[int, U16]
    north_deg: Annotated[float, LATITUDE]
    west_deg: Annotated[float, LONGITUDE]
    south_deg: Annotated[float, LATITUDE]
    east_deg: Annotated[float, LONGITUDE]
    start: Annotated[str | None, WINDOW] = None
    end: Annotated[str | None, WINDOW] = None
    max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    overspeed_s: Annotated[int | None, SECONDS] = None


@dataclass(frozen=True, slots=True)
class Rectangle2019(Rectangle):
    """One rectangle of 2019."""

    night_max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    name: Annotated[str, NAME] = ""


@dataclass(frozen=True, slots=True)
class SetPolygon:
    """0x8604 设置多边形区域, 2011 and 2013."""

    id: Annotated[int, U32]
    attributes: Annotated[int, U16]
    start: Annotated[str | None, WINDOW]
    end: Annotated[str | None, WINDOW]
    max_speed_mps: Annotated[float | None, MAX_SPEED]
    overspeed_s: Annotated[int | None, SECONDS]
    points: Annotated[tuple[tuple[float, float], ...], POINTS]


@dataclass(frozen=True, slots=True)
class SetPolygon2019(SetPolygon):
    """0x8604 of 2019: the limit at night comes after the vertices."""

    night_max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    name: Annotated[str, NAME] = ""


@dataclass(frozen=True, slots=True)
class RoutePoint:
    """A turn of a route; segment bits: 0 driving time, 1 speed limit, 2 south, 3 west."""

    id: Annotated[int, U32]
    segment_id: Annotated[int, U32]
    lat_deg: Annotated[float, signed_by("attributes", SEGMENT_SOUTH, MICRO)]
    lon_deg: Annotated[float, signed_by("attributes", SEGMENT_WEST, MICRO)]
    width_m: Annotated[int, U8]
    attributes: Annotated[int, U8]
    longest_s: Annotated[int | None, only_if("attributes", bit(TIMED), U16)] = None
    shortest_s: Annotated[int | None, only_if("attributes", bit(TIMED), U16)] = None
    max_speed_mps: Annotated[float | None, MAX_SPEED] = None
    overspeed_s: Annotated[int | None, SECONDS] = None


@dataclass(frozen=True, slots=True)
class RoutePoint2019(RoutePoint):
    """A turn of a route of 2019."""

    night_max_speed_mps: Annotated[float | None, MAX_SPEED] = None


@dataclass(frozen=True, slots=True)
class SetRoute:
    """0x8606 设置路线, 2011 and 2013."""

    id: Annotated[int, U32]
    attributes: Annotated[int, U16]
    start: Annotated[str | None, WINDOW]
    end: Annotated[str | None, WINDOW]
    points: Annotated[tuple[RoutePoint, ...], counted(U16, RoutePoint)]


@dataclass(frozen=True, slots=True)
class SetRoute2019(SetRoute):
    """0x8606 of 2019."""

    points: Annotated[tuple[RoutePoint2019, ...], counted(U16, RoutePoint2019)]
    name: Annotated[str, NAME] = ""


@dataclass(frozen=True, slots=True)
class SetCircles:
    """0x8600 设置圆形区域; action 0 replaces all, 1 adds, 2 changes."""

    action: Annotated[int, U8]
    items: Annotated[tuple[Circle, ...], counted(U8, Circle)]


@dataclass(frozen=True, slots=True)
class SetCircles2019(SetCircles):
    """0x8600 of 2019."""

    items: Annotated[tuple[Circle2019, ...], counted(U8, Circle2019)]


@dataclass(frozen=True, slots=True)
class SetRectangles:
    """0x8602 设置矩形区域."""

    action: Annotated[int, U8]
    items: Annotated[tuple[Rectangle, ...], counted(U8, Rectangle)]


@dataclass(frozen=True, slots=True)
class SetRectangles2019(SetRectangles):
    """0x8602 of 2019."""

    items: Annotated[tuple[Rectangle2019, ...], counted(U8, Rectangle2019)]


@dataclass(frozen=True, slots=True)
class DeleteCircles:
    """0x8601 删除圆形区域: none named means all."""

    ids: Annotated[tuple[int, ...], counted(U8, U32)]


@dataclass(frozen=True, slots=True)
class DeleteRectangles(DeleteCircles):
    """0x8603 删除矩形区域."""


@dataclass(frozen=True, slots=True)
class DeletePolygons(DeleteCircles):
    """0x8605 删除多边形区域."""


@dataclass(frozen=True, slots=True)
class DeleteRoutes(DeleteCircles):
    """0x8607 删除路线."""


@dataclass(frozen=True, slots=True)
class QueryAreas:
    """0x8608 查询区域或线路数据, 2019: kind 1 circles, 2 rectangles, 3 polygons, 4 routes; none named means all."""

    kind: Annotated[int, U8]
    ids: Annotated[tuple[int, ...], counted(U32, U32)]


@dataclass(frozen=True, slots=True)
class Areas:
    """0x0608 查询区域或线路数据应答, 2019."""

    kind: Annotated[int, U8]
    items: Annotated[
        tuple[Any, ...],
        counted(U32, chosen_by("kind", {1: Circle2019, 2: Rectangle2019, 3: SetPolygon2019, 4: SetRoute2019})),
    ]
