"""A call from the telephone to its end, by a dispatcher at the page."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.city import URBAN, City, drive, now
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_a_call_is_taken_given_to_the_soonest_unit_followed_and_closed(
    live_server, database_url, account, visitor, tmp_path
):
    city = City(live_server, database_url, account, tmp_path)
    near, far = city.add_units("芦淞-巡-01", "芦淞-巡-02")
    city.report(drive(near.device_id, now() - timedelta(seconds=5), [0]))
    city.report(drive(far.device_id, now() - timedelta(seconds=300), [295]))
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    expect(page.get_by_role("option", name="芦淞-巡-02")).to_contain_text("km/h")

    page.get_by_role("tab", name="警情").click()
    page.get_by_role("button", name="新警情").click()
    page.get_by_label("警情类型").select_option("theft")
    page.get_by_label("经度").fill(str(URBAN[0]))
    page.get_by_label("纬度").fill(str(URBAN[1] + 0.002))
    page.get_by_label("备注").fill("示例：电动车被盗")
    page.get_by_role("button", name="登记警情").click()

    detail = page.locator(".detail")
    cards = detail.get_by_role("listitem").filter(has=page.get_by_role("button", name="派警"))
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("芦淞-巡-01")
    expect(cards.first).to_contain_text("估算")  # no road network is imported here, and the page says so
    cards.first.get_by_role("button", name="派警").click()
    for step in ("出发", "到场", "完成"):
        detail.get_by_role("button", name=step).click()
    expect(detail.get_by_role("button", name="完成")).to_have_count(0)
    detail.get_by_role("button", name="办结警情").click()
    page.get_by_label("处警结果").fill("示例：已登记")
    page.get_by_role("button", name="办结", exact=False).last.click()
    with city.door("dispatcher") as door:
        (call,) = door.get("/calls").raise_for_status().json()["items"]
    assert (call["state"], [one["state"] for one in call["assignments"]]) == ("closed", ["clear"])
