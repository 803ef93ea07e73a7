"""One connection's conversation: who may say what when, what is answered, what is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest import jt808
from services.ingest.jt808 import build, fields, framing, messages, parts
from services.ingest.jt808.events import (
    Authenticating,
    Event,
    Heartbeat,
    Media,
    Other,
    Positions,
    Refused,
    Registering,
    Unregistering,
)
from services.ingest.jt808.framing import Frame, Version
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import control, media, position, session, texts
from services.ingest.jt808.messages.session import Registration, Result
from services.ingest.jt808.pieces import Piece, Pieces
from services.ingest.jt808.terminal import Terminal
from tests.builders import jt808 as arbitrary

NOW = datetime(2026, 5, 1, 4, 0, 5, tzinfo=UTC)
HERE = build.position(NOW, 113.134, 27.8275, speed_mps=10)
PHONE = "13912345678"


def say(message: object, serial: int = 0, version: Version = Version.V2013, phone: str = PHONE) -> bytes:
    return jt808.frame(message, phone=phone, serial=serial, version=version)


def hear(terminal: Terminal, data: bytes, now: datetime = NOW) -> list[Event]:
    """All events, with a door that accepts every authentication."""
    heard = []
    for event in terminal.receive(data, now):
        heard.append(event)
        if isinstance(event, Authenticating):
            terminal.authenticated()
    return heard


def answers(raw: bytes) -> list[tuple[Frame, object]]:
    return [jt808.read(content) for content in jt808.Splitter().feed(raw)]


@pytest.fixture
def signed_in() -> Terminal:
    terminal = Terminal()
    hear(terminal, say(build.authenticate(Version.V2013, "k3y")))
    return terminal


@pytest.fixture
def signed_in_2019() -> Terminal:
    terminal = Terminal()
    hear(terminal, say(build.authenticate(Version.V2019, "k3y"), version=Version.V2019))
    return terminal


@pytest.mark.parametrize("version", Version)
def test_a_terminal_registers_and_gets_its_code(version):
    terminal = Terminal()
    message = build.register(version, terminal_id="A1", plate="湘B12345")
    (event,) = terminal.receive(say(message, 7, version), NOW)
    assert event == Registering(PHONE, version, 7, message)
    ((frame, reply),) = answers(terminal.reply_registered(event, Registration.OK, "k3y"))
    assert reply == session.RegisterReply(7, 0, "k3y")
    assert len(frame.phone) == framing.PHONE_DIGITS[version]
    assert framing.identity(frame.phone) == PHONE


def test_a_refused_registration_gets_no_code():
    terminal = Terminal()
    (event,) = terminal.receive(say(build.register(Version.V2013, terminal_id="A1"), 7), NOW)
    ((_, reply),) = answers(terminal.reply_registered(event, Registration.NO_SUCH_TERMINAL))
    assert reply == session.RegisterReply(7, Registration.NO_SUCH_TERMINAL)


def test_authentication_carries_imei_and_software_from_2019_on():
    message = build.authenticate(Version.V2019, "k3y", imei="860000000000001", software="v1")
    (event,) = Terminal().receive(say(message, 3, Version.V2019), NOW)
    assert event == Authenticating(PHONE, Version.V2019, 3, "k3y", "860000000000001", "v1")


@pytest.mark.parametrize("message", [HERE, build.batch([HERE]), session.TerminalReply(0, 0x8201, 0)])
def test_nothing_else_is_heard_before_authentication(message):
    raw = say(message, 9)
    (event,) = Terminal().receive(raw, NOW)
    assert isinstance(event, Refused)
    assert (event.reason, event.frame, event.phone, event.serial) == ("unauthenticated", raw, PHONE, 9)
    assert event.result is Result.FAILED


def test_heartbeat_and_unregistration_pass_before_authentication():
    heard = hear(Terminal(), say(session.Heartbeat(), 1) + say(session.Unregister(), 2))
    assert heard == [Heartbeat(PHONE, 1), Unregistering(PHONE, 2)]


def test_an_authentication_that_the_door_did_not_accept_opens_nothing():
    terminal = Terminal()
    heard = list(terminal.receive(say(build.authenticate(Version.V2013, "wrong")) + say(HERE, 1), NOW))
    assert [type(event) for event in heard] == [Authenticating, Refused]


def test_a_position_in_the_same_bytes_as_the_accepted_authentication_counts():
    heard = hear(Terminal(), say(build.authenticate(Version.V2013, "k3y")) + say(HERE, 1))
    assert [type(event) for event in heard] == [Authenticating, Positions]


def test_the_phone_that_signed_in_can_not_speak_for_another(signed_in):
    (event,) = hear(signed_in, say(HERE, 1, phone="13900000000"))
    assert (event.reason, event.phone) == ("unauthenticated", "13900000000")
    assert signed_in.phone == PHONE


def test_a_position_comes_with_the_bytes_it_was_read_from(signed_in):
    (event,) = hear(signed_in, say(HERE, 12))
    assert event == Positions(PHONE, 12, 0x0200, ((HERE, fields.write(HERE)),), late=False)


@pytest.mark.parametrize("form", [position.PositionReply, position.VehicleReply])
def test_a_position_that_answers_a_question_says_which(signed_in, form):
    (event,) = hear(signed_in, say(form(41, HERE), 12))
    assert event.reports == ((HERE, fields.write(HERE)),)
    assert event.answered_serial == 41
    assert signed_in.reply(event) == b""


@pytest.mark.parametrize("late", [True, False])
def test_a_batch_is_late_when_it_was_kept_while_the_link_was_down(signed_in, late):
    (event,) = hear(signed_in, say(build.batch([HERE, HERE], catch_up=late), 12))
    assert event == Positions(PHONE, 12, 0x0704, ((HERE, fields.write(HERE)),) * 2, late=late)


def test_a_bad_report_costs_no_other_of_its_batch_and_is_not_answered_twice(signed_in):
    raw = say(position.BatchReport(2, 1, (b"\x01", fields.write(HERE))), 12)
    good, bad = hear(signed_in, raw)
    assert good.reports == ((HERE, fields.write(HERE)),)
    assert (bad.reason, bad.frame, signed_in.reply(bad)) == ("body", raw, b"")
    assert "report 1 of 2" in bad.detail


def test_a_batch_without_a_good_report_is_answered_as_a_bad_message(signed_in):
    (event,) = hear(signed_in, say(position.BatchReport(1, 1, (b"\x01",)), 12))
    ((_, reply),) = answers(signed_in.reply(event, event.result))
    assert reply == session.PlatformReply(12, 0x0704, Result.BAD_MESSAGE)


def test_replies_have_serial_numbers_of_their_own_that_wrap(signed_in):
    (event,) = hear(signed_in, say(HERE, 12))
    signed_in._serial = 0xFFFF
    raw = signed_in.reply(event) + signed_in.send(position.QueryPosition())
    assert [(frame.serial, message) for frame, message in answers(raw)] == [
        (0xFFFF, session.PlatformReply(12, 0x0200, 0)),
        (0, position.QueryPosition()),
    ]
    assert signed_in.next_serial == 1


def test_a_terminal_of_2019_is_answered_in_its_own_header(signed_in_2019):
    (event,) = hear(signed_in_2019, say(HERE, 1, Version.V2019))
    ((frame, _),) = answers(signed_in_2019.reply(event))
    assert (frame.version, frame.phone) == (Version.V2019, PHONE.zfill(20))
    ((_, text),) = answers(signed_in_2019.send(texts.Text2019(1, 1, "注意")))
    assert text == texts.Text2019(1, 1, "注意")


def test_the_door_may_remember_that_a_terminal_is_of_2011():
    terminal = Terminal()
    for _ in terminal.receive(say(build.authenticate(Version.V2011, "k3y"), 0, Version.V2011), NOW):
        terminal.authenticated(Version.V2011)
    assert terminal.version is Version.V2011
    raw = terminal.send(control.SetParameters2011(1, 1, (control.Parameter(1, b"\0\0\0\x1e"),)))
    assert raw[1:3] == b"\x81\x03"


def test_an_answer_is_not_answered(signed_in):
    (event,) = hear(signed_in, say(session.TerminalReply(0, 0x8103, 0), 4))
    assert event == Other(PHONE, 4, 0x0001, session.TerminalReply(0, 0x8103, 0))
    assert signed_in.reply(event) == b""


@pytest.mark.parametrize(("message_id", "detail"), [(0x0F00, "not known"), (0x8001, "platform's to send")])
def test_what_is_not_in_the_table_is_refused_as_unsupported(signed_in, message_id, detail):
    raw = framing.close_frame(Frame(message_id, Version.V2013, PHONE, 5, b"12345"))
    (event,) = hear(signed_in, raw)
    assert (event.reason, event.frame, event.result) == ("unsupported", raw, Result.UNSUPPORTED)
    assert detail in event.detail
    ((_, reply),) = answers(signed_in.reply(event, event.result))
    assert reply == session.PlatformReply(5, message_id, Result.UNSUPPORTED)


def test_a_frame_that_is_not_intact_can_not_be_answered(signed_in):
    raw = say(HERE, 12)
    damaged = raw[:-2] + bytes((raw[-2] ^ 1,)) + raw[-1:]
    (event,) = hear(signed_in, damaged)
    assert (event.reason, event.frame, event.phone) == ("checksum", damaged, None)
    assert signed_in.reply(event, event.result) == b""


def in_packets(message: object, size: int, serial: int, order: Callable[[list[bytes]], list[bytes]] = list) -> bytes:
    """A message cut into packets of `size` bytes of body."""
    frame = messages.encode(message, phone=PHONE, serial=serial)
    bodies = [frame.body[start : start + size] for start in range(0, len(frame.body), size)]
    cut = [
        framing.close_frame(
            Frame(frame.message_id, frame.version, PHONE, (serial + place) & 0xFFFF, body, (len(bodies), place + 1))
        )
        for place, body in enumerate(bodies)
    ]
    return b"".join(order(cut))


@pytest.mark.parametrize("order", [list, lambda cut: cut[::-1], lambda cut: cut + cut])
def test_packets_make_the_message_in_any_order_and_each_is_answered(signed_in, order):
    batch = build.batch([HERE] * 3)
    first = hear(signed_in, in_packets(batch, 50, 0xFFFF, order))[0]
    assert [report for report, _ in first.reports] == [HERE] * 3
    assert [reply.answered_serial for _, reply in answers(signed_in.reply(first))] == [0xFFFF, 0]


def test_packets_are_not_heard_before_authentication():
    heard = hear(Terminal(), in_packets(build.batch([HERE] * 3), 50, 0))
    assert {event.reason for event in heard} == {"unauthenticated"}


def test_a_message_that_never_becomes_whole_is_given_up_by_name(signed_in):
    cut = in_packets(build.batch([HERE] * 3), 30, 5, lambda cut: [cut[0], cut[2]])
    assert hear(signed_in, cut) == []
    (event,) = hear(signed_in, b"", NOW + parts.PATIENCE + timedelta(seconds=1))
    assert (event.reason, event.detail, event.serial) == ("incomplete", "of 4 packets these never came: 2, 4", 5)
    assert event.frame == cut.replace(b"\x7e\x7e", b"\x7e")
    assert hear(signed_in, b"", NOW + timedelta(hours=1)) == []


def test_unfinished_messages_are_held_within_a_limit(signed_in):
    heard = []
    for serial in range(0, 60_000, 30):
        frame = Frame(0x0801, Version.V2013, PHONE, serial, b"\x55" * framing.MAX_BODY, (2, 1))
        heard += hear(signed_in, framing.close_frame(frame), NOW + timedelta(milliseconds=serial))
    held = sum(message.size for message in signed_in._assembly._unfinished.values())
    assert held <= parts.MAX_BYTES + 2 * framing.MAX_FRAME
    assert {event.reason for event in heard} == {"incomplete"}
    assert [event.serial for event in heard] == sorted(event.serial for event in heard)


@pytest.mark.parametrize(("part", "reason"), [((2, 0), "header"), ((2, 3), "header"), ((65535, 1), "length")])
def test_an_impossible_packet_number_is_refused(signed_in, part, reason):
    (event,) = hear(signed_in, framing.close_frame(Frame(0x0801, Version.V2013, PHONE, 1, b"", part)))
    assert event.reason == reason


@given(st.lists(arbitrary.spoken(upward=True), max_size=6), st.lists(st.integers(0, 10_000), max_size=6))
def test_any_fragmentation_gives_the_same_events(said, places):
    stream = say(build.authenticate(Version.V2013, "k3y"))
    stream += b"".join(say(message, number, version) for number, (message, version) in enumerate(said))
    bounds = [0, *sorted(place % len(stream) for place in places), len(stream)]
    pieces = [stream[start:stop] for start, stop in zip(bounds, bounds[1:], strict=False)]  # noqa: RUF007
    whole, cut, bytewise = Terminal(), Terminal(), Terminal()
    expected = hear(whole, stream)
    assert len(expected) == len(said) + 1
    assert [event for piece in pieces for event in hear(cut, piece)] == expected
    assert [event for byte in stream for event in hear(bytewise, bytes((byte,)))] == expected


@given(st.lists(st.binary(max_size=120), max_size=8), st.lists(arbitrary.spoken(upward=True), max_size=3))
def test_whatever_comes_nothing_is_raised_and_the_next_frame_is_heard(noise, said):
    terminal = Terminal()
    hear(terminal, say(build.authenticate(Version.V2013, "k3y")))
    for piece in noise:
        hear(terminal, piece)
    for message, version in said:
        raw = bytearray(say(message, 1, version))
        raw[len(raw) // 2] ^= 0x10
        hear(terminal, bytes(raw))
    (*_, last) = hear(terminal, b"\x7e" + say(HERE, 77))
    assert last == Positions(PHONE, 77, 0x0200, ((HERE, fields.write(HERE)),), late=False)


@pytest.mark.parametrize("version", [Version.V2013, Version.V2019])
def test_a_medium_comes_with_its_place_and_the_packet_that_holds_it(version):
    terminal = Terminal()
    hear(terminal, say(build.authenticate(version, "k3y"), version=version))
    picture = media.MediaData(7, 0, 0, 1, 2, HERE, b"\xff\xd8" + bytes(3000))
    packets = [framing.close_frame(each) for each in parts.split(
        messages.encode(picture, phone=PHONE, serial=12, version=version))]  # fmt: skip
    (event,) = hear(terminal, b"".join([packets[2], packets[0], packets[1]]))
    assert event == Media(PHONE, 12, 0x0801, picture, 3, ((HERE, fields.write(HERE)),))
    assert event.frame == packets[0]


def test_a_medium_of_2011_is_put_together_from_its_own_pieces_and_what_is_missing_is_named():
    terminal = Terminal()
    hear(terminal, say(build.register(Version.V2011, terminal_id="A1"), version=Version.V2011))
    hear(terminal, say(build.authenticate(Version.V2011, "k3y"), version=Version.V2011))

    def piece(number: int) -> Any:
        sent = media.MediaData2011(7, 0, 0, 1, 2, 3, number, bytes([number]) * 5)
        (event,) = hear(terminal, say(sent, number, Version.V2011))
        return event

    assert piece(1) == Other(PHONE, 1, 0x0801, Piece(7, None))
    assert piece(3) == Other(PHONE, 3, 0x0801, Piece(7, (2,)))
    whole = media.MediaData2011(7, 0, 0, 1, 2, 3, 3, b"\1" * 5 + b"\2" * 5 + b"\3" * 5)
    assert piece(2) == Media(PHONE, 2, 0x0801, whole)


@pytest.mark.parametrize(("packets", "number", "reason"), [(3, 4, "body"), (3, 0, "body"), (2000, 1, "length")])
def test_an_impossible_piece_of_a_medium_is_refused(packets, number, reason):
    with pytest.raises(RefusedError) as refused:
        Pieces().add(media.MediaData2011(7, 0, 0, 1, 2, packets, number, b""))
    assert refused.value.reason == reason


def test_unfinished_media_are_held_within_a_limit():
    pieces = Pieces()
    for number in range(20):
        pieces.add(media.MediaData2011(number, 0, 0, 1, 2, 2, 1, bytes(100_000)))
    assert sum(each.size for each in pieces._uploads.values()) <= parts.MAX_BYTES
    assert isinstance(pieces.add(media.MediaData2011(19, 0, 0, 1, 2, 2, 2, b"")), media.MediaData2011)
