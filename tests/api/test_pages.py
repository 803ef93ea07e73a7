"""The pages as files: what the browser is told, and how much it has to load."""

import gzip

import pytest

from api.routes import pages

FIRST_LOAD_BYTES = 500 * 1024


@pytest.fixture(autouse=True)
def _built():
    if not (pages.STATIC / "index.html").is_file():
        pytest.fail("The pages are not built: run `npm ci && npm run build` in maps/web")


@pytest.mark.parametrize("path", ["/", "/login", "/replay", "/hotspots"])
async def test_every_page_is_the_same_open_document_under_a_strict_policy(anonymous, path):
    answer = await anonymous.get(path)
    assert answer.status_code == 200
    assert "<tianshu-app>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


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


def test_the_first_load_of_the_live_map_is_small():
    packed = {file.name: file.stat().st_size for file in (pages.STATIC / "assets").glob("*.gz")}
    assert sum(packed.values()) <= FIRST_LOAD_BYTES  # all pages together: the live map alone is less


def test_the_compressed_twins_hold_the_same(tmp_path):
    for twin in (pages.STATIC / "assets").glob("*.gz"):
        assert gzip.decompress(twin.read_bytes()) == twin.with_suffix("").read_bytes()
