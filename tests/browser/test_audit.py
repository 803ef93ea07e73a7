"""The auditor's page, exports and personal data, and a sign-in that goes on after the page was loaded again."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from geo.fix import Fix
from services import audit
from services.db.engine import make_engine
from services.settings import Settings
from tests.browser.city import City
from tests.browser.conftest import in_thread, sign_in
from tests.browser.test_access import knock
from tests.browser.test_whole import findings
from tests.builders import people
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser

BEIJING = timedelta(hours=8)


@pytest.fixture
def city(live_server, database_url, account, tmp_path) -> City:
    """A unit with an hour of fixes, and a dispatcher who has looked at it."""
    city = City(live_server, database_url, account, tmp_path)
    (unit,) = city.add_units("芦淞-巡-01")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
    city.report([Fix(unit.device_id, start + timedelta(minutes=n), 113.13, 27.83, n) for n in range(60)])
    with city.door("dispatcher") as desk:
        span = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        desk.get(f"/units/{unit.id}/track", params=span).raise_for_status()
        refused = desk.get("/accounts")
        assert refused.status_code == 403
    return city


def auditing(page: Page, live_server: str, account) -> str:
    name = account("auditor")
    sign_in(page, live_server, name)
    page.wait_for_url(f"{live_server}/audit")
    return name


@pytest.mark.usefixtures("city")
def test_the_auditor_finds_who_looked_at_a_unit_and_who_was_refused(live_server, account, visitor):
    page = visitor().new_page()
    auditing(page, live_server, account)
    rows = page.locator("tbody tr")
    expect(rows.first).to_be_visible()
    page.locator("select[name=outcome]").select_option(label="拒绝")
    page.get_by_role("button", name="查询").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("查看账户")
    page.locator("select[name=outcome]").select_option(label="全部")
    page.locator("select[name=act]").select_option(label="查看轨迹")
    page.get_by_role("button", name="查询").click()
    expect(rows).to_have_count(2)  # permitted, and 60 rows seen
    expect(page.locator("tbody")).to_contain_text("60")
    rows.first.get_by_role("button", name="unit:1").click()
    expect(page.get_by_role("region", name="unit:1").locator("tbody tr")).to_have_count(1)
    assert "unit" not in page.url
    page.get_by_role("region", name="unit:1").locator("tbody button").first.click()
    expect(page.locator("select[name=account_id]")).not_to_have_value("")
    assert all("dispatcher" in text for text in rows.locator("td:nth-child(2)").all_inner_texts())


@pytest.mark.usefixtures("city")
def test_the_auditor_sees_sums_and_how_little_is_unusual(live_server, account, visitor):
    page = visitor().new_page()
    auditing(page, live_server, account)
    page.get_by_role("button", name="按人员").click()
    expect(page.locator("tbody tr").filter(has_text="dispatcher").locator("td").nth(1)).to_have_text("1")
    page.get_by_role("button", name="异常使用").click()
    expect(page.get_by_text("不表示违规")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="异常使用")).to_have_attribute("aria-pressed", "true")


def test_what_stands_out_says_why(live_server, database_url, account, visitor):
    account("dispatcher")
    noon = datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) - timedelta(days=8)

    async def habit() -> None:
        engine = make_engine(database_url)
        for day in range(7):
            for number in range(60 if day == 6 else 5):
                entry = audit.Entry(1, "view_track", f"unit:{number}", "duty", None, "allowed", "192.0.2.1")
                await audit.Ledger(engine).append(entry, at=noon + timedelta(days=day, seconds=number))
        await engine.dispose()

    in_thread(habit())
    page = visitor(locale="en").new_page()
    page.add_init_script("localStorage.setItem('tianshu.language', 'en')")
    auditing(page, live_server, account)
    page.get_by_role("button", name="Unusual use").click()
    finding = page.locator("li.finding")
    expect(finding).to_have_count(1)
    expect(finding).to_contain_text("looked 60 times on this day; the officer's own median before was 5.")


def test_a_review_is_signed_with_the_password_and_can_be_read(live_server, account, visitor):
    page = visitor().new_page()
    name = auditing(page, live_server, account)
    page.get_by_role("button", name="每周复核").click()
    page.get_by_label("复核意见").fill("已抽查轨迹查询，询问两人，均有勤务依据。")
    page.get_by_label("密码").fill("not the password")
    page.get_by_role("button", name="签署").click()
    expect(page.get_by_role("alert")).to_have_text("用户名或密码错误。")
    assert page.get_by_label("密码").input_value() == ""
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="签署").click()
    expect(page.locator(".message.ok")).to_contain_text("复核已签署")
    review = page.get_by_role("listitem")
    expect(review).to_contain_text("均有勤务依据")
    expect(review).to_contain_text(name)
    expect(review.locator("code")).to_have_text(r := review.locator("code").inner_text())
    assert len(r) == 64


@pytest.mark.usefixtures("city")
def test_the_auditor_sees_the_seals_and_has_the_trail_checked(live_server, database_url, account, visitor, tmp_path):
    settings = Settings(data_dir=tmp_path)

    async def seal() -> None:
        engine = make_engine(database_url)
        await audit.Sealer.of(settings).seal(audit.Ledger(engine), datetime.now(UTC) + timedelta(hours=1))
        await engine.dispose()

    in_thread(seal())
    page = visitor().new_page()
    auditing(page, live_server, account)
    page.get_by_role("button", name="封存状态").click()
    expect(page.get_by_text("尚未检查")).to_be_visible()
    expect(page.locator("code.secret").first).to_have_text(audit_root(settings))
    page.get_by_role("button", name="立即检查").click()
    expect(page.get_by_role("status")).to_contain_text("没有发现改动")


def audit_root(settings: Settings) -> str:
    return audit.verify.read_seals(settings.data_dir / "audit" / "roots.jsonl")[-1]["root"]


def minutes(at: datetime) -> str:
    return (at + BEIJING).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.usefixtures("city")
def test_an_export_is_asked_for_by_one_approved_by_another_and_downloaded(live_server, account, visitor):
    asker, decider = visitor().new_page(), visitor().new_page()
    sign_in(asker, live_server, account("dispatcher"))
    asker.get_by_role("link", name="轨迹导出").click()
    end = datetime.now(UTC)
    form = asker.get_by_role("region", name="申请导出")
    expect(asker.locator("#export-units option")).to_have_attribute("value", "芦淞-巡-01")
    form.get_by_label("单位呼号").fill("芦淞-巡")
    form.get_by_label("起（北京时间）").fill(minutes(end - timedelta(hours=3)))
    form.get_by_label("止（北京时间）").fill(minutes(end))
    form.get_by_label("用途").fill("群众投诉核查")
    form.get_by_role("button", name="申请导出").click()
    expect(asker.get_by_role("alert")).to_contain_text("没有该单位")
    form.get_by_label("单位呼号").fill("芦淞-巡-01")
    form.get_by_role("button", name="申请导出").click()
    expect(asker.get_by_role("status")).to_contain_text("等待审批")
    small = asker.get_by_role("region", name="下载少量轨迹点")
    small.get_by_label("单位呼号").fill("芦淞-巡-01")
    small.get_by_label("起（北京时间）").fill(minutes(end - timedelta(hours=3)))
    small.get_by_label("止（北京时间）").fill(minutes(end))
    small.get_by_role("button", name="下载少量轨迹点").click()
    expect(asker.get_by_role("alert")).to_contain_text("25")
    sign_in(decider, live_server, account("approver"))
    decider.goto(f"{live_server}/downloads")
    expect(decider.get_by_role("listitem")).to_contain_text("群众投诉核查")
    decider.get_by_role("button", name="批准", exact=True).click()
    expect(decider.get_by_role("listitem")).to_contain_text("已批准")
    asker.reload()
    with asker.expect_download() as download:
        asker.get_by_role("button", name="下载 CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    assert len(download.value.path().read_text().splitlines()) == 61
    expect(asker.get_by_role("status")).to_contain_text("下载已记录")


def test_a_persons_data_is_shown_corrected_and_deleted(live_server, account, visitor):
    name = account("dispatcher")
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="查阅个人信息").click()
    card = page.get_by_role("region", name="个人信息")
    expect(card).to_contain_text(name)
    card.get_by_label("姓名").fill("李娜")
    card.get_by_role("button", name="更正姓名").click()
    expect(page.get_by_role("button", name="李娜")).to_be_visible()
    card.get_by_role("button", name="删除个人信息").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="取消")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    card.get_by_role("button", name="删除个人信息").click()
    dialog.get_by_role("button", name="永久删除").click()
    expect(card.locator(".message.ok")).to_contain_text("已删除并记录")
    expect(page.locator("table")).to_contain_text("deleted-")


def test_a_sign_in_that_was_begun_goes_on_after_the_page_was_loaded_again(live_server, account, visitor):
    page, name = visitor().new_page(), account("approver")
    knock(page, live_server, name)
    expect(page.get_by_role("heading", name="两步验证")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="两步验证")).to_be_visible()
    page.get_by_label("验证码").fill(people.code_of(name))
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("zh", False), ("en", True)])
@pytest.mark.usefixtures("city")
def test_axe_finds_nothing_serious_on_the_auditors_page(live_server, account, visitor, language, dark, width):
    context = visitor(dark=dark, width=width)
    context.add_init_script(f"localStorage.setItem('tianshu.language', '{language}')")
    page = context.new_page()
    sign_in(page, live_server, account("auditor", "dispatcher", "approver"))
    for view in ("entries", "officers", "subject", "unusual", "reviews", "seals"):
        page.goto(f"{live_server}/audit?view={view}")
        page.locator("h1").wait_for()
        page.wait_for_timeout(300)
        assert findings(page) == [], view
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), view
    page.goto(f"{live_server}/downloads")
    page.locator("form").first.wait_for()
    assert findings(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.usefixtures("city")
def test_the_auditors_days_are_written_in_beijing_time_and_wrong_ones_are_told(live_server, account, visitor):
    page = visitor().new_page()
    auditing(page, live_server, account)
    expect(page.locator("tbody tr").first).to_be_visible()
    first = page.get_by_label("起始日（北京时间）")
    first.fill("2099-01-01")
    first.press("Enter")
    wrong = page.get_by_role("alert").filter(has_text="截止日不早于起始日")
    expect(wrong).to_be_visible()
    page.get_by_label("截止日（北京时间）").fill("2099-01-02")
    page.get_by_label("截止日（北京时间）").press("Enter")
    expect(wrong).to_have_count(0)
    expect(page.locator("tbody tr")).to_have_count(0)
