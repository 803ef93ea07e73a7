"""The audit trail: what it keeps, how it is sealed, and that whoever tampers with it is found."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access, audit
from services.audit import trail, verify
from services.db.engine import reading, writing
from services.db.tables.audit import AuditEntry
from services.errors import UnavailableError
from services.settings import Settings

START = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)


def entry(number: int, **more: object) -> audit.Entry:
    fields = {"account_id": 1, "act": "view_track", "target": f"unit:{number}", "purpose": "duty", "case_no": None,
              "outcome": "allowed", "remote": "192.0.2.1"}  # fmt: skip
    return audit.Entry(**(fields | more))


async def fill(engine: AsyncEngine, count: int = 12, every: timedelta = timedelta(minutes=30)) -> None:
    """Entries over three hours and more, across midnight."""
    for number in range(count):
        await audit.Ledger(engine).append(entry(number), at=START + every * number)


def check(url: str, sealer: audit.Sealer) -> verify.Report:
    seals = sealer.file.read_bytes().splitlines() if sealer.file.exists() else []
    return verify.verify(verify.read_database(url), seals, sealer.key.public_key())


def kinds(report: verify.Report) -> set[str]:
    return {finding.kind for finding in report.findings}


async def tamper(engine: AsyncEngine, *statements: str) -> None:
    """What an owner of the database can do."""
    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE audit DISABLE TRIGGER append_only"))
        for statement in statements:
            await db.execute(text(statement))
        await db.execute(text("ALTER TABLE audit ENABLE TRIGGER append_only"))


def make_anew(url: str) -> None:
    """What an attacker does who knows the format: make every hash anew, so that the chain holds again."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER append_only")
        last_hash, last_day = trail.GENESIS, None
        for row in list(verify.read_database(url)):
            at = datetime.fromisoformat(row["at"])
            said = {name: row[name] for name in verify.COLUMNS if name not in {"id", "at"}}
            previous = trail.opening(at.date(), last_hash) if at.date() != last_day else last_hash
            last_hash, last_day = trail.sha256(previous + trail.body(at, audit.Entry(**said))).digest(), at.date()
            connection.execute(
                "UPDATE audit SET previous_hash = %s, hash = %s WHERE id = %s", [previous, last_hash, row["id"]]
            )
        connection.execute("ALTER TABLE audit ENABLE TRIGGER append_only")


@pytest.fixture
async def sealed(engine: AsyncEngine, settings: Settings) -> audit.Sealer:
    """A trail over a midnight, with all its full hours sealed."""
    await fill(engine)
    sealer = audit.Sealer.of(settings)
    assert await sealer.seal(audit.Ledger(engine), START + timedelta(hours=7)) == 7
    return sealer


async def test_an_untouched_trail_is_found_whole(sealed, database_url):
    report = check(database_url, sealed)
    assert report.findings == []
    assert (report.entries, report.hours, report.seals) == (13, 8, 7)


async def test_an_edit_is_found(engine, sealed, database_url):
    await tamper(engine, "UPDATE audit SET account_id = 2 WHERE id = 5")
    found = check(database_url, sealed).findings
    assert [(one.kind, one.where) for one in found] == [("edit", "5")]


async def test_an_edit_with_a_fitting_hash_breaks_the_next_link_and_the_seal(engine, sealed, database_url):
    await tamper(engine, "UPDATE audit SET account_id = 2, hash = sha256('x') WHERE id = 5")
    assert {"gap", "hour"} <= kinds(check(database_url, sealed))


async def test_a_deletion_is_found(engine, sealed, database_url):
    await tamper(engine, "DELETE FROM audit WHERE id = 5")
    found = check(database_url, sealed).findings
    assert ("gap", "6") in [(one.kind, one.where) for one in found]
    assert "hour" in {one.kind for one in found}


async def test_a_reordering_is_found(engine, sealed, database_url):
    await tamper(
        engine,
        "UPDATE audit SET id = 1000 WHERE id = 5",
        "UPDATE audit SET id = 5 WHERE id = 6",
        "UPDATE audit SET id = 6 WHERE id = 1000",
    )
    assert {"order", "gap"} <= kinds(check(database_url, sealed))


async def test_a_deleted_day_is_found(engine, sealed, database_url):
    await tamper(engine, "DELETE FROM audit WHERE at < '2026-03-02'")
    assert {"gap", "hour"} <= kinds(check(database_url, sealed))


async def test_a_truncation_is_found_by_the_seals_alone(engine, sealed, database_url):
    await tamper(engine, "DELETE FROM audit WHERE id >= 9")
    report = check(database_url, sealed)
    assert kinds(report) == {"hour"}  # what is left of the chain holds
    assert verify.verify(verify.read_database(database_url), None, None).findings == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET account_id = 2 WHERE id = 5",
        "DELETE FROM audit WHERE id = 5",
        "DELETE FROM audit WHERE at < '2026-03-02'",
        "UPDATE audit SET at = at + interval '1 minute', target = 'unit:99' WHERE id = 5",
    ],
)
async def test_a_chain_made_anew_is_found_by_the_seals(engine, sealed, database_url, statement):
    await tamper(engine, statement)
    await asyncio.to_thread(make_anew, database_url)
    assert verify.verify(verify.read_database(database_url), None, None).findings == []
    assert "hour" in kinds(check(database_url, sealed))


async def test_a_seal_made_with_another_key_is_found(sealed, database_url, tmp_path):
    other = audit.Sealer.of(Settings(data_dir=tmp_path / "attacker"))
    report = verify.verify(
        verify.read_database(database_url), sealed.file.read_bytes().splitlines(), other.key.public_key()
    )
    assert "seal" in kinds(report)


@pytest.mark.parametrize("line", [0, 3])
async def test_a_seal_taken_out_of_the_file_is_found(sealed, database_url, line):
    lines = sealed.file.read_bytes().splitlines()
    del lines[line]
    sealed.file.write_bytes(b"\n".join(lines) + b"\n")
    assert {"seal", "unsealed"} <= kinds(check(database_url, sealed))


async def test_hours_that_nobody_sealed_are_told(engine, sealed, database_url):
    await audit.Ledger(engine).append(entry(1), at=START + timedelta(hours=12))
    await audit.Ledger(engine).append(entry(1), at=START + timedelta(hours=20))
    assert kinds(check(database_url, sealed)) == {"unsealed"}


RUNNING = (START + timedelta(hours=7, minutes=40), START + timedelta(hours=7, minutes=55))
"""Two moments of the hour that is not sealed yet."""


@pytest.fixture
async def running(engine, sealed) -> audit.Sealer:
    """The sealed trail, and four entries of the running hour."""
    for number in range(4):
        await audit.Ledger(engine).append(entry(100 + number), at=RUNNING[0] + timedelta(minutes=number))
    return sealed


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET act = 'nothing' WHERE target = 'unit:102'", {"edit"}),
        ("DELETE FROM audit WHERE target = 'unit:102'", {"gap"}),
        ("UPDATE audit SET at = at + interval '10 minutes' WHERE target = 'unit:101'", {"edit", "order"}),
    ],
)
async def test_in_the_running_hour_the_chain_finds_an_edit_a_deletion_and_a_move(
    engine, running, database_url, statement, found
):
    await tamper(engine, statement)
    assert kinds(check(database_url, running)) == found


async def test_what_the_chain_can_not_tell_before_the_seal_it_tells_after_it(engine, running, database_url):
    """The honest limit: the newest entries cut off, or the end of the chain made anew, before they are sealed."""
    await tamper(engine, "DELETE FROM audit WHERE target = 'unit:103'")
    assert kinds(check(database_url, running)) == set()
    await running.seal(audit.Ledger(engine), START + timedelta(hours=10))
    await tamper(engine, "DELETE FROM audit WHERE target = 'unit:102'")
    make_anew(database_url)
    assert "hour" in kinds(check(database_url, running))


async def test_a_shorter_period_seals_within_the_hour_and_finds_a_cut_there(engine, running, settings, database_url):
    sealer = audit.Sealer.of(settings.model_copy(update={"audit_seal_minutes": 10}))
    assert await sealer.seal(audit.Ledger(engine), RUNNING[1]) > 0
    assert kinds(check(database_url, sealer)) == set()
    assert sealer.sealed_until() == RUNNING[1].replace(minute=20)
    await tamper(engine, "DELETE FROM audit WHERE target = 'unit:103' OR act = 'seal_audit'")
    assert "hour" in kinds(check(database_url, sealer))


async def test_the_period_can_be_changed_within_an_hour_and_back(engine, running, settings, database_url):
    short = audit.Sealer.of(settings.model_copy(update={"audit_seal_minutes": 5}))
    await short.seal(audit.Ledger(engine), RUNNING[1])
    await audit.Ledger(engine).append(entry(200), at=RUNNING[1] + timedelta(minutes=1))
    await running.seal(audit.Ledger(engine), RUNNING[1] + timedelta(hours=1))
    report = check(database_url, running)
    assert report.findings == []
    await tamper(engine, "UPDATE audit SET act = 'x' WHERE target = 'unit:200'")
    assert {"edit"} <= kinds(check(database_url, running))


async def test_a_new_key_goes_on_where_the_old_one_ended_and_the_first_public_key_follows(
    engine, sealed, settings, database_url
):
    first = sealed.key.public_key()
    renewed = sealed.renew_key(settings)
    assert renewed.key.public_key() != first
    assert await audit.Sealer.of(settings).seal(audit.Ledger(engine), START + timedelta(hours=9)) == 1
    lines = sealed.file.read_bytes().splitlines()
    assert verify.verify(verify.read_database(database_url), lines, first).findings == []
    assert verify.read_key(settings.data_dir / "audit" / "seal.pub") == first
    sealed.cut(START)  # whoever kept the old key can't go on with it
    lines = sealed.file.read_bytes().splitlines()
    assert "seal" in kinds(verify.verify(verify.read_database(database_url), lines, first))


async def test_a_key_that_was_never_announced_is_never_used(sealed, settings):
    waiting = settings.data_dir / "audit" / "seal.next"
    waiting.write_bytes((settings.data_dir / "audit" / "seal.key").read_bytes())
    assert audit.Sealer.of(settings).key.public_key() == sealed.key.public_key()
    assert not waiting.exists()


async def test_the_next_run_seals_what_is_left_and_nothing_twice(engine, sealed, database_url):
    assert await sealed.seal(audit.Ledger(engine), START + timedelta(hours=7, minutes=20)) == 0
    assert await sealed.seal(audit.Ledger(engine), START + timedelta(hours=9)) == 1
    assert check(database_url, sealed).findings == []


async def test_the_key_is_its_owners_alone(sealed, settings):
    key = settings.data_dir / "audit" / "seal.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert verify.read_key(key.with_suffix(".pub")) == sealed.key.public_key()


async def test_seals_are_handed_on_and_a_command_that_fails_is_told_and_gets_them_again(
    engine, settings, tmp_path: Path
):
    await fill(engine)
    got, fail = tmp_path / "printer", tmp_path / "jammed"
    hook = f"sh -c 'test ! -e {fail} && cat >> {got}'"
    sealer = audit.Sealer.of(settings.model_copy(update={"audit_hook": hook}))
    fail.touch()
    with pytest.raises(UnavailableError, match="ended with 1"):
        await sealer.seal(audit.Ledger(engine), START + timedelta(hours=7))
    fail.unlink()
    assert await sealer.seal(audit.Ledger(engine), START + timedelta(hours=7)) == 0
    assert got.read_bytes() == sealer.file.read_bytes()
    await sealer.seal(audit.Ledger(engine), START + timedelta(hours=8))
    assert got.read_bytes() == sealer.file.read_bytes()


async def test_an_export_is_checked_without_the_database(sealed, database_url, tmp_path: Path):
    file = tmp_path / "trail.jsonl"
    assert verify.write_export(database_url, file) == 13
    seals, key = sealed.file.read_bytes().splitlines(), sealed.key.public_key()
    assert verify.verify(verify.read_export(file), seals, key).findings == []
    lines = file.read_text().splitlines()
    lines[4] = json.dumps(json.loads(lines[4]) | {"account_id": 2})
    file.write_text("\n".join(lines))
    assert kinds(verify.verify(verify.read_export(file), seals, key)) == {"edit"}


async def test_the_time_never_falls_along_the_chain(engine, database_url):
    ledger = audit.Ledger(engine)
    await ledger.append(entry(1), at=START)
    await ledger.append(entry(2), at=START - timedelta(hours=1))
    async with reading(engine) as db:
        times = (await db.execute(select(AuditEntry.at).order_by(AuditEntry.id))).scalars().all()
    assert times == [START, START]
    assert verify.verify(verify.read_database(database_url), None, None).findings == []


async def test_entries_that_come_together_are_all_kept_in_one_chain(engine, database_url):
    ledger = audit.Ledger(engine)
    await asyncio.gather(*(ledger.append(entry(number)) for number in range(500)))
    report = verify.verify(verify.read_database(database_url), None, None)
    assert (report.entries, report.findings) == (500, [])


async def test_two_processes_make_one_chain(engine, database_url):
    """Two ledgers with engines of their own do not know of each other, as two processes don't."""
    other = trail.AsyncEngine(engine.sync_engine.execution_options())
    await asyncio.gather(*(audit.Ledger(one).append(entry(number)) for number in range(100) for one in (engine, other)))
    report = verify.verify(verify.read_database(database_url), None, None)
    assert (report.entries, report.findings) == (200, [])


async def test_texts_no_database_keeps_are_kept_as_near_as_can_be(engine, database_url):
    await audit.Ledger(engine).append(entry(1, target="unit:1 \0 \ud800 " + "x" * 5000))
    report = verify.verify(verify.read_database(database_url), None, None)
    assert (report.entries, report.findings) == (1, [])


async def told(engine) -> list[tuple]:
    async with reading(engine) as db:
        columns = select(AuditEntry.outcome, AuditEntry.rows, AuditEntry.subject).order_by(AuditEntry.id)
        return [tuple(row) for row in await db.execute(columns)]


async def test_rows_seen_and_the_subject_stand_in_the_trail(engine, mandate: Callable):
    who = await mandate("dispatcher")
    look = await access.grant(who, access.Act.VIEW_TRACK, "unit:7 today")
    await look.saw(1203)
    assert await told(engine) == [("allowed", None, "unit:7"), ("seen", 1203, "unit:7")]


async def test_nothing_leaves_a_look_before_it_is_written_down_with_what_was_seen(engine, mandate: Callable):
    who, said = await mandate("dispatcher"), list[str]()
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2]))

    async def units() -> str:
        async with access.look(who, access.Act.VIEW_LIVE, "unit:7") as seen:
            seen.rows = 12
            return "twelve units"

    assert await units() == "twelve units"
    assert sum(statement.startswith("INSERT INTO audit") for statement in said) == 1
    assert await told(engine) == [("allowed", None, "unit:7"), ("seen", 12, "unit:7")]


async def test_a_look_that_fails_or_is_refused_is_written_down_and_shows_no_rows(engine, mandate: Callable):
    async def look_and_fail(role: str, target: str) -> None:
        async with access.look(await mandate(role), access.Act.VIEW_LIVE, target) as seen:
            seen.rows = 12
            raise ValueError(target)

    with pytest.raises(ValueError, match="unit:7"):
        await look_and_fail("dispatcher", "unit:7")
    with pytest.raises(access.RoleRefusedError):
        await look_and_fail("auditor", "unit:8")
    assert await told(engine) == [("allowed", None, "unit:7"), ("refused", None, "unit:8")]


async def test_a_look_that_can_not_be_written_down_does_not_happen(engine, mandate: Callable):
    who = await mandate("dispatcher")

    async def shown() -> str:
        async with access.look(who, access.Act.VIEW_TRACK, "unit:1"):
            return "a track"

    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE audit ADD CONSTRAINT jammed CHECK (act <> 'view_track')"))
    try:
        with pytest.raises(audit.TrailError, match="nothing is shown"):
            await access.grant(who, access.Act.VIEW_TRACK, "unit:1")
        with pytest.raises(audit.TrailError, match="nothing is shown"):
            await shown()
        await access.grant(who, access.Act.VIEW_LIVE)  # what can be written goes on
    finally:
        async with writing(engine) as db:
            await db.execute(text("ALTER TABLE audit DROP CONSTRAINT jammed"))


async def test_only_what_the_law_no_longer_keeps_can_be_deleted(engine):
    ledger, now = audit.Ledger(engine), datetime.now(UTC)
    await ledger.append(entry(1), at=now - timedelta(days=200))
    await ledger.append(entry(2), at=now - timedelta(days=100))
    async with writing(engine) as db:
        await db.execute(text("DELETE FROM audit WHERE id = 1"))
    with pytest.raises(Exception, match="append-only"):
        async with writing(engine) as db:
            await db.execute(text("DELETE FROM audit WHERE id = 2"))
    async with reading(engine) as db:
        assert (await db.execute(select(func.count()).select_from(AuditEntry))).scalar_one() == 1


async def test_a_trail_shortened_by_retention_is_whole_when_the_cut_is_signed(engine, sealed, database_url):
    cut = datetime(2026, 3, 2, tzinfo=UTC)
    await tamper(engine, "DELETE FROM audit WHERE at < '2026-03-02'")
    sealed.cut(cut)
    assert check(database_url, sealed).findings == []
    await tamper(engine, "DELETE FROM audit WHERE at < '2026-03-02 02:00+00'")
    assert {"gap", "hour"} <= kinds(check(database_url, sealed))
