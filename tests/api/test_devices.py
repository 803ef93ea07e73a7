"""Devices over HTTP: accepted by hand or off the list of those that knocked; the quarantine."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services import fleet, owners
from services.db.engine import writing

Clients = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def admin(client: Clients) -> httpx.AsyncClient:
    return await client("system_admin")


async def knock(engine: AsyncEngine, phone: str) -> None:
    async with writing(engine) as db:
        await fleet.register_terminal(db, fleet.Identity(phone, "T1", "湘B1", "MAKER", "MODEL", "2013", "10.0.0.1:5"))


async def test_a_device_is_accepted_and_never_shows_its_code(admin: httpx.AsyncClient, engine: AsyncEngine) -> None:
    answer = await admin.post("/devices", json={"phone": "13800000001", "plate": "湘B00001"})
    assert answer.status_code == 201
    async with writing(engine) as db:
        await fleet.register_terminal(db, fleet.Identity("13800000001", None, "湘B00001", protocol="2019"))
    (device,) = (await admin.get("/devices")).json()["items"]
    created_at = device.pop("created_at")
    assert datetime.fromisoformat(created_at) <= datetime.now(UTC)
    assert device == {
        "id": answer.json()["id"], "phone": "13800000001", "terminal_id": None, "imei": None, "plate": "湘B00001",
        "plate_color": None, "protocol": "2019", "clock_skew_s": None,
    }  # fmt: skip


async def test_a_phone_is_written_without_leading_zeros_and_only_once(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/devices", json={"phone": "013800000001"})).status_code == 422
    assert (await admin.post("/devices", json={"phone": "+86138"})).status_code == 422
    assert (await admin.post("/devices", json={"phone": "138"})).status_code == 201
    assert (await admin.post("/devices", json={"phone": "138"})).status_code == 409


async def test_a_terminal_that_knocked_is_listed_and_accepted(admin: httpx.AsyncClient, engine: AsyncEngine) -> None:
    for phone in ("11", "12", "13"):
        await knock(engine, phone)
    first = (await admin.get("/devices/pending", params={"limit": 2})).json()
    assert [pending["phone"] for pending in first["items"]] == ["11", "12"]
    assert first["items"][0]["remote"] == "10.0.0.1:5"
    rest = (await admin.get("/devices/pending", params={"cursor": first["next_cursor"]})).json()
    assert [pending["phone"] for pending in rest["items"]] == ["13"]
    path = f"/devices/pending/{first['items'][1]['id']}/accept"
    accepted = await admin.post(path)
    assert accepted.status_code == 201
    assert (accepted.json()["terminal_id"], accepted.json()["plate"]) == ("T1", "湘B1")
    assert (await admin.post(path)).status_code == 404


async def test_the_quarantine_is_read_newest_first_in_pages(admin: httpx.AsyncClient, engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with writing(engine) as db:
        frames = [fleet.BadFrame(now, "h:1", None, "checksum", f"number {n}", bytes([0x7E, n, 0x7E])) for n in range(5)]
        await fleet.quarantine(db, frames)
    page = (await admin.get("/quarantine", params={"limit": 3})).json()
    assert [bad["detail"] for bad in page["items"]] == ["number 4", "number 3", "number 2"]
    assert (page["items"][0]["frame_hex"], page["items"][0]["reason"]) == ("7e047e", "checksum")
    page = (await admin.get("/quarantine", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert [bad["detail"] for bad in page["items"]] == ["number 1", "number 0"]
    assert page["next_cursor"] is None


async def test_a_device_is_seen_with_its_connection(admin: httpx.AsyncClient, engine: AsyncEngine) -> None:
    device_id = (await admin.post("/devices", json={"phone": "138"})).json()["id"]
    alone = (await admin.get(f"/devices/{device_id}")).json()
    assert (alone["phone"], alone["session"], alone["last_seen_at"]) == ("138", None, None)
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO gateway (id) VALUES ('g1')"))
        await owners.claim_session(db, device_id, "g1", "192.0.2.1:5000", "2019")
    held = (await admin.get(f"/devices/{device_id}")).json()["session"]
    assert (held["gateway_id"], held["remote"], held["protocol"]) == ("g1", "192.0.2.1:5000", "2019")
    assert (await admin.get("/devices/sessions")).json() == [held]
    assert (await admin.get("/devices/999")).status_code == 404


async def test_who_may_do_what(client: Clients, anonymous: httpx.AsyncClient, engine: AsyncEngine) -> None:
    await knock(engine, "11")
    acts = [("GET", "/devices"), ("GET", "/devices/pending"), ("GET", "/quarantine"), ("POST", "/devices"),
            ("POST", "/devices/pending/1/accept")]  # fmt: skip
    expected = {
        "dispatcher": [200, 200, 200, 403, 403],
        "patrol_officer": [403] * 5,
        "system_admin": [200] * 3 + [201] * 2,
    }
    for method, path in acts:
        assert (await anonymous.request(method, path, json={"phone": "99"})).status_code == 401
    for role, statuses in expected.items():
        door = await client(role)
        answers = [(await door.request(method, path, json={"phone": "99"})).status_code for method, path in acts]
        assert answers == statuses, role
