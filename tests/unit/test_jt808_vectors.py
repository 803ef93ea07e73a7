"""Frames of other implementations' tests: each gives the value stated there, or stands in a list with the reason."""

import ast
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ingest import jt808
from services.ingest.jt808 import fields, framing, messages
from services.ingest.jt808.events import Registering
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import media, position, session, texts
from services.ingest.jt808.messages.session import Registration
from services.ingest.jt808.terminal import Terminal

Vector = dict[str, Any]

MICRO = 1_000_000
HEADER_NAMES = {"messageId", "properties", "protocolVersion", "clientId", "serialNo", "verified"}
ANSWERED = "an answer is not answered; the source replies to every message"
PADDED = "two registrations pad with the digit 0 instead of the zero byte; it is kept as part of the text"
ODD = {
    ("0x8500", "2019"): "the source writes neither the count nor a list",
    ("0x8500", "2011/2013"): "the source states a second value, which is not on the wire",
    ("0x0201", "2011/2013"): "an altitude of 48,243 m: ours is signed, as the Turpan basin needs it",
    ("0x0201", "2019"): "likewise",
}


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[Vector]:
    return json.loads((shared_data / "protocols/jt808.json").read_text(encoding="utf-8"))


def known(vectors: list[Vector], *, odd: bool = False) -> list[Vector]:
    """The vectors of whole messages that the table has, with those in the list of exceptions or without."""
    ids = {f"0x{message_id:04x}" for message_id, _, _ in messages.TABLE}
    whole = [each for each in vectors if each.get("msg_id") in ids and not each["subpackage"]]
    return [each for each in whole if odd or (each["msg_id"], each["header"]) not in ODD]


def read(vector: Vector) -> tuple[framing.Frame, Any]:
    return jt808.read(bytes.fromhex(vector["hex"])[1:-1])


def leaves(message: Any) -> list[Any]:
    """The values of a message in the standard's order, in the units of the wire, times as YYMMDDhhmmss in Beijing."""
    special = SPECIAL.get(type(message))
    if special:
        return special(message)
    if dataclasses.is_dataclass(message):
        pairs = [(each.name, getattr(message, each.name)) for each in dataclasses.fields(message)]
        return [leaf for name, value in pairs for leaf in (scaled(name, value) or leaves(value))]
    if isinstance(message, tuple | bytes):
        return [leaf for item in message for leaf in leaves(item)]
    return [beijing(message) if isinstance(message, datetime) else message]


def wire(report: position.LocationReport) -> list[Any]:
    micro = [round(report.lat_deg * MICRO), round(report.lon_deg * MICRO)]
    rest = [report.altitude_m, round(report.speed_mps * 36), report.heading_deg, beijing(report.at)]
    return [report.alarm, report.status, *micro, *rest]


def batch(message: position.BatchReport) -> list[Any]:
    reports = [fields.read(position.LocationReport, item) for item in message.items]
    return [message.count, message.kind, *leaves(tuple(reports))]


SPECIAL = {
    type(None): lambda _: [],
    session.Heartbeat: lambda _: [],
    texts.Text: lambda message: [message.flags, 0, message.text],  # the sources have the type of 2019 in every edition
    position.LocationReport: wire,
    position.BatchReport: batch,
}


def beijing(at: datetime) -> str:
    return f"{at + timedelta(hours=8):%y%m%d%H%M%S}"


def scaled(name: str, value: Any) -> list[Any]:
    """Fields that are physical values here and counts on the wire."""
    if name.endswith("_deg"):
        return [round(value * MICRO)]
    if name.endswith("_mps") and value is not None:
        return [round(value * 3.6)]
    if name == "points" and isinstance(value[0], tuple):
        return [round(degrees * MICRO) for point in value for degrees in point[::-1]]
    return [value[-6:]] if name == "first_at" else []  # the source has hhmmss in the last three of the five bytes


def stated(expected: Any) -> list[Any]:
    """The values of a source's bean, in its order, which is the standard's too."""
    match expected:
        case dict():
            return [
                leaf
                for name, value in expected.items()
                if name not in HEADER_NAMES | {"attributes"}
                for leaf in (bytes.fromhex(value) if name == "packet" else stated(value))
            ]
        case list():
            return [leaf for item in expected for leaf in stated(item)]
        case str() if re.fullmatch(r"20\d\d-\d\d-\d\d[T ][\d:]{8}", expected):
            return [re.sub(r"\D", "", expected)[2:]]
    return [expected]


def parameters(expected: dict[str, Any], message: Any) -> list[tuple[int, bytes]]:
    """Stated parameters as bytes; structures of other standards are taken as they are."""
    pairs = zip(expected["parameters"].items(), message.items, strict=True)
    return [(int(key), parameter(value, item.value)) for (key, value), item in pairs]


def parameter(value: Any, raw: bytes) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(len(raw), "big")
    return value.encode("gbk") if isinstance(value, str) else raw


def spelled(raw: bytes) -> tuple[str, str, str]:
    """The ways in which a source writes down the value of a parameter."""
    listed = ", ".join(map(str, raw))
    return f"Value: {int.from_bytes(raw, 'big')}", f'Value: "{raw.decode("gbk", "replace")}"', f"{{{listed}}}"


def test_every_header_gives_its_stated_values(vectors):
    wrong = []
    for vector in vectors:
        if "msg_id" not in vector or vector["encrypt"] or not vector["checksum_ok"]:
            continue
        frame = framing.open_frame(bytes.fromhex(vector["hex"])[1:-1])
        got = (f"0x{frame.message_id:04x}", frame.phone, frame.serial, frame.part is not None)
        if got != (vector["msg_id"], vector["phone"], vector["serial"], vector["subpackage"]):
            wrong.append((vector["hex"], got))
        if frame.part and frame.part != (vector["pkg_total"], vector["pkg_no"]):
            wrong.append((vector["hex"], frame.part))
    assert wrong == []


def test_every_bean_gives_its_stated_values_and_the_same_bytes(vectors):
    compared = 0
    for vector in known(vectors):
        if "verified" not in vector["expected"]:
            continue
        frame, message = read(vector)
        if "parameters" in vector["expected"]:
            assert [(item.id, item.value) for item in message.items] == parameters(vector["expected"], message)
        else:
            assert leaves(message) == stated(vector["expected"]), vector["source"]
        again = messages.encode(message, phone=frame.phone, serial=frame.serial, version=messages.version_of(frame))
        assert framing.close_frame(again) == bytes.fromhex(vector["hex"]), vector["source"]
        compared += 1
    assert compared >= 60


def test_every_position_gives_the_values_computed_from_the_standard(vectors):
    compared = 0
    for vector in known(vectors):
        _, message = read(vector)
        if isinstance(message, position.BatchReport):
            pairs = zip(
                (fields.read(position.LocationReport, item) for item in message.items),
                vector["batch"]["items"],
                strict=True,
            )
        elif isinstance(message, position.LocationReport):
            pairs = zip([message], [vector["location"]], strict=True)
        else:
            continue
        for report, said in pairs:
            at = datetime.strptime(said["time_gmt8"], "%Y-%m-%d %H:%M:%S %z")
            assert (report.alarm, report.status) == (int(said["alarm"], 16), int(said["status"], 16))
            assert (report.lat_deg, report.lon_deg, report.altitude_m) == (said["lat"], said["lon"], said["alt_m"])
            assert report.speed_mps * 3.6 == pytest.approx(said["speed_kmh"])
            assert (report.heading_deg, report.at) == (said["course"], at)
            assert report.positioned is said["positioned"]
            assert [system.name for system in report.systems] == said["sat_systems"]
            assert {f"{key:02x}": value.hex() for key, value in report.extras.items()} == said["additional"]
            assert (report.tail == b"") is said["additional_tlv_ok"]
            compared += 1
    assert compared >= 24


def test_every_structure_gives_its_stated_values(vectors):
    compared = 0
    for vector in known(vectors):
        spelled_out = vector["msg_id"] in {"0x0104", "0x8103", "0x8300", "0x8003", "0x0801"}
        if "fields" not in vector["expected"] or spelled_out:
            continue
        _, message = read(vector)
        said = [ast.literal_eval(value) for name, value in vector["expected"]["fields"] if name != "Version"]
        assert leaves(message) == stated(said), vector["source"]
        compared += 1
    assert compared >= 7


def test_texts_and_parameters_of_structures_are_found(vectors):
    compared = 0
    for vector in known(vectors):
        if "fields" not in vector["expected"] or vector["msg_id"] not in {"0x8103", "0x8300"}:
            continue
        _, message = read(vector)
        source = vector["expected"]["go_struct"].replace('" + "', "")
        if isinstance(message, texts.Text):
            assert f'"{message.text}' in source  # the frame holds as much of it as fits
        else:
            assert [item for item in message.items if not any(way in source for way in spelled(item.value))] == []
        compared += 1
    assert compared >= 3


def test_the_registrations_of_all_editions_are_told_apart(vectors):
    said = [read(vector) for vector in known(vectors) if vector["msg_id"] == "0x0100"]
    editions = [messages.version_of(frame).value for frame, _ in said]
    assert {version: editions.count(version) for version in editions} == {"2011": 3, "2013": 4, "2019": 7}
    padded = [message for _, message in said if message.terminal_id.startswith("000000")]
    assert len(padded) == 2, PADDED


def test_our_replies_are_the_stated_ones_byte_for_byte(vectors):
    compared = 0
    for vector in vectors:
        if "reply_hex" not in vector["expected"] or vector not in known(vectors):
            continue
        terminal = Terminal()
        terminal._phone = framing.identity(vector["phone"])
        (event,) = terminal.receive(bytes.fromhex(vector["hex"]), datetime(2026, 5, 1, tzinfo=UTC))
        if event.message_id == 0x0001:
            assert terminal.reply(event) == b"", ANSWERED
            continue
        said = bytes.fromhex(vector["expected"]["reply_hex"])
        if isinstance(event, Registering):
            reply = terminal.reply_registered(event, Registration.OK, jt808.read(said[1:-1])[1].code)
        elif event.message_id == 0x0801:
            reply = terminal.send(media.MediaReply(event.body.id))
        else:
            reply = terminal.reply(event)
        assert reply == said, vector["source"]
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize(
    ("error", "reasons"),
    [
        ("protocol.ErrUnqualifiedData", {"header", "escape"}),
        ("protocol.ErrCheckCode", {"checksum"}),
        ("protocol.ErrHeaderLength2Short", {"header"}),
    ],
)
def test_what_the_sources_refuse_is_refused_with_the_reason(vectors, error, reasons):
    negatives = [vector for vector in vectors if vector["expected"].get("error") == error]
    assert negatives
    for vector in negatives:
        with pytest.raises(RefusedError) as caught:
            framing.open_frame(bytes.fromhex(vector["hex"]).strip(b"\x7e"))
        assert caught.value.reason in reasons


def test_the_stated_frames_are_found_in_the_stated_streams(vectors):
    compared = 0
    for vector in vectors:
        expected = vector["expected"]
        if expected.get("bytes_left_in_buffer") is None:
            continue
        data = bytes.fromhex(vector["hex"][: len(vector["hex"]) // 2 * 2])
        found = [framing.FLAG + content + framing.FLAG for content in jt808.Splitter().feed(data)]
        if not expected.get("error"):
            stated_here = [bytes.fromhex(each) for each in expected["frames"]]
            assert found == stated_here[: len(found)]
            compared += 1
    assert compared >= 3


def test_the_packets_of_a_stream_make_one_message(vectors):
    halves = [vector for vector in vectors if vector.get("subpackage") and vector["msg_id"] == "0x0104"][:2]
    terminal = Terminal()
    terminal._phone = framing.identity(halves[0]["phone"])
    raw = b"".join(bytes.fromhex(vector["hex"]) for vector in halves)
    (event,) = terminal.receive(raw, datetime(2026, 5, 1, tzinfo=UTC))
    assert (event.message_id, event.serial) == (0x0104, halves[0]["serial"])
    assert event.phone == framing.identity(halves[0]["phone"])


def test_a_message_of_the_standard_refuses_no_stated_frame(vectors):
    refused = {}
    for vector in known(vectors, odd=True):
        try:
            read(vector)
        except RefusedError as error:
            refused[(vector["msg_id"], vector["header"])] = error.reason
    assert refused == {("0x8500", "2019"): "body"}, ODD[("0x8500", "2019")]


def test_the_session_messages_stand_for_themselves(vectors):
    said = {vector["msg_id"] for vector in known(vectors)}
    assert {"0x0001", "0x0002", "0x0100", "0x0102", "0x0200", "0x0704", "0x8001", "0x8100", "0x8103", "0x8300"} <= said
    assert session.Heartbeat in {type(read(vector)[1]) for vector in known(vectors)}
