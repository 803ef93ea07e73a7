"""The hot spots of a park."""

import pytest
from playwright.sync_api import expect

from tests.browser.city import City, clustered_incidents, now
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def open_park(live_server, database_url, account, visitor, tmp_path):
    """Enter a park with so many incidents and open its page."""

    def make(incidents: int):
        park = City(live_server, database_url, account, tmp_path).add_park(
            "示例·测试园", clustered_incidents(incidents, now())
        )
        page = visitor().new_page()
        sign_in(page, live_server, account("park_officer"))
        page.goto(f"{live_server}/hotspots?park={park['id']}")
        return page

    return make


def test_hot_cells_are_listed_with_their_reasons_and_drawn(open_park):
    page = open_park(120)
    expect(page.locator(".summary")).to_contain_text("120 起事件")
    first = page.locator(".cells li").first
    expect(first).to_contain_text("热点 1")
    expect(first).to_contain_text("按园区平均应有")
    expect(page.get_by_text("合成数据")).to_be_visible()
    page.wait_for_timeout(1200)
    first.get_by_role("button").click()
    expect(first.get_by_role("button")).to_have_attribute("aria-pressed", "true")


def test_another_cell_size_is_another_grid(open_park):
    page = open_park(120)
    summary = page.locator(".summary")
    expect(summary).to_contain_text("120 起事件")
    before = summary.inner_text()
    page.get_by_label("网格边长").select_option("400")
    expect(summary).not_to_have_text(before)
    expect(summary).to_contain_text("120 起事件")


def test_too_few_incidents_are_said_and_nothing_is_called_hot(open_park):
    page = open_park(12)
    expect(page.locator(".results")).to_contain_text("事件数量不足：本时段仅 12 起")
    expect(page.locator(".cells li")).to_have_count(0)


def test_the_report_opens_in_the_language_of_the_page(open_park):
    page = open_park(120)
    page.get_by_role("button", name="切换为英文").click()
    report = page.get_by_role("link", name="Open the offline report")
    with page.context.expect_page() as opened:
        report.click()
    expect(opened.value.locator("html")).to_have_attribute("lang", "en")


def test_days_are_written_in_beijing_time_and_wrong_ones_are_told(open_park):
    page = open_park(120)
    expect(page.locator(".summary")).to_contain_text("120 起事件")
    first, last = page.get_by_label("起始日期（北京时间）"), page.get_by_label("截止日期（北京时间）")
    first.fill("2001-02-30x")
    first.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("2026-11-21")
    first.fill("2001-01-01")
    last.fill("2001-12-31")
    last.press("Tab")
    expect(page.locator(".results")).to_contain_text("0 起")
