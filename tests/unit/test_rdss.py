"""BeiDou short messages: what they hold becomes positions, calls for help or text; a card speaks in its turn."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.fix import Fix, Quality, Source, Systems
from services.errors import InvalidError
from services.ingest import rdss
from services.ingest.rdss import messages
from services.ingest.rdss.card import MAX_WAITING, FullError
from services.ingest.sentences import RefusedError, Sentence, close_sentence, open_sentence
from tests.builders import sentences as make

NOW = datetime(2026, 5, 1, 4, 0, 30, tzinfo=UTC)
CARD = "0179773"
PLACE = rdss.Position(113.134, 27.8275, 61.0, 10.0, 90.0, NOW - timedelta(minutes=2), Systems.BEIDOU | Systems.GPS)


def received(payload: str, *, mode: int = 0, clock: str = "") -> rdss.Received:
    return rdss.receive(rdss.Txr(1, CARD, mode, clock, payload), NOW)


def fix(message: rdss.Received) -> Fix:
    return rdss.to_fix(message, 7, NOW, future_tolerance=timedelta(minutes=5), past_tolerance=timedelta(days=3652))


def test_degrees_as_text_are_a_position() -> None:
    found = fix(received("27.8275,113.1340,61.5"))
    assert (found.lon_deg, found.lat_deg, found.altitude_m) == (113.134, 27.8275, 61.5)
    assert (found.at, found.source, found.alarm) == (NOW, Source.RDSS, 0)


def test_an_nmea_sentence_is_a_position_with_its_own_time_and_quality() -> None:
    at = NOW - timedelta(seconds=20)
    said = make.rmc(at).strip().decode()
    message = rdss.read(Sentence("BDTXR", ("1", CARD, "0", "", *said.split(",")), b""))
    assert isinstance(message, rdss.Txr)
    found = fix(rdss.receive(message, NOW))
    assert (found.lon_deg, found.at) == (pytest.approx(113.134), at)
    doubtful = fix(received(make.gga(at, quality=6).strip().decode()))
    assert (doubtful.flags, doubtful.at) == (Quality.ESTIMATED, at)


def test_twenty_bytes_in_mixed_mode_are_a_position_with_everything() -> None:
    payload = rdss.mixed(rdss.write_compact(PLACE))
    assert len(payload) == 42
    found = received(payload, mode=2)
    assert found.position == PLACE
    assert (found.at, found.calls_for_help) == (PLACE.at, False)
    assert fix(found).systems == Systems.BEIDOU | Systems.GPS


@pytest.mark.parametrize("text", ["SOS", "sos 27.8275,113.1340", "求救：27.8275,113.1340", "遇险"])
def test_a_call_for_help_is_an_emergency_with_a_place_or_without(text: str) -> None:
    message = received(text)
    found = fix(message)
    assert (message.calls_for_help, found.alarm) == (True, 1)
    assert (Quality.NOT_POSITIONED in found.flags) == ("113" not in text)


def test_the_compact_form_calls_for_help_too() -> None:
    message = received(rdss.mixed(rdss.write_compact(PLACE, calls_for_help=True)), mode=2)
    assert (message.calls_for_help, message.position) == (True, PLACE)


@pytest.mark.parametrize("payload", ["集合于体育中心", "room 12,14", "90000000000065C1FAF4B2E2CAD4", "54" * 20])
def test_anything_else_is_text_or_bytes_and_no_position(payload: str) -> None:
    message = received(payload, mode=1 if payload.isalnum() and payload.isascii() else 0)
    assert (message.position, message.calls_for_help) == (None, False)
    assert message.content.data


@pytest.mark.parametrize(
    ("clock", "sent"),
    [
        ("0358", datetime(2026, 5, 1, 3, 58, tzinfo=UTC)),
        ("1158", datetime(2026, 5, 1, 3, 58, tzinfo=UTC)),  # Beijing
        ("040015", datetime(2026, 5, 1, 4, 0, 15, tzinfo=UTC)),
        ("", None), ("9999", None),
    ],
)  # fmt: skip
def test_the_date_is_added_and_the_zone_found_by_the_time_of_receipt(clock: str, sent: datetime | None) -> None:
    assert rdss.moment(clock, NOW) == sent


def test_a_message_sent_before_midnight_is_of_yesterday() -> None:
    now = datetime(2026, 5, 1, 0, 1, tzinfo=UTC)
    assert rdss.moment("2359", now) == datetime(2026, 4, 30, 23, 59, tzinfo=UTC)


def test_the_same_message_is_the_same_fix() -> None:
    once, again = (fix(received("27.8275,113.1340", clock="0358")) for _ in range(2))
    assert (once.at, once.payload_hash) == (again.at, again.payload_hash)


@pytest.mark.parametrize(
    "message",
    [
        messages.Ica(0, "00"), messages.Rmo("BSI", 2, 0), messages.Ici(CARD, "00", "0000011", 6, 60, 3, "N", 0),
        messages.Txa(CARD, 1, 0, "你好, 收到"), messages.Tcq(CARD, 1, 0, 1, "你好, 收到", 0),
        messages.Txr(1, CARD, 0, "0358", "a,b,c"), messages.Tci(CARD, "0179774", 1, "035811", 1, "0", "a,b"),
        messages.Fki("TXA", "Y", "Y,0,0000"), messages.Fki("TXA", "N"), messages.Fki3("035811", "TCQ", "N", 4, 30),
    ],
)  # fmt: skip
def test_every_message_is_written_and_read_back(message: messages.Message) -> None:
    assert rdss.read(open_sentence(rdss.write(message))) == message


def test_what_breaks_its_table_is_refused() -> None:
    for fields in [("1", "card", "2", "", "x"), ("1", CARD, "2", "12:30", "x"), ("1",), ()]:
        with pytest.raises(RefusedError):
            rdss.read(open_sentence(close_sentence("BDTXR", fields)))
    with pytest.raises(RefusedError):
        rdss.read(open_sentence(close_sentence("BDFKI", ())))


@given(st.sampled_from(sorted(messages.TABLE)), st.lists(st.text("0123456789YNA.,-TXR你", max_size=6), max_size=9))
def test_any_fields_are_read_or_refused(address: str, fields: list[str]) -> None:
    try:
        message = rdss.read(Sentence(address, tuple(fields), b""))
    except RefusedError:
        return
    if isinstance(message, rdss.Txr | rdss.Tci):
        fix(rdss.receive(message, NOW))


@given(st.binary(min_size=20, max_size=20) | st.binary(max_size=60))
def test_any_payload_is_received(data: bytes) -> None:
    fix(received(rdss.mixed(data), mode=2))


# -- the card


def a_card(interval_s: int = 60) -> rdss.Card:
    card = rdss.Card()
    card.hear(messages.Ici(CARD, "", "", 6, interval_s, 3, "N", 0), NOW)
    return card


def test_a_card_speaks_once_in_its_interval() -> None:
    card = a_card(interval_s=45)
    for text in ("一", "二"):
        card.put(rdss.text_message("0179774", text))
    assert card.next_due(NOW) == NOW
    assert card.take(NOW) == rdss.write(messages.Txa("0179774", 1, 0, "一"))
    later = NOW + timedelta(seconds=45)
    assert card.next_due(NOW) == later
    assert card.take(later - timedelta(microseconds=1)) is None
    assert card.take(later) == rdss.write(messages.Txa("0179774", 1, 0, "二"))
    assert card.next_due(later) is None


def test_an_unknown_card_is_taken_to_have_the_usual_interval() -> None:
    card = rdss.Card()
    card.put(rdss.text_message(CARD, "a"))
    card.put(rdss.text_message(CARD, "b"))
    assert card.take(NOW) is not None
    assert card.next_due(NOW) == NOW + timedelta(seconds=60)


def test_without_a_card_nothing_is_sent() -> None:
    card = rdss.Card()
    card.put(rdss.text_message(CARD, "a"))
    card.hear(messages.Ici("0000000", "", "", 6, 60, 3, "N", 0), NOW)
    assert card.take(NOW) is None


def test_a_refused_message_is_tried_again_after_the_wait_and_not_for_ever() -> None:
    card = a_card()
    card.put(rdss.text_message(CARD, "a"))
    now, sent = NOW, 0
    while card.next_due(now):
        now = card.next_due(now) or now
        assert card.take(now)
        sent += 1
        card.hear(messages.Fki3("", "TCQ", "N", 4, 90), now)
    assert (sent, now) == (3, NOW + 2 * timedelta(seconds=90))


def test_an_accepted_message_is_not_sent_again() -> None:
    card = a_card()
    card.put(rdss.text_message(CARD, "a"))
    card.take(NOW)
    card.hear(messages.Fki("TXA", "Y"), NOW)
    card.hear(messages.Fki("TXA", "N"), NOW)
    assert len(card) == 0


def test_the_queue_is_bounded_and_takes_only_what_can_be_sent() -> None:
    card = a_card()
    for bad in ("", "a*b", "\N{GRINNING FACE}"):
        with pytest.raises(InvalidError):
            card.put(rdss.text_message(CARD, bad))
    with pytest.raises(InvalidError):
        rdss.text_message("card", "a")
    for _ in range(MAX_WAITING):
        card.put(rdss.text_message(CARD, "a"))
    with pytest.raises(FullError):
        card.put(rdss.text_message(CARD, "a"))
