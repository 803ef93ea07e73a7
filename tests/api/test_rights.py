"""The rights of a person over what is kept of his call, and of the device he carried (个人信息保护法 44 to 47)."""

import asyncio
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.cli import app
from geo.fix import Fix, Source
from services import subjects, tracks
from services.db.engine import reading, writing
from services.errors import ConflictError
from services.subjects import tracks as carried
from tests.builders import sentences as make
from tests.builders.database import rows

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = NOW - timedelta(days=500)
CALLER = "13800138000"
A_CALL = (
    "INSERT INTO call (kind, priority, place, address, notes, answers, state, taken_at, closed_at, result) VALUES "
    "('theft', 3, ST_SetSRID(ST_Point(113.1, 27.8), 4490)::geography, '12 Station Road', 'Li Hua 138 0013-8000', "
    "jsonb_build_object('who', 'Li Hua'), :state, :at, "
    "CASE WHEN :state = 'closed' THEN CAST(:at AS timestamptz) END, 'told Li Hua') RETURNING id"
)
A_LINE = "INSERT INTO call_event (call_id, at, what, detail) VALUES (:call, :at, 'feedback', :detail)"
AN_AUTHORISATION = (
    "INSERT INTO authorisation (case_no, instrument, issuing_unit, issuing_level, purpose, subjects, sources, area, "
    "window_start, window_end, expires_at, proposed_by, proposed_at) VALUES ('C-9', '1', '1', 'city', '1', :subjects, "
    "'{tracks}', CAST(:area AS geography), :start, :end, now() + interval '1 day', "
    "(SELECT min(id) FROM account), now())"
)
AROUND = "SRID=4490;MULTIPOLYGON(((113 27, 114 27, 114 28, 113 28, 113 27)))"
FAR = "SRID=4490;MULTIPOLYGON(((100 20, 101 20, 101 21, 100 21, 100 20)))"


async def say(engine, statement, **values):
    async with writing(engine) as db:
        found = await db.execute(text(statement), values)
        return found.scalar() if found.returns_rows else None


async def a_call(engine, *, at=OLD, state="closed"):
    call = await say(engine, A_CALL, at=at, state=state)
    await say(engine, A_LINE, call=call, at=at, detail='{"text": "Li Hua was met"}')
    return call


async def a_device(engine, *, at, others=1, phone="1"):
    """A device with a unit and three positions a minute apart, and other devices in the same batches."""
    devices = [await say(engine, f"INSERT INTO device (phone) VALUES ('{phone}{n}') RETURNING id") for n in range(2)]
    unit = await say(engine, f"INSERT INTO unit (call_sign, kind) VALUES ('A{phone}', 'foot') RETURNING id")
    await say(engine, f"INSERT INTO carriage (unit_id, device_id, during) VALUES ({unit}, {devices[0]}, '(,)')")
    for minute in range(3):
        moment = at + timedelta(minutes=minute)
        batch = [
            Fix(device, moment, 113.5, 27.5, minute * 10 + n, source=Source.NMEA, raw=make.rmc(moment) + b"%d" % n)
            for n, device in enumerate(devices[: 1 + others])
        ]
        async with writing(engine) as db:
            await tracks.store(db, batch)
    return devices


def span(start, minutes):
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat()}


# -- callers


async def test_a_caller_finds_where_his_words_are_kept_however_the_number_is_written(engine, client):
    call = await a_call(engine)
    await a_call(engine, state="open")
    await say(engine, "UPDATE call SET notes = 'nobody', answers = '{}', result = NULL WHERE id = 2")
    await say(engine, "DELETE FROM call_event WHERE call_id = 2")
    security = await client("security_admin")
    (found,) = (await security.post("/personal-data/calls/search", json={"words": CALLER})).json()
    assert found == {"call_id": call, "said": [{"place": "notes", "text": "Li Hua 138 0013-8000"}], "holds": []}
    (named,) = (await security.post("/personal-data/calls/search", json={"words": "li hua"})).json()
    assert [one["place"] for one in named["said"]] == ["answers", "log", "notes", "result"]


@pytest.mark.parametrize("words", [" 1 ", "a\x00b", ""])
async def test_words_that_can_not_be_looked_for_are_refused(client, words):
    answer = await (await client("security_admin")).post("/personal-data/calls/search", json={"words": words})
    assert answer.status_code == 422


async def test_what_a_caller_asked_for_stands_in_the_trail_by_call_and_without_his_words(engine, client):
    call = await a_call(engine)
    await (await client("security_admin")).post("/personal-data/calls/search", json={"words": "Li Hua"})
    said = [target for (target,) in await rows(engine, "SELECT target FROM audit WHERE act = 'manage_personal_data'")]
    assert said == ["find words of a caller", f"list call:{call}"]


async def test_wrong_words_are_corrected_and_the_log_keeps_the_old_ones(engine, client):
    call = await a_call(engine)
    security = await client("security_admin")
    answer = await security.put(f"/personal-data/calls/{call}", json={"wrong": "Li Hua", "right": "Li Hua'er"})
    assert answer.json() == {"changed": ["answers", "notes", "result"]}
    assert await rows(engine, "SELECT notes, answers ->> 'who', result FROM call") == [
        ("Li Hua'er 138 0013-8000", "Li Hua'er", "told Li Hua'er")
    ]
    ((detail, author),) = await rows(engine, "SELECT detail, account_id FROM call_event WHERE what = 'corrected'")
    assert detail["notes"] == {"before": "Li Hua 138 0013-8000", "after": "Li Hua'er 138 0013-8000"}
    assert author is not None
    again = await security.put(f"/personal-data/calls/{call}", json={"wrong": "nobody said this", "right": ""})
    assert again.status_code == 422


async def test_a_caller_s_words_and_place_are_deleted_in_the_call_and_its_log_and_what_counts_stays(engine, client):
    call, other = await a_call(engine), await a_call(engine)
    security = await client("security_admin")
    answer = await security.delete(f"/personal-data/calls/{call}")
    assert answer.status_code == 200, answer.text
    assert await rows(engine, "SELECT kind, address, notes, answers, result, place FROM call ORDER BY id LIMIT 1") == [
        ("theft", "", "", {}, None, None)
    ]
    assert await rows(engine, f"SELECT what, detail FROM call_event WHERE call_id = {call}") == [("feedback", {})]
    (left,) = (await security.post("/personal-data/calls/search", json={"words": "Li Hua"})).json()
    assert left["call_id"] == other
    (record,) = (await security.get("/personal-data/records")).json()
    assert (record["id"], record["what"], record["rows"]) == (answer.json()["record"], f"call:{call}", 2)


async def held(engine, client, call):
    security = await client("security_admin")
    answer = await security.delete(f"/personal-data/calls/{call}")
    assert await rows(engine, "SELECT count(*) FROM call WHERE notes = ''") == [(0,)]
    assert await rows(engine, "SELECT count(*) FROM destruction") == [(0,)]
    (found,) = [
        one
        for one in (await security.post("/personal-data/calls/search", json={"words": "Li Hua"})).json()
        if one["call_id"] == call
    ]
    return answer.status_code, [one["reason"] for one in found["holds"]], answer.json()["detail"]


async def test_an_open_call_is_not_deleted_and_the_answer_says_why(engine, client):
    status, reasons, sentence = await held(engine, client, await a_call(engine, state="open"))
    assert (status, reasons) == (409, ["open_call"])
    assert "a call is open" in sentence


async def test_a_call_that_belongs_to_an_open_one_is_not_deleted(engine, client):
    call = await a_call(engine)
    other = await a_call(engine, state="open")
    await say(engine, f"INSERT INTO call_link (call_id, other_id, kind, at) VALUES ({call}, {other}, 'related', now())")
    assert (await held(engine, client, call))[:2] == (409, ["linked_call"])


async def test_a_call_whose_log_is_younger_than_a_year_is_not_deleted(engine, client):
    call = await a_call(engine, at=NOW - timedelta(days=300))
    status, reasons, sentence = await held(engine, client, call)
    assert (status, reasons) == (409, ["log"])
    assert f"{NOW + timedelta(days=65):%Y}" in sentence


@pytest.mark.parametrize(
    ("subjects_", "area", "reasons"),
    [("{}", AROUND, ["case"]), ("{unit:1}", None, ["case"]), ("{}", FAR, []), ("{unit:2}", None, [])],
)
async def test_a_call_that_a_case_covers_is_not_deleted(engine, client, mandate, subjects_, area, reasons):
    await mandate("investigator")
    call = await a_call(engine)
    await say(engine, "INSERT INTO unit (call_sign, kind) VALUES ('A1', 'car')")
    await say(engine, f"INSERT INTO assignment (call_id, unit_id, state) VALUES ({call}, 1, 'clear')")
    around = {"start": OLD - timedelta(days=1), "end": OLD + timedelta(days=1)}
    await say(engine, AN_AUTHORISATION.replace(":subjects", f"'{subjects_}'"), area=area, **around)
    answer = await (await client("security_admin")).delete(f"/personal-data/calls/{call}")
    assert answer.status_code == (409 if reasons else 200)


def run(database_url, data_dir, *words, said=""):
    surroundings = {"TIANSHU_DATABASE_URL": database_url, "TIANSHU_DATA_DIR": str(data_dir)}
    return CliRunner(env=surroundings).invoke(app, ["subject", *words], input=said)


async def test_the_operator_answers_from_the_command_line_under_the_worker_s_role(engine, database_url, tmp_path):
    call = await a_call(engine)
    device, _ = await a_device(engine, at=OLD)
    found = await asyncio.to_thread(run, database_url, tmp_path, "find", said=CALLER)
    assert [one["call_id"] for one in json.loads(found.output)] == [call]
    gone = await asyncio.to_thread(run, database_url, tmp_path, "delete-call", str(call), "--yes")
    assert gone.output == "Deleted: record 1.\n"
    kept = await asyncio.to_thread(run, database_url, tmp_path, "device", str(device))
    assert {one["what"]: one["rows"] for one in json.loads(kept.output)["kept"]} == {"fix": 3, "newest_fix": 1}
    times = [f"--{name}={value}" for name, value in span(OLD, 2).items()]
    track = await asyncio.to_thread(run, database_url, tmp_path, "delete-track", str(device), *times, "--yes")
    assert track.output == "Record 2: 2 positions, 0 left.\n"


# -- who carried a device


async def test_a_person_learns_how_much_is_kept_of_his_device_and_no_place(engine, client, mandate):
    device, _ = await a_device(engine, at=OLD)
    officer = await mandate("patrol_officer")
    await say(
        engine,
        "INSERT INTO crew (account_id, unit_id, since, until) VALUES (:who, 1, :since, :until)",
        who=officer.account_id, since=OLD - timedelta(hours=1), until=OLD + timedelta(hours=1),
    )  # fmt: skip
    security = await client("security_admin")
    answer = await security.get(f"/personal-data/devices/{device}")
    told = answer.json()
    assert {one["what"]: one["rows"] for one in told["kept"]} == {"fix": 3, "newest_fix": 1}
    assert [(one["call_sign"], one["account_id"]) for one in told["carried"]] == [("A1", officer.account_id)]
    assert "113.5" not in answer.text
    person = (await security.get(f"/accounts/{officer.account_id}/data")).json()
    assert [(one["call_sign"], one["device_id"]) for one in person["carried"]] == [("A1", device)]


async def test_a_time_of_one_device_is_deleted_with_its_frames_and_nobody_else_s(engine, client):
    device, other = await a_device(engine, at=OLD)
    security, admin = await client("security_admin"), await client("system_admin")
    answer = await security.post(f"/personal-data/devices/{device}/deletions", json=span(OLD, 2))
    assert answer.status_code == 201, answer.text
    record = answer.json()["record"]
    assert answer.json() == {"record": record, "fixes": 2, "batches": 2, "left": 0}
    (mine,) = (await admin.get(f"/devices/{device}/frames")).json()["items"]
    assert (mine["intact"], mine["erased_by"], mine["raw_hex"] is None) == (True, [], False)
    theirs = (await admin.get(f"/devices/{other}/frames")).json()["items"]
    assert [(one["intact"], one["erased_by"], one["raw_hex"] is None) for one in theirs] == [
        (True, [], False), (True, [record], False), (True, [record], False),
    ]  # fmt: skip
    (kept,) = (await security.get("/personal-data/records")).json()
    assert (kept["id"], kept["what"], kept["rows"]) == (record, f"device:{device}", 2)
    assert datetime.fromisoformat(kept["since"]) == OLD


async def test_not_a_byte_of_an_erased_frame_is_left_in_its_batch(engine, client):
    device, _ = await a_device(engine, at=OLD, others=0)
    await (await client("security_admin")).post(f"/personal-data/devices/{device}/deletions", json=span(OLD, 60))
    left = [zlib.decompress(content) for (content,) in await rows(engine, "SELECT content FROM frame_batch")]
    assert left == [bytes(4)] * 3


async def test_a_frame_that_holds_several_positions_goes_with_the_first_of_them(engine, client):
    device = await say(engine, "INSERT INTO device (phone) VALUES ('1') RETURNING id")
    moments = [OLD, OLD + timedelta(minutes=1)]
    shared = [Fix(device, at, 113.5, 27.5, n, source=Source.NMEA, raw=make.rmc(OLD)) for n, at in enumerate(moments)]
    async with writing(engine) as db:
        await tracks.store(db, shared)
    answer = await (await client("security_admin")).post(
        f"/personal-data/devices/{device}/deletions", json=span(OLD, 1)
    )
    (shown,) = (await (await client("system_admin")).get(f"/devices/{device}/frames")).json()["items"]
    assert (shown["raw_hex"], shown["intact"]) == (None, True)
    assert shown["erased_by"] == [answer.json()["record"]]


async def test_a_batch_that_was_tampered_with_after_an_erasure_is_still_told(engine, client):
    device, other = await a_device(engine, at=OLD)
    await (await client("security_admin")).post(f"/personal-data/devices/{device}/deletions", json=span(OLD, 60))
    await say(engine, "UPDATE frame_batch SET content = (SELECT content FROM frame_batch ORDER BY received_at LIMIT 1)")
    shown = (await (await client("system_admin")).get(f"/devices/{other}/frames")).json()["items"]
    assert [one["intact"] for one in shown] == [False, False, True]


async def test_a_damaged_batch_is_not_packed_anew_and_nothing_is_deleted(engine, client):
    device, _ = await a_device(engine, at=OLD)
    await say(engine, "UPDATE frame_batch SET content = (SELECT content FROM frame_batch ORDER BY received_at LIMIT 1)")
    security = await client("security_admin")
    answer = await security.post(f"/personal-data/devices/{device}/deletions", json=span(OLD, 60))
    assert answer.status_code == 409
    assert await rows(engine, "SELECT count(*) FROM fix") == [(6,)]
    assert await rows(engine, "SELECT count(*) FROM destruction") == [(0,)]


async def test_more_than_goes_at_once_goes_step_by_step_each_with_its_record(engine, client, monkeypatch):
    monkeypatch.setattr(carried, "AT_ONCE", 2)
    device, _ = await a_device(engine, at=OLD)
    await say(
        engine, "INSERT INTO quarantine (at, phone, reason, detail, frame) VALUES (:at, '10', 'x', 'x', '')", at=OLD
    )
    a_photo = (
        "INSERT INTO media (device_id, number, kind, format, event, channel, at) VALUES (:device, 1, 0, 0, 0, 1, :at)"
    )
    await say(engine, a_photo, device=device, at=OLD)
    security = await client("security_admin")
    path, wanted = f"/personal-data/devices/{device}/deletions", span(OLD, 60)
    first, second = [(await security.post(path, json=wanted)).json() for _ in range(2)]
    assert [(one["fixes"], one["left"]) for one in (first, second)] == [(2, 1), (1, 0)]
    assert await rows(engine, "SELECT rows FROM destruction ORDER BY id") == [(2,), (4,)]
    assert await rows(engine, "SELECT (SELECT count(*) FROM quarantine) + (SELECT count(*) FROM media)") == [(0,)]
    assert await rows(engine, f"SELECT count(*) FROM newest_fix WHERE device_id = {device}") == [(0,)]
    assert (await security.post(path, json=wanted)).status_code == 422


async def kept(engine, client, device, start):
    security = await client("security_admin")
    answer = await security.post(f"/personal-data/devices/{device}/deletions", json=span(start, 60))
    assert await rows(engine, "SELECT count(*) FROM destruction") == [(0,)]
    return answer.status_code, answer.json()["detail"]


async def test_young_positions_are_kept_whoever_asks(engine, client):
    at = NOW - timedelta(days=29)
    device, _ = await a_device(engine, at=at)
    status, sentence = await kept(engine, client, device, at)
    assert (status, "shortest time" in sentence) == (409, True)


async def test_positions_are_kept_while_a_call_or_an_alert_is_open(engine, client):
    device, _ = await a_device(engine, at=OLD)
    call = await a_call(engine, state="open")
    await say(engine, f"INSERT INTO assignment (call_id, unit_id, state) VALUES ({call}, 1, 'on_scene')")
    await say(
        engine, f"INSERT INTO alert (key, kind, severity, at, device_id) VALUES ('1', 'sos', 'urgent', :at, {device})",
        at=OLD,
    )  # fmt: skip
    status, sentence = await kept(engine, client, device, OLD)
    assert (status, "a call is open" in sentence, "an alert of the device is open" in sentence) == (409, True, True)


@pytest.mark.parametrize(
    ("subjects_", "area", "status"),
    [
        ("{unit:1}", None, 409),
        ("{device:1}", None, 409),
        ("{}", AROUND, 409),
        ("{}", FAR, 201),
        ("{unit:9}", None, 201),
    ],
)
async def test_positions_that_a_case_covers_are_kept(engine, client, mandate, subjects_, area, status):
    await mandate("investigator")
    device, _ = await a_device(engine, at=OLD)
    around = {"start": OLD - timedelta(days=1), "end": OLD + timedelta(days=1)}
    await say(engine, AN_AUTHORISATION.replace(":subjects", f"'{subjects_}'"), area=area, **around)
    security = await client("security_admin")
    answer = await security.post(f"/personal-data/devices/{device}/deletions", json=span(OLD, 60))
    assert answer.status_code == status
    assert "C-9" not in answer.text


async def test_nobody_deletes_the_positions_of_his_own_duty(engine, settings, mandate):
    device, _ = await a_device(engine, at=OLD)
    who = await mandate("security_admin")
    begun = OLD - timedelta(hours=1)
    await say(
        engine, f"INSERT INTO crew (account_id, unit_id, since) VALUES ({who.account_id}, 1, :begun)", begun=begun
    )
    async with writing(engine, who.claims) as db:
        with pytest.raises(ConflictError, match="own data"):
            await subjects.delete_track(who, db, settings, device, start=OLD, end=begun + timedelta(hours=2), now=NOW)


async def test_a_refused_deletion_stands_in_the_trail(engine, client):
    call = await a_call(engine, state="open")
    await (await client("security_admin")).delete(f"/personal-data/calls/{call}")
    found = await rows(engine, "SELECT outcome, target FROM audit WHERE act = 'manage_personal_data' ORDER BY id")
    assert found == [("allowed", f"delete call:{call}"), ("refused", f"delete call:{call} a call is open")]


async def test_only_the_security_administrator_answers_a_person(client):
    for role in ("dispatcher", "system_admin", "auditor", "investigator"):
        who = await client(role)
        assert (await who.post("/personal-data/calls/search", json={"words": "Li"})).status_code == 403
        assert (await who.get("/personal-data/devices/1")).status_code == 403
        assert (await who.get("/personal-data/records")).status_code == 403


async def test_the_functions_of_the_database_answer_nobody_else(engine, application, mandate):
    who = await mandate("dispatcher")
    for asked in ("tianshu_find_words('Li')", "tianshu_hold_call(1)", "tianshu_count_kept(1)"):
        with pytest.raises(Exception, match="only the security administration"):
            async with reading(application.state.engine, who.claims) as db:
                await db.execute(text(f"SELECT * FROM {asked}"))
