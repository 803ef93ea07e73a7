"""The planner's pages: beats and checkpoints are drawn, units are rostered, rounds are planned and judged."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import City, Unit, drive, fix, now
from tests.browser.conftest import sign_in, tab_to
from tests.browser.test_whole import findings
from tests.builders import town

pytestmark = pytest.mark.browser

BEIJING = timedelta(hours=8)


def beijing(hours: float) -> str:
    """A moment so many hours from now, as the pages write it."""
    return f"{now() + BEIJING + timedelta(hours=hours):%Y-%m-%d %H:%M}"


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    city = City(live_server, database_url, account, tmp_path)
    city.open_roads()
    return city


@pytest.fixture
def unit(city) -> Unit:
    (unit,) = city.add_units("芦淞-巡-01")
    city.stand(unit, town.SCENE)
    return unit


@pytest.fixture
def planner(live_server, account, visitor):
    def open_tab(tab: str, *, dark: bool = False, width: int = 1280) -> Page:
        page = visitor(dark=dark, width=width).new_page()
        sign_in(page, live_server, account("dispatcher"))
        page.goto(f"{live_server}/patrols?tab={tab}")
        expect(page.locator(".maplibregl-canvas")).to_be_visible()
        return page

    return open_tab


def set_checkpoint(city: City, name: str, place: tuple[float, float], **more: object) -> int:
    with city.door("dispatcher") as door:
        body = {"name": name, "lon_deg": place[0], "lat_deg": place[1], **more}
        return int(door.post("/checkpoints", json=body).raise_for_status().json()["id"])


def test_a_beat_is_drawn_by_clicks_on_the_map_and_ended(city, planner):
    page = planner("beats")
    page.get_by_role("button", name="划定巡区").click()
    page.get_by_label("名称").fill("东岸巡区")
    canvas = page.locator(".maplibregl-canvas")
    for x, y in ((200, 150), (400, 150), (400, 350), (250, 380)):
        canvas.click(position={"x": x, "y": y})
    expect(page.get_by_label("边界点（4 个")).to_be_visible()
    page.get_by_role("button", name="撤销上一点").click()
    expect(page.get_by_label("边界点（3 个")).to_be_visible()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status").filter(has_text="已划定巡区“东岸巡区”")).to_be_visible()
    with city.door("dispatcher") as door:
        (beat,) = door.get("/beats").json()["items"]
    assert len(beat["shape"]["coordinates"][0][0]) == 4
    page.get_by_role("button", name="停用 东岸巡区").click()
    expect(page.get_by_text("尚未划定巡区")).to_be_visible()


def test_a_beat_and_a_checkpoint_are_entered_by_keyboard_alone(city, planner):
    page = planner("beats")
    tab_to(page, "划定巡区")
    page.keyboard.press("Enter")
    expect(page.get_by_label("名称")).to_be_focused()
    page.keyboard.type("西岸巡区")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("113.12, 27.82\n113.135 27.82\n113.135, 27.84\n113.12, 27.84")
    tab_to(page, "保存")
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_contain_text("西岸巡区")

    page.locator("#patrol-beats").focus()
    page.keyboard.press("ArrowRight")
    tab_to(page, "设置必到点")
    page.keyboard.press("Enter")
    page.keyboard.type("码头")
    page.keyboard.press("Tab")
    page.keyboard.type("113.13, 27.83")
    page.get_by_role("combobox", name="巡区").select_option(label="西岸巡区")
    tab_to(page, "保存")
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_contain_text("码头")
    expect(page.locator(".entry")).to_contain_text("西岸巡区")


def test_a_shape_that_is_none_is_refused_with_a_sentence(city, planner):
    page = planner("beats")
    page.get_by_role("button", name="划定巡区").click()
    page.get_by_label("名称").fill("一条线")
    page.get_by_label("边界点").fill("113.12, 27.82\n113.13, 27.83")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert").filter(has_text="至少需要三个边界点")).to_be_visible()


def test_units_are_rostered_for_a_shift_and_one_that_is_on_duty_already_is_told(city, unit, planner):
    page = planner("rosters")
    form = page.locator("form.card")
    form.get_by_label("班次").select_option(label="中班")
    form.get_by_label("起（北京时间）").fill(beijing(-1))
    form.get_by_label("止（北京时间）").fill(beijing(7))
    form.get_by_label("芦淞-巡-01").check()
    form.get_by_role("button", name="排班").click()
    row = page.get_by_role("row").filter(has_text="芦淞-巡-01")
    expect(row).to_contain_text("中班")
    expect(row).to_contain_text(beijing(-1)[-5:])
    form.get_by_label("芦淞-巡-01").check()
    form.get_by_role("button", name="排班").click()
    expect(page.get_by_role("alert").filter(has_text="芦淞-巡-01")).to_be_visible()
    page.get_by_role("button", name="撤销 芦淞-巡-01").click()
    expect(row).to_have_count(0)


def test_rounds_are_worked_out_what_does_not_fit_is_explained_and_plans_are_given_out(city, unit, planner):
    set_checkpoint(city, "桥头", (113.14, 27.86))
    set_checkpoint(city, "岛上", town.ISLAND)
    set_checkpoint(city, "西岸", town.WEST)
    page = planner("plans")
    page.get_by_label("名称").fill("夜间巡逻")
    page.get_by_label("起（北京时间）").fill(beijing(0))
    page.get_by_label("止（北京时间）").fill(beijing(2))
    page.get_by_label("芦淞-巡-01").check()
    page.get_by_label("西岸 最晚").fill((now() + BEIJING + timedelta(minutes=7)).strftime("%H:%M"))
    page.get_by_role("button", name="计算路线").click()
    proposal = page.locator(".proposal")
    expect(proposal.locator(".round li")).to_have_count(1)
    expect(proposal.locator(".round")).to_contain_text("桥头")
    left = proposal.locator(".left-out-stops li")
    expect(left.filter(has_text="岛上")).to_contain_text("没有单位能经道路到达")
    expect(left.filter(has_text="西岸")).to_contain_text("最快的 芦淞-巡-01 也晚")
    page.get_by_role("button", name="下达计划").click()
    expect(page.get_by_role("status").filter(has_text="已下达 1 份计划")).to_be_visible()
    page.get_by_role("tab", name="考核").click()
    expect(page.locator(".entry")).to_contain_text("夜间巡逻")


def test_what_the_track_proves_is_shown_with_the_fixes_that_prove_it(city, unit, planner):
    begun = now() - timedelta(minutes=20)
    there = [fix(unit.device_id, begun + timedelta(seconds=s), *town.WEST, speed_mps=0.0) for s in range(0, 400, 10)]
    city.report(there + drive(unit.device_id, begun + timedelta(seconds=400), range(0, 400, 10)))
    stops = [set_checkpoint(city, "西岸", town.WEST), set_checkpoint(city, "桥头", (113.14, 27.86))]
    with city.door("dispatcher") as door:
        body = {
            "unit_id": unit.id, "name": "早巡", "starts_at": begun.isoformat(),
            "ends_at": (begun + timedelta(minutes=12)).isoformat(), "stops": [{"checkpoint_id": one} for one in stops],
        }  # fmt: skip
        door.post("/patrols/plans", json=body).raise_for_status()
    page = planner("compliance")
    page.get_by_role("button", name="考核 芦淞-巡-01 早巡").click()
    judged = page.locator(".judged")
    visited, other = (judged.locator("[data-verdict]").filter(has_text=name) for name in ("西岸", "桥头"))
    expect(visited).to_have_attribute("data-verdict", "visited")
    expect(visited).to_contain_text("已到点")
    expect(other).to_have_attribute("data-verdict", "missed")
    visited.locator("summary").click()
    expect(visited.locator(".evidence li").first).to_contain_text("距必到点 0 米")
    visited.get_by_role("button", name="在地图上显示依据").click()
    expect(page.locator(".maplibregl-canvas")).to_be_visible()


def test_an_officer_sees_beats_and_rosters_and_changes_nothing(city, unit, live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("patrol_officer"))
    page.goto(f"{live_server}/patrols")
    expect(page.get_by_role("tab")).to_have_count(3)
    expect(page.get_by_text("尚未划定巡区")).to_be_visible()
    expect(page.get_by_role("button", name="划定巡区")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_on_the_planners_pages(city, unit, planner, dark):
    set_checkpoint(city, "西岸", town.WEST)
    page = planner("beats", dark=dark)
    page.get_by_role("button", name="划定巡区").click()
    found = findings(page)
    for tab, shown in (("必到点", ".entry"), ("排班", "form.card"), ("计划", "form.card"), ("考核", ".day-row")):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f".patrol-body {shown}").first).to_be_visible()
        found += findings(page)
    assert found == []


def test_a_beat_and_a_checkpoint_are_changed_under_their_numbers(city, planner):
    with city.door("dispatcher") as door:
        drawn = {"name": "东岸巡区", "shape": town.square(*town.SCENE)}
        beat = door.post("/beats", json=drawn).raise_for_status().json()
    place = set_checkpoint(city, "码头", town.SCENE, beat_id=beat["id"])
    page = planner("beats")
    page.get_by_role("button", name="变更 东岸巡区").click()
    expect(page.get_by_label("边界点（4 个")).to_be_visible()
    page.get_by_label("名称").fill("新巡区")
    page.get_by_label("县区").select_option(label="芦淞区")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".entry")).to_contain_text("新巡区芦淞区 · 必到点 1 个")
    page.get_by_role("tab", name="必到点").click()
    page.get_by_role("button", name="变更 码头").click()
    expect(page.get_by_role("combobox", name="巡区")).to_have_value(str(beat["id"]))
    page.get_by_label("位置").fill("113.13, 27.83")
    page.get_by_label("半径").fill("75")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".entry")).to_contain_text("半径 75 米")
    with city.door("dispatcher") as door:
        (kept,) = door.get("/beats").json()["items"]
        (moved,) = door.get("/checkpoints").json()["items"]
    assert (kept["id"], kept["shape"]) == (beat["id"], beat["shape"])
    assert (moved["id"], moved["lon_deg"], moved["beat_id"]) == (place, 113.13, beat["id"])
