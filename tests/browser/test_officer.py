"""The officer's phone page over the real service, on a phone-sized screen."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.city import URBAN, City, Unit, drive, now, until
from tests.browser.conftest import sign_in
from tests.browser.test_whole import SMALL_TARGETS, findings

pytestmark = pytest.mark.browser

CALL = {"kind": "theft", "priority": 2, "lon_deg": URBAN[0], "lat_deg": URBAN[1] + 0.01, "address": "示例路 1 号"}
HOLD_MS = 1_000


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A city without anybody in it yet."""
    return City(live_server, database_url, account, tmp_path)


@pytest.fixture
def unit(city) -> Unit:
    """A unit that has just reported."""
    (unit,) = city.add_units("芦淞-巡-01")
    city.report(drive(unit.device_id, now() - timedelta(seconds=3), [0]))
    return unit


@pytest.fixture
def open_phone(live_server, account, visitor) -> Callable[..., Page]:
    """An officer signs in at his phone and on to his unit."""

    def open_one(*, dark: bool = False) -> Page:
        page = visitor(width=390, height=844, dark=dark).new_page()
        sign_in(page, live_server, account("patrol_officer"))
        expect(page).to_have_url(f"{live_server}/officer")
        page.get_by_role("button", name="芦淞-巡-01").click()
        expect(page.get_by_role("heading", name="待命中")).to_be_visible()
        return page

    return open_one


def send(city: City, unit: Unit) -> dict:
    """Take a call and send the unit."""
    with city.door("dispatcher") as door:
        call = door.post("/calls", json=CALL).raise_for_status().json()
        door.post(f"/calls/{call['id']}/assignments", json={"unit_id": unit.id}).raise_for_status()
        return dict(call)


def events(city: City, call: dict) -> list[str]:
    with city.door("dispatcher") as door:
        return [event["what"] for event in door.get(f"/calls/{call['id']}").raise_for_status().json()["events"]]


def test_an_officer_does_his_part_with_one_button_and_checks_the_guidance_off(city, unit, open_phone):
    page = open_phone()
    call = send(city, unit)
    expect(page.get_by_role("heading", name="盗窃", exact=True)).to_be_visible()
    expect(page.locator(".address")).to_contain_text("示例路 1 号")
    expect(page.locator(".way-line")).to_contain_text("估算")  # no roads are imported here, and the page says so
    expect(page.locator(".way .maplibregl-canvas")).to_be_visible()
    for words in ("接受任务", "出发", "到达现场"):
        page.get_by_role("button", name=words).click()
    expect(page.get_by_role("button", name="处置完毕")).to_be_visible()
    page.locator(".guidance input").first.check()
    expect(page.locator(".guidance")).to_contain_text("已完成 1 /")
    page.get_by_role("button", name="现场反馈").click()
    page.get_by_label("现场反馈").fill("示例：已登记财物")
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text("已提交。")).to_be_visible()
    page.get_by_role("button", name="处置完毕").click()
    expect(page.get_by_role("heading", name="待命中")).to_be_visible()
    told = events(city, call)
    assert [one for one in told if one in ("accepted", "en_route", "on_scene", "clear")] == [
        "accepted", "en_route", "on_scene", "clear",
    ]  # fmt: skip
    assert {"step_done", "feedback"} <= set(told)


def test_a_refusal_needs_a_reason_and_reaches_the_log(city, unit, open_phone):
    page = open_phone()
    call = send(city, unit)
    page.get_by_role("button", name="拒绝").click()
    page.get_by_role("button", name="拒绝").click()
    expect(page.get_by_text("必须写明原因")).to_be_visible()
    page.get_by_label("拒绝原因").fill("示例：车辆故障")
    page.get_by_role("button", name="拒绝").click()
    expect(page.get_by_role("heading", name="待命中")).to_be_visible()
    assert "refused" in events(city, call)


def open_alerts(city: City) -> list[str]:
    with city.door("dispatcher") as door:
        return [alert["kind"] for alert in door.get("/alerts?state=open").raise_for_status().json()["items"]]


def test_an_sos_goes_out_when_the_button_is_held_for_a_second_and_not_before(city, unit, open_phone):
    page = open_phone()
    button = page.get_by_role("button", name="紧急求助")
    button.hover()
    page.mouse.down()
    page.wait_for_timeout(HOLD_MS // 3)
    page.mouse.up()
    page.wait_for_timeout(HOLD_MS)
    assert open_alerts(city) == []
    page.mouse.down()
    expect(page.get_by_text("求助已发出")).to_be_visible(timeout=4000)
    page.mouse.up()
    assert open_alerts(city) == ["sos"]


def test_an_sos_can_be_sent_by_keyboard(city, unit, open_phone):
    page = open_phone()
    page.get_by_role("button", name="紧急求助").focus()
    page.keyboard.down("Space")
    expect(page.get_by_text("求助已发出")).to_be_visible(timeout=4000)
    page.keyboard.up("Space")
    assert open_alerts(city) == ["sos"]


def test_without_a_network_the_page_opens_from_its_shell_says_so_and_has_kept_no_data(city, unit, open_phone):
    page = open_phone()
    active = "async () => Boolean((await navigator.serviceWorker.getRegistration('/officer'))?.active)"
    until(lambda: page.evaluate(active))
    page.reload()  # now the worker stands between the page and the network
    expect(page.get_by_role("heading", name="待命中")).to_be_visible()
    until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    page.reload()
    expect(page.get_by_role("heading", name="待命中")).to_be_visible()
    kept = page.evaluate(
        "async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name))"
        ".keys()).map((one) => new URL(one.url).pathname)))).flat()"
    )
    assert "/officer" in kept
    assert {path.split("/")[1] for path in kept} == {"officer", "assets"}
    page.context.set_offline(True)
    expect(page.get_by_role("alert").filter(has_text="网络中断")).to_be_visible()
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("无法连接服务器")


def test_an_officer_sees_nothing_of_a_call_that_is_not_his(city, unit, open_phone):
    page = open_phone()
    with city.door("dispatcher") as door:
        door.post("/calls", json=CALL).raise_for_status()
    page.wait_for_timeout(3500)
    expect(page.get_by_role("heading", name="待命中")).to_be_visible()
    assert "示例路" not in page.content()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_on_the_phone_and_every_target_is_large(city, unit, open_phone, dark):
    page = open_phone(dark=dark)
    found = findings(page)
    send(city, unit)
    expect(page.locator(".way .maplibregl-canvas")).to_be_visible()
    found += findings(page)
    assert page.evaluate(SMALL_TARGETS.replace('!one.closest(".choice")', '!one.closest(".choice, .check")')) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert found == []
