"""Every door is known: guarded, described, and every setting is written down."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.cli import reference
from api.main import create_app, routes
from services.settings import Settings

ROOT = Path(__file__).parents[2]
OPEN = {
    ("GET", "/health"), ("GET", "/ready"), ("POST", "/login"), ("POST", "/tokens"),
    # the pages are the same for everybody and hold no data
    ("GET", "/security"), ("GET", "/administration"), ("GET", "/cases"), ("GET", "/operator"),
    ("GET", "/audit"), ("GET", "/downloads"), ("GET", "/officer"), ("GET", "/wall"), ("GET", "/map"),
    ("GET", "/officer.webmanifest"), ("GET", "/officer.sw.js"), ("GET", "/officer-icon.svg"),
    ("GET", "/oidc"), ("GET", "/oidc/start"), ("GET", "/oidc/callback"),  # the way to and from another provider
    ("GET", "/"), ("GET", "/login"), ("GET", "/replay"), ("GET", "/hotspots"),
    ("GET", "/patrols"), ("GET", "/reports"), ("GET", "/assets/{path:path}"),
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


TELLING = {
    "lon", "lat", "lng", "lon_deg", "lat_deg", "place", "point", "bbox", "address", "phone", "number", "imei", "plate",
    "terminal_id", "name", "username", "display_name", "person", "words", "text", "q", "query",
}  # fmt: skip
"""What never stands in an address: where somebody is, and what tells who somebody is."""
HARMLESS = {"/roads/{name}"}
"""The name is that of a road network."""


def test_no_address_holds_a_place_or_tells_who_somebody_is():
    described = create_app(Settings(database_url=SecretStr("postgresql://nobody"))).openapi()["paths"]
    told = [
        f"{verb.upper()} {path} {one['name']}"
        for path, operations in described.items()
        for verb, operation in operations.items()
        for one in operation.get("parameters", [])
        if one["in"] in {"path", "query"} and one["name"] in TELLING
        if not any(path.startswith(harmless) for harmless in HARMLESS)
    ]
    assert len(described) > 100
    assert told == []


def test_a_list_goes_on_from_a_number_and_not_from_a_name():
    described = create_app(Settings(database_url=SecretStr("postgresql://nobody"))).openapi()["paths"]
    cursors = {
        path: str(one["schema"])
        for path, operations in described.items()
        for operation in operations.values()
        for one in operation.get("parameters", [])
        if one["name"] == "cursor"
    }
    assert len(cursors) > 10
    texts = {path for path, schema in cursors.items() if "integer" not in schema}
    assert texts == {"/alerts", "/areas", "/messages"}  # alerts.read_cursor refuses what is no number


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described(name):
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_reference_says_what_the_code_says(name):
    written = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "run `tianshu reference`"
