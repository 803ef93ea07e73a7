"""The tables: golden frames written from the standard, and laws that hold for every message in them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.fix import Systems
from services.errors import InvalidError
from services.ingest import jt808
from services.ingest.jt808 import build, extras, fields, framing, messages
from services.ingest.jt808.framing import Frame, Version
from services.ingest.jt808.kinds import RefusedError, read_utc_time, write_utc_time
from services.ingest.jt808.messages import areas, control, media, position, session, texts
from services.ingest.jt808.plain import plain
from tests.builders import jt808 as arbitrary

NOON = datetime(2026, 5, 1, 4, 0, 0, tzinfo=UTC)  # 12:00:00 in Beijing
ZHUZHOU = position.LocationReport(
    alarm=1,
    status=0x000C0003,
    lat_deg=27.8275,
    lon_deg=113.134,
    altitude_m=62,
    speed_mps=10.0,
    heading_deg=359,
    at=NOON,
    extras={0x01: b"\0\0\x04\xd2", 0x31: b"\x0c"},
)
ZHUZHOU_HEX = (
    "00000001 000c0003 01a89d2c 06be49b0 003e 0168 0167 260501120000 0104000004d2 31010c"  # the table of 8.18, by hand
)


def body(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("message", "version", "raw"),
    [
        (session.TerminalReply(5, 0x8103, 1), Version.V2011, "0005 8103 01"),
        (session.Unregister(), Version.V2019, ""),
        (
            session.Register2011(43, 200, "TSHU", "TS-1", "A1", 1, "湘B12345"),
            Version.V2011,
            "002b 00c8 5453485500 54532d3100000000 41310000000000 01 cfe6423132333435",
        ),
        (
            session.Register(43, 200, "TSHU", "TS-1", "A1", 2, "湘B12345"),
            Version.V2013,
            "002b 00c8 5453485500 54532d31" + "00" * 16 + "41310000000000 02 cfe6423132333435",
        ),
        (
            session.Register2019(43, 200, "TSHU", "TS-1", "A1", 1, "湘B12345"),
            Version.V2019,
            "002b 00c8 54534855" + "00" * 7 + "54532d31" + "00" * 26 + "4131" + "00" * 28 + "01 cfe6423132333435",
        ),
        (session.Authenticate("k3y"), Version.V2013, "6b3379"),
        (
            session.Authenticate2019("k3y", "860000000000001", "v1"),
            Version.V2019,
            "03 6b3379 383630303030303030303030303031 7631" + "00" * 18,
        ),
        (ZHUZHOU, Version.V2013, ZHUZHOU_HEX),
        (session.PlatformReply(7, 0x0200, 4), Version.V2013, "0007 0200 04"),
        (session.RegisterReply(7, 0, "k3y"), Version.V2019, "0007 00 6b3379"),
        (session.RegisterReply(7, 3), Version.V2013, "0007 03"),
        (
            control.SetParameters((control.Parameter(0x29, b"\0\0\0\x0a"), control.Parameter(0x13, b"a.b"))),
            Version.V2013,
            "02 00000029 04 0000000a 00000013 03 612e62",
        ),
        (
            control.SetParameters2011(2, 1, (control.Parameter(0x29, b"\0\0\0\x0a"),)),
            Version.V2011,
            "02 01 00000029 04 0000000a",
        ),
        (texts.Text(0b1101, "注意"), Version.V2011, "0d d7a2d2e2"),
        (texts.Text2019(1, 2, "注意"), Version.V2019, "01 02 d7a2d2e2"),
        (position.QueryPosition(), Version.V2013, ""),
        (session.Resend(7, (2, 5)), Version.V2013, "0007 02 0002 0005"),
        (session.Resend2019(7, (2, 5)), Version.V2019, "0007 0002 0002 0005"),
        (session.ServerTime(NOON), Version.V2019, "260501040000"),
        (position.PositionReply(9, ZHUZHOU), Version.V2013, "0009" + ZHUZHOU_HEX),
        (position.Track(5, 600), Version.V2013, "0005 00000258"),
        (position.Track(0), Version.V2013, "0000"),
        (position.ConfirmAlarm(7, 0b1001), Version.V2019, "0007 00000009"),
        (
            control.Attributes(1, "TSHU", "TS-1", "A1", "89860000000000000001", "h", "f1", 3, 255),
            Version.V2013,
            "0001 5453485500 54532d31" + "00" * 16 + "41310000000000 89860000000000000001 0168 026631 03 ff",
        ),
        (control.ControlVehicle2019((control.VehicleSwitch(1, 1),)), Version.V2019, "0001 0001 01"),
        (
            areas.SetCircles(0, (areas.Circle(7, 2, 27.8, 113.1, 500, None, None, 60 / 3.6, 10),)),
            Version.V2013,
            "00 01 00000007 0002 01a831c0 06bdc4e0 000001f4 003c 0a",
        ),
        (
            areas.SetPolygon2019(
                7, 0b1000001, "000000080000", "000000200000", None, None, ((113.1, -27.8),), None, "江"
            ),
            Version.V2019,
            "00000007 0041 000000080000 000000200000 0001 01a831c0 06bdc4e0 0002 bdad",
        ),
        (areas.DeleteCircles(()), Version.V2013, "00"),
        (media.DriverCard(2, NOON), Version.V2013, "02 260501120000"),
        (media.DriverCard(1, NOON, media.CardRead(3)), Version.V2019, "01 260501120000 03"),
        (media.MediaReply(7), Version.V2013, "00000007"),
        (media.MediaReply(7, (2,)), Version.V2013, "00000007 01 0002"),
        (media.Shoot(1, 3, 10, 0, 1, 5, 128, 64, 64, 128), Version.V2013, "01 0003 000a 00 01 05 80 40 40 80"),
        (media.MediaData2011(7, 0, 0, 1, 2, 3, 1, b"\xff"), Version.V2011, "00000007 00 00 01 02 00000003 00000001 ff"),
        (media.PassDown(1, b"\xff"), Version.V2013, "01 ff"),
    ],
)
def test_a_body_written_by_hand_from_the_standard_reads_and_writes(message, version, raw):
    frame = messages.encode(message, phone="13912345678", serial=1, version=version)
    assert frame.body == body(raw)
    assert messages.decode(frame, version) == message


def test_a_batch_holds_whole_bodies_behind_their_lengths():
    batch = build.batch([ZHUZHOU, ZHUZHOU], catch_up=True)
    raw = body("0002 01" + 2 * ("0025" + ZHUZHOU_HEX))
    assert fields.write(batch) == raw
    assert fields.read(position.BatchReport, raw) == batch


@pytest.mark.parametrize("row", messages.TABLE, ids=lambda row: f"{row[0]:04x}-{row[2].__name__}")
@settings(max_examples=25)
@given(data=st.data(), phone=arbitrary.phones, serial=arbitrary.u16)
def test_every_message_in_every_edition_survives_the_wire(row, data, phone, serial):
    message, version = data.draw(arbitrary.message(row[2])), data.draw(st.sampled_from(row[1]))
    raw = jt808.frame(message, phone=phone, serial=serial, version=version)
    frame, got = jt808.read(raw[1:-1], version)
    assert got == message
    assert messages.version_of(frame, version) is version
    assert (framing.identity(frame.phone), frame.serial) == (framing.identity(phone), serial)


@given(st.sampled_from(messages.TABLE), st.binary(max_size=150))
def test_any_body_is_refused_or_means_something_that_can_be_written_again(row, raw):
    form = row[2]
    try:
        message = fields.read(form, raw)
    except RefusedError as error:
        assert error.reason == "body"  # noqa: PT017
    else:
        assert fields.read(form, fields.write(message)) == message


@given(st.sampled_from(messages.TABLE).flatmap(lambda row: arbitrary.message(row[2])), st.integers(0, 200))
def test_a_body_that_was_cut_never_raises_anything_but_a_refusal(message, keep):
    raw = fields.write(message)
    try:
        fields.read(type(message), raw[:keep])
    except RefusedError as error:
        assert error.reason == "body"  # noqa: PT017


@pytest.mark.parametrize(
    ("status", "lat", "lon", "place"),
    [
        (0b0000, 27_000_000, 113_000_000, (113.0, 27.0)),
        (0b0100, 27_000_000, 113_000_000, (113.0, -27.0)),
        (0b1000, 27_000_000, 113_000_000, (-113.0, 27.0)),
        (0b1100, -27_000_000, -113_000_000, (-113.0, -27.0)),
        (0b0000, -27_000_000, 113_000_000, (113.0, -27.0)),
    ],
)
def test_south_and_west_come_from_the_status_word_or_from_twos_complement(status, lat, lon, place):
    raw = body(ZHUZHOU_HEX)
    raw = (
        raw[:4] + status.to_bytes(4, "big") + lat.to_bytes(4, "big", signed=True) + lon.to_bytes(4, "big", signed=True)
    )
    report = fields.read(position.LocationReport, raw + body(ZHUZHOU_HEX)[16:])
    assert (report.lon_deg, report.lat_deg) == place


def test_satellite_systems_and_positioning_come_from_the_status_word():
    assert ZHUZHOU.positioned
    assert ZHUZHOU.systems == Systems.GPS | Systems.BEIDOU


def test_an_item_that_overruns_the_body_does_not_cost_the_position():
    raw = body(ZHUZHOU_HEX + "eb20ff")
    report = fields.read(position.LocationReport, raw)
    assert (report.extras, report.tail) == (ZHUZHOU.extras, b"\xeb\x20\xff")
    assert fields.write(report) == raw


@pytest.mark.parametrize("when", ["000000000000", "261301120000", "260501126000", "26050112000a"])
def test_a_time_that_is_no_time_is_refused(when):
    raw = body(ZHUZHOU_HEX)
    with pytest.raises(RefusedError, match=f"{when} is no time"):
        fields.read(position.LocationReport, raw[:22] + bytes.fromhex(when) + raw[28:])


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        (position.LocationReport, ZHUZHOU_HEX[:59]),
        (session.TerminalReply, "0005 8103"),
        (session.TerminalReply, "0005 8103 01 00"),
        (session.Authenticate2019, "20 6b3379"),
        (control.SetParameters, "02 00000029 04 0000000a"),
        (control.SetParameters, "01 00000029 09 0000000a"),
        (position.BatchReport, "0002 01 0003 010203"),
        (session.Authenticate, "ff"),
        (areas.SetPolygon, "00000007 0000 0002 01a831c0 06bdc4e0"),
        (areas.Areas, "05 00000001 00"),
        (areas.Areas, "01 ffffffff 00"),
        (media.MediaData, "00000007 00 00 01 02 00"),
    ],
)
def test_a_body_that_lies_about_its_lengths_is_refused(form, raw):
    with pytest.raises(RefusedError) as caught:
        fields.read(form, body(raw))
    assert caught.value.reason == "body"


def test_a_registration_of_2011_with_a_long_plate_is_told_by_its_plate_colour():
    message = session.Register2011(43, 200, "TSHU", "TS-1", "A1", 1, "LSVAU2180N2183294")
    frame = messages.encode(message, phone="1", serial=0, version=Version.V2011)
    assert len(frame.body) > 37
    assert messages.version_of(frame) is Version.V2011
    assert messages.decode(frame) == message


def test_a_vehicle_without_plate_registers_with_its_identification_number():
    message = session.Register(43, 200, "TSHU", "TS-1", "A1", 0, "LSVAU2180N2183294")
    frame = messages.encode(message, phone="1", serial=0)
    assert messages.version_of(frame) is Version.V2013
    assert messages.decode(frame) == message


def test_a_message_outside_of_the_table_and_a_lone_packet_are_unsupported():
    with pytest.raises(RefusedError, match="0x0f00 is not known") as unknown:
        messages.decode(Frame(0x0F00, Version.V2013, "1", 0, b""))
    with pytest.raises(RefusedError, match="packet 2 of 3") as packet:
        messages.decode(Frame(0x0200, Version.V2013, "1", 0, b"", (3, 2)))
    assert unknown.value.reason == packet.value.reason == "unsupported"


@pytest.mark.parametrize(
    ("message", "version"),
    [
        (texts.Text2019(1, 1, "a"), Version.V2013),
        (build.batch([]), Version.V2011),
        (texts.Text(256, "a"), Version.V2013),
        (texts.Text(1, "\N{GRINNING FACE}"), Version.V2013),
        (session.RegisterReply(1, 0), Version.V2013),
        (session.RegisterReply(1, 1, "k3y"), Version.V2013),
        (session.Register(1, 1, "too long", "", "", 1, ""), Version.V2013),
        (control.SetParameters((control.Parameter(1, b"\0" * 256),)), Version.V2013),
        (control.SetParameters2011(1, 1, ()), Version.V2011),
        (build.position(NOON, float("nan"), 0), Version.V2013),
        (build.position(NOON.replace(year=2101), 0, 0), Version.V2013),
        (build.position(NOON, 0, 0, extras=[(256, b"")]), Version.V2013),
        (session.TerminalReply(None, 1, 1), Version.V2013),
        (areas.Areas(2, (areas.Circle2019(1, 0, 0, 0, 1),)), Version.V2019),
        (media.MediaData(1, 0, 0, 0, 0, ZHUZHOU, b""), Version.V2013),
    ],
)
def test_what_the_standard_can_not_say_is_not_sent(message, version):
    with pytest.raises(InvalidError):
        jt808.frame(message, phone="1", serial=0, version=version)


def test_server_time_is_the_one_clock_that_shows_utc():
    assert write_utc_time(NOON) == bytes.fromhex("260501040000")
    assert read_utc_time(bytes.fromhex("260501040000")) == NOON


def test_additional_items_have_names_and_units():
    items = {
        0x01: body("00000010"),
        0x02: body("0016"),
        0x03: body("0168"),
        0x06: body("8005"),
        0x11: body("00"),
        0x12: body("0100000007 01"),
        0x13: body("00000007 003c 00"),
        0x31: body("0c"),
        0x30: body("0c0c"),
        0xE1: body("ff"),
    }
    assert extras.named(items) == {
        "odometer_m": 1600,
        "fuel_l": 2.2,
        "recorder_speed_mps": 10.0,
        "cabin_temperature_c": -5,
        "overspeed_area": extras.OverspeedArea(0),
        "area_passage": extras.AreaPassage(1, 7, 1),
        "segment_time": extras.SegmentTime(7, 60, 0),
        "satellites": 12,
    }


def test_a_position_is_shown_in_si_units_and_utc():
    shown = plain(ZHUZHOU)
    assert shown == {
        "lon_deg": 113.134,
        "lat_deg": 27.8275,
        "altitude_m": 62,
        "speed_mps": 10.0,
        "heading_deg": 359,
        "at": "2026-05-01T04:00:00Z",
        "alarm": 1,
        "status": 0x000C0003,
        "positioned": True,
        "systems": ["GPS", "BEIDOU"],
        "extras": {"0x01": "000004d2", "0x31": "0c"},
        "named": {"odometer_m": 123_400, "satellites": 12},
    }


def test_a_bad_report_in_a_batch_is_shown_beside_the_good_ones():
    shown = plain(position.BatchReport(2, 0, (body(ZHUZHOU_HEX), b"\x01")))
    assert [item.get("error") for item in shown["items"]] == [None, "body"]
