"""Signing in through the page."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser


def test_an_officer_signs_in_and_sees_the_live_map(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    expect(page.get_by_role("link", name="实时地图")).to_have_attribute("aria-current", "page")
    expect(page.locator(".maplibregl-canvas")).to_be_visible()


def test_a_wrong_password_is_refused_in_words_and_opens_nothing(live_server, account, visitor):
    page = visitor().new_page()
    page.goto(f"{live_server}/login")
    page.get_by_label("用户名").fill(account("dispatcher"))
    page.get_by_label("密码").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码不正确")
    assert page.url == f"{live_server}/login"
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_a_page_asked_for_without_a_session_comes_after_signing_in(live_server, account, visitor):
    page = visitor().new_page()
    page.goto(f"{live_server}/replay?day=2026-11-21")
    page.get_by_label("用户名").fill(account("dispatcher"))
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server}/replay?day=2026-11-21")
    expect(page.get_by_label("日期")).to_have_value("2026-11-21")


def test_signing_out_ends_the_session(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    page.get_by_role("button", name="账户").click()
    with page.expect_event("load"):
        page.get_by_role("button", name="退出登录").click()
    page.goto(f"{live_server}/")
    expect(page.get_by_label("用户名")).to_be_visible()


def test_a_role_sees_only_the_pages_it_may_open(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("patrol_officer"))
    expect(page.get_by_role("link", name="实时地图")).to_be_visible()
    expect(page.get_by_role("link", name="轨迹回放")).to_have_count(0)
