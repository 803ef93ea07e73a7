"""Areas and routes that the terminal is to watch by itself, as it is told of them (JT/T 808, 8.25 to 8.33).

What was drawn is kept with the command: a later change of the map changes no command that waits.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from geo import outlines
from services.errors import InvalidError
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas as wire

FORMS: Final = {"circle": 1, "rectangle": 2, "polygon": 3, "route": 4}
"""What a terminal can watch, by the numbers of 0x8608."""

MAX_POINTS: Final = 1000
DEFAULT_OVERSPEED_S: Final = 10
ADD: Final = 1  # 追加区域: beside those it has; the same id takes the place of the older
PLATFORM: Final = 1 << 3 | 1 << 5  # entering and leaving are told to the platform
DRIVER: Final = 1 << 2 | 1 << 4  # and to the driver

_DELETE = {
    "circle": wire.DeleteCircles,
    "rectangle": wire.DeleteRectangles,
    "polygon": wire.DeletePolygons,
    "route": wire.DeleteRoutes,
}
_WIRE: Mapping[str, tuple[Any, Any]] = {  # until 2013, of 2019
    "circle": (wire.Circle, wire.Circle2019),
    "circles": (wire.SetCircles, wire.SetCircles2019),
    "rectangle": (wire.Rectangle, wire.Rectangle2019),
    "rectangles": (wire.SetRectangles, wire.SetRectangles2019),
    "polygon": (wire.SetPolygon, wire.SetPolygon2019),
    "turn": (wire.RoutePoint, wire.RoutePoint2019),
    "route": (wire.SetRoute, wire.SetRoute2019),
}


class NotWatchableError(InvalidError):
    """No terminal can watch this."""


def describe(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outline of a GeoJSON area as a command keeps it: its form and its measures.

    Raises:
        NotWatchableError: it has holes or several parts, or too many corners.
    """
    try:
        outline = outlines.simplest(shape)
    except ValueError as error:
        raise NotWatchableError(str(error)) from error
    match outline:
        case outlines.Circle(lon_deg, lat_deg, radius_m):
            return {"form": "circle", "lon_deg": lon_deg, "lat_deg": lat_deg, "radius_m": round(radius_m)}
        case outlines.Rectangle(west, south, east, north):
            return {"form": "rectangle", "west_deg": west, "south_deg": south, "east_deg": east, "north_deg": north}
    if len(outline.points) > MAX_POINTS:
        raise NotWatchableError(f"A terminal is told at most {MAX_POINTS} corners; this area has more.")
    return {"form": "polygon", "points": [list(point) for point in outline.points]}


def _form(name: str, version: Version) -> Any:
    return _WIRE[name][version is Version.V2019]


def _terms(said: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The number of an area, its attribute bits, and the fields that hang on them.

    No bit for south or west is ever set: what people draw lies in China.
    """
    speed_mps = said.get("max_speed_mps")
    timed, limited = said.get("daily_from") is not None, speed_mps is not None
    if timed != (said.get("daily_to") is not None):
        raise NotWatchableError("A daily window has both its ends: daily_from and daily_to.")
    attributes = _told(said) | timed << wire.TIMED | limited << wire.LIMITED
    fields = {
        "id": said["area_id"],
        "attributes": attributes,
        "start": _daily(said["daily_from"]) if timed else None,
        "end": _daily(said["daily_to"]) if timed else None,
        **_limit(said),
    }
    if version is Version.V2019:
        fields |= {"night_max_speed_mps": speed_mps, "name": said.get("name", "")}
    return fields


def _told(said: Mapping[str, Any]) -> int:
    return PLATFORM | (DRIVER if said.get("tell_driver") else 0)


def _limit(said: Mapping[str, Any]) -> dict[str, Any]:
    speed_mps = said.get("max_speed_mps")
    held_s = said.get("overspeed_s", DEFAULT_OVERSPEED_S) if speed_mps is not None else None
    return {"max_speed_mps": speed_mps, "overspeed_s": held_s}


def _daily(clock: str) -> str:
    """A time of the day, HH:MM in Beijing, as the wire has it: the date zeros."""
    return f"000000{clock.replace(':', '')}00"


def _circle(said: Mapping[str, Any], version: Version) -> Any:
    middle = {name: said[name] for name in ("lat_deg", "lon_deg", "radius_m")}
    return _form("circles", version)(ADD, (_form("circle", version)(**middle, **_terms(said, version)),))


def _rectangle(said: Mapping[str, Any], version: Version) -> Any:
    sides = {name: said[name] for name in ("west_deg", "south_deg", "east_deg", "north_deg")}
    return _form("rectangles", version)(ADD, (_form("rectangle", version)(**sides, **_terms(said, version)),))


def _polygon(said: Mapping[str, Any], version: Version) -> Any:
    points = tuple((lon, lat) for lon, lat in said["points"])
    return _form("polygon", version)(points=points, **_terms(said, version))


_SETTERS: Mapping[str, Callable[[Mapping[str, Any], Version], Any]] = {
    "circle": _circle,
    "rectangle": _rectangle,
    "polygon": _polygon,
}


def set_area(said: Mapping[str, Any], version: Version) -> Any:
    """0x8600, 0x8602 or 0x8604: an outline that `describe` gave, with the number of its area."""
    return _SETTERS[said["form"]](said, version)


def set_route(said: Mapping[str, Any], version: Version) -> Any:
    """0x8606: a way to keep to, each stretch of it so wide and no faster than so."""
    limited = said.get("max_speed_mps") is not None
    stretch = {"width_m": said["width_m"], "attributes": limited << wire.LIMITED, **_limit(said)}
    named = {}
    if version is Version.V2019:
        stretch["night_max_speed_mps"], named["name"] = said.get("max_speed_mps"), said.get("name", "")
    turns = tuple(
        _form("turn", version)(id=number, segment_id=number, lat_deg=lat, lon_deg=lon, **stretch)
        for number, (lon, lat) in enumerate(said["points"], 1)
    )
    route = _form("route", version)
    return route(id=said["route_id"], attributes=_told(said), start=None, end=None, points=turns, **named)


def delete_areas(said: Mapping[str, Any], _version: Version) -> Any:
    """0x8601, 0x8603, 0x8605, 0x8607: no numbers mean all of the form."""
    return _DELETE[said["form"]](tuple(said["ids"]))


def query_areas(said: Mapping[str, Any], _version: Version) -> Any:
    """0x8608: no numbers mean all of the form."""
    return wire.QueryAreas(FORMS[said["form"]], tuple(said["ids"]))
