"""The dispatcher's console over the real service, by keyboard alone: no test here touches the mouse."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.city import URBAN, City, drive, fix, now, until
from tests.browser.conftest import open_first_call, sign_in, tab_to, take
from tests.browser.test_whole import findings

pytestmark = pytest.mark.browser

SIREN_HZ = 640
TYPED_FASTER_THAN_PROPOSED = """(field, words) => {
    field.value = words;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
}"""


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A city with a unit near, one further away, and one that has been silent for a quarter of an hour."""
    city = City(live_server, database_url, account, tmp_path)
    near, far, silent, city.in_need = city.add_units("芦淞-巡-01", "芦淞-巡-02", "芦淞-巡-03", "芦淞-步-04")
    city.report(drive(near.device_id, now() - timedelta(seconds=5), [0]))
    city.report([fix(far.device_id, now(), URBAN[0] + 0.03, URBAN[1], speed_mps=0.0)])
    city.report(drive(silent.device_id, now() - timedelta(minutes=15), [0]))
    return city


def test_a_call_is_taken_judged_sent_followed_and_closed_without_a_mouse(city, open_desk):
    page = open_desk()
    take(page, "dq", f"{URBAN[0]}, {URBAN[1] + 0.002}", "示例：电动车被盗")
    page.keyboard.press("Control+Enter")
    detail = page.locator(".detail")
    expect(detail.get_by_role("heading", name="盗窃")).to_be_visible()
    expect(detail.locator("[data-timer=sign_for]")).to_contain_text("待签收")
    page.keyboard.press("Escape")  # leaves nothing open
    open_first_call(page)
    page.keyboard.press("s")
    expect(detail.get_by_text("已签收。")).to_be_visible()

    cards = detail.locator(".recommended .entry")
    expect(cards.first.locator(".minutes")).to_have_text(re.compile("^[0-9.]+分钟$"))
    expect(cards).to_have_count(2)  # the silent unit is not among them
    expect(cards.first).to_contain_text("芦淞-巡-01")
    expect(cards.first).to_contain_text("估算")  # no road network is imported here, and the page says so
    tab_to(page, "未推荐")
    page.keyboard.press("Enter")
    expect(detail.locator(".left-out")).to_contain_text("芦淞-巡-03")
    expect(detail.locator(".left-out")).to_contain_text("信号中断")

    page.keyboard.press("r")
    expect(cards.first.get_by_role("button", name="派警")).to_be_focused()
    page.keyboard.press("Enter")
    sent = detail.locator("[data-assignment]")
    expect(sent).to_contain_text("已派警")
    expect(sent.locator("[data-timer=accept]")).to_be_visible()
    for step in ("代为接受", "出发", "到场", "完成"):
        tab_to(page, step)
        page.keyboard.press("Enter")
        expect(detail.locator("[data-step]", has_text=step)).to_have_count(0)
    page.keyboard.press("c")
    expect(page.get_by_label("结果类别")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("示例：已登记")
    page.keyboard.press("Enter")
    expect(detail).to_have_count(0)
    with city.door("dispatcher") as door:
        (call,) = door.get("/calls").raise_for_status().json()["items"]
        told = [event["what"] for event in door.get(f"/calls/{call['id']}").json()["events"]]
    assert call["state"] == "closed"
    assert call["result_code"] is not None
    assert told == ["taken", "signed", "dispatched", "accepted", "en_route", "on_scene", "clear", "closed"]


def test_a_closed_call_is_found_again_and_reopened_with_a_reason(city, open_desk):
    with city.door("dispatcher") as door:
        body = {"kind": "theft", "priority": 2, "lon_deg": URBAN[0], "lat_deg": URBAN[1]}
        call = door.post("/calls", json=body).raise_for_status().json()
        door.post(f"/calls/{call['id']}/close", json={"result": "示例：已登记"}).raise_for_status()
    page = open_desk()
    detail = page.locator(".detail")
    page.keyboard.press("2")
    tab_to(page, "已办结")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox", name="警情")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(detail.get_by_text("示例：已登记").first).to_be_visible()
    tab_to(page, "重新打开")
    page.keyboard.press("Enter")
    page.keyboard.type("示例：又被盗")
    page.keyboard.press("Enter")
    expect(detail.locator(".timeline li").last).to_contain_text("重新打开")
    with city.door("dispatcher") as door:
        assert door.get(f"/calls/{call['id']}").json()["state"] == "open"


def test_what_may_be_the_same_call_shows_while_it_is_typed_and_is_linked_not_merged(city, open_desk):
    page = open_desk()
    place = f"{URBAN[0]}, {URBAN[1]}"
    take(page, "dq", place, "示例：超市门口红色电动车被盗")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".detail h2")).to_have_text("盗窃")
    take(page, "dq", place, "示例：红色电动车在超市门口被偷")
    expect(page.get_by_text("可能是重复报警")).to_be_visible()
    expect(page.locator(".similar")).to_contain_text("类型相同")
    page.keyboard.press("Control+Enter")
    tab_to(page, "关联为重复")
    page.keyboard.press("Enter")
    expect(page.locator(".detail")).to_contain_text("取消关联")
    with city.door("dispatcher") as door:
        calls = door.get("/calls").raise_for_status().json()["items"]
    assert len(calls) == 2


def test_enter_takes_the_place_that_stands_in_the_field_and_not_one_proposed_for_fewer_letters(city, open_desk):
    page = open_desk()
    page.keyboard.press("n")
    expect(page.get_by_role("combobox", name="警情类型")).to_be_focused()
    field = page.get_by_role("combobox", name="地点")
    field.focus()
    page.keyboard.type(f"{URBAN[0]}, 2")
    expect(page.get_by_role("option", name=f"{URBAN[0]}, 2")).to_be_visible()
    field.evaluate(TYPED_FASTER_THAN_PROPOSED, f"{URBAN[0]}, {URBAN[1]}")
    expect(page.locator("[data-place]")).to_contain_text(f"{URBAN[0]:.5f}, {URBAN[1]:.5f}")


def test_a_place_is_found_by_name_and_a_template_fills_the_notes(city, open_desk):
    city.add_park("示例·田心园区", "id,kind,at,lon_deg,lat_deg,detection_origin\n")
    page = open_desk()
    page.keyboard.press("n")
    expect(page.get_by_role("combobox", name="警情类型")).to_be_focused()
    page.keyboard.type("jt")
    expect(page.locator(".combo-list [role=option]").first).to_contain_text("交通")
    page.keyboard.press("Enter")
    page.keyboard.type("田心")
    expect(page.get_by_role("option", name="田心园区")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-place]")).to_contain_text("113.1")
    page.keyboard.press("Alt+1")
    expect(page.get_by_label("备注")).not_to_have_value("")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".detail")).to_contain_text("田心园区")


def test_a_call_without_a_place_is_kept_and_a_call_without_a_kind_is_not(city, open_desk):
    page = open_desk()
    page.keyboard.press("n")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="请先选择警情类型")).to_be_visible()
    page.keyboard.type("dq")
    expect(page.locator(".combo-list [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".detail")).to_contain_text("地点不明")


def test_an_sos_is_on_every_desk_with_a_siren_that_mute_does_not_stop(city, open_desk):
    desks = [open_desk(), open_desk()]
    for page in desks:
        page.keyboard.press("k")
        expect(page.get_by_role("button", name="打开提示音")).to_be_visible()
        page.evaluate("window.tones = []")
    city.press_sos(city.in_need)
    for page in desks:
        expect(page.locator(".sos")).to_be_visible()
        until(lambda page=page: page.evaluate(f"window.tones.includes({SIREN_HZ})"))
    page = desks[0]
    expect(page.locator(".sos-near")).to_contain_text("芦淞-巡-01")
    page.keyboard.press("Alt+s")
    page.keyboard.press("Enter")
    expect(desks[1].locator(".sos")).to_have_attribute("data-state", "acknowledged")
    desks[1].evaluate("window.tones = []")
    desks[1].wait_for_timeout(2500)
    assert desks[1].evaluate("window.tones") == []
    tab_to(page, "关闭告警")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".sos")).to_contain_text("必须写明原因")
    page.keyboard.type("示例：误触")
    page.keyboard.press("Enter")
    expect(page.locator(".sos")).to_have_count(0)
    expect(desks[1].locator(".sos")).to_have_count(0)


def test_a_new_call_rings_at_the_other_desk_unless_it_is_muted(city, open_desk):
    page = open_desk()
    page.keyboard.press("Escape")
    body = {"kind": "theft", "priority": 2, "lon_deg": URBAN[0], "lat_deg": URBAN[1]}
    with city.door("dispatcher") as door:
        door.post("/calls", json=body).raise_for_status()
        until(lambda: page.evaluate("window.tones.length") == 2)
        page.keyboard.press("k")
        door.post("/calls", json=body).raise_for_status()
    page.keyboard.press("2")
    expect(page.locator(".calls .row")).to_have_count(2)
    assert page.evaluate("window.tones.length") == 2


def test_the_map_in_its_own_window_follows_what_is_chosen(city, open_desk, live_server):
    page = open_desk()
    with page.context.expect_page() as opened:
        page.keyboard.press("v")
    window = opened.value
    expect(window.locator(".maplibregl-canvas")).to_be_visible()
    expect(window.locator(".panel")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("巡-02")
    page.keyboard.press("Enter")
    until(
        lambda: abs(window.evaluate("JSON.parse(sessionStorage['tianshu.view'] ?? '[0]')[0]") - URBAN[0] - 0.03) < 0.01
    )


def test_filters_and_tab_come_back_at_another_screen(city, live_server, account, visitor):
    name = account("dispatcher")
    here = visitor().new_page()
    sign_in(here, live_server, name)
    expect(here.locator(".desk-tools")).to_be_visible()
    with here.expect_response(lambda answer: answer.url.endswith("/desk") and answer.request.method == "PUT"):
        here.get_by_label("状态").select_option("stale")
    expect(here.locator(".row")).to_have_count(2)
    there = visitor().new_page()
    sign_in(there, live_server, name)
    expect(there.locator(".row")).to_have_count(2)
    expect(there.get_by_label("状态")).to_have_value("stale")


def test_a_shift_is_handed_over_with_a_note_that_the_next_one_signs(city, open_desk):
    leaving = open_desk()
    leaving.keyboard.press("h")
    expect(leaving.get_by_label("交给下一班")).to_be_focused()
    leaving.keyboard.type("示例：2 号电台待修")
    leaving.keyboard.press("Tab")
    leaving.keyboard.press("Enter")
    expect(leaving.locator(".note")).to_contain_text("尚未签收")
    coming = open_desk()
    expect(coming.locator(".dot-count")).to_have_text("1")
    coming.keyboard.press("h")
    expect(coming.locator(".note")).to_contain_text("示例：2 号电台待修")
    expect(coming.get_by_role("button", name="签收接班")).to_be_focused()
    coming.keyboard.press("Enter")
    expect(coming.locator(".note")).to_contain_text("签收")
    expect(coming.locator(".dot-count")).to_have_count(0)


def test_the_wall_shows_calls_and_units_and_lets_nobody_press_anything(city, live_server, account, visitor):
    with city.door("dispatcher") as door:
        body = {"kind": "fire", "priority": 1, "lon_deg": URBAN[0], "lat_deg": URBAN[1], "address": "示例路 1 号"}
        door.post("/calls", json=body).raise_for_status()
    page = visitor(width=1920, height=1080).new_page()
    sign_in(page, live_server, account("wall"))
    expect(page).to_have_url(f"{live_server}/wall")
    expect(page.locator(".wall-calls")).to_contain_text("示例路 1 号")
    expect(page.locator(".wall-states")).to_contain_text("待命")
    assert page.locator("button:visible").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_at_the_desk(city, live_server, account, visitor, dark):
    page = visitor(dark=dark).new_page()
    sign_in(page, live_server, account("dispatcher"))
    expect(page.locator(".desk-tools")).to_be_visible()
    take(page, "jt", f"{URBAN[0]}, {URBAN[1]}", "示例")
    found = findings(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".recommended .entry").first).to_be_visible()
    found += findings(page)
    page.keyboard.press("Escape")
    page.keyboard.press("y")
    expect(page.locator(".layers-box")).to_be_visible()
    found += findings(page)
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.get_by_role("dialog", name="交接班")).to_be_visible()
    found += findings(page)
    page.keyboard.press("Escape")
    city.press_sos(city.in_need)
    expect(page.locator(".sos")).to_be_visible()
    assert found + findings(page) == []
