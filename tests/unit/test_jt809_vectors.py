"""Values that the tests of other implementations state of JT/T 809, against ours."""

import dataclasses
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ingest.jt808 import fields
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages.position import Status
from services.ingest.jt809 import framing, messages
from services.ingest.jt809.framing import Cipher, Edition
from services.ingest.jt809.messages.session import Unread

Vector = dict[str, Any]
CIPHER = Cipher(30_000_000, 20_000_000, 20_000_000)

NO_MESSAGES = {
    27: "a list of bodies of JT/T 1078 (video), which this service does not speak; each is in another vector",
    78: "only the data of a recorder, without the length that its message gives it (79 has it)",
    80: "likewise (81)",
    96: "only the number of a supervision, four bytes of 97",
}
SEALED = dict.fromkeys((113, 115, 119, 120, 121), "encrypted; the source does not tell the three numbers")
DAMAGED = {
    116: "the capture is three bytes short of what its header says",
    117: "the same capture",
    118: "the capture is one byte short",
    148: "the source checks its unescaping only; the CRC is wrong, as the researcher found too",
    149: "likewise",
}
ODD = {112: "times in milliseconds, and one time less than the other vectors of 0x9403 have: refused as a body"}
OFF_THE_WIRE = {
    132: "the source sets an info id, which 2019 does not send",
    133: "likewise; it states the 0 of a field that was not read",
    86: "the attribute bits of the route leave its hours, a limit and a driving time out of the bytes",
}
LEFT_PADDED = {36: "texts are padded with zeros on the left; we write them on the right"}
UNNAMED = re.compile(
    r"Enum|Type\.|Result|Color|Flag\.|Level|Src|Priority|WarnType|Command|typeof|PhotoRsp|Vehicle.*Encrypt"
)


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[Vector]:
    return json.loads((shared_data / "protocols/jt809.json").read_text(encoding="utf-8"))


def piece(vector: Vector) -> bytes:
    return bytes.fromhex(vector["hex"])


def opened(vector: Vector) -> tuple[framing.Frame, Edition, Cipher | None]:
    data = piece(vector)
    edition = framing.edition_of(data)
    cipher = CIPHER if vector["derived_by_researcher"].get("encrypt_key") == 256178 else None
    return framing.open_frame(data, edition, cipher), edition, cipher


def frames(vectors: list[Vector], *, without: dict[int, str]) -> list[tuple[int, Vector]]:
    whole = [
        pair
        for pair in enumerate(vectors)
        if pair[1]["layer"] == "frame" and "msg_id" in pair[1]["derived_by_researcher"]
    ]
    return [pair for pair in whole if pair[0] not in without]


def test_every_frame_has_the_stated_header_and_comes_back_byte_for_byte(vectors):
    found = frames(vectors, without=DAMAGED)
    assert len(found) >= 28
    for number, vector in found:
        frame, edition, cipher = opened(vector)
        told = vector["derived_by_researcher"]
        assert frame.serial == told["sn"]
        assert f"0x{frame.message_id:04x}" == told["msg_id"]
        assert frame.access_code == told["gnsscenter"]
        assert ".".join(map(str, frame.version)) == told["version"]
        assert (frame.encrypted, frame.key) == (bool(told["encrypt_flag"]), told["encrypt_key"])
        again = framing.close_frame(frame, edition, cipher)
        assert framing.unescape(again) == framing.unescape(piece(vector)), number
        assert told["crc_ok"]


def test_damaged_captures_are_refused_with_the_reason(vectors):
    for number in DAMAGED:
        assert not vectors[number]["derived_by_researcher"]["crc_ok"]
        with pytest.raises(RefusedError) as caught:
            opened(vectors[number])
        assert caught.value.reason == "checksum"


def test_every_frame_that_is_not_sealed_has_a_body_that_comes_back(vectors):
    compared = 0
    for number, vector in frames(vectors, without=DAMAGED | SEALED | ODD):
        frame, edition, _ = opened(vector)
        message = messages.decode(frame, edition)
        message_id, body = messages.encode(message, edition)
        assert message_id == frame.message_id
        if number not in LEFT_PADDED:
            assert body == frame.body, number
        compared += 1
    assert compared >= 20


def test_what_can_not_be_read_says_why(vectors):
    for number, reason in {**dict.fromkeys(SEALED, "encrypted"), **dict.fromkeys(ODD, "body")}.items():
        frame, edition, _ = opened(vectors[number])
        with pytest.raises(RefusedError) as caught:
            messages.decode(frame, edition)
        assert caught.value.reason == reason


def test_a_login_is_read_through_the_cipher(vectors):
    expected = vectors[151]["expected"]
    frame, edition, _ = opened(vectors[151])
    login = messages.decode(frame, edition)
    assert (login.user_id, login.password) == (expected["user_id"], expected["password"])
    assert (login.down_host, login.down_port) == (expected["down_link_ip"], expected["down_link_port"])
    assert Cipher(expected["M1"], expected["IA1"], expected["IC1"]) == CIPHER


def test_the_worked_example_of_the_cipher_is_ours():
    assert CIPHER.apply(256178, bytes(range(1, 8))).hex() == "d34c7078a73a41"


def bodies(vectors: list[Vector]) -> list[tuple[int, Vector, int]]:
    """Vectors of one body or one sub body, with the message id or sub type that the source's file name says."""
    found = []
    for number, vector in enumerate(vectors):
        name = vector["source"].split("/")[-1]
        ids = re.findall(r"0x([0-9A-Fa-f]{4})", name)
        if vector["layer"] == "body-or-part" and ids and number not in NO_MESSAGES:
            found.append((number, vector, int(ids[-1], 16)))
    return found


def readings(message_id: int, body: bytes) -> list[tuple[Edition, Any]]:
    """What the body says in each edition that reads it and writes it back the same."""
    found = []
    for edition in Edition:
        try:
            if message_id in {number for number, _, _ in messages.ENCLOSED}:
                message = messages.read_sub(message_id, body, edition)
                back = fields.write(message)
            else:
                message = messages.decode(framing.Frame(message_id, 0, 0, body), edition)
                back = b"" if isinstance(message, Unread) else messages.encode(message, edition)[1]
        except RefusedError:
            continue
        if back == body and not isinstance(message, Unread):
            found.append((edition, message))
    return found


def leaves(value: Any) -> list[Any]:
    """All values in a message, as the wire counts them; times as Beijing reads them."""
    if dataclasses.is_dataclass(value):
        pairs = [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
        return [leaf for name, inner in pairs for leaf in counted(name, inner)]
    if isinstance(value, tuple):
        return [len(value), *(leaf for item in value for leaf in leaves(item))]
    if isinstance(value, dict):
        return [int.from_bytes(item, "big") for item in value.values()]
    if isinstance(value, bytes):
        return [value, len(value)]
    if isinstance(value, str):
        return [value, len(value.encode("gbk")), value.lstrip("0")]
    return [f"{value + timedelta(hours=8):%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value]


def counted(name: str, value: Any) -> list[Any]:
    if isinstance(value, datetime):
        local = value + timedelta(hours=8)
        parts = [local.day, local.month, local.year, local.hour, local.minute, local.second]
        return [f"{local:%Y-%m-%d %H:%M:%S}", *parts]
    if name.endswith("_deg") and isinstance(value, float):
        return [abs(round(value * 1_000_000))]
    if name.endswith("_mps") and value is not None:
        return [round(value * 3.6), round(value * 36)]
    if name.endswith("_platform") and isinstance(value, int):
        return [str(value)]  # stated as digits, sent as a number
    if name == "odometer_m":
        return [value // 1000]
    return leaves(value)


def stated(vector: Vector) -> list[Any]:
    """The numbers, texts and times that the source states; names of its enumerations are not values."""
    told = [
        (each["expr"], each["value"])
        for each in vector["expected"].get("asserts", [])
        if vector["kind"] == "deserialize"
    ]
    told += [tuple(each) for each in vector.get("input_fields", [])]
    values: list[Any] = []
    for name, value in told:
        text = str(value)
        if UNNAMED.search(text) or UNNAMED.search(name) or name.endswith(("DataLength", "Count", "Length")):
            continue
        if found := re.search(r'"([^"]*)"', text):
            inner = found[1] + " 00:00:00" if re.fullmatch(r"\d{4}-\d\d-\d\d", found[1]) else found[1]
            values.append(bytes.fromhex(inner) if "ToHexBytes" in text else inner)
        elif found := re.fullmatch(r"(?:\(\w+\))?(0x[0-9a-f]+|\d+)u?", text):
            values.append(int(found[1], 0))
    return values


def test_every_body_gives_its_stated_values_and_comes_back_byte_for_byte(vectors):
    compared = values = 0
    for number, vector, message_id in bodies(vectors):
        found = readings(message_id, bytes.fromhex(vector["hex"]))
        assert found, f"{number}: no edition reads 0x{message_id:04x}"
        said = [] if number in OFF_THE_WIRE else stated(vector)
        if message_id >> 8 & 0x7F in {0x17, 0x18, 0x19, 0x1A, 0x1B}:  # video: plate, colour, type; the rest stays raw
            said = [value for value in said if value == "粤B12345"]
        missing = [set(said) - set(leaves(message)) for _, message in found]
        assert any(not each for each in missing), (number, missing)
        compared += 1
        values += len(said)
    assert compared >= 100
    assert values >= 300


def test_headers_are_read_as_stated(vectors):
    for number in (29, 30, 31):
        length, serial, message_id, access_code, *version, encrypted, key = framing._HEADER.unpack(
            piece(vectors[number])
        )
        assert (length, serial, message_id, access_code) == (24, 1024, 0x9600, 1200)
        assert (encrypted, key) == (0, 0)
        assert version == ([0xFF, 0xAA, 0xBB] if number == 31 else [1, 0, 0])


def test_escaped_bytes_are_what_the_sources_say(vectors):
    assert framing.unescape(bytes.fromhex(vectors[152]["hex"])).hex() == vectors[152]["expected"]["unescaped"]
    assert framing.escape(framing.unescape(piece(vectors[152]))) == piece(vectors[152])
    escaped, plain = (bytes.fromhex(each) for each in vectors[146]["all_hex"])
    assert framing.unescape(escaped) == plain
    for number, gone in ((147, 1), (148, 2), (149, 1)):
        assert len(framing.unescape(piece(vectors[number])[1:-1])) + 2 == len(piece(vectors[number])) - gone


def test_a_stream_is_cut_at_the_first_end(vectors):
    first, *_ = framing.Splitter().feed(piece(vectors[153]))
    assert first.hex() == vectors[153]["expected"]["first_frame"]


def test_alarm_and_state_words_are_those_of_jt808(vectors):
    data = piece(vectors[154])
    length, alarm, state = (
        int.from_bytes(data[:2], "big"),
        int.from_bytes(data[2:6], "big"),
        int.from_bytes(data[6:], "big"),
    )
    assert (length, alarm, state) == (8, 0x20000003, 0x1003)
    assert state == Status.ACC | Status.POSITIONED | 1 << 12


def test_every_vector_is_compared_or_listed(vectors):
    numbers = {number for number, _, _ in bodies(vectors)}
    numbers |= {number for number, _ in frames(vectors, without={})}
    numbers |= {29, 30, 31, 146, 152, 153, 154} | set(NO_MESSAGES)
    assert numbers == set(range(len(vectors)))
