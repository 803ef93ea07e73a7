"""What holds for every page: nothing from elsewhere, both languages, both themes, every size, for everyone."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import City, clustered_incidents, drive, now
from tests.browser.conftest import sign_in
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

PAGES = {"/": "实时地图", "/replay": "轨迹回放", "/hotspots": "园区热点"}
AXE = ROOT / "maps/web/node_modules/axe-core/axe.min.js"


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A city with something on every page."""
    city = City(live_server, database_url, account, tmp_path)
    fresh, _ = city.add_units("芦淞-巡-01", "芦淞-巡-02")
    city.report(drive(fresh.device_id, now(), [0]))
    city.add_park("示例·测试园", clustered_incidents(80, now()))
    return city


def findings(page: Page) -> list[str]:
    """Serious and critical findings of axe, in words."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


@pytest.mark.usefixtures("city")
def test_no_request_leaves_the_host_and_no_script_fails(live_server, account, visitor):
    context = visitor()
    asked, complaints = [], []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    sign_in(page, live_server, account("dispatcher", "park_officer"))
    complaints.clear()  # the browser logs the 401 by which the page learns that nobody is signed in
    for path, title in PAGES.items():
        page.goto(f"{live_server}{path}")
        expect(page.get_by_role("link", name=title)).to_have_attribute("aria-current", "page")
        expect(page.locator(".maplibregl-canvas")).to_be_visible()
        page.wait_for_timeout(1000)
    here = urlsplit(live_server).netloc
    elsewhere = {url for url in asked if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).netloc != here}
    assert elsewhere == set()
    assert len(asked) > 20
    assert complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.usefixtures("city")
def test_axe_finds_nothing_serious(live_server, account, visitor, dark):
    page = visitor(dark=dark).new_page()
    page.goto(f"{live_server}/login")
    expect(page.get_by_label("用户名")).to_be_visible()
    found = findings(page)
    sign_in(page, live_server, account("dispatcher", "park_officer"))
    expect(page.locator(".row").first).to_be_visible()
    page.locator(".row").first.click()
    found += findings(page)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="新警情")).to_be_visible()
    found += findings(page)
    for path in ("/replay", "/hotspots"):
        page.goto(f"{live_server}{path}")
        expect(page.locator(".maplibregl-canvas")).to_be_visible()
        page.wait_for_timeout(800)
        found += findings(page)
    assert found == []


def test_language_and_theme_switch_at_once_and_are_remembered(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    page.get_by_role("button", name="切换为英文").click()
    expect(page.get_by_role("link", name="Live map")).to_be_visible()
    expect(page.get_by_role("tab", name="Units")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.get_by_role("link", name="Live map")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, input, a.button")]
  .filter((one) => one.offsetParent && !one.closest(".choice") && !one.matches(".sheet-handle"))
  .filter((one) => one.getBoundingClientRect().height < 39.5)
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("size", [(390, 844), (1920, 1080)], ids=["phone", "wall"])
@pytest.mark.usefixtures("city")
def test_nothing_sticks_out_and_every_target_is_large(live_server, account, visitor, size):
    page = visitor(width=size[0], height=size[1]).new_page()
    sign_in(page, live_server, account("dispatcher", "park_officer"))
    for title in PAGES.values():
        page.get_by_role("link", name=title).click()
        expect(page.locator(".maplibregl-canvas")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate(SMALL_TARGETS) == []
