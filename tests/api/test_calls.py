"""Calls over HTTP: from taking one to closing it, and every refusal as a problem."""

import asyncio
from datetime import UTC, datetime

import pytest

from api import graph
from geo.roads import RoadGraph
from services.ingest import roads as files
from tests.builders import town

CALL = {"kind": "theft", "priority": 2, "lon_deg": town.SCENE[0], "lat_deg": town.SCENE[1], "notes": "店铺被盗"}


@pytest.fixture
async def desk(client):
    return await client("dispatcher")


@pytest.fixture
async def roads(engine, application):
    await town.store_roads(engine)
    await graph.refresh(application)


async def take(desk, **change):
    answer = await desk.post("/calls", json=CALL | change)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_call_goes_from_the_telephone_to_its_end(desk, engine, roads):
    await town.place_units(engine, [town.WEST, town.SOUTH], datetime.now(UTC))
    call = await take(desk)
    assert {name: call[name] for name in CALL} == CALL
    assert (call["state"], call["assignments"], call["address"]) == ("open", [], "")
    best, other = (await desk.get(f"/calls/{call['id']}/recommendations")).json()
    assert set(best) == {"unit", "time_s", "length_m", "mode", "reason", "estimated", "leaves"}
    assert set(best["unit"]) == {"id", "call_sign", "kind", "lon_deg", "lat_deg", "at"}
    assert (best["unit"]["call_sign"], other["unit"]["call_sign"]) == ("U2", "U1")
    assert (best["reason"]["code"], best["estimated"]) == ("soonest_not_nearest", False)
    sent = await desk.post(f"/calls/{call['id']}/assignments", json={"unit_id": best["unit"]["id"]})
    assert sent.status_code == 201
    for state in ("en_route", "on_scene", "clear"):
        answer = await desk.post(f"/assignments/{sent.json()['id']}/status", json={"state": state})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    answer = await desk.post(f"/calls/{call['id']}/close", json={"result": "已调解"})
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    record = (await desk.get(f"/calls/{call['id']}")).json()
    assert record["result"] == "已调解"
    assert [event["what"] for event in record["events"]][-1] == "closed"
    assert record["assignments"][0]["expected_s"] == pytest.approx(best["time_s"], abs=1)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "aliens"}, {"priority": 0}, {"priority": 5}, {"lon_deg": 200}, {"lat_deg": None},
        {"lon_deg": 0, "lat_deg": 0}, {"notes": "x" * 4001},
    ],
)  # fmt: skip
async def test_a_call_that_can_not_be_is_refused_with_the_reason(desk, change):
    answer = await desk.post("/calls", json=CALL | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_a_second_dispatcher_is_told_that_the_unit_is_gone(client, engine, desk, roads):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], datetime.now(UTC))
    other = await client("dispatcher")
    first, second = await take(desk), await take(other)
    answers = await asyncio.gather(
        desk.post(f"/calls/{first['id']}/assignments", json={"unit_id": unit_id}),
        other.post(f"/calls/{second['id']}/assignments", json={"unit_id": unit_id}),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (lost,) = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["type"] == "urn:tianshu:UnitTaken"
    assert "U1 has been sent to call" in lost.json()["detail"]


async def test_a_submission_repeated_with_its_key_takes_one_call(desk):
    headers = {"Idempotency-Key": "7c0ffee"}
    first = await desk.post("/calls", json=CALL, headers=headers)
    again = await desk.post("/calls", json=CALL, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    changed = await desk.post("/calls", json=CALL | {"priority": 1}, headers=headers)
    assert changed.status_code == 409
    assert len((await desk.get("/calls")).json()["items"]) == 1


async def test_the_list_is_paged_and_filtered(desk):
    taken = [(await take(desk))["id"] for _ in range(3)]
    await desk.post(f"/calls/{taken[0]}/close", json={"result": "误报"})
    page = (await desk.get("/calls", params={"limit": 2})).json()
    assert [call["id"] for call in page["items"]] == taken[:0:-1]
    rest = (await desk.get("/calls", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert ([call["id"] for call in rest["items"]], rest["next_cursor"]) == (taken[:1], None)
    closed = (await desk.get("/calls", params={"state": "closed"})).json()
    assert [call["id"] for call in closed["items"]] == taken[:1]
    assert (await desk.get("/calls", params={"cursor": "x"})).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/calls/99", None),
        ("GET", "/calls/99/recommendations", None),
        ("POST", "/calls/99/assignments", {"unit_id": 1}),
        ("POST", "/calls/99/close", {"result": "x"}),
        ("POST", "/assignments/99/status", {"state": "clear"}),
    ],
)
async def test_what_does_not_exist_is_not_found(desk, method, path, body):
    answer = await desk.request(method, path, json=body)
    assert answer.status_code == 404
    assert "99" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("dispatcher", {"list", "take", "recommend", "send", "report", "close"}),
        ("patrol_officer", {"list", "report"}),
        ("park_officer", {"list"}),
        ("auditor", set()),
        ("system_admin", set()),
    ],
)
async def test_everybody_may_what_the_table_says_and_nothing_else(client, role, may):
    who = await client(role)
    asked = {
        "list": ("GET", "/calls", None),
        "take": ("POST", "/calls", CALL),
        "recommend": ("GET", "/calls/99/recommendations", None),
        "send": ("POST", "/calls/99/assignments", {"unit_id": 1}),
        "report": ("POST", "/assignments/99/status", {"state": "clear"}),
        "close": ("POST", "/calls/99/close", {"result": "x"}),
    }
    refused = {name for name, request in asked.items() if await status(who, *request) == 403}
    assert refused == asked.keys() - may


async def status(who, method, path, body):
    return (await who.request(method, path, json=body)).status_code


async def test_recommendations_over_the_roads_of_a_real_city(client, engine, application, shared_data):
    table = files.read(shared_data / "roads" / "shanghai_centre" / "shanghai_centre.osm.gz")
    await town.store_roads(engine, table=table)
    await graph.refresh(application)
    net, count = table.network, 40
    rows = [number * len(net.node_id) // count for number in range(count)]
    places = [(float(net.lon_deg[row]), float(net.lat_deg[row])) for row in rows]
    await town.place_units(engine, places[1:], datetime.now(UTC))
    desk = await client("dispatcher")
    call = await take(desk, lon_deg=places[0][0], lat_deg=places[0][1], outside_confirmed=True)
    found = (await desk.get(f"/calls/{call['id']}/recommendations")).json()
    roads = RoadGraph(net)
    exact = roads.times_to(roads.at_places(*places[0]), roads.at_places(*zip(*places[1:], strict=True)))
    assert [item["time_s"] for item in found] == pytest.approx(sorted(exact)[:5], abs=0.01)
    assert [item["unit"]["id"] for item in found] == [int(row) + 1 for row in exact.argsort()[:5]]
    assert not any(item["estimated"] for item in found)
