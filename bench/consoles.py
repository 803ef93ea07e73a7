"""Twenty consoles while units report 500 fixes a second: how old a position is when it stands on the screens.

Nineteen consoles are readers of GET /stream, one is Chromium with the live map. The fixes come over TCP through the
gateway. A position's age is taken from the start of the transaction that stored it (so it errs to the long side) to
the moment the reader has parsed its delta, and for Chromium to the moment the page's own code has merged it: the row of
the unit in the list shows a speed that names the fix. In the middle of it a terminal's emergency button is pressed: the
age of the SOS on Chromium's screen is taken from the moment its frame was written to the socket.
"""

import argparse
import asyncio
import json
import statistics
import threading
import time
from datetime import UTC, datetime

import httpx
import psycopg
import uvloop
from playwright.sync_api import sync_playwright

from bench import gateway
from bench.connections import listen
from bench.ingest import free_port
from bench.people import PASSWORD, make_dispatcher
from bench.screen import FLAGS
from services import packages
from services.ingest import jt808
from services.ingest.jt808 import build

LIMIT_P95_S = LIMIT_SOS_S = 1.0
HELPED, PRESSED_AT = 2, 15
WATCHED = """() => {
  window.seen = [];
  const row = document.querySelector('.row[data-id="1"]');
  const note = () => window.seen.push([row.textContent, Date.now() / 1000]);
  new MutationObserver(note).observe(row, {childList: true, subtree: true, characterData: true});
  const sos = () => { window.sosAt ??= document.querySelector(".sos") ? Date.now() / 1000 : undefined; };
  new MutationObserver(sos).observe(document.body, {childList: true, subtree: true});
}"""


async def report(
    number: int, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], end_s: float, pressed: list[float]
) -> int:
    """One unit: a fix a second until the end; each fix of a unit has its own speed, 0 to 99 km/h in turn.

    The second unit presses its emergency button at its fifteenth fix.
    """
    reader, writer = pair
    sent = 0
    while time.perf_counter() < end_s:
        began, at = time.perf_counter(), datetime.now(UTC).replace(microsecond=0)
        place = 113.05 + number % 100 * 1e-3 + sent * 1e-4, 27.75 + number // 100 * 1e-3
        speed_mps = sent % 100 / 3.6
        helped = number == HELPED and sent == PRESSED_AT
        message = build.position(at, *place, speed_mps=speed_mps, heading_deg=90, alarm=int(helped))
        if helped:
            pressed.append(time.time())
        writer.write(jt808.frame(message, phone=gateway.phone(number), serial=(sent + 2) & 0xFFFF))
        if not await reader.read(1000):
            break
        sent += 1
        await asyncio.sleep(max(0.0, began + 1.0 - time.perf_counter()))
    return sent


async def run(
    ports: tuple[int, int], username: str, options: argparse.Namespace, pressed: list[float]
) -> tuple[int, list[dict]]:
    """Let everybody report and the readers listen; return how many fixes were sent and what each reader saw."""
    port, api_port = ports
    seen: list[dict] = [{} for _ in range(options.consoles - 1)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api_port}") as client:
        answer = await client.post("/tokens", json={"username": username, "password": PASSWORD})
        token = answer.raise_for_status().json()["token"]
    async with gateway.fleet(port, options.fixes_per_s) as pairs:
        listening = [asyncio.create_task(listen(api_port, token, one)) for one in seen]
        end_s = time.perf_counter() + options.seconds
        counts = await asyncio.gather(*(report(number + 1, pair, end_s, pressed) for number, pair in enumerate(pairs)))
        await asyncio.sleep(1)
        for task in listening:
            task.cancel()
    return sum(counts), seen


def watch(address: str, username: str, seconds: float, found: list[tuple[int, float]], helped: list[float]) -> None:
    """Chromium: note when the row of the first unit shows each speed, and when an SOS is on the screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(packages.chromium()), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/login")
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator('.row[data-id="1"]').wait_for()
        page.evaluate(WATCHED)
        page.wait_for_timeout(seconds * 1000)
        for text, at in page.evaluate("() => window.seen"):
            head, _, _ = text.partition(" km/h")
            digits = head[len(head.rstrip("0123456789")) :]
            if digits:
                found.append((int(digits), at))
        helped += [at for at in [page.evaluate("() => window.sosAt ?? null")] if at]
        browser.close()


def ages_s(url: str, seen: list[dict], shown: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Return the ages at the readers and in Chromium."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT u.unit_id, extract(epoch FROM at)::float8, extract(epoch FROM received_at)::float8, "
            "round(speed_mps * 3.6)::int FROM fix JOIN carriage u USING (device_id)"
        ).fetchall()
    committed = {(unit_id, at): received for unit_id, at, received, _ in rows}
    readers = [now - committed[key] for one in seen for key, now in one.items() if key in committed]
    first = sorted((received, kmh) for unit_id, _, received, kmh in rows if unit_id == 1)
    pages = []
    for kmh, at in shown:
        stored = [received for received, speed in first if speed == kmh and received <= at]
        if stored and at - stored[-1] < 50:  # the same speed comes again after 100 s
            pages.append(at - stored[-1])
    return readers, pages


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consoles", type=int, default=20)
    parser.add_argument("--fixes-per-s", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    result: dict[str, object] = {"figure": "consoles", "machine": gateway.machine(), **vars(options)}
    port, page, api_port = free_port(), free_port(), free_port()
    with gateway.database(options.fixes_per_s) as url:
        username, shown, pressed, helped = make_dispatcher(url), [], [], []
        address = f"http://127.0.0.1:{api_port}"
        with (
            gateway.process("gateway", url=url, port=port, page=page),
            gateway.process("api", url=url, port=port, page=api_port),
        ):
            browser = threading.Thread(target=watch, args=(address, username, options.seconds + 8, shown, helped))
            browser.start()
            sent, seen = uvloop.run(run((port, api_port), username, options, pressed))
            browser.join()
        readers, pages = ages_s(url, seen, shown)
    cuts = statistics.quantiles(readers, n=100)
    result |= {
        "fixes": sent,
        "deltas": len(readers),
        "reader_p50_s": round(cuts[49], 3),
        "reader_p95_s": round(cuts[94], 3),
        "reader_p99_s": round(cuts[98], 3),
        "chromium_updates": len(pages),
        "chromium_p95_s": round(statistics.quantiles(pages, n=20)[18], 3) if len(pages) > 20 else None,
        "sos_to_screen_s": round(helped[0] - pressed[0], 3) if helped and pressed else None,
        "limits": {"p95_s": LIMIT_P95_S, "sos_to_screen_s": LIMIT_SOS_S},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
