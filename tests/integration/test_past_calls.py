"""Calls of another system: they come in closed, counted in reports, marked in their logs, and never live."""

import csv
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api import ground
from services import access, live
from services.db.engine import reading, writing
from services.db.tables.audit import AuditEntry
from services.db.tables.calls import Call
from services.dispatch import calls, history, response
from services.errors import InvalidError, NotAllowedError
from services.ingest.calls import Options
from services.settings import Settings
from tests.builders.carriage import make_unit

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOW = Options("cgcs2000", timezone(timedelta(hours=8)))
HEADER = "警情编号,类别,接警时间,经度,纬度,出警单位,出动时间,到场时间,办结时间,报警人"
REACHED = "A1,盗窃,2026-11-01 08:00:00,113.15,27.83,芦淞-巡-01,2026-11-01 08:01:00,2026-11-01 08:04:00,,示例甲"
PLACELESS = "A2,fire,2026-11-01 09:00:00,,,,,,2026-11-01 09:30,示例乙"
Mandates = Callable[..., Awaitable[access.Mandate]]
Import = Callable[..., Awaitable[history.Told]]


@pytest.fixture
async def run(engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path) -> Import:
    admin = await mandate("system_admin")
    async with writing(engine) as db:
        await make_unit(db, "芦淞-巡-01")

    async def run(*rows: str, header: str = HEADER, how: Options = HOW) -> history.Told:
        path = tmp_path / "calls.csv"
        path.write_text("\n".join((header, *rows, "")), encoding="gb18030")
        return await history.import_calls(
            admin, engine, settings, ground.load(), path, how=how, now=NOW, rejects=tmp_path / "rejects.csv"
        )

    return run


async def test_a_call_comes_in_closed_and_its_log_says_from_where(
    engine: AsyncEngine, mandate: Mandates, run: Import
) -> None:
    told = await run(REACHED, PLACELESS)
    assert (told.stored, told.repeated, told.rejected) == (2, 0, 0)
    desk = await mandate("dispatcher")
    async with reading(engine) as db:
        assert await live.view_calls(db, Call.state != "closed") == []
        later, first = (await calls.list_calls(desk, db)).items
        record = await calls.read_call(desk, db, first.id)
    assert (first.kind, first.priority, first.division, first.outside) == ("theft", 3, "430203", False)
    assert first.taken_at == datetime(2026, 11, 1, tzinfo=UTC)
    (one,) = first.assignments
    assert one.state == "clear"
    assert later.lon_deg is None
    (event,) = record.events
    assert (event.what, event.account_id, event.at) == ("imported", None, NOW)
    assert event.detail == {"file": "calls.csv", "number": "A1", "line": 2}


async def test_reports_count_it_with_its_own_times(
    engine: AsyncEngine, settings: Settings, mandate: Mandates, run: Import
) -> None:
    await run(REACHED, PLACELESS)
    desk, start = await mandate("dispatcher"), datetime(2026, 10, 31, tzinfo=UTC)
    async with reading(engine) as db:
        report = await response.report_response(
            desk, db, settings, start=start, end=start + timedelta(days=7), by=response.By.KIND
        )
    assert [(row.key, row.calls, row.p50_s) for row in report.rows] == [("fire", 1, None), ("theft", 1, 240.0)]
    assert sum(column.count for column in report.set_out) == 1


async def test_a_number_that_was_imported_before_adds_nothing(engine: AsyncEngine, run: Import) -> None:
    await run(REACHED)
    told = await run(REACHED, PLACELESS, PLACELESS)
    assert (told.stored, told.repeated) == (1, 2)
    async with reading(engine) as db:
        assert len((await db.execute(select(Call.id))).all()) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("B1,nix,2026-11-01 08:00:00,,,,,,,", "neither a code nor a name"),
        ("B2,theft,2026-11-01 08:00:00,113.15,27.83,nobody,,2026-11-01 08:04:00,,", "no unit 'nobody'"),
        ("B3,theft,2026-11-01 08:00:00,,,,,2026-11-01 08:04:00,,", "name its call sign"),
        ("B4,theft,2026-11-01 08:00:00,,,芦淞-巡-01,,1900-01-01 00:00:00,,", "is before taken_at"),
        ("B5,theft,2026-11-01 08:00:00,,,芦淞-巡-01,2026-11-01 08:05:00,2026-11-01 08:04:00,,", "before en_route_at"),
        ("B6,theft,2026-11-01 08:00:00,,,,,,2026-11-30 08:00:00,", "in the future"),
        ("B7,theft,never,,,,,,,", "is no time"),
        ("B8,theft,2026-11-01 08:00:00,113,127,,,,,", "lies outside"),
        (",theft,2026-11-01 08:00:00,,,,,,,", "has no number"),
        ("B9,theft", "2 values under 10 column names"),
    ],
)
async def test_a_bad_row_goes_to_the_reject_file_with_its_reason_and_no_column_that_is_not_read(
    run: Import, tmp_path: Path, row: str, reason: str
) -> None:
    told = await run(row, PLACELESS)
    assert (told.stored, told.rejected) == (1, 1)
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        (bad,) = csv.DictReader(file)
    assert bad["line"] == "2"
    assert reason in bad["reason"]
    assert "报警人" not in bad


async def test_a_file_without_a_needed_column_or_of_an_unknown_system_is_refused(run: Import) -> None:
    with pytest.raises(InvalidError, match="taken_at"):
        await run("1,theft", header="number,kind")
    with pytest.raises(InvalidError, match="mars"):
        await run(REACHED, how=Options("mars", UTC))


async def test_the_import_is_audited_and_for_the_system_administrator_alone(
    engine: AsyncEngine, settings: Settings, mandate: Mandates, run: Import, tmp_path: Path
) -> None:
    await run(PLACELESS)
    async with reading(engine) as db:
        targets = select(AuditEntry.target).where(AuditEntry.act == "import_calls")
        assert (await db.execute(targets)).scalars().all() == ["calls.csv"]
    with pytest.raises(NotAllowedError):
        await history.import_calls(
            await mandate("dispatcher"), engine, settings, ground.load(), tmp_path / "calls.csv",
            how=HOW, now=NOW, rejects=tmp_path / "rejects.csv",
        )  # fmt: skip
