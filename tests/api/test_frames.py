"""Provenance: whatever door a fix came through, the bytes it was read from stand beside its values."""

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import text

from geo.fix import Fix, Source
from services import frames, tracks
from services.db.engine import reading, writing
from services.ingest.jt808 import build
from services.ingest.jt808.messages import session
from services.ingest.jt809 import framing, messages, positions
from services.ingest.jt809.shown import explain
from tests.builders import sentences as make
from tests.builders.terminals import PHONE, Terminal, a_report

NOW = datetime.now(UTC).replace(microsecond=0)


async def device_of(admin, phone: str = PHONE) -> int:
    found = (await admin.get("/devices")).json()["items"]
    return next(each["id"] for each in found if each["phone"] == phone)


def named(frame: dict) -> dict:
    return {field["name"]: field for field in frame["fields"]}


async def test_the_last_frames_of_a_device_stand_beside_their_values_field_by_field(signed_in: Terminal, client):
    sent = [signed_in.report(1, speed_mps=10.0), signed_in.report(0, speed_mps=5.0)]
    for frame in sent:
        await signed_in.send(frame)
        await signed_in.hear()
    admin = await client("system_admin")
    page = (await admin.get(f"/devices/{await device_of(admin)}/frames")).json()
    assert [each["raw_hex"] for each in page["items"]] == [frame.hex() for frame in reversed(sent)]
    newest = page["items"][0]
    assert (newest["source"], newest["intact"], newest["error"]) == ("jt808", True, None)
    fields = named(newest)
    assert (fields["message_id"]["value"], fields["phone"]["raw_hex"]) == ("0x0200", PHONE.zfill(12))
    assert (fields["speed_mps"]["value"], fields["speed_mps"]["unit"]) == (5.0, "m/s")
    assert fields["speed_mps"]["raw_hex"] == f"{round(5.0 * 36):04x}"
    assert fields["lat_deg"]["value"] == newest["lat_deg"]
    assert fields["at"]["value"] == datetime.fromisoformat(newest["at"]).isoformat()


async def test_each_report_of_a_batch_is_found_in_the_one_frame_they_came_in(signed_in: Terminal, client):
    batch = signed_in.frame(build.batch([a_report(number) for number in range(3)], catch_up=True))
    await signed_in.send(batch)
    await signed_in.hear()
    admin = await client("system_admin")
    page = (await admin.get(f"/devices/{await device_of(admin)}/frames")).json()
    assert {each["raw_hex"] for each in page["items"]} == {batch.hex()}
    assert [named(each)["at"]["value"] for each in page["items"]] == [
        datetime.fromisoformat(each["at"]).isoformat() for each in page["items"]
    ]
    assert page["items"][0]["flags"] == ["late"]


async def test_a_fix_over_http_is_kept_as_it_was_told(application, client):
    admin = await client("system_admin")
    device = (await admin.post("/devices", json={"phone": "13912345678"})).json()
    token = (await admin.post(f"/devices/{device['id']}/token")).json()["token"]
    fixes = [
        {"at": (NOW - timedelta(seconds=back)).isoformat(), "lon_deg": 113 + back, "lat_deg": 27} for back in (2, 1)
    ]
    told = {"phone": "13912345678", "fixes": fixes}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
    answer = await (await client("dispatcher")).post("/fixes", json=told, headers=headers)
    assert answer.status_code == 200
    page = (await admin.get(f"/devices/{device['id']}/frames")).json()["items"]
    assert [named(each)["lon_deg"]["value"] for each in page] == [114, 115]
    assert [json.loads(bytes.fromhex(each["raw_hex"])) for each in page] == fixes[::-1]


async def test_sentences_and_rows_of_files_are_decoded_again(engine, client):
    admin = await client("system_admin")
    device = (await admin.post("/devices", json={"phone": "1"})).json()["id"]
    lines = make.rmc(NOW) + make.gga(NOW)
    row = b'{"file": "tracks.csv", "sha256": "ab", "line": 17}'
    async with writing(engine) as db:
        await tracks.store(db, [
            Fix(device, NOW, 113.0, 27.0, 1, source=Source.NMEA, raw=lines),
            Fix(device, NOW - timedelta(seconds=1), 113.0, 27.0, 2, source=Source.FILE, raw=row),
            Fix(device, NOW - timedelta(seconds=2), 113.0, 27.0, 3),
            Fix(device, NOW - timedelta(seconds=3), 113.0, 27.0, 4, raw=b"\x7e\x02\x00\x7e"),
        ])  # fmt: skip
    nmea, file, none, bad = (await admin.get(f"/devices/{device}/frames")).json()["items"]
    assert {"GNRMC", "GNGGA"} <= {field["part"] for field in nmea["fields"]}
    assert {name: field["value"] for name, field in named(file).items()} == {
        "file": "tracks.csv",
        "sha256": "ab",
        "line": 17,
    }
    assert (none["raw_hex"], none["intact"], none["fields"]) == (None, None, [])
    assert (bad["raw_hex"], bad["fields"]) == ("7e02007e", [])
    assert "bytes" in bad["error"]


def test_a_frame_between_platforms_is_decoded_with_its_vehicle():
    fix = Fix(7, NOW, 113.13, 27.83, 1, speed_mps=10.0, altitude_m=45.0, heading_deg=90.0)
    for edition in framing.Edition:
        told = messages.about("湘B12345", 2, positions.from_fix(fix, edition))
        message_id, body = messages.encode(told, edition)
        frame = framing.Frame(message_id, 1, 99, body, sent_at=NOW if edition is framing.V2019 else None)
        fields = {field.name: field.value for field in explain(framing.close_frame(frame, edition))}
        assert (fields["message_id"], fields["access_code"], fields["plate"]) == ("0x1200", 99, "湘B12345")
        assert fields.get("lon_deg", (fields.get("report") or {}).get("lon_deg")) == 113.13


async def test_a_batch_that_was_tampered_with_is_told(engine, client):
    admin = await client("system_admin")
    device = (await admin.post("/devices", json={"phone": "1"})).json()["id"]
    fix = Fix(device, NOW, 113.0, 27.0, 1, source=Source.NMEA, raw=make.rmc(NOW))
    async with writing(engine) as db:
        await tracks.store(db, [fix])
        forged = frames.pack([Fix(device, NOW, 113.0, 27.0, 1, raw=make.rmc(NOW + timedelta(hours=1)))])
        await db.execute(text("UPDATE frame_batch SET content = :content"), {"content": zlib.compress(forged)})
    (shown,) = (await admin.get(f"/devices/{device}/frames")).json()["items"]
    assert shown["intact"] is False
    assert shown["batch_sha256"] != sha256(forged).hexdigest()


async def test_only_who_runs_the_system_sees_frames(engine, client):
    for role in ("dispatcher", "patrol_officer", "auditor", "security_admin"):
        assert (await (await client(role)).get("/devices/1/frames")).status_code == 403


async def test_refused_frames_are_counted_by_reason(signed_in: Terminal, gateway, client):
    good = signed_in.report()
    await signed_in.send(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:], b"\x7e\x01\x02\x7e", b"\x7e\x01\x03\x7e")
    await signed_in.ask(session.Heartbeat())
    await gateway._quarantine.flush()
    admin = await client("system_admin")
    reasons = (await admin.get("/quarantine/reasons")).json()
    assert [(each["reason"], each["count"]) for each in reasons] == [("header", 2), ("checksum", 1)]
    only = (await admin.get("/quarantine", params={"reason": "checksum"})).json()["items"]
    assert [each["reason"] for each in only] == ["checksum"]


def test_frames_that_several_fixes_share_are_kept_once():
    shared = b"\x7e" * 500
    fixes = [Fix(device, NOW, 0, 0, device, raw=shared) for device in range(100)]
    plain = frames.pack([*fixes, Fix(7, NOW, 0, 0, -1, raw=b"other")])
    assert plain.count(shared) == 1
    found = {entry[:2]: entry.raw for entry in frames.unpack(plain)}
    assert found[99, 99] == shared
    assert found[7, -1] == b"other"
    assert len(found) == 101


async def test_enciphered_coordinates_are_quarantined_and_never_shown(signed_in: Terminal, gateway, engine, client):
    report = a_report(lon_deg=113.5, lat_deg=27.5, status=1 << 1 | 1 << 5)
    assert (await signed_in.ask(report)).result == 0
    await gateway._quarantine.flush()
    async with reading(engine) as db:
        stored = (await db.execute(text("SELECT ST_AsText(place::geometry), flags FROM fix"))).one()
    assert tuple(stored) == ("POINT(0 0)", 16)
    admin = await client("system_admin")
    assert [each["reason"] for each in (await admin.get("/quarantine")).json()["items"]] == ["enciphered"]
    (shown,) = (await admin.get(f"/devices/{await device_of(admin)}/frames")).json()["items"]
    assert (shown["lon_deg"], shown["flags"]) == (0.0, ["encrypted"])
    assert [named(shown)[name]["value"] for name in ("lon_deg", "lat_deg")] == [None, None]


def test_frames_of_other_platforms_show_no_degrees_that_were_enciphered():
    place = Fix(1, NOW, 113.13, 27.83, 1)
    for edition in framing.Edition:
        position = replace(positions.from_fix(place, edition), encrypted=1)
        for said in (position, positions.catch_up((position, positions.from_fix(place, edition)), edition)):
            message_id, body = messages.encode(messages.about("湘B12345", 2, said), edition)
            frame = framing.Frame(message_id, 7, 99, body, sent_at=NOW if edition is framing.V2019 else None)
            told = json.dumps([field.value for field in explain(framing.close_frame(frame, edition))])
            assert told.count("113.13") == (0 if said is position else 1)
