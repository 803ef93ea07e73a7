"""What a dispatcher puts onto the map, and the short messages between the desk and a unit."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from services import messages
from services.db.engine import writing
from services.ingest.rdss import payloads
from tests.browser.city import City, now, until
from tests.browser.conftest import tab_to
from tests.builders import town
from tests.builders.database import know

pytestmark = pytest.mark.browser

LAYERS = {
    "可达范围（3、5、10 分钟）": "/coverage", "备勤点建议": "/posts/advice", "巡区": "/beats",
    "必到点与考核": "/checkpoints", "近期警情热力": "/calls", "封闭道路": "/closures",
}  # fmt: skip
MIDDLE = {"x": 460, "y": 120, "width": 440, "height": 500}
"""A part of the map that no panel lies over while the list of layers is closed, in pixels of the page."""

SOUTH = (113.14, 27.82)
"""A place on the road to the south, which is drawn there when the scene is shown."""


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """Roads, a unit, and something for every layer: a beat, a checkpoint, twenty past calls."""
    city = City(live_server, database_url, account, tmp_path)
    city.open_roads()
    (city.unit,) = city.add_units("芦淞-巡-01")
    city.stand(city.unit, town.SCENE)
    with city.door("dispatcher") as door:
        door.post("/beats", json={"name": "东岸巡区", "shape": town.square(*SOUTH, 0.002)}).raise_for_status()
        lon, lat = SOUTH
        door.post("/checkpoints", json={"name": "码头", "lon_deg": lon, "lat_deg": lat}).raise_for_status()
        for number in range(20):
            body = {"kind": "theft", "priority": 3, "lon_deg": lon, "lat_deg": lat + (number % 5) * 0.0005}
            call = door.post("/calls", json=body).raise_for_status().json()
            door.post(f"/calls/{call['id']}/close", json={"result": "示例：已登记"}).raise_for_status()
    return city


def picture(page: Page) -> bytes:
    """The middle of the map, as soon as all is loaded and it has come to rest."""
    seen = [b""]

    def rests() -> bool:
        expect(page.locator(".maplibregl-map")).to_have_attribute("aria-busy", "false", timeout=30_000)
        seen.append(page.screenshot(clip=MIDDLE))
        return seen[-1] == seen[-2]

    until(rests, within_s=30)
    return seen[-1]


def toggle(page: Page, words: str) -> None:
    """Open the list of layers, choose one or not, close the list."""
    page.keyboard.press("y")
    page.get_by_label(words).press("Space")
    page.keyboard.press("Escape")
    expect(page.locator(".layers-box")).to_have_count(0)


def test_every_layer_is_drawn_when_it_is_chosen_and_gone_when_it_is_not(city, open_desk):
    page = open_desk()
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("巡-01")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    bare = picture(page)
    for words, path in LAYERS.items():
        city.stand(city.unit, town.SCENE)  # or it would be silent for too long
        if path == "/closures":
            with city.door("dispatcher") as door:
                closed = {"shape": {"type": "Point", "coordinates": SOUTH}, "reason": "示例：施工"}
                door.post("/roads/zhuzhou/closures", json=closed).raise_for_status()
        with page.expect_response(lambda answer, path=path: path in answer.url and answer.ok):
            toggle(page, words)
        until(lambda: page.screenshot(clip=MIDDLE) != bare, within_s=30)
        toggle(page, words)
        until(lambda: picture(page) == bare, within_s=30)


def test_advice_on_where_to_wait_is_read_beside_the_map_and_says_that_it_is_advice(city, open_desk):
    page = open_desk()
    page.keyboard.press("y")
    page.get_by_label("备勤点建议").press("Space")
    expect(page.locator(".layers-box")).to_contain_text("备勤调整建议")
    expect(page.locator(".layers-box")).to_contain_text("不影响派警")


def test_a_short_message_goes_from_the_desk_to_a_units_card_and_its_answer_comes_back(city, open_desk):
    city.run(lambda engine: know(engine, "rdss:0179773"))
    with city.door("system_admin") as door:
        known = door.get("/devices").raise_for_status().json()["items"]
        card = next(device["id"] for device in known if device["phone"] == "rdss:0179773")
        body = {"call_sign": "芦淞-巡-09", "kind": "car", "device_id": card}
        door.post("/units", json=body).raise_for_status()
    page = open_desk()
    page.keyboard.press("4")
    expect(page.get_by_label("收件卡")).to_contain_text("芦淞-巡-09")
    tab_to(page, "发送")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("示例：请报告位置")
    page.keyboard.press("Enter")
    sent = page.locator(".message-list li").filter(has_text="请报告位置")
    expect(sent).to_contain_text("芦淞-巡-09")
    expect(sent).to_contain_text("等待发送")

    async def answer(engine) -> None:
        async with writing(engine) as db:
            waiting = await messages.take_next(db, now=now())
            assert (waiting.card, waiting.text) == ("0179773", "示例：请报告位置")
            content = payloads.Content("示例：已到桥头".encode("gbk"), "示例：已到桥头")
            at = now() + timedelta(seconds=1)
            await messages.keep(db, card, payloads.Received("0179773", at, True, content, None, False))

    city.run(answer)
    expect(sent).to_contain_text("已发出")
    came = page.locator(".message-list li").filter(has_text="已到桥头")
    expect(came).to_have_attribute("data-direction", "in")
    expect(came).to_contain_text("芦淞-巡-09")
