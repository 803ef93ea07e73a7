"""NMEA logs, KML, KMZ and sets of files: each of its kind, none of them able to fill the memory."""

import gzip
import io
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.fix import Quality, Systems
from services.ingest import files, rows
from services.ingest.rows import delimited, markup, zipped
from tests.builders import sentences as make

CSV = b"device_id,ts,lon,lat\na,2026-06-01T12:00:00Z,113.134,27.8275\n"
TRACK = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><Folder>
<Placemark><name>B-17</name><gx:Track><altitudeMode>absolute</altitudeMode>
<when>2026-06-01T12:00:00Z</when><when>2026-06-01T12:00:10Z</when><when>2026-06-01T12:00:20Z</when>
<gx:coord>113.134 27.8275 61.5</gx:coord><gx:coord>113.135 27.8275 61.0</gx:coord>
<gx:coord>113.136 27.8275 60</gx:coord>
</gx:Track></Placemark>
<Placemark><name>B-18</name><TimeStamp><when>2026-06-01T20:00:00+08:00</when></TimeStamp>
<Point><coordinates> 113.2,27.9,99 </coordinates></Point></Placemark>
<Placemark><name>line</name><LineString><coordinates>113,27 114,28</coordinates></LineString></Placemark>
<Placemark><name>timeless</name><Point><coordinates>113,27</coordinates></Point></Placemark>
</Folder></Document></kml>"""


def read(path: Path, member: str = "", **options: object) -> tuple[list[files.Position], list[files.Rejected]]:
    with files.opened(path, files.Options("wgs84", **options), member=member) as opened:  # type: ignore[arg-type]
        chunks = list(opened.chunks)
    return [row for chunk in chunks for row in chunk.positions], [row for chunk in chunks for row in chunk.rejected]


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def pack(folder: Path, name: str, **members: bytes) -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member.replace("__", "."), content)
    return folder / name


# -- logs


def test_a_log_gives_a_position_for_every_moment(tmp_path: Path) -> None:
    path = write(tmp_path, "car.nmea", b"".join(make.stream(20)))
    positions, rejected = read(path, object_id="B-17")
    assert ([position.at for position in positions], rejected) == (
        [make.START + timedelta(seconds=number) for number in range(20)], [],
    )  # fmt: skip
    assert {position.object_id for position in positions} == {"B-17"}
    assert {position.systems for position in positions} == {Systems.BEIDOU}
    assert positions[0].line == 3, "the line of the last of its sentences"


def test_a_log_is_known_by_its_own_name_if_nobody_names_it(tmp_path: Path) -> None:
    ((position,), _) = read(write(tmp_path, "B-17.nmea.gz", gzip.compress(make.rmc(make.START))))
    assert position.object_id == "B-17"


def test_a_log_without_dates_needs_the_day(tmp_path: Path) -> None:
    path = write(tmp_path, "car.log", make.gga(make.START) + make.gga(make.START + timedelta(seconds=15)))
    positions, rejected = read(path)
    assert (positions, len(rejected)) == ([], 2)
    assert "date" in rejected[0].reason
    positions, rejected = read(path, day=date(2020, 2, 28))
    assert [position.at.date() for position in positions] == [date(2020, 2, 28), date(2020, 2, 29)]


def test_a_damaged_sentence_of_a_log_is_rejected_with_its_line_and_the_doubtful_ones_flagged(tmp_path: Path) -> None:
    log = make.rmc(make.START) + b"$GNGGA,nonsense*00\r\n" + make.gga(make.START, quality=6)
    positions, rejected = read(write(tmp_path, "car.nmea", log))
    assert [(row.line, row.reason.partition(":")[0]) for row in rejected] == [(2, "checksum")]
    assert [(position.flags, position.status) for position in positions] == [(Quality.ESTIMATED, 6)]


# -- KML


def test_tracks_and_timed_points_of_kml_are_positions_and_the_rest_is_rejected(tmp_path: Path) -> None:
    positions, rejected = read(write(tmp_path, "tour.kml", TRACK.encode()))
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert [(position.object_id, position.at, position.lon_deg) for position in positions] == [
        ("B-17", noon, 113.134), ("B-17", noon + timedelta(seconds=10), 113.135),
        ("B-17", noon + timedelta(seconds=20), 113.136), ("B-18", noon, 113.2),
    ]  # fmt: skip
    assert [position.altitude_m for position in positions] == [61.5, 61.0, 60.0, None], (
        "clamped to the ground says none"
    )
    assert ["line" in row.reason or "TimeStamp" in row.reason for row in rejected] == [True, True]


def test_times_and_places_of_a_track_may_take_turns(tmp_path: Path) -> None:
    body = "".join(f"<when>2026-06-01T12:00:0{n}Z</when><gx:coord>113.{n} 27 0</gx:coord>" for n in range(3))
    text = (
        f'<kml xmlns:gx="x"><Placemark><gx:Track>{body}<when>2026-06-01T12:00:09Z</when></gx:Track></Placemark></kml>'
    )
    positions, rejected = read(write(tmp_path, "B-17.kml", text.encode()))
    assert [position.lon_deg for position in positions] == [113.0, 113.1, 113.2]
    assert "1 times and places too many" in rejected[0].reason
    assert positions[0].object_id == "B-17"


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = (
        b'<!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><kml><Placemark><name>&b;</name></Placemark></kml>'
    )
    with pytest.raises(rows.FileError, match="document type"):
        read(write(tmp_path, "bomb.kml", bomb))


def test_a_track_that_lists_times_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_UNPAIRED", 100)
    text = f"<kml><Placemark><Track>{'<when>2026-06-01T12:00:00Z</when>' * 200}</Track></Placemark></kml>"
    with pytest.raises(rows.FileError, match="part it"):
        read(write(tmp_path, "long.kml", text.encode()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, len(TRACK)), st.sampled_from(sorted(rows.READERS)))
def test_a_damaged_file_of_any_kind_is_read_or_refused(tmp_path: Path, noise: bytes, place: int, kind: str) -> None:
    text = TRACK.encode()
    path = write(tmp_path, "noise", text[:place] + noise + text[place:] if kind == "kml" else noise)
    with suppress(rows.FileError, files.ColumnsError):
        read(path, kind=kind, day=date(2026, 6, 1))


# -- sets


def test_column_names_that_are_no_csv_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_bytes(CSV.replace(b"ts,", b"t\rs,"))
    with pytest.raises(rows.FileError, match="is no CSV"):
        read(path)


def test_a_kmz_is_the_kml_inside(tmp_path: Path) -> None:
    path = pack(tmp_path, "tour.kmz", doc__kml=TRACK.encode(), picture__png=b"\x89PNG")
    assert rows.members(path) == ("doc.kml",)
    assert len(read(path, "doc.kml")[0]) == 4


def test_every_member_of_a_set_is_read_by_its_kind(tmp_path: Path) -> None:
    path = pack(
        tmp_path, "set.zip", a__csv=CSV, b__nmea=make.rmc(make.START), c__kml=TRACK.encode(),
        d__csv__gz=gzip.compress(CSV), e__jpg=b"", f__zip=b"",
    )  # fmt: skip
    assert rows.members(path) == ("a.csv", "b.nmea", "c.kml", "d.csv.gz")
    assert [len(read(path, member)[0]) for member in rows.members(path)] == [1, 1, 4, 1]


def test_what_operating_systems_hide_in_archives_is_left_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("__MACOSX/a.csv", ".hidden.csv", "folder/.x/a.csv", "folder/a.csv"):
            archive.writestr(name, CSV)
    assert rows.members(tmp_path / "set.zip") == ("folder/a.csv",)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = pack(tmp_path, "bomb.zip", a__csv=bytes(64 << 20))
    with pytest.raises(rows.FileError, match="more than tracks ever do"):
        rows.members(path)


def test_too_many_members_and_encrypted_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path, "set.zip", a__csv=CSV, b__csv=CSV)
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 1)
    with pytest.raises(rows.FileError, match="more than 1 files"):
        rows.members(path)
    monkeypatch.undo()
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(rows.FileError, match="encrypted"):
        rows.members(write(tmp_path, "locked.zip", bytes(data)))


def test_an_archive_that_lies_about_a_size_yields_no_more_than_it_declares(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", CSV + b"x" * 10_000_000)
    data = stream.getvalue()
    at = data.rindex(b"PK\x01\x02")
    path = write(tmp_path, "liar.zip", data[: at + 24] + len(CSV).to_bytes(4, "little") + data[at + 28 :])
    with pytest.raises(rows.FileError):
        read(path, "a.csv")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", CSV])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(rows.FileError):
        rows.members(write(tmp_path, "set.zip", content))


def test_an_archive_of_other_things_is_refused(tmp_path: Path) -> None:
    with pytest.raises(rows.FileError, match="holds no file of a kind"):
        rows.members(pack(tmp_path, "set.zip", a__jpg=b"x"))


def test_a_line_without_end_is_refused_not_held(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv.gz", gzip.compress(CSV + b"x" * (delimited.MAX_LINE + 2)))
    with pytest.raises(rows.FileError, match="Line 3 is longer"):
        read(path)


def test_rows_that_were_read_before_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", CSV + CSV.splitlines(keepends=True)[1] * 9)
    with files.opened(path, files.Options("wgs84"), skip=7) as opened:
        (chunk,) = opened.chunks
    assert ([position.line for position in chunk.positions], chunk.rows) == ([9, 10, 11], 3)
