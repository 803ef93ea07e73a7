"""Areas and ways that the terminal is to watch by itself, as it is told of them (JT/T 808, 8.25 to 8.33).

The standard knows circles, upright rectangles, polygons without holes and routes. An area that is none of these is
refused: a fence that differs from the one on the map raises false alarms and misses true ones.

What was drawn is kept with the command: a later change of the map changes no command that waits.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from geo import areas as shapes
from geo import outlines
from services.areas import AreaView
from services.errors import InvalidError
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas as wire

FORMS: Final = {form.value: number for number, form in enumerate(outlines.Form, 1)}
"""What a terminal can watch, by the numbers of 0x8608."""

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


def describe(area: AreaView) -> dict[str, Any]:
    """Return the outline of an area as a command keeps it: its form and its measures.

    Raises:
        NotWatchableError: it has holes or several parts, or too many corners.
    """
    if area.line is not None and area.width_m is not None:
        return {"form": "route", "points": area.line["coordinates"], "width_m": area.width_m}
    try:
        outline = outlines.simplest(area.shape)
    except shapes.ShapeError as error:
        raise NotWatchableError(error.pattern, **error.values) from error
    match outline:
        case outlines.Circle(lon_deg, lat_deg, radius_m):
            return {"form": "circle", "lon_deg": lon_deg, "lat_deg": lat_deg, "radius_m": round(radius_m)}
        case outlines.Rectangle(west, south, east, north):
            return {"form": "rectangle", "west_deg": west, "south_deg": south, "east_deg": east, "north_deg": north}
    if len(outline.points) > outlines.MAX_POINTS:
        raise NotWatchableError(
            "A terminal is told at most {most} corners; this area has more.", most=outlines.MAX_POINTS
        )
    return {"form": "polygon", "points": [list(point) for point in outline.points]}


def _form(name: str, version: Version) -> Any:
    return _WIRE[name][version is Version.V2019]


def _terms(said: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The number of an area or way, its attribute bits, and the window that hangs on them.

    No bit for south or west is ever set: what people draw lies in China.
    """
    timed = said.get("daily_from") is not None
    if timed != (said.get("daily_to") is not None):
        raise NotWatchableError("A daily window has both its ends: daily_from and daily_to.")
    fields = {
        "id": said["area_id"],
        "attributes": _told(said) | timed << wire.TIMED,
        "start": _daily(said["daily_from"]) if timed else None,
        "end": _daily(said["daily_to"]) if timed else None,
    }
    return fields | ({"name": said.get("name", "")} if version is Version.V2019 else {})


def _limited(said: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The same of an area, with its speed limit."""
    if said.get("segment_speeds_mps"):
        raise NotWatchableError("Only a way has limits by segment; this area has one for all of it: max_speed_mps.")
    terms, speed_mps = _terms(said, version), said.get("max_speed_mps")
    terms["attributes"] |= (speed_mps is not None) << wire.LIMITED
    return terms | _limit(speed_mps, said, version)


def _told(said: Mapping[str, Any]) -> int:
    return PLATFORM | (DRIVER if said.get("tell_driver") else 0)


def _limit(speed_mps: float | None, said: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """A limit, by night as by day, and how long it may be exceeded."""
    held_s = said.get("overspeed_s", DEFAULT_OVERSPEED_S) if speed_mps is not None else None
    night = {"night_max_speed_mps": speed_mps} if version is Version.V2019 else {}
    return {"max_speed_mps": speed_mps, "overspeed_s": held_s, **night}


def _daily(clock: str) -> str:
    """A time of the day, HH:MM in Beijing, as the wire has it: the date zeros."""
    return f"000000{clock.replace(':', '')}00"


def _circle(said: Mapping[str, Any], version: Version) -> Any:
    middle = {name: said[name] for name in ("lat_deg", "lon_deg", "radius_m")}
    return _form("circles", version)(ADD, (_form("circle", version)(**middle, **_limited(said, version)),))


def _rectangle(said: Mapping[str, Any], version: Version) -> Any:
    sides = {name: said[name] for name in ("west_deg", "south_deg", "east_deg", "north_deg")}
    return _form("rectangles", version)(ADD, (_form("rectangle", version)(**sides, **_limited(said, version)),))


def _polygon(said: Mapping[str, Any], version: Version) -> Any:
    points = tuple((lon, lat) for lon, lat in said["points"])
    return _form("polygon", version)(points=points, **_limited(said, version))


def _route(said: Mapping[str, Any], version: Version) -> Any:
    """A way: the stretch that begins at a turn has its width and its limit; at the last turn that before goes on."""
    speeds = _speeds(said)
    turns = tuple(
        _form("turn", version)(
            id=number, segment_id=number, lat_deg=lat, lon_deg=lon, width_m=said["width_m"],
            attributes=(speed_mps is not None) << wire.LIMITED, **_limit(speed_mps, said, version),
        )
        for number, ((lon, lat, *_), speed_mps) in enumerate(zip(said["points"], [*speeds, speeds[-1]], strict=True), 1)
    )  # fmt: skip
    return _form("route", version)(points=turns, **_terms(said, version))


def _speeds(said: Mapping[str, Any]) -> list[float | None]:
    """The limit of each segment: its own, or that of the whole way."""
    segments, told = len(said["points"]) - 1, said.get("segment_speeds_mps") or []
    if told and len(told) != segments:
        raise NotWatchableError(
            "The way has {segments} segments: give a limit, or null, for each of them.", segments=segments
        )
    return [said.get("max_speed_mps") if speed is None else speed for speed in told or [None] * segments]


_SETTERS: Mapping[str, Callable[[Mapping[str, Any], Version], Any]] = {
    "circle": _circle,
    "rectangle": _rectangle,
    "polygon": _polygon,
    "route": _route,
}


def set_area(said: Mapping[str, Any], version: Version) -> Any:
    """0x8600, 0x8602, 0x8604 or 0x8606: an outline that `describe` gave, with the number of its area."""
    return _SETTERS[said["form"]](said, version)


def delete_areas(said: Mapping[str, Any], _version: Version) -> Any:
    """0x8601, 0x8603, 0x8605, 0x8607: no numbers mean all of the form."""
    return _DELETE[said["form"]](tuple(said["ids"]))


def query_areas(said: Mapping[str, Any], _version: Version) -> Any:
    """0x8608: no numbers mean all of the form."""
    return wire.QueryAreas(FORMS[said["form"]], tuple(said["ids"]))
