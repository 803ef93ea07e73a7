"""The accounts of `tianshu up --demo`: made once, kept in one file, and good for signing in."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pyotp
import pytest
from asgi_lifespan import LifespanManager
from typer.testing import CliRunner

from api.cli import accounts, app
from api.main import create_app
from demo import door
from services import access


@pytest.fixture
async def logins(settings):
    return await asyncio.to_thread(accounts.seed_demo_accounts, settings)


async def test_every_demo_account_signs_in_with_its_second_factor_where_one_is_due(logins, settings):
    application = create_app(settings)
    async with (
        LifespanManager(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client,
    ):
        for role, way in door.doors(client, logins).items():
            me = await way.get("/me")
            assert me["roles"] == [role]
            assert ("totp" in logins[me["username"]]) is (access.Role(role) in access.SECOND_FACTOR)


async def test_a_second_door_of_an_administrator_takes_the_next_code(logins, settings):
    application = create_app(settings)
    async with (
        LifespanManager(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client,
    ):
        for _ in range(2):
            way = door.doors(client, logins)["system_admin"]
            assert (await way.get("/me"))["roles"] == ["system_admin"]


async def test_seeding_again_changes_nothing(logins, settings):
    again = await asyncio.to_thread(accounts.seed_demo_accounts, settings)
    assert again == logins
    kept = settings.data_dir / "demo-logins.json"
    assert json.loads(kept.read_text()) == logins
    assert kept.stat().st_mode & 0o077 == 0
    assert (settings.data_dir / "secret.keys").stat().st_mode & 0o077 == 0


async def test_the_code_of_a_demo_account_is_shown_on_the_command_line(logins, settings, monkeypatch):
    monkeypatch.setenv("TIANSHU_DATA_DIR", str(settings.data_dir))
    now = datetime.now(UTC)
    codes = {pyotp.parse_uri(logins["admin"]["totp"]).at(now, counter_offset=step) for step in (0, 1)}
    assert CliRunner().invoke(app, ["accounts", "demo-code", "admin"]).output.strip() in codes
    refused = CliRunner().invoke(app, ["accounts", "demo-code", "dispatcher"])
    assert refused.exit_code == 2
