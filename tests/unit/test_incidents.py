"""Incident files: places and times are read, persons are refused, a bad row does not stop the others."""

from datetime import UTC, datetime

import pytest

from geo import crs
from services.errors import InvalidError
from services.ingest import incidents
from services.ingest.incidents import Origin

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "id,kind,at,lon_deg,lat_deg,detection_origin\n"
GOOD = "a1,theft,2026-05-01T08:00:00+08:00,113.1,27.8,citizen\n"


def test_a_row_becomes_a_place_a_time_and_an_origin():
    found = incidents.read_incidents(HEADER + GOOD, epsg=4490, now=NOW)
    assert found.rejected == ()
    assert found.rows == (
        incidents.Incident("a1", "theft", datetime(2026, 5, 1, tzinfo=UTC), 113.1, 27.8, Origin.CITIZEN),
    )


def test_chinese_headers_and_origins_are_understood():
    text = "编号,类别,发生时间,经度,纬度,发现来源\n1,盗窃,2026/05/01 08:00:00,113.1,27.8,巡逻发现\n"
    (row,) = incidents.read_incidents(text, epsg=4490, now=NOW).rows
    assert (row.kind, row.at, row.detection_origin) == ("盗窃", datetime(2026, 5, 1, tzinfo=UTC), Origin.PATROL)


def test_a_time_without_a_zone_is_beijing_time():
    (row,) = incidents.read_incidents(HEADER + GOOD.replace("+08:00", ""), epsg=4490, now=NOW).rows
    assert row.at == datetime(2026, 5, 1, tzinfo=UTC)


def test_projected_coordinates_come_out_as_degrees():
    x_m, y_m = crs.project_points(113.1, 27.8, 4547)
    text = HEADER + GOOD.replace("113.1,27.8", f"{x_m},{y_m}")
    (row,) = incidents.read_incidents(text, epsg="EPSG:4547", now=NOW).rows
    assert (row.lon_deg, row.lat_deg) == pytest.approx((113.1, 27.8), abs=1e-9)


@pytest.mark.parametrize(
    "column",
    [
        *("name", "姓名", "身份证", "身份证号", "phone", "电话", "联系电话", "victim_name", "victimName", "ID Card"),
        *("手机号码", "Age", "id_number", "报警人", "suspect", "IMEI", "plate"),
    ],
)
def test_a_column_about_a_person_is_refused_by_name(column):
    text = f"{HEADER.strip()},{column}\n{GOOD.strip()},x\n"
    with pytest.raises(incidents.PersonalDataError, match=column):
        incidents.read_incidents(text, epsg=4490, now=NOW)


@pytest.mark.parametrize("column", ["enterprise_name", "park_name", "notes", "stage", "package", "platform", "image"])
def test_a_column_about_a_thing_is_left_unread(column):
    text = f"{HEADER.strip()},{column}\n{GOOD.strip()},x\n"
    assert len(incidents.read_incidents(text, epsg=4490, now=NOW).rows) == 1


def test_a_file_without_the_origin_of_detection_is_refused():
    text = "id,kind,at,lon_deg,lat_deg\n1,theft,2026-05-01,113.1,27.8\n"
    with pytest.raises(incidents.ColumnError, match="missing: detection_origin"):
        incidents.read_incidents(text, epsg=4490, now=NOW)


@pytest.mark.parametrize(
    ("changed", "to", "reason"),
    [
        ("citizen", "rumour", "detection_origin is rumour"),
        ("citizen", "", "detection_origin is empty"),
        ("113.1", "east", "lon_deg is no number: east"),
        ("113.1", "inf", "lon_deg is no number: inf"),
        ("113.1,27.8", "0,0", "0/0 is no position"),
        ("113.1", "213.1", "lies outside of EPSG:4490"),
        ("2026-05-01T08:00:00+08:00", "yesterday", "at is no ISO 8601 time: yesterday"),
        ("2026-05-01T08:00:00+08:00", "2026-06-02T00:00:00+08:00", "at lies in the future"),
        ("theft", "", "kind is empty"),
        ("a1", "430202199001011234", "id holds what looks like an identity card number"),
        ("theft", "theft,extra", "more or fewer fields"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_reason_and_the_others_stay(changed, to, reason):
    found = incidents.read_incidents(HEADER + GOOD + GOOD.replace(changed, to) + GOOD, epsg=4490, now=NOW)
    assert len(found.rows) == 2
    (bad,) = found.rejected
    assert bad.line == 3
    assert reason in bad.reason


def test_a_quoted_line_break_does_not_shift_the_line_of_a_later_error():
    text = HEADER.strip() + ",notes\n" + GOOD.strip() + ',"two\nlines"\n' + GOOD.replace("113.1", "x").strip() + ",n\n"
    assert [row.line for row in incidents.read_incidents(text, epsg=4490, now=NOW).rejected] == [4]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_from_chinese_office_software_is_decoded(encoding):
    assert incidents.decode("编号,类别\n".encode(encoding)) == "编号,类别\n"


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(InvalidError, match="neither UTF-8 nor GB 18030"):
        incidents.decode(b"\x89PNG\xff\xff\xff")


def test_an_unknown_reference_system_is_refused():
    with pytest.raises(InvalidError, match="EPSG:99999"):
        incidents.read_incidents(HEADER + GOOD, epsg=99999, now=NOW)


def test_an_empty_file_lacks_every_column():
    with pytest.raises(incidents.ColumnError, match="missing: id, kind"):
        incidents.read_incidents("", epsg=4490, now=NOW)
