"""The HTTP door for phone apps, on the real application and database."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from api import phones
from geo.fix import Quality, Source
from services.db.engine import reading
from services.db.tables.alerts import Alert
from services.db.tables.tracks import Fix, NewestFix

PHONE = "13912345678"


@pytest.fixture
async def admin(client) -> httpx.AsyncClient:
    return await client("system_admin")


@pytest.fixture
async def device(admin) -> dict:
    device = (await admin.post("/devices", json={"phone": PHONE})).json()
    issued = await admin.post(f"/devices/{device['id']}/token")
    assert issued.status_code == 201
    return {**device, **issued.json()}


@pytest.fixture
async def app(application: FastAPI, device):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.headers["Authorization"] = f"Bearer {device['token']}"
        yield client


def here(seconds: int = 0, **values) -> dict:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    return {"at": at.isoformat(), "lon_deg": 113.13, "lat_deg": 27.83, **values}


async def send(app: httpx.AsyncClient, *fixes, key: str = "first", phone: str = PHONE) -> httpx.Response:
    body = {"phone": phone, "fixes": list(fixes)}
    return await app.post("/fixes", json=body, headers={"Idempotency-Key": key})


async def stored(engine) -> list[Fix]:
    async with reading(engine) as db:
        return list((await db.execute(select(Fix).order_by(Fix.at))).scalars())


async def test_fixes_are_stored_before_they_are_answered(app, engine, device):
    answer = await send(app, here(-10, speed_mps=3.5, heading_deg=360), here(-5, accuracy_m=12, late=True))
    assert (answer.status_code, answer.json()) == (200, {"stored": 2, "repeated": 0, "rejected": []})
    first, second = await stored(engine)
    assert (first.device_id, first.source, first.heading_deg) == (device["id"], Source.HTTP, 0)
    assert second.flags == Quality.LATE
    async with reading(engine) as db:
        newest = (await db.execute(select(NewestFix))).scalar_one()
    assert newest.at == second.at


async def test_the_same_key_gets_the_same_answer_and_stores_nothing_twice(app, engine):
    fixes = [here(-10), here(-5)]
    first = await send(app, *fixes)
    again = await send(app, *fixes)
    assert first.json() == again.json() == {"stored": 2, "repeated": 0, "rejected": []}
    assert (await send(app, *fixes, key="second")).json() == {"stored": 0, "repeated": 2, "rejected": []}
    assert len(await stored(engine)) == 2


async def test_a_key_is_not_used_for_another_request(app, engine):
    await send(app, here(-10))
    refused = await send(app, here(-5))
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:tianshu:KeyReused")
    assert len(await stored(engine)) == 1


async def test_a_bad_fix_costs_no_other(app, engine):
    bad = [here(lat_deg=91), {"lon_deg": 1}, "no fix", here(at="2026-05-01T12:00:00"), here(speed_mps="fast"), None]
    answer = (await send(app, here(-10), *bad, here(-5))).json()
    assert (answer["stored"], [each["index"] for each in answer["rejected"]]) == (2, [1, 2, 3, 4, 5, 6])
    reasons = [each["reason"] for each in answer["rejected"]]
    assert reasons[0].startswith("lat_deg: ")
    assert "timezone" in reasons[3]
    assert len(await stored(engine)) == 2


async def test_a_fix_told_twice_in_one_request_is_stored_once(app):
    same = here(-10)
    assert (await send(app, same, same)).json() == {"stored": 1, "repeated": 1, "rejected": []}


async def test_what_is_doubtful_is_flagged_and_moves_nobody(app, engine):
    await send(app, here(3600), here(-10, lon_deg=0, lat_deg=0))
    assert {fix.flags for fix in await stored(engine)} == {Quality.FUTURE, Quality.ZERO}
    async with reading(engine) as db:
        assert (await db.execute(select(func.count()).select_from(NewestFix))).scalar() == 0


async def test_the_emergency_button_of_a_phone_raises_an_alert(app, engine):
    await send(app, here(-1, sos=True))
    async with asyncio.timeout(10):
        while True:
            async with reading(engine) as db:
                kinds = (await db.execute(select(Alert.kind))).scalars().all()
            if kinds:
                break
            await asyncio.sleep(0.05)
    assert kinds == ["sos"]


async def test_a_device_speaks_for_itself_only(app, admin, engine):
    await admin.post("/devices", json={"phone": "13900000000"})
    refused = await send(app, here(), phone="13900000000")
    assert refused.status_code == 403
    assert await stored(engine) == []


async def test_a_persons_token_is_no_devices_token(admin, engine):
    assert (await send(admin, here())).status_code == 401


async def test_a_devices_token_opens_no_other_door(app):
    assert (await app.get("/units")).status_code == 401


async def test_a_new_token_replaces_the_old_one_and_a_revoked_one_is_none(app, admin, device):
    newer = (await admin.post(f"/devices/{device['id']}/token")).json()["token"]
    assert (await send(app, here())).status_code == 401
    app.headers["Authorization"] = f"Bearer {newer}"
    assert (await send(app, here())).status_code == 200
    assert (await admin.delete(f"/devices/{device['id']}/token")).status_code == 204
    assert (await send(app, here(), key="other")).status_code == 401


async def test_only_an_administrator_issues_tokens(client, admin, device):
    dispatcher = await client("dispatcher")
    assert (await dispatcher.post(f"/devices/{device['id']}/token")).status_code == 403
    assert (await admin.post("/devices/999999/token")).status_code == 404


async def test_a_request_needs_a_key_and_keeps_to_its_size(app):
    body = {"phone": PHONE, "fixes": []}
    assert (await app.post("/fixes", json=body)).status_code == 422
    headers = {"Idempotency-Key": "k"}
    assert (await app.post("/fixes", content=b"no json", headers=headers)).status_code == 422
    large = {"phone": PHONE, "fixes": [0] * (phones.MAX_FIXES + 1)}
    assert (await app.post("/fixes", json=large, headers=headers)).status_code == 422
    heavy = json.dumps({"phone": PHONE, "fixes": ["x" * phones.MAX_BYTES]})
    assert (await app.post("/fixes", content=heavy, headers=headers)).status_code == 413
