"""Replay of a unit's day."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import City, drive, now
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser

BEIJING = timedelta(hours=8)


@pytest.fixture
def replay(live_server, database_url, account, visitor, tmp_path) -> Page:
    """The replay of a drive of ten minutes with a silence of an hour in its middle, yesterday at 10:00 Beijing time."""
    city = City(live_server, database_url, account, tmp_path)
    (unit,) = city.add_units("芦淞-巡-01")
    yesterday = (now() + BEIJING).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1) - BEIJING
    seconds = [*range(0, 300, 5), *range(3900, 4200, 5)]
    city.report(drive(unit.device_id, yesterday, seconds))
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    page.goto(f"{live_server}/replay?unit={unit.id}&day={yesterday + BEIJING:%Y-%m-%d}")
    expect(page.locator("[data-time]")).to_have_text("10:00:00")
    return page


def test_the_replay_plays_pauses_and_ends(replay):
    replay.keyboard.press("Space")
    expect(replay.locator("[data-time]")).not_to_have_text("10:00:00")
    replay.keyboard.press("Space")
    expect(replay.get_by_role("button", name="播放")).to_be_visible()
    stopped = replay.locator("[data-time]").inner_text()
    replay.wait_for_timeout(400)
    assert replay.locator("[data-time]").inner_text() == stopped
    replay.keyboard.press("End")
    expect(replay.locator("[data-time]")).to_have_text("11:09:55")


def test_sixty_four_times_is_sixty_four_times(replay):
    slider = replay.get_by_role("slider")
    replay.clock.install()
    replay.clock.pause_at(replay.evaluate("Date.now()") + 1000)  # from here on time passes when the test says so
    replay.get_by_label("倍速").select_option("64")
    replay.keyboard.press("Space")
    before = float(slider.get_attribute("aria-valuenow"))
    replay.clock.run_for(2000)
    assert float(slider.get_attribute("aria-valuenow")) - before == pytest.approx(128, abs=4)


def test_a_silence_is_listed_as_a_gap_and_nothing_is_claimed_inside_it(replay):
    gap = replay.get_by_role("button", name="中断 1 小时")
    expect(gap).to_contain_text("10:04:55 – 11:05:00")
    gap.click()
    replay.keyboard.press("Shift+ArrowRight")
    expect(replay.locator(".gap-note")).to_have_text("此时段无定位")
    expect(replay.locator(".readout")).not_to_contain_text("43")


def test_the_arrows_move_by_ten_seconds_and_the_slider_says_where(replay):
    replay.keyboard.press("ArrowRight")
    replay.keyboard.press("ArrowRight")
    expect(replay.get_by_role("slider")).to_have_attribute("aria-valuetext", "10:00:20")


def test_a_day_without_a_track_is_said_in_words(replay):
    replay.get_by_label("日期").fill(f"{now() + BEIJING:%Y-%m-%d}")
    replay.get_by_role("button", name="载入轨迹").click()
    expect(replay.get_by_role("alert")).to_have_text("该单位当日没有轨迹。")


CASE = "株公（刑）立字〔2026〕12号"


@pytest.fixture
def investigation(live_server, database_url, account, visitor, tmp_path) -> tuple[Page, datetime, list[int]]:
    """An investigator whose case permits the first of two units, from 9 to 12 o'clock of yesterday, Beijing time."""
    city = City(live_server, database_url, account, tmp_path)
    units = city.add_units("芦淞-巡-01", "芦淞-巡-02")
    ten = (now() + BEIJING).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1) - BEIJING
    for unit in units:
        city.report(drive(unit.device_id, ten, range(0, 300, 5)))
    body = {
        "case_no": CASE, "instrument": "株公调证字〔2026〕7号", "issuing_unit": "株洲市公安局", "issuing_level": "city",
        "purpose": "盗窃案", "subjects": [f"unit:{units[0].id}"],
        "window_start": (ten - timedelta(hours=10)).isoformat(),
        "window_end": (ten + timedelta(hours=14)).isoformat(), "expires_at": (now() + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    with city.door("investigator") as door:
        made = door.post("/authorisations", json=body).raise_for_status().json()["id"]
    with city.door("approver") as door:
        door.post(f"/authorisations/{made}/approve").raise_for_status()
    page = visitor().new_page()
    sign_in(page, live_server, account("investigator"))
    page.goto(f"{live_server}/replay")
    expect(page.get_by_label("案件")).to_contain_text(CASE)
    return page, ten, [unit.id for unit in units]


def ask(page: Page, unit_id: int, day: datetime) -> None:
    page.get_by_label("单位").fill(str(unit_id))
    page.get_by_label("日期").fill(f"{day + BEIJING:%Y-%m-%d}")
    page.get_by_role("button", name="载入轨迹").click()


def test_an_investigator_replays_inside_the_authorisation_of_the_case(investigation):
    page, ten, (permitted, _) = investigation
    ask(page, permitted, ten)
    expect(page.locator("[data-time]")).to_have_text("10:00:00")
    page.keyboard.press("End")
    expect(page.locator("[data-time]")).to_have_text("10:04:55")


def test_what_leaves_the_authorisation_is_refused_with_the_limit_it_breaks(investigation):
    page, ten, (permitted, other) = investigation
    ask(page, other, ten)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("subject|对象"))
    expect(page.locator("[data-time]")).to_have_count(0)
    ask(page, permitted, ten - timedelta(days=1))
    expect(page.get_by_role("alert")).to_contain_text(re.compile("window|时段|时间"))
    expect(page.locator("[data-time]")).to_have_count(0)
