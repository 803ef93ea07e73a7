"""What the server refuses, in the words of the page: one Chinese sentence, not an English one in brackets."""

import pytest
from playwright.sync_api import expect

from tests.browser.city import City
from tests.browser.conftest import sign_in
from tests.builders import town

pytestmark = pytest.mark.browser


def test_a_layer_that_can_not_be_computed_says_why_in_one_chinese_sentence(
    live_server, database_url, account, tmp_path, open_desk
):
    city = City(live_server, database_url, account, tmp_path)
    city.open_roads()
    (unit,) = city.add_units("芦淞-巡-01")
    city.stand(unit, town.SCENE)
    page = open_desk()
    page.keyboard.press("y")
    page.get_by_label("备勤点建议").press("Space")
    said = page.locator(".layers-box .message")
    expect(said).to_have_text("该时段只有 0 起警情位于道路网络上，至少需要 20 起。")


def test_a_wrong_entry_is_named_with_the_rule_it_breaks(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    page.get_by_role("button", name="新建账户").first.click()
    page.get_by_label("用户名").fill("wang wei")
    page.get_by_label("姓名", exact=True).fill("王伟")
    page.get_by_label("审计员").check()
    page.locator("form .button.primary").click()
    said = page.get_by_role("alert").first
    expect(said).to_have_text("用户名：格式不对")
    page.get_by_label("用户名").fill(account("auditor"))
    page.locator("form .button.primary").click()
    expect(said).to_contain_text("已被使用。")
    expect(said).not_to_contain_text("（")
