"""Alerts over HTTP."""

import pytest

from services import alerts
from services.db.engine import writing
from tests.builders.fences import LAT, LON, START, make_device


@pytest.fixture
async def alert_id(engine):
    device_id = await make_device(engine, unit_kind="car")
    async with writing(engine) as db:
        return await alerts.raise_alert(
            db, key="k", kind="sos", severity="urgent", at=START, device_id=device_id, lon_deg=LON, lat_deg=LAT
        )


async def test_an_alert_is_seen_acknowledged_and_closed_with_a_reason(client, alert_id):
    http = await client("dispatcher")
    (alert,) = (await http.get("/alerts?state=open")).json()["items"]
    assert alert["id"] == alert_id
    assert (alert["lon_deg"], alert["lat_deg"]) == pytest.approx((LON, LAT))
    assert alert["call_sign"].startswith("unit")
    assert (await http.post(f"/alerts/{alert_id}/close", json={"reason": "x"})).status_code == 409
    answer = await http.post(f"/alerts/{alert_id}/acknowledge")
    assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
    for body in ({}, {"reason": ""}, {"reason": "  "}):
        assert (await http.post(f"/alerts/{alert_id}/close", json=body)).status_code == 422
    closed = (await http.post(f"/alerts/{alert_id}/close", json={"reason": "officer is safe"})).json()
    assert (closed["state"], closed["close_reason"]) == ("closed", "officer is safe")
    assert (await http.post(f"/alerts/{alert_id}/acknowledge")).status_code == 409
    assert (await http.get("/alerts?state=open")).json() == {"items": [], "next_cursor": None}
    assert len((await http.get("/alerts")).json()["items"]) == 1


async def test_an_unknown_alert_is_not_found(client):
    http = await client("dispatcher")
    assert (await http.post("/alerts/9/acknowledge")).status_code == 404
    assert (await http.post("/alerts/9/close", json={"reason": "x"})).status_code == 404
    assert (await http.post("/alerts/99999999999999999999/acknowledge")).status_code == 422


async def test_who_only_looks_can_not_handle(client, alert_id):
    http = await client("patrol_officer")
    assert len((await http.get("/alerts")).json()["items"]) == 1
    assert (await http.post(f"/alerts/{alert_id}/acknowledge")).status_code == 403
    assert (await (await client("auditor")).get("/alerts")).status_code == 403
    assert (await http.get("/alerts?state=lost")).status_code == 422
