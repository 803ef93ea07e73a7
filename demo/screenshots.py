"""Take the pictures of the README from the running demo: `python -m demo.screenshots ADDRESS USERNAME PASSWORD`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic")
SETTLE_MS = 2500
"""Map tiles and labels are drawn in software: they take this long to stand still."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page to show, how large, and what to press before the picture is taken."""

    name: str
    path: str
    prepare: Callable[[Page], None]
    width: int = 1440
    height: int = 900
    language: str = "zh"
    officer: bool = False  # the page of an officer, who signs in with a login of his own


def _city(page: Page) -> None:
    """Show everybody at once."""
    page.locator(".row").first.wait_for()


def _call(page: Page) -> None:
    """Open the most urgent call: who is on it, who could come."""
    page.locator(".row").first.wait_for()
    page.keyboard.press("2")
    page.locator(".calls .row").first.click()


def _intake(page: Page) -> None:
    """Take down a call by keyboard, up to before it is taken."""
    page.locator(".desk-tools").wait_for()
    page.keyboard.press("n")
    page.wait_for_timeout(500)
    page.keyboard.type("dq")
    page.locator(".combo-list [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.type("113.134, 27.829")
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+1")


def _reach(page: Page) -> None:
    """Show what free units reach, and the beats."""
    page.locator(".desk-tools").wait_for()
    page.keyboard.press("y")
    for box in page.locator(".layers-box input").all()[:3]:
        if not box.is_checked():
            box.check()


def _duty(page: Page) -> None:
    """Go on duty with a unit that is on its way to a call, or with any."""
    page.locator(".choices button, .my-call, .standing-by").first.wait_for()
    if page.locator(".my-call").count():
        return
    if page.locator(".standing-by").count():
        page.locator(".standing-by button").click()
        page.locator(".choices button").first.wait_for()
    units = page.evaluate("fetch('/units?limit=1000').then((answer) => answer.json())")["items"]
    busy = [unit["call_sign"] for unit in units if unit["state"] in ("accepted", "en_route", "on_scene")]
    chosen = page.locator(".choices button", has_text=busy[0]) if busy else page.locator(".choices button")
    chosen.first.click()
    page.wait_for_timeout(SETTLE_MS)


def _still(_: Page) -> None:
    """Leave the page as it opens."""


def _unit(page: Page) -> None:
    """Select a unit that drives and show where it has been."""
    page.keyboard.press("1")  # the desk opens as it was left
    page.locator("[type=search]").fill("芦淞-巡")
    page.locator(".row", has_text=re.compile(r"[1-9]\d km/h")).first.click()
    page.keyboard.press("t")


def _replay(page: Page) -> None:
    """Replay today's way of a unit up to about its middle."""
    page.locator("[name=unit]").fill("芦淞-巡-03")
    page.locator(".chooser .primary").click()
    graph = page.locator(".graph")
    graph.wait_for()
    box = graph.bounding_box()
    if box:
        page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)


def _hotspots(page: Page) -> None:
    """Choose the hottest cell."""
    page.locator(".cells button").first.click()


PICTURES = (
    Picture("live", "/", _city),
    Picture("live-call", "/", _call),
    Picture("live-unit", "/", _unit, language="en"),
    Picture("live-wall", "/", _call, width=1920, height=1080),
    Picture("console-intake", "/", _intake, width=1280, height=720),
    Picture("console-reach", "/", _reach, width=1280, height=720),
    Picture("wall", "/wall", _still, width=1600, height=900),
    Picture("officer", "/officer", _duty, width=390, height=844, officer=True),
    Picture("live-phone", "/", _unit, width=390, height=844),
    Picture("replay", "/replay", _replay),
    Picture("hotspots", "/hotspots", _hotspots),
)


def main(
    address: Annotated[str, typer.Argument(help="Where the pages are, for example http://127.0.0.1:8600")],
    username: Annotated[str, typer.Argument(help="A demo login that may see every page")],
    password: Annotated[str, typer.Argument(help="Its password")],
    *,
    folder: Annotated[Path, typer.Option(help="Where the pictures go")] = FOLDER,
    chromium: Annotated[str, typer.Option(help="The browser")] = "/usr/bin/chromium",
    officer: Annotated[str, typer.Option(help="USERNAME:PASSWORD of an officer, for his phone page")] = "",
    only: Annotated[str, typer.Option(help="Only pictures whose name holds this")] = "",
) -> None:
    """Take every picture, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    logins = {False: (username, password), True: tuple(officer.split(":", 1))}
    pictures = [picture for picture in PICTURES if officer or not picture.officer]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS), env={"LANGUAGE": "zh_CN"})
        for picture in pictures:
            for theme in ("light", "dark"):
                if only in f"{picture.name}-{theme}":
                    _take(browser, picture, theme, address=address, login=logins[picture.officer], folder=folder)
                    typer.echo(f"{picture.name}-{theme}.png")
        browser.close()


def _take(
    browser: Browser, picture: Picture, theme: str, *, address: str, login: tuple[str, ...], folder: Path
) -> None:
    """Sign in with a fresh profile, go to the page, prepare it and write the file."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    for key, value in {"theme": theme, "language": picture.language}.items():
        context.add_init_script(f"localStorage.setItem('tianshu.{key}', '{value}')")
    page = context.new_page()
    page.goto(f"{address}/login?next={picture.path}")
    page.locator("[name=username]").fill(login[0])
    page.locator("[name=password]").fill(login[1])
    page.keyboard.press("Enter")
    page.locator(".officer-body" if picture.officer else ".maplibregl-canvas").wait_for()
    page.wait_for_timeout(SETTLE_MS)
    picture.prepare(page)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=folder / f"{picture.name}-{theme}.png")
    context.close()


if __name__ == "__main__":
    typer.run(main)
