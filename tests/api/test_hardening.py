"""What every answer carries and every request has to keep to."""

import logging
import re
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from io import StringIO

import httpx
import pytest
import structlog
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from api import hardening, logs
from api.main import create_app, routes
from services.db.engine import writing
from services.settings import Settings
from tests.conftest import PASSWORD

PROBLEM = "application/problem+json"


@pytest.fixture
async def strict(settings, request):
    """An application with settings of the test's own."""
    app = create_app(settings.model_copy(update=request.param))
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_every_answer_carries_the_headers_and_is_kept_by_nobody(anonymous, client):
    dispatcher = await client("dispatcher")
    for who in (anonymous, dispatcher):
        for path in ("/units", "/calls", "/me", "/nowhere", "/openapi.json"):
            answer = await who.get(path)
            for name in hardening.HEADERS:
                assert name in answer.headers, (path, name)
            assert answer.headers["cache-control"] == "no-store", path
            assert answer.headers["content-security-policy"] == hardening.DATA, path


async def test_pages_run_their_own_scripts_only(anonymous):
    policy = (await anonymous.get("/")).headers["content-security-policy"]
    assert policy == hardening.PAGES
    assert "unsafe" not in policy


def test_a_report_runs_the_scripts_it_came_with_and_no_others():
    page = "<html><script>let a = 1 < 2;</script><p>x</p><script>\nb()\n</script><script src='x'></script></html>"
    policy = hardening.offline_policy(page)
    scripts = policy.split("script-src ")[1].split(";")[0]
    assert re.findall("'sha256-[^']+'", scripts) == [
        "'sha256-Xd/xFl+DmsVqHczJvGQWMh7nLH7H7r5iGmQKRm0JimU='",
        "'sha256-NlXKTQe8YfLmZqnEm5aXK1Lb/1wWgkKgNs+lNRY6yOo='",
    ]
    assert "unsafe" not in scripts
    assert "sandbox allow-scripts" in policy


def test_a_page_without_scripts_may_run_none():
    assert "script-src 'none'" in hardening.offline_policy("<p>x</p>")


@pytest.mark.parametrize("strict", [{"allowed_hosts": "", "api_host": "127.0.0.1"}], indirect=True)
async def test_on_loopback_another_name_is_refused(strict):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", ""):
        answer = await strict.get("/health", headers={"host": host})
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM), host
        assert answer.headers["x-frame-options"] == "DENY"
    for host in ("127.0.0.1", "localhost:8600", "[::1]:8600"):
        assert (await strict.get("/health", headers={"host": host})).status_code == 200, host


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"api_host": "192.0.2.1"}, None),
        ({"allowed_hosts": "*"}, None),
        ({"allowed_hosts": "a.example, B.example"}, {"a.example", "b.example"}),
        ({"public_url": "https://map.example/"}, {"map.example", "localhost", "127.0.0.1", "::1"}),
        (
            {"api_host": "192.0.2.1", "public_url": "https://map.example"},
            {"map.example", "localhost", "127.0.0.1", "::1"},
        ),
    ],
)
def test_the_names_the_service_answers_to(more, expected):
    assert hardening.hosts(Settings(**more)) == (expected if expected is None else frozenset(expected))


@pytest.mark.parametrize("strict", [{"max_body_kb": 1}], indirect=True)
async def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(strict):
    body = {"username": "a", "password": "x" * 2000}
    said = await strict.post("/login", json=body)

    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    unsaid = await strict.post("/login", content=chunks(), headers={"content-type": "application/json"})
    for answer in (said, unsaid):
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert (await strict.post("/login", json={"username": "a", "password": "x"})).status_code == 403


@pytest.mark.parametrize("strict", [{"sign_ins_per_min": 3}], indirect=True)
async def test_signing_in_too_often_from_one_address_is_refused_and_says_when_to_come_again(strict):
    body = {"username": "nobody", "password": "x"}
    codes = [(await strict.post("/login", json=body)).status_code for _ in range(4)]
    answer = await strict.post("/login", json=body)
    assert codes == [403, 403, 403, 429]
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == (PROBLEM, "60")
    assert (await strict.get("/health")).status_code == 200


async def test_an_error_of_our_own_is_a_problem_that_tells_nothing(application, client):
    @application.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is swordfish")

    answer = await (await client("dispatcher")).get("/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "swordfish" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_over_https_browsers_are_told_to_stay_there(application):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="https://test") as client:
        assert "max-age" in (await client.get("/health")).headers["strict-transport-security"]


async def test_a_session_can_not_be_read_by_scripts_nor_sent_by_other_sites(anonymous, mandate):
    who = await mandate("dispatcher")
    answer = await anonymous.post("/login", json={"username": who.username, "password": PASSWORD})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "strict"


def test_no_setting_that_is_secret_is_shown():
    settings = Settings(
        database_url="postgresql://u:swordfish@h/d", secret_keys="swordfish", oidc_client_secret="swordfish"
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "swordfish" not in shown


@pytest.fixture
def logged():
    """All that a process of the service logs while a test runs."""
    stream, before = StringIO(), logging.root.handlers
    logging.root.handlers = []
    logs.configure(stream)
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.reset_defaults()
    logging.root.handlers = before


async def test_what_is_looked_at_never_stands_in_the_logs(logged, client, engine, capfd):
    """A whole session of work, refusals and errors included; then the logs are read for what was worked on."""
    admin, desk = await client("system_admin"), await client("dispatcher")
    device = (await admin.post("/devices", json={"phone": "13912345678"})).json()
    since = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    unit = {"call_sign": "Swordfish-1", "kind": "car", "device_id": device["id"], "device_since": since}
    unit_id = (await admin.post("/units", json=unit)).json()["id"]
    place = {"lon_deg": 113.123456, "lat_deg": 27.834567}
    call = {"kind": "theft", "priority": 2, **place, "address": "Swordfish Road", "notes": "Wang Swordfish"}
    assert (await desk.post("/calls", json=call)).status_code == 201
    await desk.post("/calls", json=call | {"lon_deg": 913.123456})
    await desk.post("/calls", content=b'{"lon_deg": 113.123456')
    now = datetime.now(UTC)
    span = {"start": now.replace(hour=0).isoformat(), "end": now.isoformat()}
    for path in ("/units", "/calls", "/calls/1", "/alerts", "/calls/1/recommendations", f"/units/{unit_id}/track"):
        await desk.get(path, params=span)
        await admin.get(path, params=span)
    await desk.post("/login", json={"username": "Swordfish", "password": "Swordfish password"})
    async with writing(engine) as db:  # an error of the database that quotes the row it could not keep
        await db.execute(text("ALTER TABLE call ADD CONSTRAINT jammed CHECK (address <> 'Swordfish Lane')"))
    try:
        answer = await desk.post("/calls", json=call | {"address": "Swordfish Lane"})
        assert answer.status_code == 500
    finally:
        async with writing(engine) as db:
            await db.execute(text("ALTER TABLE call DROP CONSTRAINT jammed"))
    logging.getLogger("asyncio").error("Task failed", exc_info=ValueError("113.123456"))
    written = logged.getvalue() + "".join(capfd.readouterr())
    assert "request_failed" in written
    assert "23514" in written  # the database's own code for a violated check
    assert "builtins.ValueError" in written
    for secret in ("113.12", "27.83", "Swordfish", "13912345678"):
        assert secret not in written, next(line for line in written.splitlines() if secret in line)[:300]


def test_the_costly_routes_are_routes_that_exist():
    paths = {re.sub(r"\{[^}]*\}", "1", route.path) for route in routes()}
    for costly in hardening.COSTLY:
        assert any(costly.path.fullmatch(path) for path in paths), costly.path.pattern
