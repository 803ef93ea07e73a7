"""The pages as files: what the browser is told, and how much it has to load."""

import gzip
import json
from typing import Any

import pytest

from api.routes import pages

FIRST_LOAD_BYTES = 500 * 1024
PHONE_BYTES = 60 * 1024


@pytest.fixture(autouse=True)
def _built():
    if not (pages.STATIC / "index.html").is_file():
        pytest.fail("The pages are not built: run `npm ci && npm run build` in maps/web")


@pytest.mark.parametrize(
    "path", ["/", "/login", "/replay", "/hotspots", "/patrols", "/reports", "/officer", "/wall", "/map"]
)
async def test_every_page_is_the_same_open_document_under_a_strict_policy(anonymous, path):
    answer = await anonymous.get(path)
    assert answer.status_code == 200
    assert "<tianshu-app>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_phone_may_keep_the_shell_of_the_officers_page_and_learns_how_to(anonymous):
    manifest = await anonymous.get("/officer.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    assert manifest.json()["start_url"] == "/officer"
    worker = await anonymous.get("/officer.sw.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert (await anonymous.get(manifest.json()["icons"][0]["src"])).status_code == 200
    assert "manifest-src 'self'" in (await anonymous.get("/officer")).headers["content-security-policy"]


async def test_the_document_holds_no_inline_script_and_names_no_other_host(anonymous):
    document = (await anonymous.get("/")).text
    assert "<script>" not in document
    assert "http://" not in document
    assert "https://" not in document


async def test_assets_are_kept_for_ever_and_come_compressed_to_who_takes_it(anonymous):
    script = next(file for file in (pages.STATIC / "assets").iterdir() if file.suffix == ".js")
    plain = await anonymous.get(f"/assets/{script.name}", headers={"accept-encoding": "identity"})
    packed = await anonymous.get(f"/assets/{script.name}", headers={"accept-encoding": "gzip"})
    assert "immutable" in plain.headers["cache-control"]
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["content-type"].startswith("text/javascript")
    assert plain.content == packed.content == script.read_bytes()


@pytest.mark.parametrize("name", ["nothing.js", "../index.html", "%2e%2e/index.html", "../../__init__.py", ""])
async def test_nothing_but_assets_comes_out_of_the_folder(anonymous, name):
    assert (await anonymous.get(f"/assets/{name}")).status_code == 404


def first_load(page: str) -> int:
    """Bytes that come over the wire before a page stands: the entry, the page, and what both name, compressed."""
    manifest: dict[str, dict[str, Any]] = json.loads((pages.STATIC / ".vite/manifest.json").read_text())
    files, waiting, known = set[str](), ["index.html", page], set[str]()
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        chunk = manifest[name]
        files |= {chunk["file"], *chunk.get("css", [])}
        waiting += chunk.get("imports", [])
    if any("maplibre-gl-worker" in (pages.STATIC / file).read_text(encoding="utf-8") for file in files):
        files |= {
            str(file.relative_to(pages.STATIC)) for file in (pages.STATIC / "assets").glob("maplibre-gl-worker*.js")
        }
    return sum((pages.STATIC / f"{file}.gz").stat().st_size for file in files)


def test_the_first_load_of_the_live_map_is_small():
    assert 300 * 1024 < first_load("src/live/page.ts") <= FIRST_LOAD_BYTES


def test_the_officers_page_is_much_lighter_and_loads_the_map_only_when_it_is_shown():
    assert first_load("src/officer/page.ts") <= PHONE_BYTES


def test_the_compressed_twins_hold_the_same(tmp_path):
    for twin in (pages.STATIC / "assets").glob("*.gz"):
        assert gzip.decompress(twin.read_bytes()) == twin.with_suffix("").read_bytes()
