"""What is kept how long, what becomes of it then, and what a person can ask for."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import undefer
from typer.testing import CliRunner

from api.cli import app
from geo.fix import Fix
from services import access, audit, retention, subjects, tracks
from services.audit import verify
from services.db import partitions
from services.db.engine import reading, writing
from services.db.tables.access import Account, Login
from services.db.tables.audit import AuditEntry
from services.db.tables.retention import Destruction
from services.db.tables.tracks import Fix as FixRow
from services.settings import Settings
from tests.builders import people
from tests.conftest import PASSWORD

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
async def operator(engine):
    return access.system_mandate(audit.Ledger(engine))


@pytest.fixture
async def old_and_new(engine):
    """Fixes of 2 days ago, of 181 and 200 days ago in partitions, and of years ago in the default one."""
    ages = (2, 181, 200, 2000)
    await partitions.ensure(engine, [(NOW - timedelta(days=age)).date() for age in ages])
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1'), ('2')"))
        await tracks.store(db, [Fix(1, NOW - timedelta(days=age), 113.1, 27.8, age) for age in ages])
        await tracks.store(db, [Fix(2, NOW - timedelta(days=300), 113.1, 27.8, 1)])
        for age in (89, 91):
            await db.execute(
                text("INSERT INTO quarantine (at, reason, detail, frame) VALUES (:at, 'x', 'x', '')"),
                {"at": NOW - timedelta(days=age)},
            )


async def test_days_of_frames_go_with_their_rule(engine, settings, operator):
    old, new = NOW - timedelta(days=200), NOW - timedelta(days=2)
    await partitions.ensure(engine, [old.date(), new.date()], partitions.FRAMES)
    rows = "INSERT INTO frame_batch (received_at, digest, fixes, content) VALUES (:at, '', 1, '')"
    async with writing(engine) as db:
        for at in (old, new, NOW - timedelta(days=3000)):
            await db.execute(text(rows), {"at": at})
    foreseen = {one.rule.what: one for one in await retention.list_passed(operator, engine, settings, now=NOW)}
    (done,) = [one for one in await retention.apply(operator, engine, settings, now=NOW) if one.rule.what == "frames"]
    assert (done.rows, done.partitions) == (2, [f"frame_batch_{old:%Y%m%d}"])
    assert (foreseen["frames"].rows, foreseen["frames"].partitions) == (done.rows, done.partitions)
    async with reading(engine) as db:
        assert list((await db.execute(text("SELECT received_at FROM frame_batch"))).scalars()) == [new]


async def ages(engine) -> list[int]:
    async with reading(engine) as db:
        return [(NOW - at).days for at in (await db.execute(select(FixRow.at).order_by(FixRow.at.desc()))).scalars()]


async def test_what_has_been_kept_for_its_time_is_destroyed_and_nothing_else(engine, settings, operator, old_and_new):
    done = {one.rule.what: one for one in await retention.apply(operator, engine, settings, now=NOW)}
    assert await ages(engine) == [2]
    assert done["fixes"].rows == 4
    days = [f"fix_{NOW - timedelta(days=age):%Y%m%d}" for age in (200, 181)]
    assert set(days) <= set(done["fixes"].partitions)
    assert (done["quarantine"].rows, done["newest_positions"].rows) == (1, 1)
    async with reading(engine) as db:
        written = (await db.execute(select(Destruction).order_by(Destruction.what))).scalars().all()
        assert {one.what: one.rows for one in written} == {"fixes": 4, "quarantine": 1, "newest_positions": 1}
        assert all(one.basis for one in written)
        seen = AuditEntry.act == "apply_retention", AuditEntry.outcome == "seen"
        assert (await db.execute(select(func.count()).where(*seen))).scalar_one() == 3
    assert await retention.apply(operator, engine, settings, now=NOW) == []


async def test_a_dry_run_tells_the_same_and_destroys_nothing(engine, settings, operator, old_and_new):
    before = await ages(engine)
    told = {
        one.rule.what: one.rows for one in await retention.list_passed(operator, engine, settings, now=NOW) if one.rows
    }
    assert await ages(engine) == before
    done = {one.rule.what: one.rows for one in await retention.apply(operator, engine, settings, now=NOW)}
    assert told == done


async def test_more_than_a_batch_goes_batch_by_batch(engine, settings, operator, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    async with writing(engine) as db:
        await db.execute(
            text(
                "INSERT INTO quarantine (at, reason, detail, frame) SELECT :at, 'x', 'x', '' FROM generate_series(1,25)"
            ),
            {"at": NOW - timedelta(days=100)},
        )
    (done,) = await retention.apply(operator, engine, settings, now=NOW)
    assert done.rows == 25


async def test_calls_go_with_all_that_belongs_to_them_and_open_ones_stay(engine, settings, operator):
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO unit (call_sign, kind) VALUES ('C1', 'car')"))
        for number, (state, age) in enumerate((("closed", 1100), ("closed", 1000), ("open", 1100)), 1):
            at = {"at": NOW - timedelta(days=age), "state": state, "number": number}
            await db.execute(
                text(
                    "INSERT INTO call (kind, priority, place, state, taken_at, closed_at) VALUES ('theft', 3, "
                    "ST_SetSRID(ST_Point(113.1, 27.8), 4490)::geography, :state, :at, "
                    "CASE WHEN :state = 'closed' THEN CAST(:at AS timestamptz) END)"
                ),
                at,
            )
            await db.execute(text("INSERT INTO call_event (call_id, at, what) VALUES (:number, :at, 'taken')"), at)
            await db.execute(
                text(
                    "INSERT INTO assignment (call_id, unit_id, state, dispatched_at) VALUES (:number, 1, 'clear', :at)"
                ),
                at,
            )
    (done,) = await retention.apply(operator, engine, settings, now=NOW)
    assert (done.rule.what, done.rows) == ("calls", 1)
    async with reading(engine) as db:
        for table, column in (("call", "id"), ("call_event", "call_id"), ("assignment", "call_id")):
            left = await db.execute(text(f"SELECT {column} FROM {table} ORDER BY 1"))
            assert left.scalars().all() == [2, 3], table


async def test_the_log_of_a_call_is_not_destroyed_within_its_first_year(engine):
    async with writing(engine) as db:
        await db.execute(
            text(
                "INSERT INTO call (kind, priority, place, taken_at) VALUES ('theft', 3, "
                "ST_SetSRID(ST_Point(113.1, 27.8), 4490)::geography, now())"
            )
        )
        await db.execute(
            text("INSERT INTO call_event (call_id, at, what) VALUES (1, now() - interval '11 months', 'x')")
        )
    with pytest.raises(Exception, match="append-only"):
        async with writing(engine) as db:
            await db.execute(text("DELETE FROM call_event"))


async def test_short_messages_requests_authorisations_and_the_auditors_alerts_have_their_time(
    engine, settings, operator, mandate
):
    who, other = await mandate("investigator"), await mandate("approver")
    old = {"old": NOW - timedelta(days=4000), "me": who.account_id, "other": other.account_id}
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1')"))
        await db.execute(text("INSERT INTO unit (call_sign, kind) VALUES ('C1', 'car')"))
        for statement in (
            "INSERT INTO short_message (device_id, direction, at, payload, payload_hash) VALUES (1, 'in', :old, '', 1)",
            (
                "INSERT INTO command (device_id, kind, parameters, state, asked_at, expires_at, due_at, settled_at) "
                "VALUES (1, 'text', '{}', 'answered', :old, :old, :old, :old)"
            ),
            (
                "INSERT INTO export_request (account_id, unit_id, window_start, window_end, reason, asked_at, state, "
                "decided_by) VALUES (:me, 1, :old, now(), 'x', :old, 'approved', :other)"
            ),
            (
                "INSERT INTO export_file (at, account_id, request_id, unit_id, points, sha256) "
                "VALUES (:old, :me, 1, 1, 30, '')"
            ),
            (
                "INSERT INTO authorisation (case_no, instrument, issuing_unit, issuing_level, purpose, subjects, "
                "sources, window_start, window_end, expires_at, proposed_by, proposed_at) "
                "VALUES ('1', '1', '1', 'city', '1', "
                "'{unit:1}', '{tracks}', CAST(:old AS timestamptz) - interval '1 day', :old, :old, :me, :old)"
            ),
            "INSERT INTO alert (key, kind, severity, at) VALUES ('1', 'unusual_use', 'warning', :old)",
            "INSERT INTO alert (key, kind, severity, at) VALUES ('2', 'area_enter', 'warning', :old)",
        ):
            await db.execute(text(statement), {name: old[name] for name in old if f":{name}" in statement})
    done = {one.rule.what: one.rows for one in await retention.apply(operator, engine, settings, now=NOW)}
    assert done == dict.fromkeys(
        ["short_messages", "commands", "alerts", "exports", "export_requests", "authorisations"], 1
    )


async def test_the_trail_is_shortened_only_where_it_is_sealed_and_stays_whole(engine, settings, operator, database_url):
    ledger, entry = audit.Ledger(engine), audit.Entry(1, "view_live", "units", "duty", None, "allowed", None)
    for age in (1200, 1199, 1100, 10):
        await ledger.append(entry, at=NOW - timedelta(days=age))
    assert [one.rule.what for one in await retention.apply(operator, engine, settings, now=NOW)] == []  # not sealed
    sealer = audit.Sealer.of(settings)
    await sealer.seal(ledger, NOW)
    (done,) = await retention.apply(operator, engine, settings, now=NOW)
    assert (done.rule.what, done.rows) == ("audit", 3)
    report = verify.verify(
        verify.read_database(database_url), sealer.file.read_bytes().splitlines(), sealer.key.public_key()
    )
    assert report.findings == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[fixes]\ndays = 3", "days and basis"),
        ("not toml", "days and basis"),
        ("[gossip]\ndays = 3\nbasis = 'x'", "gossip"),
        ("[audit]\ndays = 90\nbasis = 'x'", "网络安全法 21"),
        ("[fixes]\ndays = 0\nbasis = 'x'", "1 days at least"),
        ("[calls]\ndays = 365\nbasis = 'x'", "366 days at least"),
    ],
)
def test_a_file_of_rules_that_makes_no_sense_is_refused(tmp_path, content, sentence):
    file = tmp_path / "retention.toml"
    file.write_text(content)
    with pytest.raises(retention.RulesError, match=sentence):
        retention.read_rules(Settings(retention_file=file))


def test_every_shipped_rule_has_a_basis_and_the_trail_is_kept_for_three_years():
    rules = {rule.what: rule for rule in retention.read_rules(Settings())}
    assert set(rules) == set(retention.CONDITIONS)
    assert rules["audit"].days >= 3 * 365
    assert all(len(rule.basis) > 10 for rule in rules.values())


async def test_only_the_system_administrator_applies_retention(engine, settings, mandate):
    with pytest.raises(access.RoleRefusedError):
        await retention.apply(await mandate("dispatcher"), engine, settings, now=NOW)


async def test_a_person_sees_what_is_kept_can_have_it_corrected_and_deleted(engine, settings, operator, mandate):
    who = await mandate("dispatcher")
    await access.sign_in(who.ledger, who.username, PASSWORD, remote="192.0.2.7", now=NOW)
    await access.grant(who, access.Act.VIEW_LIVE)
    async with writing(engine) as db:
        await subjects.correct_person(operator, db, who.account_id, display_name="Right")
        record = await subjects.list_person(operator, db, who.account_id)
        assert (record.display_name, record.roles, record.sessions[0]["remote"]) == (
            "Right",
            ["dispatcher"],
            "192.0.2.7",
        )
        assert record.done["audit"] == 2
        kept = await subjects.delete_person(operator, db, who.account_id, now=NOW)
    assert kept["audit"] == 2
    async with reading(engine) as db:
        mine = select(Account).where(Account.id == who.account_id).options(undefer(Account.password_hash))
        account = (await db.execute(mine)).scalar_one()
        assert (account.display_name, account.password_hash, account.active) == ("", None, False)
        assert who.username not in account.username
        assert (await db.execute(select(func.count()).select_from(Login))).scalar_one() == 0
        assert (await db.execute(select(Destruction.what))).scalars().all() == [f"subject:{who.account_id}"]
    with pytest.raises(access.LoginRefusedError):
        await access.sign_in(who.ledger, who.username, PASSWORD, remote="x", now=NOW)
    async with writing(engine) as db:
        with pytest.raises(subjects.NoPersonError):
            await subjects.delete_person(operator, db, who.account_id, now=NOW)


def run(database_url: str, tmp_path, *words: str):
    return CliRunner(env={"TIANSHU_DATABASE_URL": database_url, "TIANSHU_DATA_DIR": str(tmp_path)}).invoke(app, words)


def test_the_commands_seal_verify_and_find_an_edit(database_url, tmp_path):
    assert run(database_url, tmp_path, "audit", "seal").exit_code == 0
    whole = run(database_url, tmp_path, "audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert "Nothing is amiss" in whole.output
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER append_only")
        connection.execute("UPDATE audit SET act = 'nothing'")
        connection.execute("ALTER TABLE audit ENABLE TRIGGER append_only")
    edited = run(database_url, tmp_path, "audit", "verify")
    assert edited.exit_code == 1
    assert "does not say what it said" in edited.output


def test_the_commands_export_and_check_the_export(database_url, tmp_path):
    run(database_url, tmp_path, "audit", "seal")
    file = tmp_path / "trail.jsonl"
    assert run(database_url, tmp_path, "audit", "export", str(file)).exit_code == 0
    assert json.loads(file.read_text().splitlines()[0])["act"] == "seal_audit"
    assert run(database_url, tmp_path, "audit", "verify", "--export", str(file)).exit_code == 0


def test_the_commands_list_what_retention_would_destroy_and_what_is_kept_of_a_person(database_url, tmp_path):
    dry = run(database_url, tmp_path, "retention", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "fixes: 0 rows" in dry.output
    done = run(database_url, tmp_path, "retention")
    assert "0 kinds of data destroyed" in done.output
    role = ("--role", "dispatcher")
    made = run(database_url, tmp_path, "accounts", "create", "somebody", *role)
    assert made.exit_code == 0, made.output
    assert json.loads(run(database_url, tmp_path, "subject", "list", "somebody").output)["roles"] == ["dispatcher"]
    assert "Deleted" in run(database_url, tmp_path, "subject", "delete", "somebody", "--yes").output


async def test_the_keys_are_renewed_in_three_steps_and_no_secret_is_lost(engine, settings, database_url):
    keys = access.load_keys(settings)
    async with writing(engine) as db:
        await access.create_account(db, "chief", "chief", PASSWORD, frozenset({access.Role.APPROVER}))
    secret = await people.enrol(engine, keys, "chief", NOW)
    await asyncio.to_thread(run, database_url, settings.data_dir, "keys", "renew")
    file = settings.data_dir / "secret.keys"
    assert len(file.read_text().split()) == 2
    assert await people.token(engine, access.load_keys(settings), "chief", now=NOW, secret=secret)
    closed = await asyncio.to_thread(run, database_url, settings.data_dir, "keys", "close")
    assert "1 secrets" in closed.output
    assert len(file.read_text().split()) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    later = NOW + timedelta(minutes=5)
    assert await people.token(engine, access.load_keys(settings), "chief", now=later, secret=secret)
    with pytest.raises(Exception, match="don't open"):
        await people.token(engine, keys, "chief", now=later, secret=secret)


A_PLAN = "INSERT INTO patrol_plan (unit_id, name, starts_at, ends_at) VALUES (1, 'x', :at, :at) RETURNING id"
A_STOP = "INSERT INTO patrol_stop (plan_id, position, checkpoint_id, place, radius_m, dwell_s)"
DUTY_DATA = {
    "duties": (1095, "INSERT INTO crew (account_id, unit_id, since, until) VALUES (:me, 1, :at, :at)", "crew"),
    "rosters": (400, "INSERT INTO roster (unit_id, shift, starts_at, ends_at) VALUES (1, 'night', :at, :at)", "roster"),
    "patrol_plans": (
        400,
        f"WITH plan AS ({A_PLAN}) {A_STOP} SELECT id, 1, 1, 'SRID=4490;POINT(113 27)', 50, 60 FROM plan",
        "patrol_stop",
    ),
    "handover_notes": (
        365,
        "INSERT INTO handover_note (at, by_account_id, text) VALUES (:at, :me, 'x')",
        "handover_note",
    ),
    "desks": (365, "INSERT INTO desk (account_id, changed_at) VALUES (:me, :at)", "desk"),
    "area_states": (
        180, "INSERT INTO area_state (rule_id, device_id, at, idle, state) VALUES (1, :device, :at, true, '{}')",
        "area_state",
    ),
    "forwards": (
        30,
        "INSERT INTO forward (device_id, at, payload_hash, plate, color, queued_at) VALUES (1, :at, 1, 'x', 2, :at)",
        "forward",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(DUTY_DATA))
async def test_data_of_duties_has_its_time_and_not_a_day_less(engine, settings, operator, mandate, what):
    days, statement, table = DUTY_DATA[what]
    accounts = [(await mandate("dispatcher")).account_id for _ in range(2)]
    ground = "'SRID=4490;MULTIPOLYGON(((113 27, 114 27, 114 28, 113 27)))'"
    async with writing(engine) as db:
        for made in (
            "INSERT INTO device (phone) VALUES ('1'), ('2')",
            "INSERT INTO unit (call_sign, kind) VALUES ('C1', 'car')",
            "INSERT INTO checkpoint (name, place) VALUES ('x', 'SRID=4490;POINT(113 27)')",
            f"INSERT INTO area (name, kind, shape) VALUES ('x', 'other', {ground})",
            "INSERT INTO area_rule (area_id, trigger) VALUES (1, 'enter')",
        ):
            await db.execute(text(made))
        for number, age in enumerate((days + 2, days - 2)):
            values = {"at": NOW - timedelta(days=age), "me": accounts[number], "device": number + 1}
            await db.execute(
                text(statement), {name: value for name, value in values.items() if f":{name}" in statement}
            )
    done = {one.rule.what: one.rows for one in await retention.apply(operator, engine, settings, now=NOW)}
    assert done == {what: 1}
    async with reading(engine) as db:
        assert (await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 1
