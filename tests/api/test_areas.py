"""Areas over HTTP."""

import pytest

from tests.builders.fences import FIELD


async def test_an_area_is_drawn_with_its_rules_read_and_ended(client):
    http = await client("dispatcher")
    body = {
        "name": "Depot 仓库",
        "kind": "restricted",
        "shape": FIELD,
        "rules": [
            {"trigger": "enter", "severity": "urgent"},
            {"trigger": "dwell", "dwell_s": 600, "unit_kinds": ["car"]},
        ],
    }
    answer = await http.post("/areas", json=body)
    assert answer.status_code == 201, answer.text
    area = answer.json()
    assert area["shape"]["type"] == "MultiPolygon"
    assert [(rule["trigger"], rule["active"]) for rule in area["rules"]] == [("enter", True), ("dwell", True)]
    assert (await http.get("/areas")).json() == {"items": [area], "next_cursor": None}

    answer = await http.post(f"/areas/{area['id']}/rules", json={"trigger": "cross"})
    assert answer.status_code == 201
    rule = answer.json()
    assert (rule["confirm_fixes"], rule["confirm_s"], rule["severity"]) == (2, 0, "notice")
    assert (await http.delete(f"/areas/{area['id']}/rules/{rule['id']}")).status_code == 204
    assert (await http.delete(f"/areas/{area['id']}/rules/{rule['id']}")).status_code == 409
    assert (await http.delete(f"/areas/{area['id']}")).status_code == 204
    assert (await http.get("/areas")).json()["items"] == []
    assert (await http.get(f"/areas/{area['id']}")).json()["active"] is False
    assert [a["id"] for a in (await http.get("/areas?active=false")).json()["items"]] == [area["id"]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"shape": {"type": "Polygon", "coordinates": [[[113, 27], [114, 28], [113, 27]]]}}, "at least four"),
        (
            {"shape": {"type": "Polygon", "coordinates": [[[27, 113], [28, 113], [28, 114], [27, 113]]]}},
            "lon comes first",
        ),
        ({"name": " "}, "has a name"),
        ({"kind": "castle"}, "kind"),
        ({"rules": [{"trigger": "enter", "unit_kinds": ["tank"]}]}, "Unit kinds"),
        ({"rules": [{"trigger": "dwell"}]}, "dwell_s"),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(client, change, sentence):
    http = await client("dispatcher")
    answer = await http.post("/areas", json={"name": "a", "kind": "other", "shape": FIELD} | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]
    assert (await http.get("/areas")).json()["items"] == []


async def test_an_unknown_area_is_not_found_and_a_huge_number_is_no_id(client):
    http = await client("dispatcher")
    for method, path in (("GET", "/areas/9"), ("DELETE", "/areas/9"), ("DELETE", "/areas/9/rules/1")):
        assert (await http.request(method, path)).status_code == 404
    assert (await http.get("/areas/99999999999999999999")).status_code == 422
    assert (await http.get("/areas?cursor=99999999999999999999")).status_code == 422


async def test_who_only_looks_can_not_draw(client):
    http = await client("patrol_officer")
    assert (await http.get("/areas")).status_code == 200
    assert (await http.post("/areas", json={"name": "a", "shape": FIELD})).status_code == 403
    assert (await (await client("auditor")).get("/areas")).status_code == 403


async def test_a_way_and_a_circle_are_drawn_by_their_measures(client):
    http = await client("dispatcher")
    line = {"type": "LineString", "coordinates": [[113.13, 27.83], [113.14, 27.83]]}
    way = (await http.post("/areas", json={"name": "护送路线", "shape": line, "width_m": 40})).json()
    assert (way["form"], way["width_m"], way["line"]) == ("route", 40, line)
    assert way["shape"]["type"] == "MultiPolygon"
    spot = {"type": "Point", "coordinates": [113.13, 27.83]}
    circle = (await http.post("/areas", json={"name": "核心区", "shape": spot, "radius_m": 250})).json()
    assert (circle["form"], circle["width_m"], circle["line"]) == ("circle", None, None)
    listed = (await http.get("/areas")).json()["items"]
    assert [area["form"] for area in listed] == ["route", "circle"]
    refused = await http.post("/areas", json={"name": "?", "shape": line})
    assert (refused.status_code, refused.json()["told"]["values"]) == (422, {"most": 255})
