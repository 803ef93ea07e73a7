"""The running application, and a person at a browser in front of it."""

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from api.main import create_app
from services import access, packages
from services.db.engine import make_engine, writing
from services.settings import Settings
from tests.builders import people
from tests.conftest import PASSWORD, ROOT

FLAGS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
COUNT_TONES = """() => {
  window.tones = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.tones.push(this.frequency.value);
    return start.apply(this, when);
  };
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  return one.matches("button, summary, a") ? (one.getAttribute("aria-label") ?? one.innerText) : "";
}"""
expect.set_options(timeout=20_000)  # what a page comes to, it comes to late while the machine runs other tests


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, drawing in software.

    One for each module: while it runs, Playwright keeps an event loop on the main thread, and no asynchronous test of
    another folder can run in the same process.
    """
    program = packages.chromium()
    if program is None:
        pytest.fail("Chromium is not installed: run `tianshu install --browser`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def live_server(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The application on a real port; yields its address."""
    if not (ROOT / "maps/static/index.html").exists():
        pytest.fail("The pages are not built: run `make maps/static/.ready`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app(Settings(database_url=database_url, data_dir=tmp_path, api_port=port))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    started = threading.Event()
    for _ in range(400):
        if server.started:
            break
        started.wait(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def account(database_url: str, tmp_path: Path) -> Callable[..., str]:
    """Make an account with roles and return its name; the password is `tests.conftest.PASSWORD`.

    Where the roles ask for a second factor, it has one: `people.code_of(name)` is its present code.
    """
    keys = access.load_keys(Settings(data_dir=tmp_path))

    def make(*roles: str) -> str:
        name = f"{'-'.join(roles)}-{secrets.token_hex(3)}"

        async def create() -> None:
            engine = make_engine(database_url, pool_size=1)
            async with writing(engine) as db:
                await access.create_account(db, name, name, PASSWORD, frozenset(map(access.Role, roles)))
            if access.SECOND_FACTOR & set(roles):
                people.SECRETS[name] = await people.enrol(engine, keys, name, datetime.now(UTC))
            await engine.dispose()

        in_thread(create())
        return name

    return make


def in_thread(work) -> None:
    """Run a coroutine to its end beside Playwright's own event loop."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Open a fresh browser profile: `visitor(width=390, height=844, dark=True)`."""
    opened: list[BrowserContext] = []

    def make(*, width: int = 1280, height: int = 720, dark: bool = False, locale: str = "zh-CN") -> BrowserContext:
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale, reduced_motion="reduce"
        )
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


def sign_in(page: Page, base: str, username: str) -> None:
    """Sign in through the login page."""
    page.goto(f"{base}/login")
    page.get_by_label("用户名").or_(page.get_by_label("User name")).fill(username)
    page.get_by_label("密码").or_(page.get_by_label("Password")).fill(PASSWORD)
    page.keyboard.press("Enter")
    if username in people.SECRETS:
        page.get_by_label("验证码").or_(page.get_by_label("Code")).fill(people.code_of(username))
        page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture
def open_desk(live_server, account, visitor) -> Callable[..., Page]:
    """A dispatcher signs in, at a browser of his own that counts the tones it plays."""

    def open_one(context: BrowserContext | None = None) -> Page:
        page = (context or visitor()).new_page()
        page.add_init_script(f"({COUNT_TONES})()")
        sign_in(page, live_server, account("dispatcher"))
        expect(page.locator(".row").first).to_be_visible()
        expect(page.locator(".desk-tools")).to_be_visible()
        return page

    return open_one


def open_first_call(page: Page) -> None:
    """Choose the most urgent call in the list, by keyboard, once it is there."""
    page.keyboard.press("2")
    expect(page.get_by_role("listbox", name="警情").get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def take(page: Page, kind: str, place: str, notes: str) -> None:
    """Take a call: its kind by the letters, its place as coordinates."""
    page.keyboard.press("n")
    expect(page.get_by_role("combobox", name="警情类型")).to_be_focused()
    page.keyboard.type(kind)
    expect(page.locator(".combo-list [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="地点")).to_be_focused()
    page.keyboard.type(place)
    page.keyboard.press("Enter")
    expect(page.get_by_label("备注")).to_be_focused()
    page.keyboard.type(notes)


def tab_to(page: Page, words: str) -> None:
    """Press Tab until a control with these words has the focus."""
    end = time.monotonic() + 20
    while words not in page.evaluate(FOCUSED):
        assert time.monotonic() < end, f"no way to {words!r} by Tab"
        page.keyboard.press("Tab")
