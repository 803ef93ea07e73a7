"""The live map in a real browser over the real service."""

import math
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.city import URBAN, City, drive, fix, now, until
from tests.browser.conftest import COUNT_TONES, sign_in

pytestmark = pytest.mark.browser

MIDDLE = (113.16, 27.845)
"""Where the map's middle is when it opens."""
FIRST_ZOOM = 10.5
"""The map opens at least as close as this, on any of the screens here."""


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A city without anybody in it yet."""
    return City(live_server, database_url, account, tmp_path)


@pytest.fixture
def desk(live_server, account, visitor) -> Page:
    """A dispatcher's page, not opened yet: `sign_in` when the city is ready."""
    page = visitor().new_page()
    page.desk = lambda: sign_in(page, live_server, account("dispatcher"))  # type: ignore[attr-defined]
    return page


def place_of(page: Page) -> tuple[float, float]:
    """Longitude and latitude as the detail panel shows them."""
    words = page.locator(".detail .facts dd", has_text="113.").locator("small").inner_text()
    lon, lat = words.split(",")
    return float(lon), float(lat)


def hold(page: Page, pattern: str) -> list[Route]:
    """Leave what the browser asks for from now on without an answer; return what waits."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def held(page: Page, routes: list[Route]) -> bool:
    """Whether the browser waits for one of these; lets it act first."""
    page.wait_for_timeout(50)
    return bool(routes)


def test_a_unit_appears_and_moves_when_its_fixes_are_stored(city, desk):
    (unit,) = city.add_units("芦淞-巡-01")
    desk.desk()
    row = desk.get_by_role("option", name="芦淞-巡-01")
    expect(row).to_contain_text("尚无定位")
    start = now() - timedelta(seconds=20)
    city.report(drive(unit.device_id, start, [0]))
    expect(row).to_contain_text("43 km/h")
    row.click()
    before = place_of(desk)
    city.report(drive(unit.device_id, start, [10]))
    expect(desk.locator(".detail")).to_contain_text(f"{URBAN[0] + 120 / 98_400:.5f}")
    after = place_of(desk)
    assert after[0] > before[0]
    assert after[1] == before[1]


def test_the_symbol_on_the_map_can_be_clicked(city, desk):
    (unit,) = city.add_units("芦淞-巡-02")
    city.report([fix(unit.device_id, now(), *MIDDLE, speed_mps=0.0)])
    desk.desk()
    expect(desk.get_by_role("option", name="芦淞-巡-02")).to_contain_text("0 km/h")
    box = desk.locator(".maplibregl-canvas").bounding_box()
    assert box is not None

    def chosen() -> bool:  # the map opens centred on this place, and draws it when it is ready
        desk.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return desk.locator(".detail h2").is_visible()

    until(chosen)
    expect(desk.locator(".detail h2")).to_have_text("芦淞-巡-02")


@pytest.fixture
def crowd(city, desk) -> Page:
    """The map with 1,600 units round its middle: more than are drawn one by one."""
    units = city.add_crowd(1600)
    lon, lat = MIDDLE
    city.report([
        fix(unit.device_id, now(), lon + 0.004 * math.cos(k), lat + 0.004 * math.sin(k), speed_mps=0.0)
        for k, unit in enumerate(units)
    ])  # fmt: skip
    desk.desk()
    expect(desk.locator(".list-count")).to_contain_text("1600 / 1600")
    return desk


def zoom_of(page: Page) -> float:
    """How close the map is, once it was moved."""
    return float(page.evaluate("JSON.parse(sessionStorage['tianshu.view'] ?? '[0, 0, 0]')[2]"))


def test_a_circle_of_many_units_opens_when_it_is_clicked(crowd):
    box = crowd.locator(".maplibregl-canvas").bounding_box()
    assert box is not None

    def opened() -> bool:
        crowd.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        crowd.wait_for_timeout(600)  # how long the map takes to come closer
        return zoom_of(crowd) > FIRST_ZOOM + 0.9

    until(opened, within_s=30)
    expect(crowd.locator(".detail")).to_have_count(0)


def test_the_map_with_the_keyboard_opens_the_circle_in_its_middle(crowd):
    canvas = crowd.locator(".maplibregl-canvas")

    def opened() -> bool:
        canvas.press("Enter")
        crowd.wait_for_timeout(600)
        return zoom_of(crowd) > FIRST_ZOOM + 0.9

    until(opened, within_s=30)
    expect(crowd.locator(".detail")).to_have_count(0)


def test_the_map_with_the_keyboard_selects_the_unit_in_its_middle(city, desk):
    (unit,) = city.add_units("芦淞-巡-02")
    city.report([fix(unit.device_id, now(), *MIDDLE, speed_mps=0.0)])
    desk.desk()
    canvas = desk.locator(".maplibregl-canvas")

    def selected() -> bool:
        canvas.press("Enter")
        return desk.locator(".detail h2").count() > 0

    until(selected, within_s=30)
    expect(desk.locator(".detail h2")).to_have_text("芦淞-巡-02")


def test_the_keyboard_searches_selects_follows_and_lets_go(city, desk):
    city.add_units("芦淞-巡-01", "芦淞-巡-02", "天元-摩-01")
    units = city.add_units("天元-摩-02")
    city.report(drive(units[0].device_id, now(), [0]))
    desk.desk()
    expect(desk.locator(".row")).to_have_count(4)
    desk.keyboard.press("/")
    desk.keyboard.type("天元")
    expect(desk.locator(".row")).to_have_count(2)
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    expect(desk.locator(".detail h2")).to_have_text("天元-摩-02")
    desk.keyboard.press("Escape")  # leaves the search
    desk.keyboard.press("f")
    expect(desk.get_by_role("button", name="跟随")).to_have_attribute("aria-pressed", "true")
    city.report([fix(units[0].device_id, now(), URBAN[0] + 0.02, URBAN[1])])
    until(lambda: abs(desk.evaluate("JSON.parse(sessionStorage['tianshu.view'])[0]") - URBAN[0] - 0.02) < 0.004)
    desk.keyboard.press("t")
    expect(desk.get_by_role("button", name="30 分钟轨迹")).to_have_attribute("aria-pressed", "true")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Escape")
    expect(desk.locator(".detail")).to_have_count(0)
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_be_visible()


def test_a_unit_not_heard_of_is_shown_as_stale_with_its_age(city, desk):
    fresh, silent = city.add_units("芦淞-巡-01", "芦淞-巡-02")
    city.report(drive(fresh.device_id, now(), [0]) + drive(silent.device_id, now() - timedelta(minutes=17), [0]))
    desk.desk()
    row = desk.get_by_role("option", name="芦淞-巡-02")
    expect(row).to_contain_text("17 分钟无定位")
    expect(row.locator(".unit-symbol")).to_have_attribute("data-stale", "")
    expect(desk.get_by_role("option", name="芦淞-巡-01").locator("[data-stale]")).to_have_count(0)
    desk.get_by_label("状态").select_option("stale")
    expect(desk.locator(".row")).to_have_count(1)


def test_a_lost_connection_is_said_and_what_was_missed_arrives(city, desk):
    (unit,) = city.add_units("芦淞-巡-01")
    start = now() - timedelta(seconds=30)
    city.report(drive(unit.device_id, start, [0]))
    desk.desk()
    expect(desk.locator(".link-state")).to_have_text("实时")
    desk.context.set_offline(True)
    expect(desk.locator(".banner")).to_contain_text("失去连接")
    city.report(drive(unit.device_id, start, [20], speed_mps=20.0))
    desk.context.set_offline(False)
    expect(desk.locator(".banner")).to_contain_text("连接已恢复")
    expect(desk.get_by_role("option", name="芦淞-巡-01")).to_contain_text("72 km/h")


def test_a_long_list_draws_only_the_rows_that_fit_on_the_screen(city, desk):
    city.add_units(*(f"测试-{number:03d}" for number in range(40)))
    desk.desk()
    expect(desk.locator(".list-count")).to_contain_text("40 / 40")
    assert desk.locator(".row").count() < 30
    desk.get_by_role("listbox").press("End")
    expect(desk.get_by_role("option", name="测试-039")).to_be_visible()


def test_a_page_without_a_stream_does_not_say_that_it_is_live(desk):
    streams = hold(desk, "**/stream")
    desk.desk()
    until(lambda: held(desk, streams))
    parts = hold(desk, "**/assets/*.js")
    desk.get_by_role("link", name="轨迹导出").click()
    until(lambda: held(desk, parts))
    desk.get_by_role("button", name="账户").click()  # draws everything anew: the page being left stays until then
    streams[0].continue_()
    expect(desk.locator(".link-state")).to_have_text("实时")
    desk.unroute("**/assets/*.js")
    for part in parts:
        part.continue_()
    expect(desk.get_by_role("region", name="申请导出")).to_be_visible()
    expect(desk.locator(".link-state")).to_have_count(0)


def test_following_that_was_asked_for_before_there_was_a_map_begins_with_it(city, desk):
    (unit,) = city.add_units("芦淞-巡-01")
    city.report(drive(unit.device_id, now(), [0]))
    roads = hold(desk, "**/roads")
    desk.desk()
    until(lambda: held(desk, roads))
    desk.get_by_role("option", name="芦淞-巡-01").click()
    desk.keyboard.press("f")
    expect(desk.get_by_role("button", name="跟随")).to_have_attribute("aria-pressed", "true")
    roads[0].continue_()
    expect(desk.locator(".maplibregl-canvas")).to_be_visible()
    city.report([fix(unit.device_id, now(), URBAN[0] + 0.02, URBAN[1])])
    until(lambda: "tianshu.view" in desk.evaluate("Object.keys(sessionStorage)"))
    until(lambda: abs(desk.evaluate("JSON.parse(sessionStorage['tianshu.view'])[0]") - URBAN[0] - 0.02) < 0.004)


def test_a_call_that_comes_before_the_stream_is_open_rings_like_any_other(city, desk):
    desk.add_init_script(f"({COUNT_TONES})()")
    city.add_units("芦淞-巡-01")
    streams = hold(desk, "**/stream")
    desk.desk()
    expect(desk.locator(".desk-tools")).to_be_visible()
    until(lambda: held(desk, streams))
    desk.keyboard.press("Escape")
    with city.door("dispatcher") as door:
        body = {"kind": "theft", "priority": 2, "lon_deg": URBAN[0], "lat_deg": URBAN[1]}
        door.post("/calls", json=body).raise_for_status()
    streams[0].continue_()
    until(lambda: desk.evaluate("window.tones.length") == 2)
