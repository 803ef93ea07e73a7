"""The report: one page that says what is hot and why, in two languages, and asks nobody for anything."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import folium
import numpy as np
import pytest
import shapely
from folium import plugins
from markupsafe import escape
from playwright.sync_api import Browser, Error, sync_playwright

from geo import crs, density
from maps import features, layers, report
from maps.words import KINDS, ORIGINS, WORDS

PARK = shapely.box(113.100, 27.830, 113.120, 27.850)
EPSG = 4547
HARMLESS = {"www.w3.org", "leafletjs.com", "bugs.chromium.org", "bugzilla.mozilla.org"}
"""The name of SVG, and an unused credit and comments in Leaflet."""


def hot_spots(seed: int, corner: int, anywhere: int = 60) -> tuple[density.HotSpots, np.ndarray]:
    """Scores of a park where so many incidents lie at one corner and so many anywhere."""
    rng = np.random.default_rng(seed)
    west, south, east, north = PARK.bounds
    degrees = np.vstack(
        [rng.uniform((west, south), (east, north), (anywhere, 2)), rng.normal((113.113, 27.843), 0.0004, (corner, 2))]
    )
    xy_m = np.column_stack(crs.project_points(degrees[:, 0], degrees[:, 1], EPSG))
    return density.hot_spots(density.lay(xy_m, 150, area=crs.project(PARK, EPSG)), xy_m), degrees


def a_report(corner: int = 60, anywhere: int = 60, seed: int = 4) -> report.HotSpotReport:
    spots, degrees = hot_spots(seed, corner, anywhere)
    kinds = [{"theft": n} if n else {} for n in spots.n.tolist()]
    return report.HotSpotReport(
        park="示例·园区",
        synthetic=True,
        shape=PARK,
        cells=features.cells(spots, density.scattered(spots), EPSG, kinds),
        incidents=features.collection(features.point(lon, lat, {}) for lon, lat in degrees.tolist()),
        enterprises=features.collection([features.point(113.11, 27.84, {"name": "示例厂"})]),
        left_out={"inspection": 12, "patrol": 0},
        inspections_counted=False,
        cell_m=150,
        epsg=EPSG,
        start=datetime(2025, 12, 31, 16, tzinfo=UTC),
        end=datetime(2026, 6, 30, 16, tzinfo=UTC),
        made_at=datetime(2026, 7, 1, 1, 30, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        try:
            chromium = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium on this machine: {error.message.splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.mark.parametrize("lang", WORDS)
def test_no_address_of_another_host_is_left_in_the_page(lang):
    page = report.render(a_report(), lang)
    assert set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)/?", page)) <= HARMLESS
    assert not re.search(r"<(script|img|iframe)[^>]+src=|<link|@import|sourceMappingURL", page)


@pytest.mark.browser
@pytest.mark.parametrize("lang", WORDS)
def test_chromium_opens_the_page_without_a_request_and_without_an_error(lang, browser: Browser, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(report.render(a_report(), lang), encoding="utf-8")
    page, asked, wrong = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector(".leaflet-overlay-pane path")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert wrong == []
    spots, _ = hot_spots(4, 60)
    assert page.locator(".rank").count() == spots.hot.sum() == page.locator(".list tbody tr").count()
    assert page.locator(".leaflet-overlay-pane path").count() > len(spots.n)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


@pytest.mark.browser
def test_the_whole_park_is_on_the_printed_map(browser: Browser, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(report.render(a_report(), "zh"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector(".leaflet-overlay-pane path")
    page.set_viewport_size({"width": 690, "height": 900})
    page.emulate_media(media="print")
    page.wait_for_timeout(500)
    frame = page.locator(".map").bounding_box()
    park = page.locator('.leaflet-overlay-pane path[stroke-width="2.5"]').bounding_box()
    assert frame
    assert park
    assert frame["x"] <= park["x"]
    assert park["x"] + park["width"] <= frame["x"] + frame["width"]
    assert frame["y"] <= park["y"]
    assert park["y"] + park["height"] <= frame["y"] + frame["height"]
    assert park["height"] > 0.6 * frame["height"]
    page.close()


@pytest.mark.parametrize("lang", WORDS)
def test_the_page_says_what_was_counted_when_and_what_was_not(lang):
    page = report.render(a_report(), lang)
    assert "2026-01-01 00:00" in page
    assert "2026-07-01 00:00" in page
    assert "2026-07-01 09:30" in page
    assert "<dd>120</dd>" in page
    assert "<dd>12</dd>" in page
    assert WORDS[lang]["left_out_by"].format(origin=ORIGINS[lang]["inspection"], n=12) in page
    assert ORIGINS[lang]["patrol"] + " 0" not in page
    for key in ("method_gi", "method_origin", "method_limits", "synthetic"):
        assert escape(WORDS[lang][key]) in page
    assert "GeoNames (CC BY 4.0)" in page


@pytest.mark.parametrize("lang", WORDS)
def test_every_hot_cell_has_its_reason_in_words(lang):
    asked = a_report()
    page = report.render(asked, lang)
    hot = [cell["properties"] for cell in asked.cells["features"] if cell["properties"]["hot"]]
    assert len(hot) > 3
    for cell in hot:
        expected = cell["expected_n"]
        assert (
            WORDS[lang]["reason"].format(
                n=cell["n"],
                neighbours=cell["neighbours"],
                total=cell["neighbourhood_n"],
                expected=f"{expected:.1f}",
                ratio=f"{cell['neighbourhood_n'] / expected:.1f}",
            )
            in page
        )
    assert KINDS[lang].get("theft", "theft") in page
    assert page.count("示例厂") >= len(hot)


def test_the_nearest_enterprise_says_where_a_cell_is():
    places = features.collection(
        features.point(113.113 + dx, 27.843, {"name": name}) for dx, name in ((0.005, "远厂"), (0.001, "近厂"))
    )
    page = report.render(replace(a_report(), enterprises=places), "zh")
    distances = {float(metres) for metres in re.findall(r"距 近厂 (\d+) 米", page)}
    assert distances
    assert max(distances) < 500
    assert report.render(replace(a_report(), enterprises=features.collection([])), "zh").count("距 ") == 0


def test_a_hot_cell_that_luck_explains_is_called_so():
    asked = a_report(corner=0)
    page = report.render(asked, "zh")
    hot = [cell["properties"] for cell in asked.cells["features"] if cell["properties"]["hot"]]
    assert hot
    assert not any(cell["firm"] for cell in hot)
    assert page.count("或属巧合：") == len(hot)
    assert WORDS["zh"]["firm_of"].format(n=0, share="5%") in page


def test_a_page_without_hot_cells_says_so():
    page = report.render(a_report(corner=0, seed=5), "en")
    assert escape(WORDS["en"]["none"]) in page
    assert '<table class="list">' not in page


def test_a_page_with_too_few_incidents_says_so_and_lists_none():
    page = report.render(a_report(corner=9, anywhere=20), "zh")
    assert WORDS["zh"]["few"].format(n=29, least=30) in page
    assert '<table class="list">' not in page


def test_counting_inspections_is_said_on_the_page():
    page = report.render(replace(a_report(), inspections_counted=True, left_out={}), "zh")
    assert WORDS["zh"]["method_origin_all"] in page
    assert WORDS["zh"]["nothing_left_out"] in page


def test_names_are_text_and_never_markup():
    evil = "</script><img src=x onerror=alert(1)>"
    enterprises = features.collection([features.point(113.11, 27.84, {"name": evil})])
    page = report.render(replace(a_report(), park=evil, enterprises=enterprises), "zh")
    assert "<img" not in page


def test_a_layer_that_needs_the_network_is_refused_by_name():
    drawn = folium.Map(tiles=None)
    plugins.HeatMap([(27.8, 113.1)]).add_to(drawn)
    with pytest.raises(report.OfflineError, match="leaflet-heat"):
        report.inlined(drawn)


def test_an_unknown_language_is_refused():
    with pytest.raises(report.LanguageError, match="zh, en"):
        report.render(a_report(), "fr")


def test_both_languages_say_the_same_things_with_the_same_blanks():
    fields = {
        lang: {key: sorted(name for _, name, _, _ in Formatter().parse(text) if name) for key, text in words.items()}
        for lang, words in WORDS.items()
    }
    assert fields["zh"] == fields["en"]
    assert ORIGINS["zh"].keys() == ORIGINS["en"].keys()


def test_a_hotter_cell_has_the_colour_of_its_band():
    assert [layers.heat(z) for z in (1.0, 1.96, 3.0, 3.5, 99.0)] == [layers.HEAT[band][1] for band in (0, 0, 1, 2, 3)]
