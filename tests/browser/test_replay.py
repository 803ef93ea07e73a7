"""Replay of a unit's day."""

from datetime import timedelta

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


PLAY_FOR = """async (ms) => {
  const press = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  const at = () => Number(document.querySelector("[role=slider]").getAttribute("aria-valuenow"));
  const [start, before] = [performance.now(), at()];
  press();
  await new Promise((done) => setTimeout(done, ms));
  press();
  return { took_ms: performance.now() - start, passed_s: at() - before };
}"""


def test_sixty_four_times_is_sixty_four_times(replay):
    replay.get_by_label("倍速").select_option("64")
    played = replay.evaluate(PLAY_FOR, 2000)
    assert played["passed_s"] == pytest.approx(64 * played["took_ms"] / 1000, rel=0.15)


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
    replay.get_by_label("日期").fill("2020-02-02")
    replay.get_by_role("button", name="载入轨迹").click()
    expect(replay.get_by_role("alert")).to_have_text("该单位当日没有轨迹。")
