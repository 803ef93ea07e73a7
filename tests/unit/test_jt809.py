"""Laws of the JT/T 809 codec: round trips, any fragmentation, any damage, any bytes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli import app
from geo.fix import Fix, Quality, Source, Systems
from services.errors import InvalidError
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt809 import framing, messages, positions
from services.ingest.jt809.framing import V2011, V2019, Cipher, Edition, Frame, Splitter
from services.ingest.jt809.link import Link, Refused, Said, Sealed
from services.ingest.jt809.messages import session, vehicle

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
CIPHER = Cipher(30_000_000, 20_000_000, 20_000_000)
EDITIONS = st.sampled_from(Edition)
TIMES = st.integers(980_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
WORDS = st.integers(0, 0xFFFF)
DWORDS = st.integers(0, 0xFFFFFFFF)
CIPHERS = st.builds(Cipher, st.integers(1, 0xFFFFFFFF), DWORDS, DWORDS)
FRAMES = st.builds(
    Frame, WORDS, DWORDS, DWORDS, st.binary(max_size=200), st.tuples(*[st.integers(0, 255)] * 3),
    encrypted=st.booleans(), key=DWORDS, sent_at=TIMES,
)  # fmt: skip
FIXES = st.builds(
    Fix, st.just(7), TIMES, st.integers(-179_000_000, 179_000_000).map(lambda n: n / 1e6),
    st.integers(-89_000_000, 89_000_000).map(lambda n: n / 1e6), st.just(0),
    altitude_m=st.integers(0, 8848).map(float), speed_mps=st.integers(0, 300).map(lambda kmh: kmh * 10 / 36),
    heading_deg=st.integers(0, 359).map(float), alarm=DWORDS, systems=st.just(Systems.BEIDOU),
)  # fmt: skip
TOLERANCES = {"future_tolerance": timedelta(minutes=5), "past_tolerance": timedelta(days=36500)}


@given(FRAMES, EDITIONS, CIPHERS)
def test_a_frame_that_was_written_is_read_the_same(frame, edition, cipher):
    raw = framing.close_frame(frame, edition, cipher)
    assert raw.count(framing.HEAD) == raw.count(framing.TAIL) == 1
    again = framing.open_frame(raw, edition, cipher)
    time = frame.sent_at if edition is V2019 else None
    assert again == Frame(
        frame.message_id, frame.serial, frame.access_code, frame.body, frame.version, frame.encrypted, frame.key, time
    )  # fmt: skip


@given(st.binary(max_size=300))
def test_what_is_escaped_is_unescaped(content):
    assert framing.unescape(framing.escape(content)) == content


@given(st.binary(max_size=100), DWORDS, CIPHERS)
def test_the_cipher_undoes_itself(body, key, cipher):
    assert cipher.apply(key, cipher.apply(key, body)) == body


@given(st.lists(FRAMES, max_size=6), st.data())
def test_any_fragmentation_gives_the_same_frames(frames, data):
    raw = [framing.close_frame(frame, V2011, CIPHER) for frame in frames]
    stream, splitter, found = b"".join(raw), Splitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == raw


@given(FRAMES, st.binary(max_size=60), FRAMES)
def test_whatever_stands_before_a_frame_the_frame_is_found(first, noise, second):
    """Damage costs the frame it hits; one more, if it looks like the beginning of an escape or a frame, never two."""
    raw = framing.close_frame(second, V2011, CIPHER)
    found = Splitter().feed(framing.close_frame(first, V2011, CIPHER) + noise + raw)
    assert found[0] == framing.close_frame(first, V2011, CIPHER)
    assert found[-1] == raw


@given(FRAMES, st.data())
def test_one_changed_byte_is_noticed(frame, data):
    raw = bytearray(framing.close_frame(frame, V2011, CIPHER))
    place = data.draw(st.integers(1, len(raw) - 2))
    raw[place] ^= data.draw(st.integers(1, 255))
    link = Link(1, NOW, cipher=CIPHER)
    for event in link.receive(bytes(raw), NOW):
        assert isinstance(event, Refused) or framing.close_frame(event.frame, V2011, CIPHER) != framing.close_frame(
            frame, V2011, CIPHER
        )


@given(st.lists(st.binary(max_size=120), max_size=5), EDITIONS)
def test_whatever_the_bytes_are_nothing_is_raised(chunks, edition):
    link = Link(1, NOW, edition=edition, cipher=CIPHER)
    for chunk in chunks:
        for event in link.receive(b"\x5b" + chunk + b"\x5d", NOW):
            assert isinstance(event, Said | Sealed | Refused)


@given(
    st.sampled_from([number for number, _, _ in (*messages.PLAIN, *messages.ENCLOSED)]),
    st.binary(max_size=160),
    EDITIONS,
)
def test_whatever_a_body_is_it_is_read_or_refused(message_id, body, edition):
    """And what could be read can be written again."""
    enclosed = bytes(22) + message_id.to_bytes(2, "big") + len(body).to_bytes(4, "big") + body
    for number, data in ((message_id, body), (message_id & 0xFF00, enclosed)):
        try:
            message = messages.decode(Frame(number, 0, 0, data), edition)
        except RefusedError:
            continue
        if not isinstance(message, session.Unread):
            assert messages.encode(message, edition)[0] == number


@given(FIXES, EDITIONS)
def test_a_fix_crosses_and_stays_what_it_was(fix, edition):
    said = messages.about("湘B·12345", 2, positions.from_fix(fix, edition))
    message_id, body = messages.encode(said, edition)
    heard = messages.decode(Frame(message_id, 0, 0, body), edition)
    (position,), late = positions.positions_in(heard.said)
    again = positions.to_fix(position, 7, (heard.plate, heard.color), NOW, late=late, **TOLERANCES)
    assert (heard.plate, heard.color, late) == ("湘B·12345", 2, False)
    assert (again.at, again.lon_deg, again.lat_deg) == (fix.at, fix.lon_deg, fix.lat_deg)
    assert (again.altitude_m, again.heading_deg, again.alarm) == (fix.altitude_m, fix.heading_deg, fix.alarm)
    assert again.speed_mps == pytest.approx(fix.speed_mps, abs=1e-9)
    assert again.source is Source.JT809
    assert again.systems == (Systems.BEIDOU if edition is V2019 else Systems(0))


def a_fix(seconds: int = 0, **values) -> Fix:
    return Fix(7, NOW + timedelta(seconds=seconds), 113.13, 27.83, 0, **values)


def test_a_position_of_2011_takes_36_bytes_and_a_catch_up_of_five_keeps_their_order():
    told = tuple(positions.from_fix(a_fix(second), V2011) for second in range(5))
    _, single = messages.encode(messages.about("湘B12345", 2, told[0]))
    assert len(single) == 21 + 1 + 2 + 4 + 36
    message_id, body = messages.encode(messages.about("湘B12345", 2, positions.catch_up(told, V2011)))
    heard, late = positions.positions_in(messages.decode(Frame(message_id, 0, 0, body)).said)
    assert late
    assert [position.at for position in heard] == [NOW + timedelta(seconds=second) for second in range(5)]


def test_doubt_is_flagged_and_the_same_position_has_the_same_hash():
    position = positions.from_fix(a_fix(flags=Quality.NOT_POSITIONED), V2011)
    judged = positions.to_fix(position, 7, ("湘B12345", 2), NOW, late=True, **TOLERANCES)
    assert judged.flags & Quality.NOT_POSITIONED
    assert judged.flags & Quality.LATE
    other = positions.to_fix(positions.from_fix(a_fix(), V2019), 9, ("湘B12345", 2), NOW, **TOLERANCES)
    yellow = positions.to_fix(positions.from_fix(a_fix(), V2019), 9, ("湘B12345", 1), NOW, **TOLERANCES)
    assert judged.payload_hash == other.payload_hash != yellow.payload_hash


def test_a_position_of_2019_without_its_report_makes_no_fix():
    nobody = vehicle.PlatformAlarm("", 0)
    empty = vehicle.Position2019(0, None, nobody, nobody, nobody)
    assert positions.to_fix(empty, 7, ("湘B12345", 2), NOW, **TOLERANCES) is None


def test_a_link_counts_its_serials_and_hears_its_peer():
    lower, upper = (Link(1011, NOW, edition=V2019, cipher=CIPHER, key=99) for _ in range(2))
    login = session.Login2019(20180920, "20180920", 1011, "127.0.0.1", 809)
    raw = lower.send(login, NOW) + lower.send(session.LinkTest(), NOW)
    first, second = upper.receive(raw, NOW)
    assert (first.message, first.frame.serial, first.frame.access_code) == (login, 0, 1011)
    assert (second.message, second.frame.serial, second.frame.sent_at) == (session.LinkTest(), 1, NOW)


def test_a_sealed_frame_is_read_once_the_cipher_is_known():
    raw = Link(1011, NOW, cipher=CIPHER, key=256178).send(session.SubLogin(54456), NOW)
    link = Link(0, NOW)
    (sealed,) = link.receive(raw, NOW)
    assert isinstance(sealed, Sealed)
    assert sealed.frame.access_code == 1011
    link.cipher = CIPHER
    assert link.unseal(sealed).message == session.SubLogin(54456)


def test_a_message_unknown_to_the_tables_is_kept_raw():
    heard = messages.decode(Frame(0x9200, 0, 0, bytes(22) + bytes.fromhex("92ff00000002abcd")))
    assert (heard.sub_id, heard.said) == (0x92FF, session.Unread(b"\xab\xcd"))
    assert messages.decode(Frame(0x7777, 0, 0, b"x")) == session.Unread(b"x")


def test_an_edition_takes_only_its_own_forms():
    with pytest.raises(InvalidError, match="2019"):
        messages.encode(session.Login(1, "12345678", "127.0.0.1", 809), V2019)
    with pytest.raises(InvalidError, match="2011"):
        messages.encode(messages.about("湘B12345", 2, positions.from_fix(a_fix(), V2019)), V2011)


def test_a_stream_without_end_is_cut_and_the_next_frame_is_read():
    link = Link(1, NOW)
    events = list(link.receive(b"\x5b" + b"\0" * (framing.MAX_FRAME + 10), NOW))
    events += link.receive(Link(1, NOW).send(session.LinkTest(), NOW), NOW)
    assert [type(event) for event in events] == [Refused, Said]
    assert events[0].reason == "length"


def test_the_count_notice_of_the_standard_reads_its_example():
    notice = session.ReceivedCount(5, datetime(2010, 1, 10, 1, 7, 54, tzinfo=UTC), NOW)
    _, body = messages.encode(notice)
    assert body[4:12].hex() == "000000004b49286a"


def test_the_command_line_shows_a_frame_of_either_edition_and_why_another_is_none():
    said = messages.about("湘B12345", 2, positions.from_fix(a_fix(), V2011))
    raw = Link(1011, NOW).send(said, NOW)
    newer = Link(1011, NOW, edition=V2019).send(session.LinkTest(), NOW)
    lines = [raw.hex(), newer.hex(), raw[:-1].hex(), "zz"]
    result = CliRunner().invoke(app, ["decode", "--format", "jt809"], input="\n".join(lines))
    first, second, third, fourth = map(json.loads, result.stdout.splitlines())
    assert (first["message_id"], first["edition"], first["body"]["plate"]) == ("0x1200", "2011", "湘B12345")
    assert first["body"]["said"]["lon_deg"] == 113.13
    assert (second["edition"], second["sent_at"]) == ("2019", "2026-05-01T04:00:00Z")
    assert [third["error"], fourth["error"]] == ["flag", "hex"]
