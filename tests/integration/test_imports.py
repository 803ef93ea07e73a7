import csv
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from api import cli
from geo import gcj02, track
from geo.fix import Quality, Source, Systems
from services import access, fleet, imports, tracks
from services.db.engine import reading, writing
from services.db.tables.fleet import Device, Unit
from services.db.tables.tracks import Fix
from services.errors import InvalidError, NotAllowedError
from services.ingest import files
from services.settings import Settings
from tests.builders import sentences as make
from tests.builders.carriage import carry, make_unit

NOW = datetime(2026, 6, 2, tzinfo=UTC)
Mandates = Callable[..., Awaitable[access.Mandate]]
Import = Callable[..., Awaitable[imports.Imported]]


@pytest.fixture
async def run(engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path) -> Import:
    admin = await mandate("system_admin")

    async def run(path: Path, crs: str = "wgs84", *, create_devices: bool = True, **options: str) -> imports.Imported:
        how = files.Options(crs, object_id=options.get("object_id"))
        rejects = tmp_path / "rejects.csv"
        return await imports.import_tracks(
            admin, engine, settings, path, how, now=NOW, rejects=rejects, create_devices=create_devices
        )

    return run


def write(folder: Path, *rows: str) -> Path:
    path = folder / "tracks.csv"
    path.write_text("device_id,ts,lon,lat\n" + "\n".join(rows) + "\n")
    return path


def rejected(folder: Path) -> list[dict[str, str]]:
    with (folder / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def count(engine: AsyncEngine, table: type[Fix | Unit | Device]) -> int:
    async with reading(engine) as db:
        return (await db.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_real_drive_is_imported_and_can_be_replayed(
    engine: AsyncEngine, mandate: Mandates, run: Import, shared_data: Path
) -> None:
    told = await run(shared_data / "tracks" / "wuhan_vehicle.csv")
    assert (told.stored, told.rejected, told.created, told.done) == (3066, 0, ["wuhan_kfgins"], 1.0)
    desk = await mandate("dispatcher")
    async with reading(engine) as db:
        (unit,) = await fleet.list_units(desk, db, after_id=0, limit=10)
        day = datetime(2021, 1, 8, tzinfo=UTC), datetime(2021, 1, 9, tzinfo=UTC)
        (fixes,) = await tracks.read(desk, db, start=day[0], end=day[1], unit_id=unit.id)
    assert (unit.call_sign, unit.state) == ("wuhan_kfgins", "off_duty")
    assert len(fixes) == 3066
    assert (fixes[0].lon_deg, fixes[0].lat_deg) == pytest.approx((114.4718544, 30.4446875), abs=1e-9)
    assert fixes[0].altitude_m == pytest.approx(21.095, abs=1e-3)
    assert {fix.source for fix in fixes} == {Source.FILE}
    assert len(track.gaps(track.Track.of(fixes), longer_than_s=40)) == 3


async def test_beidou_positions_of_a_street_canyon_are_imported(
    engine: AsyncEngine, run: Import, shared_data: Path
) -> None:
    told = await run(shared_data / "tracks" / "hk_urban_canyon.csv")
    assert (told.stored, told.rejected, told.flagged) == (468, 0, 0)
    assert sorted(told.created) == ["hk_tst_2019_BDS", "hk_tst_2019_GPS"]
    assert await count(engine, Fix) == 468


async def test_importing_again_adds_nothing(engine: AsyncEngine, run: Import, shared_data: Path) -> None:
    path = shared_data / "tracks" / "hk_urban_canyon.csv"
    await run(path)
    again = await run(path)
    assert (again.stored, again.repeated, again.created) == (0, 468, [])
    assert await count(engine, Fix) == 468
    assert await count(engine, Unit) == 2


async def test_bad_rows_go_to_the_reject_file_and_good_ones_are_kept(
    engine: AsyncEngine, run: Import, tmp_path: Path
) -> None:
    good = "B-1,2026-06-01T12:00:00Z,113.134,27.8275"
    told = await run(write(tmp_path, good, "B-1,never,113,27", "B-1,2026-06-01T12:00:10Z,113,127", good))
    assert (told.stored, told.repeated, told.rejected) == (1, 1, 2)
    rows = rejected(tmp_path)
    assert [(row["line"], row["ts"]) for row in rows] == [("3", "never"), ("4", "2026-06-01T12:00:10Z")]
    assert "no time" in rows[0]["reason"]
    assert await count(engine, Fix) == 1


async def test_a_corrected_reject_file_can_be_imported(run: Import, tmp_path: Path) -> None:
    await run(write(tmp_path, "B-1,never,113,27"))
    mended = tmp_path / "mended.csv"
    mended.write_text((tmp_path / "rejects.csv").read_text().replace("never", "2026-06-01T12:00:00Z"))
    told = await run(mended)
    assert (told.stored, told.rejected) == (1, 0)
    assert not (tmp_path / "rejects.csv").exists(), "nothing was rejected this time"


async def test_shifted_coordinates_are_stored_unshifted(engine: AsyncEngine, run: Import, tmp_path: Path) -> None:
    lon, lat = gcj02.wgs84_to_gcj02(113.134, 27.8275)
    await run(write(tmp_path, f"B-1,2026-06-01T12:00:00Z,{lon!r},{lat!r}"), "gcj02")
    async with reading(engine) as db:
        (row,) = (await db.execute(tracks.select_fixes())).all()
    fix = tracks.as_fix(row)
    assert (fix.lon_deg, fix.lat_deg) == pytest.approx((113.134, 27.8275), abs=1e-9)


async def test_objects_are_known_by_phone_plate_or_call_sign(engine: AsyncEngine, run: Import, tmp_path: Path) -> None:
    async with writing(engine) as db:
        rows: list[dict[str, str | None]] = [
            {"phone": "13900000001", "plate": None},
            {"phone": "2", "plate": "湘B12345"},
            {"phone": "3", "plate": None},
        ]
        await db.execute(insert(Device), rows)
        await make_unit(db, "B-17", 3)
    at = "2026-06-01T12:00:00Z,113.134,27.8275"
    path = write(tmp_path, f"013900000001,{at}", f"湘B12345,{at}", f"B-17,{at}", f"stranger,{at}")
    told = await run(path, create_devices=False)
    assert (told.stored, told.rejected, told.created) == (3, 1, [])
    assert rejected(tmp_path)[0]["reason"] == "no device or unit is known as 'stranger'"
    async with reading(engine) as db:
        owners = set((await db.execute(select(Fix.device_id))).scalars())
    assert owners == {1, 2, 3}


async def test_a_call_sign_means_the_device_that_the_unit_carried_then(
    engine: AsyncEngine, run: Import, tmp_path: Path
) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    async with writing(engine) as db:
        await db.execute(insert(Device), [{"phone": "1"}, {"phone": "2"}])
        unit = await make_unit(db, "B-17")
        await carry(db, unit, 1, noon - timedelta(hours=1), noon)
        await carry(db, unit, 2, noon)
    times = ("2026-06-01T10:59:59Z", "2026-06-01T11:59:59Z", "2026-06-01T12:00:00Z")
    told = await run(write(tmp_path, *(f"B-17,{at},113.134,27.8275" for at in times)))
    assert (told.stored, told.rejected, told.created) == (2, 1, [])
    assert rejected(tmp_path)[0]["reason"] == "unit 'B-17' carried no device then"
    async with reading(engine) as db:
        assert (await db.execute(select(Fix.device_id).order_by(Fix.at))).scalars().all() == [1, 2]


async def test_no_terminal_can_register_as_an_imported_object(engine: AsyncEngine, run: Import, tmp_path: Path) -> None:
    await run(write(tmp_path, "13900000001,2026-06-01T12:00:00Z,113.134,27.8275"))
    async with writing(engine) as db:
        answer = await fleet.register_terminal(db, fleet.Identity("13900000001"))
    assert answer is fleet.Answer.UNKNOWN


async def test_doubtful_positions_are_stored_with_flags(engine: AsyncEngine, run: Import, tmp_path: Path) -> None:
    path = write(
        tmp_path, "B-1,2026-06-01T12:00:00Z,0,0", "B-1,2094-01-01T00:00:00Z,113,27", "B-1,1999-01-01T00:00:00Z,113,27"
    )
    told = await run(path)
    assert (told.stored, told.flagged) == (3, 3)
    async with reading(engine) as db:
        flags = (await db.execute(select(Fix.flags).order_by(Fix.at))).scalars().all()
    assert flags == [Quality.PAST, Quality.ZERO, Quality.FUTURE]


async def test_only_administrators_import(
    engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path
) -> None:
    path = write(tmp_path, "B-1,2026-06-01T12:00:00Z,113,27")
    with pytest.raises(NotAllowedError):
        await imports.import_tracks(
            await mandate("dispatcher"),
            engine,
            settings,
            path,
            files.Options("wgs84"),
            now=NOW,
            rejects=tmp_path / "r.csv",
        )


async def test_the_reject_file_never_overwrites_the_file(
    engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path
) -> None:
    path = write(tmp_path, "B-1,2026-06-01T12:00:00Z,113,27")
    admin = await mandate("system_admin")
    for rejects, said in ((path, "overwrite"), (tmp_path / "absent" / "r.csv", None)):
        broken = write(tmp_path, "B-1,never,113,27")
        with pytest.raises(InvalidError, match=said or "can't be written"):
            await imports.import_tracks(
                admin, engine, settings, broken, files.Options("wgs84"), now=NOW, rejects=rejects
            )
    assert path.read_text().count("\n") == 2


async def test_progress_is_told_and_ends_at_the_end(
    engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path
) -> None:
    rows = [f"B-1,2026-06-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z,113.134,27.8275" for n in range(12_000)]
    seen = list[tuple[float, int]]()
    await imports.import_tracks(
        await mandate("system_admin"), engine, settings, write(tmp_path, *rows), files.Options("wgs84"),
        now=NOW, rejects=tmp_path / "r.csv", create_devices=True,
        progress=lambda told: seen.append((told.done, told.stored)),
    )  # fmt: skip
    assert [stored for _, stored in seen] == [5000, 10_000, 12_000]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 1.0


def test_the_command_imports_reports_and_tells_by_its_exit_code(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIANSHU_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "B-1,2026-06-01 20:00:00,113.134,27.8275", "B-1,never,113,27")
    words = ["import", "tracks", str(path), "--crs", "wgs84", "--tz", "Asia/Shanghai", "--create-devices"]
    first = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert (first.exit_code, first.stdout) == (1, "1 stored, 0 known before, 1 rejected, 0 doubtful\n")
    assert "1 times had no zone and were taken as Asia/Shanghai" in first.stderr
    assert "1 new devices" in first.stderr
    assert (tmp_path / "tracks.rejects.csv").is_file()
    write(tmp_path, "B-1,2026-06-01T12:00:00Z,113.134,27.8275")
    again = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert (again.exit_code, again.stdout) == (0, "0 stored, 1 known before, 0 rejected, 0 doubtful\n")


@pytest.mark.parametrize(
    "words",
    [
        ("absent.csv", "--crs", "wgs84"),
        ("tracks.csv", "--crs", "mars"),
        ("tracks.csv", "--crs", "wgs84", "--tz", "Mars/Olympus"),
        ("tracks.csv", "--crs", "wgs84", "--lon-column", "width"),
        ("tracks.csv", "--crs", "wgs84", "--speed-unit", "mach"),
        ("tracks.csv", "--crs", "wgs84", "--format", "xlsx"),
    ],
)
def test_a_bad_call_is_refused_before_a_database_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TIANSHU_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "B-1,2026-06-01T12:00:00Z,113,27")
    with pytest.raises(InvalidError):
        CliRunner().invoke(cli.app, ["import", "tracks", *words], catch_exceptions=False)


# -- sets, logs, and going on


@pytest.fixture
def admin_import(engine: AsyncEngine, settings: Settings, mandate: Mandates, tmp_path: Path) -> Import:
    async def run(path: Path, **options: Any) -> imports.Imported:
        return await imports.import_tracks(
            await mandate("system_admin"), engine, settings, path, files.Options("wgs84"), now=NOW,
            rejects=tmp_path / "rejects.csv", create_devices=True, **options,
        )  # fmt: skip

    return run


def many(folder: Path, count: int, every_bad: int) -> Path:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    stamps = [(at + timedelta(seconds=number)).isoformat() for number in range(count)]
    places = ["nowhere" if number % every_bad == 0 else f"113.{number % 1000:03}" for number in range(count)]
    return write(folder, *(f"B-1,{stamp},{place},27.8275" for stamp, place in zip(stamps, places, strict=True)))


class Stop(Exception):  # noqa: N818
    """What kills an import in these tests."""


async def test_an_interrupted_import_goes_on_where_it_stopped(
    engine: AsyncEngine, admin_import: Import, tmp_path: Path
) -> None:
    path = many(tmp_path, 17_000, every_bad=100)

    def stop_after_two(told: imports.Imported) -> None:
        if told.stored + told.rejected >= 10_000:
            raise Stop

    with pytest.raises(Stop):
        await admin_import(path, progress=stop_after_two)
    checkpoint = tmp_path / "rejects.checkpoint"
    assert checkpoint.is_file()
    with (tmp_path / "rejects.csv").open("a") as file:
        file.write("written after the checkpoint, before the crash\n")

    seen = list[int]()
    told = await admin_import(path, resume=True, progress=lambda told: seen.append(told.stored + told.rejected))
    assert seen == [15_000, 17_000], "the first ten thousand rows are not stored again"
    assert (told.stored, told.repeated, told.rejected) == (16_830, 0, 170)
    assert [row["line"] for row in rejected(tmp_path)] == [str(2 + 100 * number) for number in range(170)]
    assert await count(engine, Fix) == 16_830
    assert not checkpoint.exists()


async def test_a_checkpoint_of_another_file_is_refused(admin_import: Import, tmp_path: Path) -> None:
    def stop(told: imports.Imported) -> None:
        raise Stop

    with pytest.raises(Stop):
        await admin_import(many(tmp_path, 100, every_bad=10), progress=stop)
    path = many(tmp_path, 200, every_bad=10)
    with pytest.raises(InvalidError, match="another file"):
        await admin_import(path, resume=True)
    (tmp_path / "rejects.checkpoint").write_text("{")
    with pytest.raises(InvalidError, match="without --resume"):
        await admin_import(path, resume=True)
    told = await admin_import(path)
    assert (told.stored, told.repeated) == (90, 90)


async def test_resuming_what_was_never_begun_is_beginning(admin_import: Import, tmp_path: Path) -> None:
    assert (await admin_import(many(tmp_path, 10, every_bad=5), resume=True)).stored == 8


async def test_a_set_is_imported_file_by_file_and_one_bad_file_does_not_stop_it(
    engine: AsyncEngine, admin_import: Import, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(many(tmp_path, 20, every_bad=10), "night/a.csv")
        archive.writestr("readme.txt", "hello")
        archive.writestr("B-2.nmea", b"".join(make.stream(5)))
    told = await admin_import(tmp_path / "set.zip")
    assert (told.stored, told.rejected, sorted(told.created)) == (23, 2, ["B-1", "B-2"])
    assert [failure.partition(":")[0] for failure in told.failed] == ["readme.txt"]
    assert (tmp_path / "rejects.night-a.csv.csv").read_text(encoding="utf-8-sig").count(",nowhere,") == 2
    async with reading(engine) as db:
        found = (await db.execute(select(Fix.systems).where(Fix.device_id == 2))).scalars().all()
    assert found == [Systems.BEIDOU] * 5


def test_the_command_imports_a_log_for_a_device_of_a_day(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIANSHU_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drive.txt").write_bytes(b"".join(make.gga(make.START + timedelta(seconds=n)) for n in range(30)))
    words = ["import", "tracks", "drive.txt", "--crs", "cgcs2000", "--format", "nmea", "--device", "B-17"]
    words += ["--create-devices", "--resume"]
    told = CliRunner().invoke(cli.app, [*words, "--date", "2026-05-01"], catch_exceptions=False)
    assert (told.exit_code, told.stdout) == (0, "30 stored, 0 known before, 0 rejected, 0 doubtful\n")
    with pytest.raises(InvalidError, match="is no day"):
        CliRunner().invoke(cli.app, [*words, "--date", "yesterday"], catch_exceptions=False)
