"""The processes of the product log in as users who own nothing: what needs more of the database still works."""

from datetime import UTC, datetime, timedelta

import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr
from sqlalchemy import text

from api.main import create_app
from services import access, audit, oversight
from services.db import security
from services.db.engine import make_engine, writing
from services.db.security import DbRole

NOW = datetime.now(UTC).replace(microsecond=0)


def as_process(settings, database_url, process):
    login = security.make_login(database_url, process)
    return settings.model_copy(update={"database_url": SecretStr(login)})


@pytest.fixture
async def application(settings, database_url):
    """The application as `tianshu up` starts it on its private cluster."""
    app = create_app(as_process(settings, database_url, "api"))
    async with LifespanManager(app):
        yield app


@pytest.fixture
async def tampered(engine, settings):
    """Three sealed hours, one entry of which was edited later."""
    for hour in (3, 2, 1):
        said = audit.Entry(1, "view_track", f"unit:{hour}", "duty", None, "allowed", "192.0.2.1", None)
        await audit.Ledger(engine).append(said, at=NOW - timedelta(hours=hour))
    await audit.Sealer.of(settings).seal(audit.Ledger(engine), NOW)
    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE audit DISABLE TRIGGER append_only"))
        await db.execute(text("UPDATE audit SET target = 'unit:9' WHERE target = 'unit:2'"))
        await db.execute(text("ALTER TABLE audit ENABLE TRIGGER append_only"))


async def test_an_auditor_has_the_trail_checked_from_the_page(tampered, client):
    checked = await (await client("auditor")).post("/audit/checks")
    assert checked.status_code == 201, checked.text
    assert [one["kind"] for one in checked.json()["findings"]] == ["edit"]
    assert checked.json()["entries"] >= 5


async def test_the_worker_checks_the_trail_by_night(tampered, settings, database_url):
    worker = as_process(settings, database_url, "worker")
    engine = make_engine(worker.database_address, DbRole.WORKER)
    async with writing(engine) as db:
        mandate = access.system_mandate(audit.Ledger(engine))
        done = await oversight.check_trail(mandate, db, worker, now=NOW)
    await engine.dispose()
    assert [one["kind"] for one in done.findings] == ["edit"]
