"""The officer's phone: his own unit's call and nothing else; and what a dispatcher's desk asks for beside the calls."""

from datetime import UTC, datetime

import pytest

from api import graph
from tests.builders import town
from tests.builders.database import rows

CALL = {"kind": "domestic_violence", "priority": 1, "lon_deg": town.SCENE[0], "lat_deg": town.SCENE[1]}


@pytest.fixture
async def desk(client):
    return await client("dispatcher")


@pytest.fixture
async def officer(client):
    return await client("patrol_officer")


@pytest.fixture
async def roads(engine, application):
    await town.store_roads(engine)
    await graph.refresh(application)


async def done(answer, code=200):
    answer = await answer
    assert answer.status_code == code, answer.text
    return answer.json() if answer.content else None


async def refused(answer, kind):
    answer = await answer
    assert answer.json()["type"] == f"urn:tianshu:{kind}", answer.text
    return answer.json()["detail"]


async def test_an_officer_does_his_part_from_signing_on_to_clear(desk, officer, engine, roads):
    (unit_id, other) = await town.place_units(engine, [town.SOUTH, town.WEST], datetime.now(UTC))
    assert (await done(officer.get("/my")))["unit"] is None
    assert [unit["call_sign"] for unit in await done(officer.get("/my/units"))] == ["U1", "U2"]
    await done(officer.put("/my/duty", json={"unit_id": unit_id}), 204)
    call = await done(desk.post("/calls", json=CALL), 201)
    await done(desk.post(f"/calls/{call['id']}/assignments", json={"unit_id": other}), 201)
    assert (await done(officer.get("/my")))["call"] is None  # another unit's call is none of his
    proposed = {"unit_id": unit_id, "level": "proposed"}
    sent = await done(desk.post(f"/calls/{call['id']}/assignments", json=proposed), 201)
    assert (await done(officer.get("/my")))["call"] is None  # a proposal is not told
    await done(desk.post(f"/assignments/{sent['id']}/dispatch"))
    mine = await done(officer.get("/my"))
    assert (mine["unit"]["call_sign"], mine["call"]["id"], mine["assignment"]["state"]) == (
        "U1",
        call["id"],
        "dispatched",
    )
    assert [one["unit_id"] for one in mine["call"]["assignments"]] == [unit_id]
    assert mine["guidance"]["kind"] == "domestic_violence"
    assert mine["route"]["geometry"]["coordinates"][0] == list(town.SOUTH)
    assert mine["route"]["geometry"]["coordinates"][-1] == list(town.SCENE)
    assert mine["route"]["properties"]["estimated"] is False
    await done(officer.post("/my/status", json={"state": "accepted"}), 204)
    await done(officer.post("/my/status", json={"state": "en_route"}), 204)
    assert "next may come" in await refused(officer.post("/my/status", json={"state": "accepted"}), "Step")
    await done(officer.post("/my/status", json={"state": "on_scene"}), 204)
    await done(officer.post("/my/guidance/record", json={"done": True}), 204)
    await done(officer.post("/my/feedback", json={"text": "已制止，双方分开"}), 204)
    assert "on a call" in await refused(officer.delete("/my/duty"), "Busy")
    await done(officer.post("/my/status", json={"state": "clear"}), 204)
    await done(officer.delete("/my/duty"), 204)
    record = await done(desk.get(f"/calls/{call['id']}"))
    own = [event["what"] for event in record["events"] if event["who"] and "patrol_officer" in event["who"]]
    assert own == ["accepted", "en_route", "on_scene", "step_done", "feedback", "clear"]
    assert record["feedback_at"] is not None
    assert (await rows(engine, f"SELECT state FROM unit WHERE id = {unit_id}")) == [("off_duty",)]


async def test_an_officer_refuses_with_a_reason_and_has_no_call_without_a_unit(desk, officer, engine):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], datetime.now(UTC))
    assert "Sign on" in await refused(officer.post("/my/status", json={"state": "accepted"}), "NotOnUnit")
    await done(officer.put("/my/duty", json={"unit_id": unit_id}), 204)
    await refused(officer.post("/my/status", json={"state": "accepted"}), "NoCallOfMine")
    call = await done(desk.post("/calls", json=CALL), 201)
    await done(desk.post(f"/calls/{call['id']}/assignments", json={"unit_id": unit_id}), 201)
    assert (await officer.post("/my/refuse", json={"reason": ""})).status_code == 422
    await done(officer.post("/my/refuse", json={"reason": "车辆故障"}), 204)
    (assignment,) = (await done(desk.get(f"/calls/{call['id']}")))["assignments"]
    assert (assignment["state"], assignment["reason"]) == ("refused", "车辆故障")


async def test_a_dispatcher_has_no_phone_page_and_an_officer_no_desk(desk, officer):
    await refused(desk.get("/my"), "RoleRefused")
    await refused(officer.get("/recommendations", params={"calls": "all"}), "RoleRefused")


async def test_an_officers_call_for_help_names_the_nearest_units_and_is_one_alert_however_often_pressed(
    desk, officer, engine, roads
):
    unit_id, *_ = await town.place_units(engine, [town.SCENE, town.SOUTH, town.WEST], datetime.now(UTC))
    await done(officer.put("/my/duty", json={"unit_id": unit_id}), 204)
    first = await done(officer.post("/my/sos", json={}), 201)
    again = await done(officer.post("/my/sos", json={"lon_deg": 113.1, "lat_deg": 27.8}), 201)
    assert first == again
    (alert,) = (await done(desk.get("/alerts")))["items"]
    assert (alert["kind"], alert["severity"], alert["unit_id"]) == ("sos", "urgent", unit_id)
    assert (alert["lon_deg"], alert["lat_deg"]) == town.SCENE
    assert [near["call_sign"] for near in alert["detail"]["nearest"]] == ["U3", "U2"]  # as the crow flies
    by_road = await done(desk.get(f"/alerts/{alert['id']}/recommendations"))
    assert [item["unit"]["call_sign"] for item in by_road] == ["U2", "U3"]  # over the bridge it is further
    await done(desk.post(f"/alerts/{alert['id']}/acknowledge"))
    assert (await desk.post(f"/alerts/{alert['id']}/close", json={"reason": " "})).status_code == 422
    await done(desk.post(f"/alerts/{alert['id']}/close", json={"reason": "增援已到，误触"}))
    assert (await done(officer.post("/my/sos", json={}), 201)) != first


async def test_who_is_on_no_unit_is_heard_all_the_same(client, desk):
    park = await client("park_officer")
    first = await done(park.post("/my/sos", json={"lon_deg": 113.13, "lat_deg": 27.83, "accuracy_m": 12}), 201)
    assert (await done(park.post("/my/sos", json={}), 201)) == first
    (alert,) = (await done(desk.get("/alerts")))["items"]
    assert (alert["unit_id"], alert["lon_deg"], alert["detail"]["accuracy_m"]) == (None, 113.13, 12)


async def test_a_call_from_outside_is_taken_only_when_confirmed(desk):
    outside = CALL | {"lon_deg": 121.47, "lat_deg": 31.23}
    assert "mutual aid" in await refused(desk.post("/calls", json=outside), "OutsideCity")
    call = await done(desk.post("/calls", json=outside | {"outside_confirmed": True}), 201)
    assert (call["outside"], call["division"]) == (True, None)
    inside = await done(desk.post("/calls", json=CALL), 201)
    assert (inside["outside"], inside["division"]) == (False, "430211")
    nowhere = await done(desk.post("/calls", json={"kind": "help", "priority": 3}), 201)
    assert (nowhere["lon_deg"], nowhere["division"]) == (None, None)
    await refused(desk.get(f"/calls/{nowhere['id']}/recommendations"), "PlaceUnknown")
    patched = await done(desk.patch(f"/calls/{nowhere['id']}", json={"lon_deg": 113.13, "lat_deg": 27.83}))
    assert patched["division"] == "430211"
    await refused(desk.patch(f"/calls/{nowhere['id']}", json={}), "Nothing")


async def test_a_second_caller_is_shown_the_first_ones_call_while_he_is_still_talking(desk):
    told = CALL | {"kind": "traffic", "notes": "建设路口两车相撞，有人受伤"}
    first = await done(desk.post("/calls", json=told), 201)
    await done(desk.post("/calls", json=CALL | {"kind": "noise", "lon_deg": 113.15, "notes": "广场音响太吵"}), 201)
    draft = told | {"notes": "建设路口撞车了，有人受伤", "lon_deg": town.SCENE[0] + 0.0005}
    (found,) = await done(desk.post("/calls/similar", json=draft))
    assert (found["call"]["id"], found["why"]["same_kind"]) == (first["id"], True)
    assert found["score"] > 0.5
    second = await done(desk.post("/calls", json=draft), 201)  # nothing is merged by itself
    assert [item["call"]["id"] for item in await done(desk.get(f"/calls/{second['id']}/similar"))] == [first["id"]]
    link = {"other_id": first["id"], "kind": "duplicate"}
    await done(desk.post(f"/calls/{second['id']}/links", json=link), 201)
    assert await done(desk.get(f"/calls/{second['id']}/similar")) == []


async def test_the_tables_are_told_and_every_kind_has_guidance(desk):
    tables = await done(desk.get("/dispatch/tables"))
    assert len(tables["kinds"]) >= 12
    assert len({kind["mnemonic"] for kind in tables["kinds"]}) == len(tables["kinds"])
    assert tables["timers"]["accept_s"] == 60
    for kind in tables["kinds"]:
        call = await done(desk.post("/calls", json=CALL | {"kind": kind["code"]}), 201)
        guidance = await done(desk.get(f"/calls/{call['id']}/guidance"))
        assert guidance["steps"]
        assert guidance["basis"]
        assert guidance["reviewed"]["state"] == "draft"  # nobody has reviewed the shipped texts


async def test_the_gazetteer_knows_roads_divisions_and_areas(desk, engine, roads):
    (road,) = await done(desk.post("/places/search", json={"words": "东岸"}))
    assert (road["name"], road["kind"]) == ("东岸路", "road")
    assert (await done(desk.post("/places/search", json={"words": "荷塘区"})))[0]["kind"] == "division"
    assert await done(desk.post("/places/search", json={"words": "100%"})) == []


async def test_a_road_closed_on_the_map_counts_at_once_and_until_it_is_lifted(desk, officer, engine, roads):
    await town.place_units(engine, [town.SOUTH, town.WEST], datetime.now(UTC))
    call = await done(desk.post("/calls", json=CALL), 201)

    async def told():
        found = await done(desk.get(f"/calls/{call['id']}/recommendations"))
        return {item["unit"]["call_sign"]: (round(item["time_s"]), item["estimated"]) for item in found}

    before = await told()
    assert before["U1"] == (222, False)
    middle = {"type": "Point", "coordinates": [113.14, 27.82]}
    closure = {"shape": middle, "reason": "路面塌陷"}
    await refused(officer.post("/roads/zhuzhou/closures", json=closure), "RoleRefused")
    closed = await done(desk.post("/roads/zhuzhou/closures", json=closure), 201)
    assert (closed["edges"], closed["lines"]["type"]) == (1, "MultiLineString")
    after = await told()
    assert after["U1"][1] is True  # no road leads from there any more
    assert after["U2"] == before["U2"]
    assert [one["id"] for one in await done(officer.get("/roads/zhuzhou/closures"))] == [closed["id"]]
    await done(desk.delete(f"/roads/zhuzhou/closures/{closed['id']}"), 204)
    assert await told() == before
    await refused(desk.delete(f"/roads/zhuzhou/closures/{closed['id']}"), "NoClosure")
    sea = closure | {"shape": {"type": "Point", "coordinates": [113.3, 27.9]}}
    await refused(desk.post("/roads/zhuzhou/closures", json=sea), "NoRoad")
    for shape in ({"type": "Point"}, {"type": "GeometryCollection", "geometries": []}, {"x": 1}):
        await refused(desk.post("/roads/zhuzhou/closures", json=closure | {"shape": shape}), "NoRoad")


async def test_the_report_says_who_was_reached_in_time_as_json_csv_and_a_page(desk, officer, engine, roads):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], datetime.now(UTC))
    call = await done(desk.post("/calls", json=CALL), 201)
    await done(desk.post("/calls", json=CALL | {"kind": "noise"}), 201)
    sent = await done(desk.post(f"/calls/{call['id']}/assignments", json={"unit_id": unit_id}), 201)
    for state in ("en_route", "on_scene"):
        await done(desk.post(f"/assignments/{sent['id']}/status", json={"state": state}))
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"}
    report = await done(desk.get("/reports/response", params=span))
    reached, noise = report["rows"]
    assert (reached["key"], reached["calls"], reached["on_time"], reached["on_time_share"]) == (CALL["kind"], 1, 1, 1)
    assert (noise["key"], noise["arrived"], noise["mean_s"]) == ("noise", 0, None)
    assert [one["count"] for one in report["bins"]["sign_for"]] == [1, 0, 0, 0, 0]
    by_division = await done(desk.get("/reports/response", params=span | {"by": "division"}))
    assert [(row["key"], row["calls"]) for row in by_division["rows"]] == [("430211", 2)]
    table = await desk.get("/reports/response.csv", params=span)
    assert table.text.splitlines()[0] == "\ufeffkey,calls,arrived,mean_s,p50_s,p90_s,on_time,on_time_share"
    assert len(table.text.splitlines()) == 4
    page = await desk.get("/reports/response.html", params=span)
    assert "家庭暴力" in page.text
    assert "://" not in page.text.replace("http://www.w3.org", "").split("<body>")[1].split("<script>")[0]
    await refused(officer.get("/reports/response", params=span), "RoleRefused")
    await refused(desk.get("/reports/response", params={"start": span["end"], "end": span["start"]}), "Span")


@pytest.mark.parametrize("said", [{"notes": "a\x00b"}, {"answers": {"seen": "a\x00b"}}, {"address": "\x00"}])
async def test_what_the_database_can_not_keep_is_refused_in_words(desk, said):
    assert "null character" in await refused(desk.post("/calls", json=CALL | said), "Unstorable")
