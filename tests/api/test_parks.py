"""Parks over HTTP: entered, filled, scored, reported."""

import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[113.10, 27.80], [113.12, 27.80], [113.12, 27.82], [113.10, 27.82], [113.10, 27.80]]],
}
HEADER = "id,kind,at,lon_deg,lat_deg,detection_origin\n"


@pytest.fixture
async def officer(client) -> httpx.AsyncClient:
    return await client("park_officer")


@pytest.fixture
async def park_id(officer) -> int:
    answer = await officer.post("/parks", json={"name": "示例园区", "shape": SQUARE, "synthetic": True})
    assert answer.status_code == 201
    return int(answer.json()["id"])


def table(origin: str = "citizen") -> str:
    """Sixty incidents, half of them at one corner of the park, one a day."""
    rng = np.random.default_rng(3)
    anywhere = rng.uniform((113.101, 27.801), (113.119, 27.819), (30, 2))
    corner = rng.normal((113.114, 27.814), 0.0003, (30, 2))
    lines = [
        f"{k},theft,{(datetime.now(UTC) - timedelta(days=k + 1)).isoformat()},{lon:.6f},{lat:.6f},{origin}"
        for k, (lon, lat) in enumerate([*anywhere, *corner])
    ]
    return HEADER + "\n".join(lines) + "\n"


async def upload(officer: httpx.AsyncClient, text: str | bytes, **fields: str) -> httpx.Response:
    data = {"source": "test"} | fields
    return await officer.post("/parks/incidents", files={"file": ("incidents.csv", text)}, data=data)


async def test_a_park_that_was_entered_is_listed(officer, park_id):
    (park,) = (await officer.get("/parks")).json()["items"]
    assert (park["id"], park["name"], park["synthetic"], park["enterprises"]) == (park_id, "示例园区", True, 0)
    assert park["shape"]["type"] == "MultiPolygon"


async def test_enterprises_come_back_as_geojson_points(officer, park_id):
    new = [{"name": "甲厂", "industry": "steel", "lon_deg": 113.11, "lat_deg": 27.81}]
    answer = await officer.post(f"/parks/{park_id}/enterprises", json=new)
    assert answer.json() == {"stored": 1}
    body = (await officer.get(f"/parks/{park_id}/enterprises")).json()
    (feature,) = body["features"]
    assert feature["properties"] == {"name": "甲厂", "industry": "steel"}
    assert feature["geometry"] == {"type": "Point", "coordinates": [113.11, 27.81]}


async def test_uploaded_incidents_become_hot_cells_with_what_they_were_made_of(officer, park_id):
    assert (await upload(officer, table())).json() == {"added": 60, "known": 0, "rejected": []}
    answer = await officer.get(f"/parks/{park_id}/hotspots", params={"cell_m": 150})
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert body["summary"]["incidents"] == sum(cell["properties"]["n"] for cell in body["features"]) == 60
    assert body["summary"]["enough"] is True
    hot = [cell["properties"] for cell in body["features"] if cell["properties"]["hot"]]
    first = next(cell for cell in hot if cell["rank"] == 1)
    assert first["gi_star_z"] == max(cell["gi_star_z"] for cell in hot)
    assert first["neighbourhood_n"] > 3 * first["expected_n"]
    assert set(first) >= {"i", "j", "n", "neighbours", "gi_star_z", "p_two_sided", "q_bh", "hot", "kinds"}
    for cell in body["features"]:
        (ring,) = cell["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert len(ring) == 5


async def test_inspections_are_left_out_and_counted_when_asked_for(officer, park_id):
    await upload(officer, table("inspection"))
    plain = (await officer.get(f"/parks/{park_id}/hotspots")).json()["summary"]
    asked = (await officer.get(f"/parks/{park_id}/hotspots", params={"inspections": True})).json()["summary"]
    assert (plain["incidents"], plain["left_out"], plain["enough"]) == (0, {"inspection": 60}, False)
    assert (asked["incidents"], asked["left_out"]) == (60, {})


async def test_a_period_narrows_what_counts(officer, park_id):
    await upload(officer, table())
    end = datetime.now(UTC) - timedelta(days=10, hours=12)
    period = {"start": (end - timedelta(days=5)).isoformat(), "end": end.isoformat()}
    summary = (await officer.get(f"/parks/{park_id}/hotspots", params=period)).json()["summary"]
    assert summary["incidents"] == 5
    assert summary["enough"] is False


@pytest.mark.parametrize(("lang", "word"), [("zh", "热点网格及理由"), ("en", "Hot cells and why")])
async def test_the_report_is_one_page_that_asks_nobody_for_anything(officer, park_id, lang, word):
    await upload(officer, table())
    answer = await officer.get(f"/parks/{park_id}/report", params={"lang": lang, "cell_m": 150})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert word in answer.text
    assert "示例园区" in answer.text
    named = set(re.findall(r"https?://([\w.-]+)", answer.text))
    # the name of SVG, and an unused credit and comments in Leaflet
    assert named <= {"www.w3.org", "leafletjs.com", "bugs.chromium.org", "bugzilla.mozilla.org"}


async def test_an_enterprise_named_like_a_script_is_only_a_name(officer, park_id):
    evil = "</script><script>alert(1)</script>"
    new = [{"name": evil, "industry": "", "lon_deg": 113.11, "lat_deg": 27.81}]
    await officer.post(f"/parks/{park_id}/enterprises", json=new)
    await officer.post("/parks", json={"name": evil, "shape": SQUARE})
    assert evil not in (await officer.get(f"/parks/{park_id}/report")).text
    assert evil not in (await officer.get("/parks/2/report")).text


async def test_a_file_with_a_personal_column_is_refused_by_its_name(officer):
    answer = await upload(officer, table().replace("id,kind", "id,身份证号,kind"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "身份证号" in answer.json()["detail"]


async def test_a_file_without_the_origin_is_refused(officer):
    answer = await upload(officer, table().replace("detection_origin", "who"))
    assert answer.status_code == 422
    assert "detection_origin" in answer.json()["detail"]


async def test_a_bad_row_is_answered_with_its_line(officer, park_id):
    answer = await upload(officer, table() + "77,theft,never,113.1,27.8,citizen\n")
    assert answer.json()["added"] == 60
    assert answer.json()["rejected"] == [{"line": 62, "reason": "at is no ISO 8601 time: never"}]


async def test_chinese_office_text_and_another_reference_system_are_read(officer, park_id):
    text = HEADER.replace("id,kind", "编号,类别") + "1,盗窃,2026-01-01,412000,3077000,群众报警\n"
    answer = await upload(officer, text.encode("gb18030"), crs="EPSG:4547")
    assert answer.json()["added"] == 1


@pytest.mark.parametrize(
    ("files", "data"),
    [({}, {"source": "x"}), ({"file": ("a.csv", "x")}, {}), ({"file": ("a.csv", "x")}, {"source": " "})],
)
async def test_an_upload_without_file_or_source_is_refused(officer, files, data):
    answer = await officer.post("/parks/incidents", files=files or {"other": ("a", "x")}, data=data)
    assert answer.status_code == 422


async def test_an_upload_that_is_too_long_is_refused_before_it_is_read(officer):
    headers = {"content-length": str(10**9), "content-type": "multipart/form-data; boundary=x"}
    answer = await officer.post("/parks/incidents", content=b"", headers=headers)
    assert answer.status_code == 413
    assert "MB at most" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", [{"cell_m": 1}, {"cell_m": "nan"}, {"start": "2026-01-01T00:00:00"}, {"start": "2030-01-01T00:00:00Z"}]
)
async def test_an_impossible_question_is_refused(officer, park_id, query):
    assert (await officer.get(f"/parks/{park_id}/hotspots", params=query)).status_code == 422


async def test_an_unknown_park_is_not_found(officer):
    for path in ("hotspots", "report", "enterprises"):
        assert (await officer.get(f"/parks/77/{path}")).status_code == 404


async def test_a_park_of_the_same_name_is_a_conflict(officer, park_id):
    assert (await officer.post("/parks", json={"name": "示例园区", "shape": SQUARE})).status_code == 409


@pytest.mark.parametrize("role", ["auditor", "patrol_officer", "security_admin"])
async def test_other_roles_see_no_park(client, park_id, role):
    other = await client(role)
    for path in ("/parks", f"/parks/{park_id}/hotspots", f"/parks/{park_id}/report", f"/parks/{park_id}/enterprises"):
        assert (await other.get(path)).status_code == 403


async def test_a_dispatcher_looks_but_does_not_change(client, park_id):
    dispatcher = await client("dispatcher")
    assert (await dispatcher.get("/parks")).status_code == 200
    assert (await dispatcher.post("/parks", json={"name": "x", "shape": SQUARE})).status_code == 403
    assert (await upload(dispatcher, table())).status_code == 403


async def test_every_number_of_the_answer_is_json(officer, park_id):
    text = (await officer.get(f"/parks/{park_id}/hotspots")).text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
