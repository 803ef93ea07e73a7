"""Flags, escaping, check and header of JT/T 808 frames, whole and damaged, in any fragmentation."""

import functools
import itertools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidError
from services.ingest.jt808 import framing
from services.ingest.jt808.framing import Frame, Splitter, Version
from services.ingest.jt808.kinds import RefusedError
from tests.builders import jt808 as arbitrary

HEARTBEAT = bytes.fromhex("7e000200000139123456780007357e")
WITH_FLAGS_INSIDE = Frame(0x0002, Version.V2013, "013912345678", 0x7E7D, b"\x7e\x7d\x01\x02")


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Any frame, also with a body that means nothing."""
    version = draw(st.sampled_from([Version.V2013, Version.V2019]))
    digits = framing.PHONE_DIGITS[version]
    part = draw(st.none() | st.tuples(arbitrary.u16, arbitrary.u16))
    protocol = draw(arbitrary.u8) if version is Version.V2019 else 1
    phone = draw(st.text("0123456789", min_size=digits, max_size=digits))
    body = draw(st.binary(max_size=framing.MAX_BODY))
    return Frame(draw(arbitrary.u16), version, phone, draw(arbitrary.u16), body, part, protocol)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(bounds)]


def read_all(pieces: list[bytes]) -> list[Frame]:
    """The intact frames of a stream."""
    splitter, done = Splitter(), []
    for piece in pieces:
        for content in splitter.feed(piece):
            try:
                done.append(framing.open_frame(content))
            except RefusedError:
                continue
    return done


def refusal(content: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        framing.open_frame(content)
    return caught.value.reason


def resealed(data: bytes) -> bytes:
    """The content of a frame for these header and body bytes, with the right check."""
    return framing.escape(data + bytes((framing.xor(data),)))


def test_a_heartbeat_written_by_hand_from_the_standard_is_read():
    frame = framing.open_frame(HEARTBEAT[1:-1])
    assert frame == Frame(0x0002, Version.V2013, "013912345678", 7, b"")
    assert framing.close_frame(frame) == HEARTBEAT


def test_the_header_of_2019_has_a_version_byte_and_twenty_digits():
    raw = bytes.fromhex("7e0002400001000000000139123456780007747e")
    frame = framing.open_frame(raw[1:-1])
    assert frame == Frame(0x0002, Version.V2019, "00000000013912345678", 7, b"", None, 1)
    assert framing.close_frame(frame) == raw


def test_the_example_of_the_standard_is_escaped_as_printed():
    assert framing.escape(bytes.fromhex("307e087d55")) == bytes.fromhex("307d02087d0155")


@given(st.binary(max_size=300))
def test_unescaping_undoes_escaping_and_no_flag_is_left(data):
    escaped = framing.escape(data)
    assert b"\x7e" not in escaped
    assert framing.unescape(escaped) == data


@given(st.binary(max_size=1100))
def test_the_folded_check_is_the_xor_of_all_bytes(data):
    assert framing.xor(data) == functools.reduce(operator.xor, data, 0)


@given(frames())
def test_a_frame_that_is_closed_and_opened_is_the_same(frame):
    assert framing.open_frame(framing.close_frame(frame)[1:-1]) == frame


@given(st.lists(frames(), max_size=5), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_any_fragmentation_and_shared_or_double_flags_give_the_same_frames(sent, places, shared):
    raw = b"".join(map(framing.close_frame, sent))
    if shared:
        raw = raw.replace(b"\x7e\x7e", b"\x7e")
    assert read_all(cut(raw, places)) == sent
    assert read_all([bytes((byte,)) for byte in raw]) == sent


@given(st.lists(frames(), min_size=1, max_size=4), st.binary(max_size=60), st.lists(st.integers(0, 10_000), max_size=4))
def test_noise_between_frames_costs_no_frame(sent, noise, places):
    raw = noise + b"".join(framing.close_frame(frame) + noise for frame in sent)
    assert [frame for frame in read_all(cut(raw, places)) if frame in sent] == sent


@given(
    st.lists(frames(), min_size=2, max_size=5, unique=True),
    st.integers(0, 10_000),
    st.integers(0, 255),
    st.integers(0, 4),
)
def test_a_damaged_byte_costs_the_frame_it_is_in_and_no_other(sent, place, value, which):
    raws = [framing.close_frame(frame) for frame in sent]
    which %= len(raws)
    raw = bytearray(raws[which])
    raw[place % len(raw)] = value
    raws[which] = bytes(raw)
    survivors = sent[:which] + sent[which + 1 :]
    got = read_all([b"".join(raws)])
    assert [frame for frame in got if frame in survivors] == survivors


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_random_bytes_are_refused_by_name_and_nothing_else_is_raised(pieces):
    splitter = Splitter()
    for piece in pieces:
        for content in splitter.feed(piece):
            try:
                framing.open_frame(content)
            except RefusedError as error:
                assert error.reason in {"escape", "header", "checksum", "length", "encrypted"}  # noqa: PT017


def test_a_stream_without_flags_is_refused_once_and_holds_no_more_than_a_frame():
    splitter = Splitter()
    splitter.feed(b"\x7e")
    done = [content for _ in range(1000) for content in splitter.feed(b"\x55" * 1000)]
    assert [refusal(content) for content in done] == ["length"]
    assert len(splitter._held) <= framing.MAX_FRAME
    assert splitter.feed(HEARTBEAT) == [HEARTBEAT[1:-1]]


def test_the_longest_frame_with_every_byte_escaped_is_read():
    frame = Frame(0x0900, Version.V2019, "0" * 20, 0, b"\x7e" * framing.MAX_BODY, (1, 1))
    assert read_all([framing.close_frame(frame)]) == [frame]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEARTBEAT[1:-2] + b"\x00", "checksum"),
        (HEARTBEAT[1:-1] + b"\x7d\x03", "escape"),
        (HEARTBEAT[1:-1] + b"\x7d", "escape"),
        (HEARTBEAT[1:8], "header"),
        (resealed(bytes.fromhex("000240000101391234567800")), "header"),
        (resealed(bytes.fromhex("000220000139123456780007")), "header"),
        (resealed(bytes.fromhex("000200010139123456780007")), "length"),
        (resealed(bytes.fromhex("00020000013912345678000755")), "length"),
        (resealed(bytes.fromhex("000204000139123456780007")), "encrypted"),
        (resealed(bytes.fromhex("000208000139123456780007")), "encrypted"),
        (b"", "header"),
    ],
)
def test_every_kind_of_damage_has_its_name(content, reason):
    assert refusal(content) == reason


def test_an_rsa_body_is_called_so():
    with pytest.raises(RefusedError, match="RSA"):
        framing.open_frame(resealed(bytes.fromhex("000204000139123456780007")))


def test_a_packet_of_several_keeps_its_number_out_of_the_body():
    frame = framing.open_frame(resealed(bytes.fromhex("0801200201391234567800070003000255aa")))
    assert (frame.part, frame.body) == ((3, 2), b"\x55\xaa")


def test_a_phone_that_is_no_number_stays_readable_as_hex():
    assert framing.open_frame(resealed(bytes.fromhex("00020000deadbeef00010007"))).phone == "deadbeef0001"


def test_the_same_terminal_has_one_identity_under_both_headers():
    assert framing.identity("013912345678") == framing.identity("00000000013912345678") == "13912345678"
    assert framing.identity("000000000000") == "0"


@pytest.mark.parametrize(
    "frame",
    [
        Frame(2, Version.V2013, "0", 0, b"\0" * 1024),
        Frame(2, Version.V2013, "1234567890123", 0, b""),
    ],
)
def test_what_does_not_fit_a_frame_is_not_sent(frame):
    with pytest.raises(InvalidError, match="at most"):
        framing.close_frame(frame)


def test_flags_in_body_and_serial_are_escaped_on_the_way_out():
    raw = framing.close_frame(WITH_FLAGS_INSIDE)
    assert b"\x7e" not in raw[1:-1]
    assert framing.open_frame(raw[1:-1]) == WITH_FLAGS_INSIDE
