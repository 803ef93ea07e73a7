"""Ten thousand units on the live map in Chromium, drawn in software: how long each frame takes while the map is panned.

The units lie as they do in a city, thick in the middle, on the demo's roads, and `--moving` of them have a new position
every second. A frame's time is the distance between two animation frames of the page; the mouse drags at 60 events a
second. The figure is taken from afar, where units are gathered into circles, and close, where some stand alone; the
limit beside it is the same map without any unit, in the same run. `raster_ms` is the processor time that the software
renderer takes for a frame, which says what a frame costs also where other programs have the processor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Page, sync_playwright

from bench import gateway
from bench.ingest import free_port
from bench.people import PASSWORD, make_dispatcher
from demo import city, ground
from services import packages

FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic")
LIMIT_FPS = 30
SETTLE_S = 5
MOUSE_HZ = 60
FRAMES = """async (seconds) => {
  const times = []; let last = performance.now(); const end = last + seconds * 1000;
  while (last < end) {
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last); last = now;
  }
  return times.slice(1);
}"""
PLACES = (
    "INSERT INTO newest_fix (device_id, at, received_at, place, speed_mps, heading_deg, accuracy_m, alarm, status, "
    "systems, flags) SELECT id, now(), now(), ST_SetSRID(ST_MakePoint(113.13 + 0.06 * sqrt(-2 * ln(1 - random())) * "
    "cos(id), 27.84 + 0.05 * sqrt(-2 * ln(1 - random())) * sin(id)), 4490)::geography(Point, 4490), 10, id % 360, 8, "
    "0, 0, 0, 0 FROM device"
)
MOVE = (
    "UPDATE newest_fix SET at = now(), received_at = now(), place = ST_SetSRID(ST_MakePoint(ST_X(place::geometry) + "
    "0.0001, ST_Y(place::geometry)), 4490)::geography(Point, 4490) WHERE device_id %% %(parts)s = %(part)s"
)


@contextmanager
def moving(url: str, units: int, per_s: int) -> Iterator[None]:
    """Give `per_s` units a new position every second, in turn."""
    going = threading.Event()
    parts = max(1, units // max(1, per_s))

    def run() -> None:
        turn = 0
        with psycopg.connect(url, autocommit=True) as connection:
            while not going.wait(1.0):
                connection.execute(MOVE, {"parts": parts, "part": turn % parts})
                turn += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    going.set()
    thread.join()


def roads(url: str) -> None:
    """Import the demo's roads, so that the map is one that a dispatcher sees."""
    with tempfile.TemporaryDirectory() as folder:
        city.build(ground.load()).write(Path(folder))
        command = [sys.executable, "-m", "api.cli", "roads", "import", folder, "--name", "demo"]
        env = {**os.environ, "TIANSHU_DATABASE_URL": url}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def is_ours(pid: int) -> bool:
    """Whether this program started a process, or started the one that did."""
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def raster_s() -> float:
    """Processor seconds of the threads in which our Chromium's software renderer fills pixels."""
    used = 0.0
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        try:
            head, _, rest = stat.read_text().rpartition(")")
            if "(Thread<" in head and is_ours(int(stat.parts[2])):
                fields = rest.split()
                used += (int(fields[11]) + int(fields[12])) / gateway.TICKS_PER_S
        except OSError:
            continue  # it has just ended
    return used


def pan(page: Page, seconds: float) -> list[float]:
    """Drag the map to and fro for some seconds; return the times of the frames, ms."""
    box = page.locator(".maplibregl-canvas").bounding_box()
    if box is None:
        raise SystemExit("There is no map.")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(f"seconds => {{ window.frames_ms = ({FRAMES})(seconds) }}", seconds)
    page.mouse.move(x, y)
    page.mouse.down()
    began_s = time.perf_counter()
    while (passed_s := time.perf_counter() - began_s) < seconds:
        step = int(passed_s * MOUSE_HZ)
        across = 160 if step // 48 % 2 else -160
        page.mouse.move(x + across * (step % 48) / 48, y + 60 * (step % 48) / 48)
        time.sleep(max(0.0, (step + 1) / MOUSE_HZ - (time.perf_counter() - began_s)))
    page.mouse.up()
    return list(page.evaluate("() => window.frames_ms"))


def measure(browser: Browser, address: str, username: str, seconds: float) -> dict[str, object]:
    """Open the live map, wait until all is there, and pan it from afar and close."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    began = time.perf_counter()
    page.goto(f"{address}/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator(".maplibregl-canvas").wait_for()
    page.locator(".row").first.wait_for()
    shown_s = time.perf_counter() - began
    page.wait_for_timeout(SETTLE_S * 1000)
    found: dict[str, object] = {"shown_s": round(shown_s, 2)}
    for name, zooms in (("far", 0), ("close", 3)):
        for _ in range(zooms):
            page.locator(".map-tools .icon-button").first.click()
            page.wait_for_timeout(700)
        page.wait_for_timeout(1500)
        before_s = raster_s()
        frames_ms = pan(page, seconds)
        found |= {f"{name}_{key}": value for key, value in figures(frames_ms).items()}
        found[f"{name}_raster_ms"] = round(1000 * (raster_s() - before_s) / len(frames_ms), 1)
    page.context.close()
    return found


def figures(frames_ms: list[float]) -> dict[str, float]:
    """Return frames a second, and the times of slow frames."""
    cuts = statistics.quantiles(frames_ms, n=100)
    return {
        "fps": round(1000 * len(frames_ms) / sum(frames_ms), 1),
        "frame_p50_ms": round(cuts[49], 1),
        "frame_p95_ms": round(cuts[94], 1),
        "frame_p99_ms": round(cuts[98], 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--moving", type=int, default=500, help="units with a new position each second")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    program = packages.chromium()
    if program is None:
        raise SystemExit("Chromium is not installed: run `tianshu install --browser`.")
    result: dict[str, object] = {"figure": "screen", "machine": gateway.machine(), **vars(options)}
    port, api_port = free_port(), free_port()
    with gateway.database(options.units) as url:
        username = make_dispatcher(url)
        roads(url)
        with gateway.process("api", url=url, port=port, page=api_port), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(program), args=list(FLAGS))
            look = (browser, f"http://127.0.0.1:{api_port}", username, options.seconds)
            result["empty"] = measure(*look)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(PLACES)
            with moving(url, options.units, options.moving):
                result["full"] = measure(*look)
            browser.close()
    print(json.dumps(result | {"load_after": round(os.getloadavg()[0], 1), "limit_fps": LIMIT_FPS}))


if __name__ == "__main__":
    main()
