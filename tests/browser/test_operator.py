"""The operator's page in front of a running gateway, with a terminal on a real socket that obeys."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from api.gateway.server import Gateway
from services import media, messages
from services.db.engine import make_engine, writing
from services.ingest.jt808.messages import position, session
from services.ingest.rdss import payloads
from services.settings import Settings
from tests.browser.conftest import in_thread, sign_in
from tests.browser.test_whole import findings
from tests.builders.carriage import make_unit
from tests.builders.database import know
from tests.builders.terminals import PHONE, Terminal, a_report

pytestmark = pytest.mark.browser
AWAY = "13800000002"


async def obey(terminal: Terminal) -> None:
    """Answer where one is when asked, confirm everything else."""
    with suppress(EOFError):
        while True:
            frame, heard = await terminal.hear_frame(600)
            if isinstance(heard, position.QueryPosition):
                await terminal.send(terminal.frame(position.PositionReply(frame.serial, a_report())))
            elif not isinstance(heard, session.PlatformReply):
                await terminal.send(terminal.frame(session.TerminalReply(frame.serial, frame.message_id, 0)))


@pytest.fixture
def terminal(database_url: str, tmp_path) -> Iterator[None]:
    """Two known devices, one of them connected to a gateway; a stranger that knocked; a broken frame; a message."""
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        engine = make_engine(database_url)
        await know(engine, PHONE, plate="湘B12345")
        await know(engine, AWAY, plate="湘B00002")
        await know(engine, "rdss:0179773")
        async with writing(engine) as db:
            await make_unit(db, "巡 01", 1)
            await make_unit(db, "巡 02")
            content = payloads.Content("一切正常".encode("gbk"), "一切正常")
            await messages.keep(db, 3, payloads.Received("0179773", datetime.now(UTC), True, content, None, False))
        settings = Settings(database_url=database_url, data_dir=tmp_path, gateway_port=0)
        async with Gateway(engine, settings).serving() as gateway, Terminal.on(gateway.port) as speaking:
            async with Terminal.on(gateway.port, "13911112222") as stranger:
                await stranger.register("T9", "湘B99999")
            await speaking.sign_in()
            await speaking.ask(a_report())
            await speaking.send(b"\x7e\x02\x00\x00\x01\x7e")
            task = asyncio.create_task(obey(speaking))
            ready.set()
            await asyncio.to_thread(over.wait)
            task.cancel()
        await engine.dispose()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield
    over.set()
    thread.join(20)


@pytest.fixture
def page(terminal, live_server, account: Callable[..., str], visitor) -> Page:
    """The page as a system administrator opens it."""
    page = visitor().new_page()
    sign_in(page, live_server, account("system_admin"))
    page.get_by_role("link", name="系统运维").click()
    expect(page.get_by_role("heading", name="系统运维")).to_be_visible()
    return page


def choose(page: Page, words: str) -> None:
    """Find a device and choose it, by keyboard."""
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    page.keyboard.type(words)
    expect(page.locator(".devices [role=option]")).to_have_count(1)
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#device-title")).to_contain_text(words)


def test_a_device_is_found_and_says_where_it_is_without_a_mouse(page):
    expect(page.locator(".devices [role=option]")).to_have_count(3)
    expect(page.locator(".devices [role=option]").filter(has_text="湘B12345")).to_contain_text("在线")
    expect(page.locator(".devices [role=option]").filter(has_text="湘B00002")).to_contain_text("离线")
    choose(page, "12345")
    expect(page.get_by_role("heading", name="湘B12345")).to_be_focused()
    expect(page.locator(".device-detail .facts").first).to_contain_text("127.0.0.1:")
    page.get_by_role("button", name="下发").focus()
    page.keyboard.press("Enter")
    command = page.locator(".commands > li").first
    expect(command).to_contain_text("立即定位")
    expect(command).to_contain_text("已应答", timeout=15_000)
    expect(command).to_contain_text("113.15")


def test_a_text_is_acknowledged_and_one_to_a_device_that_is_away_waits_and_is_taken_back(page):
    choose(page, "湘B1")
    page.locator("select[name=kind]").select_option("text")
    page.get_by_role("textbox", name="文本").fill("前方管制，请绕行")
    page.get_by_role("button", name="下发").click()
    command = page.locator(".commands > li").first
    expect(command).to_contain_text("终端已确认", timeout=15_000)
    page.get_by_role("searchbox").fill("")
    choose(page, "00002")
    page.get_by_role("button", name="下发").click()
    expect(command).to_contain_text("等待发送")
    page.get_by_role("button", name="撤回").click()
    expect(command).to_contain_text("已撤回")
    page.keyboard.press("4")
    expect(page.locator(".commands > li")).to_have_count(2)
    page.locator("tianshu-operator-commands select").select_option("cancelled")
    expect(page.locator(".commands > li")).to_have_count(1)


def test_who_knocks_is_accepted_and_what_was_refused_is_shown_by_reason(page):
    page.keyboard.press("2")
    expect(page.locator(".pending > li")).to_contain_text("13911112222")
    page.get_by_role("button", name="接入 13911112222").press("Enter")
    expect(page.get_by_role("status").filter(has_text="已接入")).to_be_visible()
    expect(page.get_by_text("没有等待接入的终端")).to_be_visible()
    page.keyboard.press("3")
    page.get_by_role("button", name="消息头有误").press("Enter")
    expect(page.locator(".frames > li")).to_have_count(1)
    expect(page.locator(".frames > li")).to_contain_text("7e 02 00 00 01 7e")
    expect(page.get_by_role("button", name="短报文")).to_have_count(0)


def test_an_administrator_hands_a_device_over_and_the_record_keeps_both(page):
    page.keyboard.press("6")
    units = page.locator(".devices [role=option]")
    expect(units.filter(has_text="巡 01")).to_contain_text("湘B12345")
    page.get_by_role("searchbox").fill("巡 02")
    expect(units).to_have_count(1)
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="巡 02")).to_be_focused()
    form = page.get_by_role("form", name="移交设备")
    form.locator("select[name=device]").select_option(label="湘B12345 · #1 · 现由 巡 01 配备")
    form.get_by_role("button", name="移交").press("Enter")
    record = page.get_by_role("table", name="设备配备记录").get_by_role("row")
    expect(page.get_by_role("status").filter(has_text="移交已记录")).to_be_visible()
    expect(record).to_have_count(2)
    expect(record.nth(1)).to_contain_text("至今")
    page.get_by_role("searchbox").fill("巡 01")
    units.click()
    expect(page.get_by_role("heading", name="巡 01")).to_be_focused()
    expect(record.nth(1)).to_contain_text("建档起")
    expect(record.nth(1)).not_to_contain_text("至今")
    expect(units).to_contain_text("不配备设备")


def test_the_last_frames_are_shown_field_by_field(page):
    choose(page, "湘B1")
    page.locator("tianshu-operator-frames summary").first.click()
    expect(page.locator("tianshu-operator-frames .hex").first).to_contain_text("7e 02 00")
    expect(page.locator("tianshu-operator-frames").get_by_role("row").filter(has_text="113.15").first).to_be_visible()


def test_a_dispatcher_commands_but_does_not_configure(terminal, live_server, account, visitor):
    page = visitor().new_page()
    sign_in(page, live_server, account("dispatcher"))
    page.goto(f"{live_server}/operator?view=pending")
    expect(page.locator(".pending > li")).to_contain_text("13911112222")
    expect(page.get_by_role("button", name="接入 13911112222")).to_have_count(0)
    page.goto(f"{live_server}/operator")
    page.locator(".devices [role=option]").filter(has_text="湘B12345").click()
    page.locator("select[name=kind]").wait_for()
    offered = page.locator("select[name=kind]").locator("option").all_inner_texts()
    assert "文本下发" in offered
    assert "终端复位" not in offered
    page.get_by_role("button", name="单位配备").press("Enter")
    page.locator(".devices [role=option]").filter(has_text="巡 01").click()
    expect(page.get_by_role("table", name="设备配备记录")).to_be_visible()
    expect(page.get_by_role("form", name="移交设备")).to_have_count(0)
    page.get_by_role("button", name="短报文").press("Enter")
    expect(page.locator(".messages > li")).to_contain_text("一切正常")


def test_a_chinese_page_says_why_in_chinese_and_an_english_one_in_english(page, live_server, visitor, account):
    choose(page, "湘B1")
    page.locator("select[name=kind]").select_option("query_areas")
    page.get_by_role("button", name="下发").click()
    expect(page.locator("tianshu-operator-form")).to_contain_text(
        "该终端使用 JT/T 808-2013，没有此指令所需的消息 0x8608。"
    )
    page.locator("select[name=kind]").select_option("text")
    page.get_by_role("textbox", name="文本").fill("😀")
    page.get_by_role("button", name="下发").click()
    expect(page.locator("tianshu-operator-form")).to_contain_text("含 GBK 没有的字符")
    page.locator("tianshu-operator-frames summary").first.click()
    for key in "12345":
        page.keyboard.press(key) if key != "1" else None
        page.locator(".operator .card").first.wait_for()
        assert english(page) == []
    page.keyboard.press("3")
    expect(page.locator(".frames > li")).to_contain_text("共 4 字节，消息头和校验码需要 13 字节")
    reader = visitor().new_page()
    reader.add_init_script("localStorage.setItem('tianshu.language', 'en')")
    sign_in(reader, live_server, account("system_admin"))
    reader.goto(f"{live_server}/operator?view=quarantine")
    expect(reader.locator(".frames > li")).to_contain_text("4 bytes, a header and its check take 13")


def english(page: Page) -> list[str]:
    """Rows of three and more English words on the page, without the bytes."""
    return page.evaluate(
        """() => document.querySelector(".operator").innerText.match(/[A-Za-z]{2,}(?: [a-z]{2,}){2,}/g) ?? []"""
    )


def test_a_device_shows_how_its_clock_goes_and_whether_its_frames_are_as_they_came(page, database_url):
    choose(page, "湘B1")
    expect(page.locator(".device-detail .facts").first).to_contain_text("尚无足够上报，无法判断")
    change(database_url, "UPDATE device SET clock_skew_s = -1500 WHERE plate = '湘B12345'")
    expect(page.locator(".device-detail .facts").first).to_contain_text("快 25 分钟")
    frames = page.locator("tianshu-operator-frames")
    frames.locator("summary").first.click()
    expect(frames).to_contain_text("完整：与接收时的摘要一致")
    change(database_url, "UPDATE frame_batch SET digest = '\\x00'")
    frames.get_by_role("button", name="刷新").click()
    expect(frames.locator(".tag").first).to_contain_text("已被改动")
    expect(frames).to_contain_text("不能作为凭据")


def test_an_area_is_drawn_by_a_list_given_a_rule_and_told_to_a_terminal_without_a_mouse(page):
    page.keyboard.press("5")
    page.get_by_role("button", name="绘制新区域").press("Enter")
    expect(page.get_by_role("textbox", name="名称")).to_be_focused()
    page.keyboard.type("核心戒备区")
    places = page.get_by_role("textbox", name="顶点")
    places.fill("113.10 27.80\n113.12 27.80\n113.11")
    page.get_by_role("button", name="保存区域").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="拐点每行应为")).to_be_visible()
    places.fill("113.10 27.80\n113.12 27.82\n113.12 27.80\n113.10 27.82")
    page.get_by_role("button", name="保存区域").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="多边形无效：边线自相交")).to_be_visible()
    places.fill("113.10 27.80\n113.12 27.80\n113.11 27.82")
    page.locator("select[name=trigger]").select_option("dwell")
    page.get_by_role("spinbutton", name="停留超过").fill("15")
    page.get_by_role("checkbox", name="摩托").check()
    page.get_by_role("button", name="保存区域").press("Enter")
    expect(page.locator(".area-detail")).to_contain_text("停留 15 分钟 · 提示 · 摩托")
    expect(page.locator(".area-detail")).to_contain_text("多边形")
    send_area(page, "核心戒备区")
    expect(page.locator(".commands > li").first).to_contain_text("终端已确认", timeout=15_000)


def test_a_way_is_drawn_on_the_map_and_sent_with_a_limit_for_a_segment(page):
    page.keyboard.press("5")
    page.get_by_role("button", name="绘制新区域").click()
    page.get_by_role("textbox", name="名称").fill("护送路线")
    page.get_by_role("radio", name="路线").check()
    expect(page.locator("tianshu-area-map .map-cover")).to_have_count(0)
    for x, y in ((80, 90), (160, 90), (160, 170)):
        page.locator("tianshu-area-map .map-box").click(position={"x": x, "y": y})
    page.get_by_role("button", name="在地图中心加点").press("Enter")
    assert len(page.get_by_role("textbox", name="路线拐点").input_value().splitlines()) == 4
    page.get_by_role("spinbutton", name="路宽").fill("30")
    page.get_by_role("button", name="保存区域").click()
    expect(page.locator(".area-detail")).to_contain_text("路线")
    page.keyboard.press("1")
    choose(page, "湘B1")
    page.locator("select[name=kind]").select_option("set_area")
    page.get_by_role("spinbutton", name="限速").first.fill("72")
    page.locator("tianshu-operator-form summary").click()
    page.get_by_role("spinbutton", name="第 2 段").fill("36")
    page.get_by_role("button", name="下发").click()
    command = page.locator(".commands > li").first
    expect(command).to_contain_text("终端已确认", timeout=15_000)
    command.locator("summary").first.click()
    expect(command).to_contain_text("20 (72 km/h)")
    expect(command).to_contain_text("路宽（米）30")


def test_an_area_with_a_hole_says_what_to_do_instead_of_sending_another_one(page, database_url):
    change(
        database_url,
        "INSERT INTO area (name, kind, shape) VALUES ('环形区', 'event', 'SRID=4490;MULTIPOLYGON((("
        "113.1 27.8, 113.2 27.8, 113.2 27.9, 113.1 27.8), (113.15 27.82, 113.18 27.82, 113.18 27.84, 113.15 27.82)))')",
    )
    send_area(page, "环形区 · 终端不能监看")
    expect(page.locator("tianshu-operator-form")).to_contain_text("有 1 个部分、1 个孔洞。请把各部分分别绘为区域再下发")
    expect(page.locator(".commands > li")).to_have_count(0)


def test_what_a_camera_took_is_listed_and_saved_by_who_may(
    terminal, live_server, account, visitor, database_url, tmp_path
):
    async def keep() -> None:
        engine, settings = make_engine(database_url), Settings(database_url=database_url, data_dir=tmp_path)
        async with writing(engine) as db:
            now = datetime.now(UTC)
            await media.keep(db, settings, media.Taken(1, 7, 0, 0, 1, 2, now, data=b"\xff\xd8 a photo"))
            await media.keep(db, settings, media.Taken(1, 8, 2, 4, 0, 1, now))
        await engine.dispose()

    in_thread(keep())
    for role, may in (("dispatcher", True), ("system_admin", False)):
        page = visitor().new_page()
        sign_in(page, live_server, account(role))
        page.goto(f"{live_server}/operator")
        page.locator(".devices [role=option]").filter(has_text="湘B12345").click()
        taken = page.locator(".media > li")
        expect(taken).to_have_count(2)
        expect(taken.first).to_contain_text("仅有通知，尚未上传")
        expect(taken.last).to_contain_text("通道 2 · 定时 · 1 KB")
        expect(taken.get_by_role("button")).to_have_count(int(may))
        if may:
            with page.expect_download() as saved:
                taken.get_by_role("button", name="下载").press("Enter")
            assert saved.value.path().read_bytes() == b"\xff\xd8 a photo"


def send_area(page: Page, name: str) -> None:
    """Tell the terminal that is connected of an area."""
    page.keyboard.press("1")
    choose(page, "湘B1")
    page.locator("select[name=kind]").select_option("set_area")
    page.locator("select[name=area_id]").select_option(label=name if " · " in name else f"{name} · 多边形")
    page.get_by_role("button", name="下发").press("Enter")


def change(database_url: str, statement: str) -> None:
    """Change what no page changes."""

    async def run() -> None:
        engine = make_engine(database_url)
        async with writing(engine) as db:
            await db.execute(text(statement))
        await engine.dispose()

    in_thread(run())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 720), (1920, 1080)], ids=["phone", "desk", "wall"])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(terminal, live_server, account, visitor, dark, size):
    page = visitor(dark=dark, width=size[0], height=size[1]).new_page()
    sign_in(page, live_server, account("system_admin"))
    for view in ("devices", "pending", "quarantine", "commands", "areas", "units"):
        page.goto(f"{live_server}/operator?view={view}")
        page.get_by_role("heading", name="系统运维").wait_for()
        if view == "devices":
            page.locator(".devices [role=option]").filter(has_text="湘B12345").click()
            page.get_by_role("button", name="下发").click()
            expect(page.locator(".commands > li").first).to_contain_text("已应答", timeout=15_000)
        if view == "areas":
            page.get_by_role("button", name="绘制新区域").click()
            expect(page.locator("tianshu-area-map .map-cover")).to_have_count(0)
        if view == "units":
            page.locator(".devices [role=option]").filter(has_text="巡 01").click()
            expect(page.get_by_role("table", name="设备配备记录")).to_be_visible()
        page.wait_for_timeout(300)
        assert findings(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
