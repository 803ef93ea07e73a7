"""Tracks as files, and the second person's approval."""

import csv
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from geo.fix import Fix
from services import tracks
from services.db.engine import reading, writing
from services.db.tables.audit import AuditEntry
from tests.builders.carriage import make_unit

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(hours=10)


@pytest.fixture
async def unit(engine):
    """A unit with a fix a minute for an hour."""
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1')"))
        await make_unit(db, "C1", 1)
        fixes = [Fix(1, START + timedelta(minutes=n), 113.1 + n / 1000, 27.8, n, speed_mps=5.0) for n in range(60)]
        await tracks.store(db, fixes)
    return 1


def span(minutes: int, begin: int = 0) -> dict[str, str]:
    start = START + timedelta(minutes=begin)
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat()}


async def ask(desk, minutes: int = 60, **more: object) -> dict:
    answer = await desk.post("/exports", json={"unit_id": 1, **span(minutes), "reason": "complaint 7", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_25_points_go_out_alone_and_the_26th_needs_somebody_else(client, unit):
    desk = await client("dispatcher")
    answer = await desk.get("/units/1/track.csv", params=span(25))
    assert answer.status_code == 200
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert len(rows) == 25
    assert (rows[3]["lon_deg"], rows[3]["speed_mps"], rows[3]["unit_id"]) == ("113.103", "5.0", "1")
    assert answer.headers["tianshu-sha256"] == hashlib.sha256(answer.content).hexdigest()
    refused = await desk.get("/units/1/track.csv", params=span(1, begin=30))
    assert refused.status_code == 403
    assert "25" in refused.json()["detail"]


async def test_many_small_files_count_together_and_yesterdays_do_not(client, unit, engine):
    desk = await client("dispatcher")
    codes = [(await desk.get("/units/1/track.geojson", params=span(10, begin))).status_code for begin in (0, 10, 20)]
    assert codes == [200, 200, 403]
    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE export_file DISABLE TRIGGER append_only"))
        await db.execute(text("UPDATE export_file SET at = at - interval '25 hours'"))
        await db.execute(text("ALTER TABLE export_file ENABLE TRIGGER append_only"))
    assert (await desk.get("/units/1/track.geojson", params=span(10, 20))).status_code == 200


async def test_with_an_approved_request_the_whole_file_goes_out(client, unit, engine):
    desk, approver = await client("dispatcher"), await client("approver")
    request = await ask(desk)
    query = span(60) | {"request_id": str(request["id"])}
    assert (await desk.get("/units/1/track.geojson", params=query)).status_code == 403
    (seen,) = (await approver.get("/exports")).json()["items"]
    assert (seen["id"], seen["own"], seen["call_sign"], seen["decided_by"]) == (request["id"], False, "C1", None)
    assert (request["own"], request["asked_by"]) == (True, (await desk.get("/me")).json()["display_name"])
    decided = await approver.post(f"/exports/{request['id']}/decision", json={"approve": True})
    assert decided.json()["state"] == "approved"
    assert decided.json()["decided_by"] == (await approver.get("/me")).json()["display_name"]
    answer = await desk.get("/units/1/track.geojson", params=query)
    assert answer.status_code == 200
    features = json.loads(answer.content)["features"]
    assert len(features) == 60
    assert features[0]["geometry"]["coordinates"] == [113.1, 27.8]
    async with reading(engine) as db:
        seen = AuditEntry.act == "view_track", AuditEntry.outcome == "seen"
        assert 60 in (await db.execute(select(AuditEntry.rows).where(*seen))).scalars().all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE export_request SET state = 'refused'", "refused"),
        ("UPDATE export_request SET expires_at = now() - interval '1 second'", "over"),
        ("UPDATE export_request SET unit_id = 2", "another unit"),
        ("UPDATE export_request SET window_end = window_end - interval '1 minute'", "time"),
        ("UPDATE export_request SET case_no = 'A1'", "another case"),
        ("UPDATE export_request SET account_id = (SELECT min(id) FROM account WHERE username LIKE 'patrol%')", "yours"),
    ],
)
async def test_an_approval_is_good_for_what_it_says_only(client, unit, engine, change, sentence):
    desk, approver, _ = await client("dispatcher"), await client("approver"), await client("patrol_officer")
    request = await ask(desk)
    await approver.post(f"/exports/{request['id']}/decision", json={"approve": True})
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO unit (call_sign, kind) VALUES ('C2', 'car')"))
        await db.execute(text(change))
    answer = await desk.get("/units/1/track.csv", params=span(60) | {"request_id": str(request["id"])})
    assert answer.status_code == 403
    assert sentence in answer.json()["detail"]


async def test_nobody_approves_for_himself_and_nobody_decides_twice(client, unit):
    both = await client("investigator", "approver")
    answer = await both.post("/exports", json={"unit_id": 1, **span(60), "reason": "case"})
    request = answer.json()
    own = await both.post(f"/exports/{request['id']}/decision", json={"approve": True})
    assert own.status_code == 403
    assert "himself" in own.json()["detail"]
    approver = await client("approver")
    codes = [
        (await approver.post(f"/exports/{request['id']}/decision", json={"approve": False})).status_code
        for _ in range(2)
    ]
    assert codes == [200, 409]


async def test_requests_are_shown_to_their_own_and_to_approvers_only(client, unit):
    desk, other = await client("dispatcher"), await client("dispatcher")
    await ask(desk)
    assert len((await desk.get("/exports")).json()["items"]) == 1
    assert (await other.get("/exports")).json()["items"] == []
    assert (await (await client("patrol_officer")).get("/exports")).status_code == 403


@pytest.mark.parametrize("body", [{"reason": "  "}, {"end": START.isoformat()}, {"unit_id": 99}])
async def test_a_request_that_makes_no_sense_is_refused(client, unit, body):
    desk = await client("dispatcher")
    answer = await desk.post("/exports", json={"unit_id": 1, **span(60), "reason": "x", **body})
    assert answer.status_code in {404, 422}
