"""Units over HTTP: the list with positions, creation, and the track of one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix, Quality
from services import tracks

Clients = Callable[..., Awaitable[httpx.AsyncClient]]
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


@pytest.fixture
async def admin(client: Clients) -> httpx.AsyncClient:
    return await client("system_admin")


@pytest.fixture
async def dispatcher(client: Clients) -> httpx.AsyncClient:
    return await client("dispatcher")


@pytest.fixture
async def unit_id(admin: httpx.AsyncClient) -> int:
    device = (await admin.post("/devices", json={"phone": "13800000001"})).json()
    unit = {
        "call_sign": "巡 01",
        "kind": "car",
        "equipment": ["radio"],
        "division": "430202",
        "device_id": device["id"],
        "device_since": "2026-01-01T00:00:00Z",
    }
    answer = await admin.post("/units", json=unit)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_a_unit_without_a_position_is_listed_too(dispatcher: httpx.AsyncClient, unit_id: int) -> None:
    (unit,) = (await dispatcher.get("/units")).json()["items"]
    assert unit == {
        "id": unit_id, "call_sign": "巡 01", "kind": "car", "equipment": ["radio"], "division": "430202",
        "state": "free", "device_id": 1, "lon_deg": None, "lat_deg": None, "at": None, "speed_mps": None,
        "heading_deg": None,
    }  # fmt: skip


async def test_the_list_comes_in_pages(admin: httpx.AsyncClient, dispatcher: httpx.AsyncClient) -> None:
    for number in range(5):
        await admin.post("/units", json={"call_sign": f"U{number}", "kind": "foot"})
    seen, cursor = [], "0"
    while cursor is not None:
        page = (await dispatcher.get("/units", params={"limit": 2, "cursor": cursor})).json()
        seen += [unit["call_sign"] for unit in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"U{number}" for number in range(5)]


@pytest.mark.parametrize("wrong", [
    {"call_sign": ""}, {"kind": "tank"}, {"division": "43"}, {"device_id": 0}, {"equipment": [""]},
])  # fmt: skip
async def test_a_unit_that_makes_no_sense_is_refused(admin: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    answer = await admin.post("/units", json={"call_sign": "A", "kind": "car", **wrong})
    assert answer.status_code == 422


async def test_what_is_taken_or_missing_is_said_so(admin: httpx.AsyncClient, unit_id: int) -> None:
    assert (await admin.post("/units", json={"call_sign": "巡 01", "kind": "car"})).status_code == 409
    assert (await admin.post("/units", json={"call_sign": "B", "kind": "car", "device_id": 1})).status_code == 409
    assert (await admin.post("/units", json={"call_sign": "B", "kind": "car", "device_id": 9})).status_code == 404


async def test_a_track_has_rows_a_stop_a_gap_and_a_length(
    dispatcher: httpx.AsyncClient, unit_id: int, engine: AsyncEngine
) -> None:
    """It drives north for ten minutes at 11.1 m/s, stands for ten, and is heard again ten minutes later elsewhere."""
    driven = {second: min(second, 600) for second in range(0, 1200, 10)}
    driven |= {second: second - 1000 for second in range(1800, 2400, 10)}
    fixes = [
        Fix(1, START + timedelta(seconds=second), 113.15, 27.8 + metre * 1e-4, second, speed_mps=11.1)
        for second, metre in driven.items()
    ]
    fixes.append(Fix(1, START + timedelta(seconds=5), 0.0, 0.0, 1, flags=Quality.ZERO))
    await tracks.store_many(engine, fixes)
    span = {"start": START.isoformat(), "end": (START + timedelta(hours=2)).isoformat()}
    track = (await dispatcher.get(f"/units/{unit_id}/track", params=span)).json()
    assert track["unit_id"] == unit_id
    assert track["columns"] == [
        "at_epoch_s", "lon_deg", "lat_deg", "speed_mps", "heading_deg", "accuracy_m", "flags",
    ]  # fmt: skip
    assert len(track["rows"]) == len(fixes)
    assert track["rows"][0] == [START.timestamp(), 113.15, 27.8, 11.1, None, None, 0]
    assert track["rows"][1] == [START.timestamp() + 5, 0, 0, None, None, None, int(Quality.ZERO)]
    (stop,) = track["stops"]
    assert stop["lat_deg"] == pytest.approx(27.86, abs=1e-3)
    (gap,) = track["gaps"]
    assert datetime.fromisoformat(gap["start"]) == START + timedelta(seconds=1190)
    assert datetime.fromisoformat(gap["end"]) == START + timedelta(seconds=1800)
    assert track["length_m"] == pytest.approx(1390 * 11.1, rel=0.02)


async def test_an_empty_track_is_a_track(dispatcher: httpx.AsyncClient, unit_id: int) -> None:
    span = {"start": "2026-01-01T00:00:00+08:00", "end": "2026-01-02T00:00:00+08:00"}
    track = (await dispatcher.get(f"/units/{unit_id}/track", params=span)).json()
    assert (track["rows"], track["stops"], track["gaps"], track["length_m"]) == ([], [], [], 0)


@pytest.mark.parametrize(("start", "end", "status"), [
    ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", 422),
    ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 422),
    ("2026-01-01T00:00:00", "2026-01-02T00:00:00", 422),
    ("yesterday", "today", 422),
])  # fmt: skip
async def test_a_span_that_makes_no_sense_is_refused(
    dispatcher: httpx.AsyncClient, unit_id: int, start: str, end: str, status: int
) -> None:
    answer = await dispatcher.get(f"/units/{unit_id}/track", params={"start": start, "end": end})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_dispatchers_read_tracks_and_every_look_is_recorded(
    client: Clients, anonymous: httpx.AsyncClient, unit_id: int
) -> None:
    where = f"/units/{unit_id}/track?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
    assert (await anonymous.get(where)).status_code == 401
    assert (await (await client("patrol_officer")).get(where)).status_code == 403
    assert (await (await client("dispatcher")).get(where)).status_code == 200
    assert (await (await client("dispatcher")).get(where.replace(f"/{unit_id}/", "/99/"))).status_code == 404


async def test_a_device_that_changes_hands_leaves_a_gap_and_each_unit_its_own_half(
    admin: httpx.AsyncClient, dispatcher: httpx.AsyncClient, unit_id: int, engine: AsyncEngine
) -> None:
    """Devices 1 and 2 report every 10 s, 11 km apart; their units swap them after ten minutes."""
    other = (await admin.post("/devices", json={"phone": "13800000002"})).json()["id"]
    body = {"call_sign": "巡 02", "kind": "car", "device_id": other, "device_since": "2026-01-01T00:00:00Z"}
    second = (await admin.post("/units", json=body)).json()["id"]
    noon = START + timedelta(minutes=10)
    for device, lat in ((1, 27.8), (other, 27.9)):
        fixes = [Fix(device, START + timedelta(seconds=s), 113.15, lat, s) for s in range(0, 1200, 10)]
        await tracks.store_many(engine, fixes)
    for unit, device in ((unit_id, other), (second, 1)):
        answer = await admin.put(f"/units/{unit}/device", json={"device_id": device, "since": noon.isoformat()})
        assert answer.status_code == 200, answer.text
    span = {"start": START.isoformat(), "end": (START + timedelta(hours=1)).isoformat()}
    for unit, lats in ((unit_id, [27.8, 27.9]), (second, [27.9, 27.8])):
        track = (await dispatcher.get(f"/units/{unit}/track", params=span)).json()
        assert [row[2] for row in track["rows"]] == [lats[0]] * 60 + [lats[1]] * 60
        (gap,) = track["gaps"]
        ends = [datetime.fromisoformat(gap[end]) for end in ("start", "end")]
        assert ends == [noon - timedelta(seconds=10), noon]
        assert (len(track["stops"]), track["length_m"]) == (2, 0)
    (now, before) = (await dispatcher.get(f"/units/{unit_id}/devices")).json()
    assert (now["device_id"], datetime.fromisoformat(now["since"]), now["until"]) == (other, noon, None)
    assert (before["device_id"], datetime.fromisoformat(before["until"])) == (1, noon)


async def test_a_hand_over_that_makes_no_sense_is_refused(
    admin: httpx.AsyncClient, dispatcher: httpx.AsyncClient, unit_id: int
) -> None:
    hand_over, later = f"/units/{unit_id}/device", (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    for body, status in (
        ({}, 422), ({"device_id": 0}, 422), ({"device_id": 9}, 404), ({"device_id": None, "since": later}, 422),
        ({"device_id": None, "since": "2026-01-01T00:00:00Z"}, 409), ({"device_id": None, "since": "2026-03-01"}, 422),
    ):  # fmt: skip
        assert (await admin.put(hand_over, json=body)).status_code == status, body
    assert (await admin.put("/units/99/device", json={"device_id": 1})).status_code == 404
    assert (await dispatcher.put(hand_over, json={"device_id": None})).status_code == 403


async def test_the_units_are_listed_with_what_they_carry_in_pages_and_without_places(
    admin: httpx.AsyncClient, unit_id: int
) -> None:
    await admin.post("/units", json={"call_sign": "巡 02", "kind": "foot"})
    first = (await admin.get("/units/devices", params={"limit": 1})).json()
    (unit,) = first["items"]
    assert unit == {
        "unit_id": unit_id, "call_sign": "巡 01", "kind": "car", "device_id": 1, "phone": "13800000001", "plate": None,
        "since": "2026-01-01T00:00:00Z", "until": None,
    }  # fmt: skip
    rest = (await admin.get("/units/devices", params={"cursor": first["next_cursor"]})).json()
    assert [(one["call_sign"], one["device_id"]) for one in rest["items"]] == [("巡 02", None)]
