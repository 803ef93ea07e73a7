"""What a dispatcher is advised and decides on: several calls at once, what a unit leaves open, closed roads, help."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.city import City, Unit, until
from tests.browser.conftest import open_first_call, sign_in, tab_to
from tests.browser.test_whole import findings
from tests.builders import town

pytestmark = pytest.mark.browser

NORTH = (113.14, 27.85)
MIDDLE = "JSON.parse(sessionStorage.getItem('tianshu.view') ?? '[]').slice(0, 2)"
HALFWAY = (113.14, 27.84)


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A town on two banks with one bridge in the north."""
    city = City(live_server, database_url, account, tmp_path)
    city.open_roads()
    return city


def place(city: City, *places: tuple[float, float]) -> list[Unit]:
    """Place a free car at each."""
    units = city.add_units(*(f"芦淞-巡-{number:02}" for number in range(1, len(places) + 1)))
    for unit, there in zip(units, places, strict=True):
        city.stand(unit, there)
    return units


@pytest.fixture
def two_calls(city) -> tuple[int, int]:
    """Two calls and two units: the one half way is soonest for both, and together better left to the northern one."""
    place(city, town.SOUTH, HALFWAY)
    return city.take(*town.SCENE), city.take(*NORTH)


def decide_together(page: Page) -> None:
    """Open the calls, and all of them together."""
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="2 起待派：联合调派")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".joint-pair")).to_have_count(4)


def test_two_calls_are_decided_together_beside_one_by_one_and_sent_by_one_key_each(city, two_calls, open_desk):
    page = open_desk()
    decide_together(page)
    panel = page.locator("tianshu-joint")
    scene, north = (panel.locator(".entry").filter(has_text=f"#{call_id}") for call_id in two_calls)
    expect(scene.locator("[data-way=together]")).to_contain_text("芦淞-巡-01")
    expect(scene.locator("[data-way=one_by_one]")).to_contain_text("芦淞-巡-02")
    expect(north.locator("[data-way=together]")).to_contain_text("芦淞-巡-02")
    expect(panel.locator("[data-total=saved]")).to_contain_text("合计节省")
    expect(scene.locator("[data-way=together]")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(scene.locator("[data-way=one_by_one]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_contain_text(f"已派 芦淞-巡-01 至 #{two_calls[0]}")
    expect(north.locator("[data-way=together]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_contain_text(f"已派 芦淞-巡-02 至 #{two_calls[1]}")
    with city.door("dispatcher") as door:
        sent = {call["id"]: call["assignments"] for call in door.get("/calls").raise_for_status().json()["items"]}
    assert [[one["state"] for one in sent[call_id]] for call_id in two_calls] == [["dispatched"], ["dispatched"]]


def test_a_pair_that_a_colleague_took_meanwhile_is_told_and_worked_out_anew(city, two_calls, open_desk):
    page = open_desk()
    panel = page.locator("tianshu-joint")

    def colleague_first(route: Route) -> None:
        with city.door("dispatcher") as door:
            elsewhere = door.post("/calls", json={"kind": "fire", "priority": 1}).raise_for_status().json()["id"]
            door.post(f"/calls/{elsewhere}/assignments", json=route.request.post_data_json).raise_for_status()
        route.continue_()

    page.route("**/assignments", colleague_first, times=1)
    decide_together(page)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_contain_text(f"芦淞-巡-01 未能派往 #{two_calls[0]}")
    expect(panel.get_by_role("status")).to_contain_text("方案已重新计算")
    expect(panel.locator("[data-way=together]:not([disabled])")).to_have_count(1)


def test_a_recommendation_names_the_beats_that_it_leaves_without_a_car(city, open_desk):
    place(city, town.SOUTH, town.WEST)
    with city.door("dispatcher") as door:
        for name, there in (("东岸巡区", town.SCENE), ("西岸巡区", town.WEST)):
            door.post("/beats", json={"name": name, "shape": town.square(*there)}).raise_for_status()
    city.take(*town.SCENE)
    page = open_desk()
    open_first_call(page)
    first, second = (page.locator(".recommended .entry").nth(row) for row in (0, 1))
    expect(first.locator(".leaves")).to_contain_text("5 分钟内无车可达：东岸巡区 全部")
    expect(second.locator(".leaves")).to_contain_text("西岸巡区 全部")


def test_where_no_beat_is_drawn_the_division_is_named(city, open_desk):
    place(city, town.SOUTH, town.WEST)
    city.take(*town.SCENE)
    page = open_desk()
    open_first_call(page)
    expect(page.locator(".recommended .entry").first.locator(".leaves")).to_have_text(re.compile("无车可达：.+区"))


def test_a_road_closed_on_the_map_changes_the_recommendation_at_once_and_back(city, open_desk):
    place(city, town.SOUTH, town.WEST)
    city.take(*town.SCENE)
    page = open_desk()
    open_first_call(page)
    first = page.locator(".recommended .entry").first
    expect(first).to_contain_text("芦淞-巡-01")
    expect(first).not_to_contain_text("估算")

    page.keyboard.press("y")
    tab_to(page, "封闭一段道路")
    page.keyboard.press("Enter")
    page.get_by_label("封闭原因").fill("示例：路面塌陷")
    # the only road from the south, at the middle of the map, which is where the call is shown
    until(lambda: page.evaluate(MIDDLE) == [pytest.approx(degrees, abs=1e-5) for degrees in town.SCENE])
    page.keyboard.press("Enter")
    expect(page.locator(".closures")).to_contain_text("示例：路面塌陷")
    page.get_by_role("button", name="重新推荐").click()
    expect(first).to_contain_text("芦淞-巡-02")
    page.get_by_role("button", name="解除").click()
    expect(page.locator(".closures li")).to_have_count(0)
    page.get_by_role("button", name="重新推荐").click()
    expect(first).to_contain_text("芦淞-巡-01")


def test_an_sos_proposes_who_is_there_soonest_by_road_and_not_who_pressed_it(city, live_server, account, visitor):
    in_need, west, south = place(city, town.SCENE, town.WEST, town.SOUTH)
    del west, south
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    expect(page.locator(".desk-tools")).to_be_visible()
    city.press_sos(in_need, town.SCENE)
    near = page.locator(".sos-near li")
    expect(near).to_have_count(2)
    expect(near.first).to_contain_text("芦淞-巡-03")  # over the bridge the nearer one is further
    expect(near.first).not_to_contain_text("估算")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_deciding_together(city, two_calls, live_server, account, visitor, dark):
    page = visitor(dark=dark).new_page()
    sign_in(page, live_server, account("dispatcher"))
    expect(page.locator(".desk-tools")).to_be_visible()
    decide_together(page)
    assert findings(page) == []
