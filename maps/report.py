"""Reports that open offline: folium draws, and one wrapper puts everything into one HTML file.

folium writes links to content-delivery networks into its pages and offers no switch against it. Here every link that a
layer asks for is replaced by the vendored file of the same name, inlined; a layer that asks for something that is not
vendored is refused by name instead of reaching for the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import folium
import jinja2
import numpy as np
from branca.element import Figure, Link
from markupsafe import Markup
from shapely.geometry.base import BaseGeometry

from geo import crs, density
from maps import basemap, features, layers
from maps.words import KINDS, ORIGINS, WORDS

VENDORED: dict[str, str] = {"leaflet": "leaflet.js", "leaflet_css": "leaflet.css"}
"""folium's names of the resources that layers use, and our files."""

UNUSED = frozenset({"jquery", "bootstrap", "bootstrap_css", "glyphicons_css"}) | {
    *("awesome_markers", "awesome_markers_css", "awesome_markers_font_css", "awesome_rotate_css"),
}
"""What folium adds to every map for popups and font icons, which our layers don't use."""

BEIJING = timezone(timedelta(hours=8))
_BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_ROUND_FROM = 0.1
_SURROUNDINGS = 8  # times the park's extent, drawn on each side


class OfflineError(ValueError):
    """A layer asks for a file that is not vendored: it would need the network."""


class LanguageError(ValueError):
    """There is no such language; the sentence lists those there are."""


@dataclass(frozen=True, slots=True)
class HotSpotReport:
    """What a hot-spot report says. Shapes in CGCS2000 degrees, times aware."""

    park: str
    synthetic: bool
    shape: BaseGeometry
    cells: features.Collection
    incidents: features.Collection
    enterprises: features.Collection
    left_out: Mapping[str, int]
    inspections_counted: bool
    cell_m: float
    epsg: int
    start: datetime
    end: datetime
    made_at: datetime


def render(report: HotSpotReport, lang: str) -> str:
    """Return the report as one HTML page that asks the network for nothing.

    Raises:
        LanguageError: lang is neither zh nor en.
    """
    if lang not in WORDS:
        raise LanguageError(f"there is no language {lang}: {', '.join(WORDS)}")
    words = WORDS[lang]
    drawn = _map(report, words)
    head, body, script = inlined(drawn)
    west, south, east, north = report.shape.bounds
    counted = sum(cell["properties"]["n"] for cell in report.cells["features"])
    return _template().render(
        words=words,
        report=report,
        head=Markup(head),  # noqa: S704 our own vendored files and folium's markup
        body=Markup(body),  # noqa: S704
        script=Markup(script),  # noqa: S704
        map=drawn.get_name(),
        corners=[[south, west], [north, east]],
        counted=counted,
        least=density.MIN_INCIDENTS,
        share=f"{density.FDR:.0%}",
        period=words["period"].format(start=moment(report.start), end=moment(report.end)),
        made=words["made"].format(at=moment(report.made_at)),
        left_out=_left_out(report.left_out, lang),
        rows=_rows(report, lang),
        bands=_bands(words),
        colours={"enterprise": layers.ENTERPRISE, "ink": layers.INK, "event": layers.EVENT, "water": layers.WATER},
        attribution=basemap.ATTRIBUTION,
    )


def _map(report: HotSpotReport, words: Mapping[str, str]) -> folium.Map:
    """Draw the map."""
    west, south, east, north = report.shape.bounds
    dx, dy = (east - west) * _SURROUNDINGS, (north - south) * _SURROUNDINGS
    wide = (west - dx, south - dy, east + dx, north + dy)
    drawn = folium.Map(tiles=None, control_scale=True, attribution_control=False, zoom_snap=0.25, min_zoom=7)
    park = features.collection([features.feature(report.shape, {})])
    labels = {"n": words["here"], "neighbourhood_n": words["with_neighbours"], "expected_n": words["expected"]}
    for layer in (
        layers.boundaries(basemap.around("city", wide), weight=0, colour=layers.LAND, fill=layers.LAND),
        layers.boundaries(basemap.around("counties", wide), weight=1, colour=layers.BORDER),
        layers.lines(basemap.around("river", wide), weight=9, colour=layers.WATER),
        layers.boundaries(park, weight=0, colour=layers.INK, fill="#ffffff"),
        layers.cells(report.cells, labels),
        layers.boundaries(park, weight=2.5, colour=layers.INK),
        layers.points(report.enterprises, colour=layers.ENTERPRISE, radius=4.5, label="name"),
        layers.points(report.incidents, colour=layers.INK, radius=2.2),
        layers.ranks(report.cells),
    ):
        layer.add_to(drawn)
    drawn.fit_bounds([(south, west), (north, east)], padding=(24, 24))
    return drawn


def inlined(drawn: folium.Map) -> tuple[str, str, str]:
    """Return head, body and script of a map, with every linked file inlined.

    Raises:
        OfflineError: a layer asks for a file that is not vendored.
    """
    figure = drawn.get_root()
    if not isinstance(figure, Figure):
        raise TypeError("the map does not stand in a figure")
    figure.render()
    head = [
        _inline(name, child) if isinstance(child, Link) else child.render()
        for name, child in figure.header._children.items()  # noqa: SLF001 branca has no other way to list them
        if name not in UNUSED
    ]
    return "\n".join(head), figure.html.render(), figure.script.render()


def _inline(name: str, link: Link) -> str:
    """Return the vendored file in place of a link."""
    if name not in VENDORED:
        raise OfflineError(f"{name} is not vendored, and {link.url} would need the network")
    return _vendored(VENDORED[name])


@lru_cache
def _vendored(name: str) -> str:
    """Return a vendored file as an element; pictures that its style sheet names are left out."""
    text = (files("maps") / "vendor" / name).read_text("utf-8")
    if name.endswith(".css"):
        for picture in ("layers.png", "layers-2x.png", "marker-icon.png"):
            text = text.replace(f"url(images/{picture})", f"url({_BLANK})")
        return f"<style>{text}</style>"
    return f"<script>{text.partition('//# sourceMappingURL=')[0]}</script>"


@lru_cache
def _template() -> jinja2.Template:
    """Return the page."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string((files("maps") / "templates" / "report.html").read_text("utf-8"))


def _rows(report: HotSpotReport, lang: str) -> list[dict[str, Any]]:
    """Return the hot cells, hottest first, each with its reason in words."""
    hot = (cell for cell in report.cells["features"] if cell["properties"]["rank"] is not None)
    return [_row(cell, report, lang) for cell in sorted(hot, key=lambda cell: cell["properties"]["rank"])]


def _row(cell: dict[str, Any], report: HotSpotReport, lang: str) -> dict[str, Any]:
    """Return one line of the list."""
    words, facts, ring = WORDS[lang], cell["properties"], cell["geometry"]["coordinates"][0]
    kinds = words["comma"].join(
        words["kind"].format(kind=KINDS[lang].get(kind, kind), n=n)
        for kind, n in sorted(facts["kinds"].items(), key=lambda item: (-item[1], item[0]))
    )
    middle = (ring[0][0] + ring[2][0]) / 2, (ring[0][1] + ring[2][1]) / 2
    reason = words["reason"].format(
        n=facts["n"],
        neighbours=facts["neighbours"],
        total=facts["neighbourhood_n"],
        expected=f"{facts['expected_n']:.1f}",
        ratio=f"{facts['neighbourhood_n'] / facts['expected_n']:.1f}",
    )
    return {
        **facts,
        "place": f"{middle[0]:.5f}, {middle[1]:.5f}",
        "near": _near(middle, report, words),
        "colour": layers.heat(facts["gi_star_z"]),
        "reason": reason,
        "verdict": words["firm" if facts["firm"] else "luck"].format(p=_share(facts["p_scattered"])),
        "reason_kinds": words["reason_kinds"].format(kinds=kinds) if kinds else "",
    }


def _near(middle_deg: tuple[float, float], report: HotSpotReport, words: Mapping[str, str]) -> str:
    """Name the enterprise nearest to a place, so that a reader finds it without a map."""
    if not report.enterprises["features"]:
        return ""
    places = np.array([one["geometry"]["coordinates"] for one in report.enterprises["features"]])
    distances_m = crs.distance_m(*middle_deg, places[:, 0], places[:, 1])
    nearest = int(distances_m.argmin())
    name = report.enterprises["features"][nearest]["properties"]["name"]
    return words["near"].format(name=name, distance=round(float(distances_m[nearest]), -1))


def _share(p: float) -> str:
    """Return a small share in words of per cent."""
    return f"{p:.1%}" if p < _ROUND_FROM else f"{p:.0%}"


def _bands(words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return colour and label of each band of the legend."""
    lows = [low for low, _ in layers.HEAT]
    labels = [words["legend_band"].format(low=low, high=high) for low, high in pairwise(lows)]
    colours = [colour for _, colour in layers.HEAT]
    return list(zip(colours, [*labels, words["legend_top"].format(low=lows[-1])], strict=True))


def _left_out(left_out: Mapping[str, int], lang: str) -> str:
    """Say who noticed what was left out."""
    words = WORDS[lang]
    said = [words["left_out_by"].format(origin=ORIGINS[lang][origin], n=n) for origin, n in left_out.items() if n]
    return words["comma"].join(said) or words["nothing_left_out"]


def moment(at: datetime) -> str:
    """Return a time as Beijing reads it."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M}"
