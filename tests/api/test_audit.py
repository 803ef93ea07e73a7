"""The auditor's view over HTTP: search, sums, what stands out, and the signed review."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from services import access, audit, live, oversight
from services.db.engine import reading, writing
from services.db.tables.audit import AuditEntry, AuditReview
from services.errors import UnavailableError
from services.oversight import checks
from tests.conftest import PASSWORD

NOW = datetime.now(UTC).replace(microsecond=0)
SPAN = {"start": (NOW - timedelta(days=60)).isoformat(), "end": (NOW + timedelta(hours=1)).isoformat()}


async def looks(engine, account_id, subject, *, count=1, at=NOW, act="view_track", outcome="allowed", rows=None):
    entry = audit.Entry(account_id, act, f"{subject} somewhen", "duty", None, outcome, "192.0.2.1", rows)
    for number in range(count):
        await audit.Ledger(engine).append(entry, at=at + timedelta(milliseconds=number))


async def test_entries_are_found_by_who_what_whom_when_and_result(engine, client, mandate):
    who, other = await mandate("dispatcher"), await mandate("dispatcher")
    await looks(engine, who.account_id, "unit:5", count=3)
    await looks(engine, other.account_id, "unit:6", act="dispatch", outcome="refused")
    auditor = await client("auditor")

    async def targets(**query) -> list[str]:
        page = (await auditor.get("/audit/entries", params=query)).json()
        return [f"{item['username'] == who.username} {item['subject']} {item['outcome']}" for item in page["items"]]

    assert await targets(account_id=who.account_id) == ["True unit:5 allowed"] * 3
    assert await targets(subject="unit:6", outcome="refused") == ["False unit:6 refused"]
    assert await targets(act="dispatch") == ["False unit:6 refused"]
    assert await targets(subject="unit:5", end=(NOW - timedelta(days=1)).isoformat()) == []
    first = (await auditor.get("/audit/entries", params={"subject": "unit:5", "limit": 2})).json()
    assert len(first["items"]) == 2
    rest = {"subject": "unit:5", "limit": 2, "cursor": first["next_cursor"]}
    assert len((await auditor.get("/audit/entries", params=rest)).json()["items"]) == 1


async def test_looking_at_the_trail_stands_in_the_trail(engine, client):
    auditor = await client("auditor")
    await auditor.get("/audit/entries", params={"account_id": 1})
    async with reading(engine) as db:
        newest = select(AuditEntry.act, AuditEntry.outcome, AuditEntry.subject).order_by(AuditEntry.id.desc()).limit(2)
        rows = [tuple(row) for row in await db.execute(newest)]
    assert rows == [("view_audit", "seen", "account:1"), ("view_audit", "allowed", "account:1")]


@pytest.mark.parametrize("path", ["entries", "officers", "subjects/unit:5", "unusual", "reviews"])
async def test_nobody_but_the_auditor_looks_at_the_trail(client, path):
    for role in ("dispatcher", "system_admin", "security_admin", "approver"):
        answer = await (await client(role)).get(f"/audit/{path}", params=SPAN)
        assert answer.status_code == 403, (role, path)
    assert (await (await client("auditor")).get(f"/audit/{path}", params=SPAN)).status_code == 200


async def test_sums_by_officer_and_by_subject(engine, client, mandate):
    who = await mandate("dispatcher")
    noon, night = NOW.replace(hour=4, minute=0), NOW.replace(hour=15, minute=0)  # 12 and 23 o'clock in Beijing
    for days, moment, subject in ((3, noon, "unit:5"), (2, night, "unit:5"), (1, noon, "unit:6")):
        await looks(engine, who.account_id, subject, at=moment - timedelta(days=days))
    await looks(engine, who.account_id, "unit:6", outcome="seen", rows=120)
    await looks(engine, who.account_id, "unit:6", outcome="refused")
    auditor = await client("auditor")
    (mine,) = [
        one for one in (await auditor.get("/audit/officers", params=SPAN)).json() if one["account_id"] == who.account_id
    ]
    sums = {name: mine[name] for name in ("looks", "night_looks", "refused", "subjects", "rows")}
    assert sums == {"looks": 3, "night_looks": 1, "refused": 1, "subjects": 2, "rows": 120}
    (seen,) = (await auditor.get("/audit/subjects/unit:5", params=SPAN)).json()
    assert (seen["username"], seen["looks"], seen["purposes"], seen["case_nos"]) == (who.username, 2, ["duty"], [])


def habits(*looks_of_days: int, night: int = 0) -> list[oversight.Habit]:
    return [oversight.Habit(1, date(2026, 3, day + 1), looks, night) for day, looks in enumerate(looks_of_days)]


def test_a_day_of_far_more_looks_than_ones_own_median_stands_out():
    found = oversight.judge(habits(30, 28, 31, 33, 29, 30, 95), date(2026, 3, 1), 3.0)
    assert [(one.kind, one.day.day, one.value, one.usual) for one in found] == [("volume", 7, 95, 30)]


def test_a_busy_officer_is_measured_by_his_own_habit():
    assert oversight.judge(habits(300, 280, 310, 330, 290, 300, 350), date(2026, 3, 1), 3.0) == []


def test_without_a_habit_and_with_few_looks_no_volume_stands_out():
    assert oversight.judge(habits(1, 1, 1, 95), date(2026, 3, 1), 3.0) == []
    assert oversight.judge(habits(2, 2, 2, 2, 2, 2, 15), date(2026, 3, 1), 3.0) == []


def test_looks_by_night_stand_out_only_for_who_does_not_work_nights():
    days = habits(30, 30, 30, 30, 30, 30)
    owl = [oversight.Habit(1, day.day, 30, 10) for day in days]
    late = [*days[:5], oversight.Habit(1, date(2026, 3, 6), 30, 4)]
    assert oversight.judge(owl, date(2026, 3, 3), 3.0) == []
    assert [(one.kind, one.value) for one in oversight.judge(late, date(2026, 3, 6), 3.0)] == [("hours", 4)]


async def test_looks_at_acquaintances_stand_out(engine, client, mandate, settings, tmp_path):
    who = await mandate("dispatcher")
    file = tmp_path / "acquaintances.toml"
    file.write_text(f'[acquaintances]\n"{who.username}" = ["unit:5"]\nnobody = ["unit:6"]\n')
    noon = NOW.replace(hour=4, minute=0) - timedelta(days=1)
    await looks(engine, who.account_id, "unit:5", count=2, at=noon)
    await looks(engine, who.account_id, "unit:6", at=noon + timedelta(minutes=1))
    known = settings.model_copy(update={"acquaintances_file": file})
    start, end = NOW - timedelta(days=7), NOW + timedelta(hours=1)
    async with reading(engine) as db:
        found = await oversight.find_unusual(await mandate("auditor"), db, known, start=start, end=end)
    assert [(one.kind, one.username, one.value, one.subject) for one in found] == [
        ("acquaintance", who.username, 2, "unit:5")
    ]


@pytest.mark.parametrize("content", ["", "[acquaintances]\nx = 5", "not toml", "[acquaintances]\nx = [5]"])
def test_a_malformed_list_of_acquaintances_is_refused(tmp_path, content):
    file = tmp_path / "a.toml"
    file.write_text(content)
    with pytest.raises(Exception, match=r"a\.toml needs"):
        oversight.read_acquaintances(file)


async def test_too_many_subjects_in_an_hour_raise_one_alert_that_only_the_auditor_sees(
    engine, client, mandate, settings
):
    few = settings.model_copy(update={"unusual_subjects_per_hour": 3})
    who, other = await mandate("dispatcher"), await mandate("dispatcher")
    for number in range(4):
        await looks(engine, who.account_id, f"unit:{number}", at=NOW - timedelta(minutes=9 - number))
        await looks(engine, other.account_id, "unit:1", at=NOW - timedelta(minutes=9 - number))
    for expected in (1, 0):
        async with writing(engine) as db:
            assert await oversight.watch_use(db, few, NOW) == expected
    async with reading(engine) as db:
        assert (await live.everything(db)).alerts == []
    assert (await (await client("dispatcher")).get("/alerts")).json()["items"] == []
    found = (await (await client("auditor")).get("/audit/unusual", params=SPAN)).json()
    subjects = [
        (one["kind"], one["username"], one["value"], one["usual"]) for one in found if one["kind"] == "subjects"
    ]
    assert subjects == [("subjects", who.username, 4, 3)]


async def test_a_review_is_signed_with_the_password_and_stands_in_the_trail(engine, client, mandate):
    auditor = await client("auditor")
    monday = NOW.date() - timedelta(days=NOW.weekday() + 14)
    week = {"week": monday.isoformat(), "statement": "Looked through; unit:5 asked about."}
    await looks(engine, 1, "unit:5", at=datetime(monday.year, monday.month, monday.day, 12, tzinfo=UTC))
    assert (await auditor.post("/audit/reviews", json=week | {"password": "wrong"})).status_code == 403
    answer = await auditor.post("/audit/reviews", json=week | {"password": PASSWORD})
    assert answer.status_code == 201, answer.text
    signed = answer.json()
    assert (await auditor.get("/audit/reviews")).json()["items"] == [signed]
    async with reading(engine) as db:
        act = AuditEntry.act == "review_audit"
        targets = (await db.execute(select(AuditEntry.target).where(act).order_by(AuditEntry.id))).scalars().all()
    assert targets[-1] == f"week {monday} sha256 {signed['digest']}"


async def test_who_may_not_review_is_refused_before_any_password_is_tried(engine, client):
    desk = await client("dispatcher")
    monday = NOW.date() - timedelta(days=NOW.weekday() + 14)
    body = {"week": monday.isoformat(), "statement": "Fine.", "password": "wrong"}
    for _ in range(access.MAX_FAILURES + 1):
        answer = await desk.post("/audit/reviews", json=body)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:tianshu:RoleRefused")
    async with reading(engine) as db:
        acts = (await db.execute(select(AuditEntry.act).distinct())).scalars().all()
    assert "check_password" not in acts
    assert (await desk.get("/me")).status_code == 200


async def test_a_review_can_not_be_changed_and_a_week_that_goes_on_can_not_be_reviewed(engine, client):
    auditor = await client("auditor")
    monday = NOW.date() - timedelta(days=NOW.weekday())
    body = {"statement": "Fine.", "password": PASSWORD}
    running = await auditor.post("/audit/reviews", json=body | {"week": monday.isoformat()})
    tuesday = await auditor.post("/audit/reviews", json=body | {"week": (monday - timedelta(days=6)).isoformat()})
    past = await auditor.post("/audit/reviews", json=body | {"week": (monday - timedelta(days=14)).isoformat()})
    assert [answer.status_code for answer in (running, tuesday, past)] == [409, 422, 201]
    with pytest.raises(Exception, match="append-only"):
        async with writing(engine) as db:
            await db.execute(text("UPDATE audit_review SET statement = 'x'"))
    async with reading(engine) as db:
        assert (await db.execute(select(AuditReview.statement))).scalars().all() == ["Fine."]


async def test_people_are_not_shown_while_the_trail_can_not_be_written(engine, client):
    desk = await client("dispatcher")
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO unit (call_sign, kind) VALUES ('C1', 'car')"))
        await db.execute(text("ALTER TABLE audit ADD CONSTRAINT jammed CHECK (false) NOT VALID"))
    try:
        for path in (
            "/units",
            "/calls",
            "/alerts",
            "/stream",
            f"/units/1/track?start={NOW:%Y-%m-%dT00:00:00Z}&end={NOW:%Y-%m-%dT%H:%M:%SZ}",
        ):
            answer = await desk.get(path)
            assert answer.status_code == 503, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "C1" not in answer.text
    finally:
        async with writing(engine) as db:
            await db.execute(text("ALTER TABLE audit DROP CONSTRAINT jammed"))
    assert "C1" in (await desk.get("/units")).text


async def test_the_rows_that_were_seen_stand_in_the_trail(engine, client):
    desk = await client("dispatcher")
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO unit (call_sign, kind) VALUES ('C1', 'car'), ('C2', 'car')"))
    await desk.get("/units")
    await desk.get("/calls")
    async with reading(engine) as db:
        seen = select(AuditEntry.act, AuditEntry.rows).where(AuditEntry.outcome == "seen").order_by(AuditEntry.id)
        assert [tuple(row) for row in await db.execute(seen)] == [(access.Act.VIEW_LIVE, 2), (access.Act.VIEW_CALLS, 0)]


async def test_the_auditor_sees_how_the_seals_stand_and_has_the_trail_checked(engine, client, settings):
    for hour in (3, 2, 1):
        await looks(engine, 1, "unit:5", at=NOW - timedelta(hours=hour))
    auditor = await client("auditor")
    before = (await auditor.get("/audit/seals")).json()
    assert (before["hours"], before["root"], before["last_check"]) == (0, None, None)
    await audit.Sealer.of(settings).seal(audit.Ledger(engine), NOW)
    checked = await auditor.post("/audit/checks")
    assert checked.status_code == 201, checked.text
    assert (checked.json()["findings"], checked.json()["seals"] >= 2) == ([], True)
    state = (await auditor.get("/audit/seals")).json()
    assert state["last_check"] == checked.json()
    assert len(bytes.fromhex(state["root"])) == 32
    assert state["hours"] == checked.json()["seals"]


async def test_a_check_tells_the_auditor_what_was_tampered_with(engine, client, settings):
    auditor = await client("auditor")
    await looks(engine, 1, "unit:5", count=3, at=NOW - timedelta(hours=3))
    await audit.Sealer.of(settings).seal(audit.Ledger(engine), NOW)
    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE audit DISABLE TRIGGER append_only"))
        await db.execute(text("UPDATE audit SET target = 'unit:6' WHERE act = 'view_track' AND target LIKE 'unit:5%'"))
        await db.execute(text("ALTER TABLE audit ENABLE TRIGGER append_only"))
    findings = (await auditor.post("/audit/checks")).json()["findings"]
    assert [one["kind"] for one in findings] == ["edit"] * 3
    told = [one["told"]["sentence"].format(**one["told"]["values"]) for one in findings]
    assert told == [one["sentence"] for one in findings]
    assert (await auditor.get("/audit/seals")).json()["last_check"]["findings"] == findings
    assert (await (await client("dispatcher")).post("/audit/checks")).status_code == 403


async def test_a_process_that_may_not_read_the_trail_does_not_call_it_broken(engine, settings, database_url):
    await looks(engine, 1, "unit:5")
    role = f"{database_url.rpartition('/')[2]}_app"
    limited = settings.model_copy(update={"database_url": SecretStr(f"{database_url}?options=-c%20role%3D{role}")})
    with pytest.raises(UnavailableError, match="may not read"):
        checks.check(limited)
    assert checks.check(settings).findings == []
