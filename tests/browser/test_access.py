"""Second factor, sessions, administration and cases through the pages."""

import pyotp
import pytest
from playwright.sync_api import Page, expect

from services import access
from services.db.engine import make_engine, writing
from tests.browser.conftest import in_thread, sign_in
from tests.browser.test_whole import findings
from tests.builders import people
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser


def without_factor(database_url: str, role: str) -> str:
    """Make an account that has yet to enrol its second factor."""

    async def create() -> None:
        engine = make_engine(database_url, pool_size=1)
        async with writing(engine) as db:
            await access.create_account(db, f"new-{role}", f"new-{role}", PASSWORD, frozenset({access.Role(role)}))
        await engine.dispose()

    in_thread(create())
    return f"new-{role}"


def knock(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/login")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")


def enrol(page: Page) -> list[str]:
    """Enrol the second factor that the page asks for; return the recovery codes."""
    page.get_by_text("无法扫描时").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("验证码").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="启用").click()
    expect(page.locator(".codes code")).to_have_count(10)
    codes = page.locator(".codes code").all_inner_texts()
    page.get_by_role("button", name="已保存").click()
    return codes


def test_an_administrator_enrols_a_second_factor_and_shows_it_the_next_time(live_server, database_url, visitor):
    name = without_factor(database_url, "security_admin")
    page = visitor().new_page()
    knock(page, live_server, name)
    expect(page.get_by_role("img", name="两步验证二维码")).to_be_visible()
    page.get_by_label("验证码").fill("000000")
    page.get_by_role("button", name="启用").click()
    expect(page.get_by_role("alert")).to_contain_text("验证码不正确")
    codes = enrol(page)
    page.wait_for_url(f"{live_server}/administration")
    other = visitor().new_page()
    knock(other, live_server, name)
    expect(other.get_by_role("heading", name="两步验证")).to_be_visible()
    other.get_by_label("验证码").fill(codes[0])
    other.keyboard.press("Enter")
    other.wait_for_url(f"{live_server}/administration")


def test_a_wrong_code_is_refused_in_words_and_nothing_is_shown(live_server, account, visitor):
    page = visitor().new_page()
    knock(page, live_server, account("system_admin"))
    page.get_by_label("验证码").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("验证码不正确")
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_a_person_sees_where_he_is_signed_in_and_ends_it(live_server, account, visitor):
    name = account("dispatcher")
    here, there = visitor().new_page(), visitor().new_page()
    sign_in(there, live_server, name)
    sign_in(here, live_server, name)
    here.get_by_role("button", name="账户").click()
    here.get_by_role("link", name="登录与安全").click()
    expect(here.locator("tbody tr")).to_have_count(2)
    here.get_by_role("button", name="结束").click()
    expect(here.locator("tbody tr")).to_have_count(1)
    expect(here.locator("tbody tr")).to_contain_text("当前会话")
    there.goto(f"{live_server}/replay")
    expect(there.get_by_label("用户名")).to_be_visible()
    here.get_by_role("button", name="退出全部会话").click()
    here.wait_for_url("**/login*")


def test_a_new_account_changes_its_password_and_the_separation_of_roles_is_explained(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    page.get_by_role("button", name="新建账户").first.click()
    page.get_by_label("用户名").fill("wang.wei")
    page.get_by_label("姓名", exact=True).fill("王伟")
    page.get_by_label("审计员").check()
    page.get_by_label("系统管理员").check()
    page.locator("form .button.primary").click()
    expect(page.get_by_role("alert").first).to_contain_text("不能由同一人担任")
    page.get_by_label("系统管理员").uncheck()
    page.locator("form .button.primary").click()
    secret = page.get_by_role("status").locator("code").inner_text()
    detail = page.get_by_role("region", name="王伟").or_(page.locator("section[aria-labelledby=account-title]")).first
    detail.get_by_label("安全管理员").click()
    expect(page.get_by_role("alert").first).to_contain_text("运行系统的人、决定权限的人和检查两者的人必须分开")
    expect(detail.get_by_label("安全管理员")).not_to_be_checked()
    fresh = visitor().new_page()
    fresh.goto(f"{live_server}/login")
    fresh.get_by_label("用户名").fill("wang.wei")
    fresh.get_by_label("密码").fill(secret)
    fresh.keyboard.press("Enter")
    enrol(fresh)
    expect(fresh.get_by_role("heading", name="修改初始密码")).to_be_visible()
    fresh.get_by_label("当前密码").fill(secret)
    fresh.get_by_label("新密码").fill("words only he would know")
    fresh.keyboard.press("Enter")
    fresh.wait_for_url(lambda url: "/login" not in url)


def test_a_case_is_proposed_by_one_and_approved_by_another(live_server, account, visitor):
    proposer, approver = visitor().new_page(), visitor(locale="en").new_page()
    sign_in(proposer, live_server, account("investigator"))
    proposer.get_by_role("link", name="案件授权").click()
    for label, value in {
        "案件编号": "株公（刑）立字〔2026〕12号", "法律文书": "株公调证字〔2026〕7号", "签发单位": "株洲市公安局",
        "目的": "盗窃案", "对象": "unit:5", "起（北京时间）": "2026-11-01 08:00",
        "止（北京时间）": "2026-11-02 08:00",
    }.items():  # fmt: skip
        proposer.get_by_label(label, exact=True).fill(value)
    in_a_week = proposer.evaluate("() => new Date(Date.now() + 7 * 86400000).toISOString().slice(0, 16)")
    proposer.get_by_label("授权到期").fill(in_a_week)
    proposer.get_by_role("button", name="提出申请").click()
    expect(proposer.get_by_role("status")).to_contain_text("等待审批")
    expect(proposer.get_by_role("listitem")).to_contain_text("待审批")
    sign_in(approver, live_server, account("approver"))
    approver.goto(f"{live_server}/cases")
    approver.get_by_role("button", name="批准").click()
    expect(approver.get_by_role("listitem")).to_contain_text("已批准")
    approver.get_by_role("button", name="撤销").click()
    expect(approver.get_by_role("listitem")).to_contain_text("已撤销")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_serious_on_the_pages_of_access(live_server, account, visitor, dark, language):
    context = visitor(dark=dark)
    context.add_init_script(f"localStorage.setItem('tianshu.language', '{language}')")
    page = context.new_page()
    name = account("security_admin", "investigator", "approver")
    page.goto(f"{live_server}/login")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("[name=code]").fill(people.code_of(name))
    assert findings(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    for path in ("/administration", "/security", "/cases"):
        page.goto(f"{live_server}{path}")
        page.locator("h1").wait_for()
        if path == "/administration":
            page.locator("tbody button").first.click()
        page.wait_for_timeout(300)
        assert findings(page) == [], path
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_accounts_fit_on_a_phone_without_scrolling_sideways(live_server, account, visitor):
    account("system_admin")
    page = visitor(width=390, height=844).new_page()
    sign_in(page, live_server, account("security_admin"))
    page.goto(f"{live_server}/administration")
    expect(page.locator(".accounts tbody tr")).to_have_count(2)
    assert page.locator(".wide").evaluate("box => box.scrollWidth <= box.clientWidth")


LINES = """part => {
  const of = document.createRange();
  of.selectNodeContents(part);
  return new Set([...of.getClientRects()].map(({ top }) => top)).size;
}"""
"""How many lines the text of an element takes."""


def test_an_accounts_name_begins_where_its_login_does_and_no_role_is_broken(live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    page.goto(f"{live_server}/administration")
    row = page.locator(".accounts tbody tr").first
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        name, login = (row.locator(part).bounding_box() for part in ("td button", "td small"))
        assert name["x"] == login["x"]
        for part in (row.locator(".tag").first, row.locator("td").last):
            assert part.evaluate(LINES) == 1
