import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import gcj02
from services.errors import InvalidError
from services.ingest import files, rows

HEADER = "device_id,ts,lon,lat\n"
GOOD = "a,2026-06-01T12:00:00Z,113.134,27.8275\n"


def read(path: Path, crs: str = "wgs84", **options: Any) -> tuple[list[files.Position], list[files.Rejected]]:
    with files.opened(path, files.Options(crs, **options)) as opened:
        chunks = list(opened.chunks)
    return [row for chunk in chunks for row in chunk.positions], [row for chunk in chunks for row in chunk.rejected]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_row_becomes_a_position(tmp_path: Path) -> None:
    text = "车牌号,定位时间,经度,纬度,速度(km/h),方向角,高程\n湘B12345,2026-06-01 20:00:00,113.134,27.8275,36,90,61.5\n"
    ((position,), rejected) = read(write(tmp_path, "t.csv", text), tz=timezone(timedelta(hours=8)))
    assert rejected == []
    assert (position.object_id, position.at) == ("湘B12345", datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert (position.lon_deg, position.lat_deg) == (113.134, 27.8275)
    assert position.speed_mps == pytest.approx(10)
    assert (position.heading_deg, position.altitude_m) == (90, 61.5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found_out(tmp_path: Path, encoding: str, separator: str) -> None:
    text = "设备号,时间,经度,纬度\r\n湘B12345,2026年6月1日 8:05:00,113.134,27.8275\r\n".replace(",", separator)
    ((position,), rejected) = read(write(tmp_path, "t.csv", text.encode(encoding)))
    assert (position.object_id, position.at, rejected) == ("湘B12345", datetime(2026, 6, 1, 8, 5, tzinfo=UTC), [])


def test_bad_rows_are_named_by_line_and_reason_and_the_good_ones_kept(tmp_path: Path) -> None:
    bad = [
        ("a,yesterday,113,27\n", "no time"),
        ("a,2026-06-01,113,27\n", "no time"),
        ("a,2026-02-30T00:00:00Z,113,27\n", "no time"),
        ("a,2026-06-01T12:00:00Z,one hundred,27\n", "lon 'one hundred' is no number"),
        ("a,2026-06-01T12:00:00Z,nan,27\n", "no number"),
        ("a,2026-06-01T12:00:00Z,,27\n", "has no position"),
        ("a,2026-06-01T12:00:00Z,27,113\n", "right way round"),
        (",2026-06-01T12:00:00Z,113,27\n", "names no object"),
        ("a,2026-06-01T12:00:00Z,113\n", "has 3 values under 4"),
        ("a,2026-06-01T12:00:00Z,113,27,5\n", "has 5 values under 4"),
        ('a,2026-06-01T12:00:00Z,"113"x,27\n', "is no CSV"),
    ]
    text = HEADER + GOOD + "\n" + "".join(row for row, _ in bad) + GOOD
    positions, rejected = read(write(tmp_path, "t.csv", text))
    assert [position.line for position in positions] == [2, len(bad) + 4]
    assert [row.line for row in rejected] == list(range(4, len(bad) + 4))
    for row, (_, reason) in zip(rejected, bad, strict=True):
        assert reason in row.reason


def test_a_line_number_counts_the_lines_inside_quotes(tmp_path: Path) -> None:
    text = "id,ts,lon,lat,note\n" + 'a,2026-06-01T12:00:00Z,113,27,"two\nlines"\n' + "a,never,113,27,x\n"
    positions, rejected = read(write(tmp_path, "t.csv", text))
    assert (len(positions), rejected[0].line) == (1, 4)


def test_columns_are_named_by_options_before_they_are_guessed(tmp_path: Path) -> None:
    text = "who,lon,lat,lon_true,lat_true,when\nx,1,2,113.134,27.8275,2026-06-01T12:00:00Z\n"
    columns = {"object_id": "who", "at": "when", "lon": "lon_true", "lat": "lat_true"}
    ((position,), _) = read(write(tmp_path, "t.csv", text), columns=columns)
    assert (position.object_id, position.lon_deg) == ("x", 113.134)


def test_missing_columns_are_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "device,lon,north\n1,2,3\n")
    with pytest.raises(files.ColumnsError, match=r"at, lat among: device, lon, north"):
        read(path)
    with pytest.raises(files.ColumnsError, match=r"no column 'width'.*device"):
        read(path, columns={"lat": "width"})
    with pytest.raises(files.ColumnsError, match="object_id"):
        read(write(tmp_path, "u.csv", "ts,lon,lat\n"))


def test_one_object_for_all_rows(tmp_path: Path) -> None:
    ((position,), _) = read(write(tmp_path, "t.csv", HEADER + GOOD), object_id="B-17")
    assert position.object_id == "B-17"


@pytest.mark.parametrize("crs", ["gcj02", "BD09", "cgcs2000", "wgs84", "EPSG:4547", "EPSG:32649"])
def test_every_declared_system_arrives_at_the_same_place(tmp_path: Path, crs: str) -> None:
    x, y = 113.134, 27.8275
    if crs.startswith("EPSG"):
        frame = geopandas.GeoSeries([shapely.Point(x, y)], crs="EPSG:4326" if crs[5:7] == "32" else "EPSG:4490")
        x, y = frame.to_crs(crs)[0].x, frame.to_crs(crs)[0].y
    else:
        x, y = gcj02.convert(x, y, "wgs84", crs)
    ((position,), _) = read(write(tmp_path, "t.csv", HEADER + f"a,2026-06-01T12:00:00Z,{x!r},{y!r}\n"), crs)
    assert (position.lon_deg, position.lat_deg) == pytest.approx((113.134, 27.8275), abs=1e-9)


@pytest.mark.parametrize("crs", ["gps", "EPSG:999999", "EPSG:4610", ""])
def test_an_unknown_system_is_refused(tmp_path: Path, crs: str) -> None:
    with pytest.raises(InvalidError, match="wgs84, cgcs2000, gcj02, bd09"):
        read(write(tmp_path, "t.csv", HEADER + GOOD), crs)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-06-01T12:00:00Z", "2026-06-01T20:00:00+08:00", "2026-06-01 20:00:00 +0800", "2026-06-01 12:00:00"),
        *(
            "2026/6/1 12:00:00",
            "2026年6月1日 12时00分00秒",
            "20260601120000",
            "1780315200",
            "1780315200000",
            "1780315200.0",
        ),
        *("2026.06.01 12:00", "2026-06-01 12:00:00 UTC", "20260601T120000Z", "2026-06-01T12:00:00.000000"),
    ],
)
def test_times_are_read_as_they_are_written(text: str) -> None:
    at = files.read_time(text)
    assert (at if at.tzinfo else at.replace(tzinfo=UTC)) == datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "12:00:00", "2026", "260601120000", "2026-13-01 00:00:00", "9" * 30, "²", None, "-1"]
)
def test_what_is_no_time_is_refused(text: str | None) -> None:
    with pytest.raises(files.RowError, match="is no time"):
        files.read_time(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_refusal(text: str) -> None:
    with suppress(files.RowError):
        assert isinstance(files.read_time(text), datetime)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_survive_being_written(at: datetime) -> None:
    assert files.read_time(at.isoformat()) == at
    assert files.read_time(at.strftime("%Y/%m/%d %H:%M:%S.%f") + " +00:00") == at


def test_times_without_a_zone_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", HEADER + GOOD + "a,2026-06-01 12:00:00,113,27\n")
    with files.opened(path, files.Options("wgs84")) as opened:
        assert [chunk.zoneless for chunk in opened.chunks] == [1]


def test_gpx_of_two_tracks(tmp_path: Path) -> None:
    text = """<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"
    xmlns:g="http://www.garmin.com/xmlschemas/TrackPointExtension/v2"><metadata><name>not this</name></metadata>
    <trk><name>B-1</name><trkseg>
    <trkpt lat="27.8275" lon="113.134"><ele>61</ele><time>2026-06-01T12:00:00Z</time><name>nor this</name>
      <extensions><g:TrackPointExtension><g:speed>10.5</g:speed><g:course>90</g:course></g:TrackPointExtension></extensions>
    </trkpt>
    <trkpt lat="27.8276" lon="113.134"/>
    </trkseg></trk>
    <trk><trkseg><trkpt lat="27.9" lon="113.2"><time>2026-06-01T12:00:01Z</time></trkpt></trkseg></trk></gpx>"""
    (first, second), (bad,) = read(write(tmp_path, "patrol.gpx", text))
    assert (first.object_id, first.altitude_m, first.speed_mps, first.heading_deg) == ("B-1", 61, 10.5, 90)
    assert (second.object_id, second.lon_deg) == ("patrol", 113.2)
    assert (bad.line, "no time" in bad.reason) == (7, True)


def test_gpx_with_entities_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE gpx [<!ENTITY a "aaaa">]><gpx><trk><name>&a;</name></trk></gpx>'
    with pytest.raises(rows.FileError, match="document type"):
        read(write(tmp_path, "t.gpx", bomb))


def test_geojson_points_and_lines(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [113.134, 27.8275, 60]}
    line = {"type": "LineString", "coordinates": [[113, 27], [113.1, 27]]}
    times = ["2026-06-01T12:00:00Z", "2026-06-01T12:00:10Z"]
    features: list[dict[str, Any]] = [
        {"type": "Feature", "geometry": point, "properties": {"id": "a", "time": 1780315200}},
        {"type": "Feature", "geometry": line, "properties": {"id": "b", "coordTimes": times}},
        {"type": "Feature", "geometry": line, "properties": {"id": "b", "time": times[0]}},
        {"type": "Feature", "geometry": None, "properties": None},
    ]
    path = write(tmp_path, "t.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    positions, rejected = read(path, columns={"at": "time"})
    assert [(p.object_id, p.lon_deg) for p in positions] == [("a", 113.134)]
    assert positions[0].altitude_m == 60
    assert [row.line for row in rejected] == [2, 2, 3, 4], "the line's times stand in `at`, not in `time`"
    features[0]["properties"] = {"id": "a", "at": 1780315200}
    path = write(tmp_path, "t.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    positions, rejected = read(path)
    assert [(p.object_id, p.lon_deg) for p in positions] == [("a", 113.134), ("b", 113), ("b", 113.1)]
    assert [row.line for row in rejected] == [3, 4]


def test_parquet_and_geoparquet(tmp_path: Path) -> None:
    at = pd.to_datetime(["2026-06-01T12:00:00Z", "2026-06-01T12:00:10Z"], utc=True)
    frame = pd.DataFrame(
        {
            "object_id": ["a", "b"],
            "ts": at,
            "lon": [113.134, 113.2],
            "lat": [27.8275, None],
            "heading": [float("nan"), 5.0],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    (position,), (bad,) = read(tmp_path / "t.parquet")
    assert (position.lon_deg, position.at) == (113.134, datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert (bad.line, bad.reason) == (2, "has no position")
    shapes = [shapely.Point(113.134, 27.8275), shapely.LineString([(0, 0), (1, 1)])]
    geopandas.GeoDataFrame(frame[["object_id", "ts"]], geometry=shapes, crs=4490).to_parquet(tmp_path / "g.parquet")
    (position,), (bad,) = read(tmp_path / "g.parquet")
    assert (position.lat_deg, bad.reason) == (27.8275, "has no point as geometry")


def test_a_gzipped_file_is_read_and_its_progress_reaches_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv.gz", gzip.compress((HEADER + GOOD * 12_000).encode()))
    with files.opened(path, files.Options("wgs84")) as opened:
        chunks = list(opened.chunks)
    assert [len(chunk.positions) for chunk in chunks] == [5000, 5000, 2000]
    assert chunks[-1].done == pytest.approx(1)
    assert all(0 <= chunk.done <= 1 for chunk in chunks)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("t.csv", b""), ("t.xlsx", b"x"), ("t", b"x"), ("t.parquet", b"PAR1"), ("t.csv.gz", b"no gzip")),
        *(("t.gpx", b"<gpx><trk>"), ("t.gpx", b"lon,lat"), ("t.geojson", b'{"features": ['), ("t.geojson", b"[]")),
        ("t.csv.gz", gzip.compress(b"a" * 999, mtime=0)[:20]),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InvalidError):
        read(write(tmp_path, name, content))
    with pytest.raises(rows.FileError, match="No such file"):
        read(tmp_path / "absent.csv")


@given(st.binary(max_size=300))
def test_any_bytes_under_a_header_are_rows_or_rejected(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = write(tmp_path_factory.mktemp("junk"), "t.csv", HEADER.encode() + GOOD.encode() + junk)
    positions, _ = read(path)
    assert positions[0].object_id == "a"


def test_the_same_words_have_the_same_key_and_others_another(tmp_path: Path) -> None:
    moved = GOOD.replace("113.134", "113.135")
    (first, again, other), _ = read(write(tmp_path, "t.csv", HEADER + GOOD + GOOD + moved))
    assert first.key == again.key != other.key


def test_real_tracks_are_read_without_a_bad_row(shared_data: Path) -> None:
    for name, count in {
        "wuhan_vehicle": 3066,
        "hk_urban_canyon": 468,
        "liverpool_bus": 1031,
        "limerick_bus": 2144,
    }.items():
        positions, rejected = read(shared_data / "tracks" / f"{name}.csv")
        assert (len(positions), rejected) == (count, [])
