"""Every door is known: guarded, described, and every setting is written down."""

from pathlib import Path

import httpx
import pytest

from api.cli import reference
from api.main import routes
from services.settings import Settings

ROOT = Path(__file__).parents[2]
OPEN = {
    ("GET", "/health"), ("GET", "/ready"), ("POST", "/login"), ("POST", "/tokens"),
    # the pages are the same for everybody and hold no data
    ("GET", "/security"), ("GET", "/administration"), ("GET", "/cases"), ("GET", "/operator"),
    ("GET", "/audit"), ("GET", "/downloads"), ("GET", "/officer"), ("GET", "/wall"), ("GET", "/map"),
    ("GET", "/officer.webmanifest"), ("GET", "/officer.sw.js"), ("GET", "/officer-icon.svg"),
    ("GET", "/oidc"), ("GET", "/oidc/start"), ("GET", "/oidc/callback"),  # the way to and from another provider
    ("GET", "/"), ("GET", "/login"), ("GET", "/replay"), ("GET", "/hotspots"), ("GET", "/assets/{path:path}"),
}  # fmt: skip


def test_every_route_is_described():
    assert len(routes()) > 20
    assert [route.path for route in routes() if not (route.description or "").strip()] == []


async def test_every_route_but_the_open_ones_refuses_who_is_not_signed_in(application):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        walked = 0
        for route in routes():
            for method in route.methods - {"HEAD"}:
                if (method, route.path) in OPEN:
                    continue
                path = route.path
                for name in route.param_convertors:
                    path = path.replace(f"{{{name}}}", "1")
                answer = await client.request(method, path)
                assert answer.status_code == 401, f"{method} {route.path} answered {answer.status_code}"
                assert answer.headers["content-type"] == "application/problem+json"
                walked += 1
    assert walked > 20


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described(name):
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_reference_says_what_the_code_says(name):
    written = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "run `tianshu reference`"
