"""The report on response times as one page: figures, a table, and a map of who was reached in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import folium
import jinja2
from markupsafe import Markup

from maps import basemap, features, layers, report

IN_TIME, LATE, NOBODY = "#1d6fb8", "#d7301f", "#7b8794"
"""Colours of the dots; their sizes differ too, so that no one has to tell them by colour."""

_RADIUS = {IN_TIME: 4.0, LATE: 6.5, NOBODY: 3.0}

WORDS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "lang": "zh-CN", "title": "处警时效报告", "period": "{start} 至 {end}（北京时间，不含截止时刻）",
        "made": "生成于 {at}", "calls": "警情", "arrived": "到场", "on_time": "按时到场", "p50": "到场用时中位数",
        "mean": "平均", "p90": "九成在此以内", "share": "按时率", "minutes": "{n} 分",
        "kind": "警情类型", "division": "区县", "beat": "巡区", "hour": "时段", "all": "合计",
        "in_time": "按时到场", "late": "超时到场", "nobody": "无到场记录",
        "target": "按时：城区 5 分钟、郊区 10 分钟以内到场（以配置为准），自接警时起算。", "unknown": "无",
        "source": "底图：{attribution}。边界非权威数据，公开展示前请换用自然资源主管部门的数据。",
    },
    "en": {
        "lang": "en", "title": "Response times", "period": "{start} to {end} (Beijing time, end not included)",
        "made": "made {at}", "calls": "Calls", "arrived": "Reached", "on_time": "In time",
        "p50": "Median until arrival", "mean": "Mean", "p90": "Nine of ten within", "share": "Share in time",
        "minutes": "{n} min", "kind": "Kind of call", "division": "Division", "beat": "Beat", "hour": "Hour",
        "all": "All", "in_time": "reached in time", "late": "reached late", "nobody": "nobody recorded there",
        "target": "In time: within 5 minutes in town and 10 at the edge (as configured), after the call was taken.",
        "unknown": "none",
        "source": "Base map: {attribution}. Boundaries are not authoritative.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """A call on the map, in CGCS2000 degrees; `arrived_s` None: nobody is known to have come."""

    lon_deg: float
    lat_deg: float
    kind: str
    arrived_s: float | None
    target_s: int

    @property
    def colour(self) -> str:
        """Colour of its dot."""
        if self.arrived_s is None:
            return NOBODY
        return IN_TIME if self.arrived_s <= self.target_s else LATE


@dataclass(frozen=True, slots=True)
class ResponseReport:
    """What the page says. Rows and total hold key, calls, arrived, mean_s, p50_s, p90_s, on_time, on_time_share."""

    start: datetime
    end: datetime
    made_at: datetime
    by: str
    rows: Sequence[Mapping[str, Any]]
    total: Mapping[str, Any]
    calls: Sequence[Answer]


def render(found: ResponseReport, lang: str) -> str:
    """Return the report as one HTML page that asks the network for nothing.

    Raises:
        LanguageError: lang is neither zh nor en.
    """
    if lang not in WORDS:
        raise report.LanguageError(f"there is no language {lang}: {', '.join(WORDS)}")
    words = WORDS[lang]
    drawn = _map(found, words)
    head, body, script = report.inlined(drawn)
    counts = {colour: sum(call.colour == colour for call in found.calls) for colour in (IN_TIME, LATE, NOBODY)}
    labels = zip((IN_TIME, LATE, NOBODY), (words["in_time"], words["late"], words["nobody"]), strict=True)
    return _template().render(
        words=words,
        report=found,
        head=Markup(head),  # noqa: S704 our own vendored files and folium's markup
        body=Markup(body),  # noqa: S704
        script=Markup(script),  # noqa: S704
        period=words["period"].format(start=report.moment(found.start), end=report.moment(found.end)),
        made=words["made"].format(at=report.moment(found.made_at)),
        legend=[(colour, label, counts[colour], _RADIUS[colour] * 2) for colour, label in labels],
        minutes=lambda value: _minutes(value, words),
        percent=lambda value: words["unknown"] if value is None else f"{value:.0%}",
        source=words["source"].format(attribution=basemap.ATTRIBUTION),
        ink=layers.INK,
    )


def _map(found: ResponseReport, words: Mapping[str, str]) -> folium.Map:
    drawn = folium.Map(tiles=None, control_scale=True, attribution_control=False, zoom_snap=0.25, min_zoom=7)
    layers.boundaries(_layer("city"), weight=0, colour=layers.LAND, fill=layers.LAND).add_to(drawn)
    layers.boundaries(_layer("counties"), weight=1, colour=layers.BORDER).add_to(drawn)
    layers.lines(_layer("river"), weight=7, colour=layers.WATER).add_to(drawn)
    for colour in (NOBODY, IN_TIME, LATE):  # the late ones on top
        dots = [
            features.point(call.lon_deg, call.lat_deg, {"label": f"{call.kind} · {_minutes(call.arrived_s, words)}"})
            for call in found.calls
            if call.colour == colour
        ]
        if dots:
            spots = features.collection(dots)
            layers.points(spots, colour=colour, radius=_RADIUS[colour], label="label").add_to(drawn)
    west, south, east, north = _bounds(found.calls)
    drawn.fit_bounds([(south, west), (north, east)], padding=(24, 24))
    return drawn


def _layer(name: str) -> features.Collection:
    return basemap.around(name, (112.0, 25.0, 115.0, 29.0))


def _bounds(calls: Sequence[Answer]) -> tuple[float, float, float, float]:
    """Return what to show: all calls with a margin, or the city where there is none."""
    if not calls:
        return 112.95, 27.7, 113.35, 28.0
    lon, lat = [call.lon_deg for call in calls], [call.lat_deg for call in calls]
    margin_deg = 0.01
    return min(lon) - margin_deg, min(lat) - margin_deg, max(lon) + margin_deg, max(lat) + margin_deg


def _minutes(value_s: float | None, words: Mapping[str, str]) -> str:
    return words["unknown"] if value_s is None else words["minutes"].format(n=f"{value_s / 60:.1f}")


@lru_cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string((files("maps") / "templates" / "response.html").read_text("utf-8"))
