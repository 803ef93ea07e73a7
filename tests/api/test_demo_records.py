"""Cases, exports and oversight of the demo city: entered once, each by whose work it is."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from asgi_lifespan import LifespanManager
from rich.console import Console
from sqlalchemy import text

from api.cli import accounts
from api.main import create_app
from demo import door
from demo.records import CASES, EXPORT, REVIEW, records
from services.db.engine import writing
from tests.builders.carriage import make_unit


@pytest.fixture
async def logins(settings):
    return await asyncio.to_thread(accounts.seed_demo_accounts, settings)


@pytest.fixture
async def doors(logins, settings, engine):
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1'), ('2')"))
        for number in (1, 2):
            await make_unit(db, f"C{number}", number)
    application = create_app(settings)
    async with (
        LifespanManager(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client,
    ):
        yield door.doors(client, logins)


async def test_the_city_has_an_approved_case_a_waiting_one_an_export_and_a_review_each_once(doors, logins):
    for _ in range(2):
        await records(doors, logins, datetime.now(UTC), Console(quiet=True))
    cases = {one["case_no"]: one async for one in doors["approver"].pages("/authorisations")}
    assert [cases[case_no]["state"] for case_no, *_ in CASES] == ["approved", "proposed"]
    assert len(cases) == len(CASES)
    (wish,) = [one async for one in doors["approver"].pages("/exports")]
    assert (wish["reason"], wish["state"]) == (EXPORT, "proposed")
    (review,) = (await doors["auditor"].get("/audit/reviews"))["items"]
    assert review["statement"] == REVIEW


async def test_a_city_without_those_accounts_goes_without(doors, logins):
    few = {role: way for role, way in doors.items() if role != "auditor"}
    await records(few, logins, datetime.now(UTC), Console(quiet=True))
    assert [one async for one in doors["approver"].pages("/exports")] == []


async def test_an_account_whose_role_asks_for_a_factor_since_gets_one(logins, settings):
    store = settings.data_dir / "demo-logins.json"
    before = store.read_text()
    store.write_text(before.replace('"totp"', '"lost"'))
    again = await asyncio.to_thread(accounts.seed_demo_accounts, settings)
    assert all("totp" in again[name] for name, login in logins.items() if "totp" in login)
