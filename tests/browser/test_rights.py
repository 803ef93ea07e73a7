"""A security administrator answers a caller, and an officer who carried a device."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from geo.fix import Fix, Source
from services import tracks
from services.db.engine import make_engine, writing
from tests.browser.conftest import in_thread, sign_in
from tests.builders import sentences as make

pytestmark = pytest.mark.browser

OLD = datetime(2025, 3, 1, 4, 0, tzinfo=UTC)
CALLS = (
    "INSERT INTO call (kind, priority, notes, state, taken_at, closed_at) VALUES "
    "('theft', 3, '李华 138 0013 8000', 'closed', :at, :at), ('noise', 3, '李华', 'open', :at, NULL)"
)


@pytest.fixture
def kept(database_url):
    """A closed and an open call of one caller, and five positions of a device."""

    async def keep():
        engine = make_engine(database_url, pool_size=1)
        async with writing(engine) as db:
            await db.execute(text(CALLS), {"at": OLD})
            await db.execute(text("INSERT INTO device (phone) VALUES ('13800000001')"))
            moments = [OLD + timedelta(minutes=n) for n in range(5)]
            await tracks.store(
                db, [Fix(1, at, 113.5, 27.5, n, source=Source.NMEA, raw=make.rmc(at)) for n, at in enumerate(moments)]
            )
        await engine.dispose()

    in_thread(keep())


def test_a_caller_is_found_corrected_and_deleted_and_an_open_call_says_why_not(kept, live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    card = page.get_by_role("region", name="个人请求")
    card.get_by_label("电话、姓名或所述内容").fill("李华")
    card.get_by_role("button", name="查找").click()
    closed, still_open = card.get_by_role("article", name="警情 1"), card.get_by_role("article", name="警情 2")
    expect(still_open).to_contain_text("有未结警情")
    expect(still_open.get_by_role("button", name="删除内容和地点")).to_be_disabled()
    closed.get_by_label("正确内容").fill("李骅")
    closed.get_by_role("button", name="更正").click()
    expect(card.get_by_role("status")).to_contain_text("原内容留在警情日志中")
    card.get_by_label("电话、姓名或所述内容").fill("13800138000")
    card.get_by_role("button", name="查找").click()
    expect(closed.get_by_text("李骅 138 0013 8000").first).to_be_visible()
    expect(closed).to_contain_text("警情日志须保存一年")
    expect(closed.get_by_role("button", name="删除内容和地点")).to_be_disabled()


def test_a_caller_s_words_are_deleted_after_a_question(kept, live_server, account, visitor):
    context = visitor()
    context.add_init_script("localStorage.setItem('tianshu.language', 'en')")
    page = context.new_page()
    sign_in(page, live_server, account("security_admin"))
    card = page.get_by_role("region", name="Requests of persons")
    card.get_by_label("Telephone number, name or other words").fill("13800138000")
    card.get_by_role("button", name="Find").click()
    card.get_by_role("button", name="Delete words and place").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(card.get_by_role("status")).to_contain_text("record of destruction 1")
    expect(card).to_contain_text("These words are not kept.")
    expect(card.get_by_role("region", name="Records of destruction").get_by_role("cell", name="call:1")).to_be_visible()


def test_a_time_of_a_device_is_deleted_and_the_count_says_what_is_left(kept, live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("security_admin"))
    card = page.get_by_role("region", name="个人请求")
    card.get_by_label("设备编号").fill("1")
    card.get_by_role("button", name="查阅设备数据").click()
    expect(card).to_contain_text("5 · 2025-03-01 12:00")
    card.get_by_label("起（北京时间）").fill("2025-03-01 12:00")
    card.get_by_label("止（北京时间）").fill("2025-03-01 12:03")
    card.get_by_role("button", name="删除该时段轨迹").click()
    page.get_by_role("dialog").get_by_role("button", name="永久删除").click()
    expect(card.get_by_role("status")).to_contain_text("已删除 3 条定位，销毁记录 1")
    expect(card).to_contain_text("2 · 2025-03-01 12:03")
    card.get_by_label("起（北京时间）").fill("2025-03-01 12:00")
    card.get_by_label("止（北京时间）").fill("2099-01-01 00:00")
    card.get_by_role("button", name="删除该时段轨迹").click()
    page.get_by_role("dialog").get_by_role("button", name="永久删除").click()
    expect(card.get_by_role("alert")).to_contain_text("请填写已过去的时段")
