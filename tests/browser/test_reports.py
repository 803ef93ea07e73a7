"""The report on response times as a page: by kind, beat and hour against the targets, as a CSV, as a map."""

import csv

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import URBAN, City
from tests.browser.conftest import sign_in
from tests.browser.test_whole import findings
from tests.builders import town

pytestmark = pytest.mark.browser


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A call that was answered and one that nobody came to, both on a beat."""
    city = City(live_server, database_url, account, tmp_path)
    (unit,) = city.add_units("芦淞-巡-01")
    city.stand(unit, URBAN)
    reached = city.take(*URBAN)
    city.take(*URBAN, kind="fire", priority=1)
    with city.door("dispatcher") as door:
        door.post("/beats", json={"name": "西岸巡区", "shape": town.square(*URBAN)}).raise_for_status()
        sent = door.post(f"/calls/{reached}/assignments", json={"unit_id": unit.id}).raise_for_status().json()
        for state in ("en_route", "on_scene"):
            door.post(f"/assignments/{sent['id']}/status", json={"state": state}).raise_for_status()
    return city


@pytest.fixture
def report(city, live_server, account, visitor):
    def open_page(**more: object) -> Page:
        page = visitor(**more).new_page()
        sign_in(page, live_server, account("dispatcher"))
        page.locator("nav").get_by_role("link", name="时效").click()
        expect(page.locator("tfoot")).to_be_visible()
        return page

    return open_page


def test_response_times_are_shown_by_kind_by_beat_and_by_hour_against_the_targets(report):
    page = report()
    expect(page.get_by_text("城区 5 分钟、郊区 10 分钟")).to_be_visible()
    theft, fire = (page.locator("tbody tr").filter(has_text=name) for name in ("盗窃", "火灾"))
    expect(theft).to_contain_text("100% 1/1")
    expect(fire).to_contain_text("—")
    expect(page.locator("tfoot")).to_contain_text("合计")
    expect(page.get_by_text("周报分档")).to_be_visible()
    for span in ("30 秒内", "10 分钟内", "1 小时内"):
        expect(page.get_by_role("rowheader", name=span, exact=True)).to_be_visible()
    for by, name in (("巡区", "西岸巡区"), ("时段", "时至")):
        page.get_by_label("分组").select_option(label=by)
        page.get_by_role("button", name="生成").click()
        expect(page.locator("tbody").first).to_contain_text(name)


def test_the_report_is_saved_as_a_csv_and_opens_as_a_map(report):
    page = report()
    with page.expect_download() as saved:
        page.get_by_role("button", name="下载 CSV").click()
    with saved.value.path().open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["key"], row["calls"], row["arrived"]) for row in rows] == [
        ("fire", "1", "0"),
        ("theft", "1", "1"),
        ("", "2", "1"),
    ]
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="地图报告").click()
    expect(opened.value.get_by_role("heading", name="处警时效报告")).to_be_visible()
    expect(opened.value.locator("iframe, .leaflet-container").first).to_be_visible()


def test_days_that_are_none_are_refused_with_a_sentence(report):
    page = report()
    page.get_by_label("截止日").fill("2020-01-01")
    page.get_by_role("button", name="生成").click()
    expect(page.get_by_role("alert")).to_contain_text("截止日不早于起始日")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_on_the_report(report, dark):
    assert findings(report(dark=dark)) == []
