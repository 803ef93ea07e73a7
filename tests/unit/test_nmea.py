"""Epochs out of sentences: one moment, one fix, with its date, its quality and its systems."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.fix import Fix, Quality, Source, Systems
from services.ingest import nmea
from services.ingest.nmea import messages
from services.ingest.sentences import close_sentence, open_sentence
from tests.builders import sentences as make

NOW = make.START + timedelta(hours=1)
SECOND = timedelta(seconds=1)


def heard(*lines: bytes, now: datetime | None = NOW, day: date | None = None) -> list[nmea.Event]:
    receiver = nmea.Receiver(day=day)
    return receiver.receive(b"".join(lines), now) + receiver.end()


def epochs(*lines: bytes, now: datetime | None = NOW, day: date | None = None) -> list[nmea.Epoch]:
    found = heard(*lines, now=now, day=day)
    assert all(isinstance(event, nmea.Epoch) for event in found), found
    return [event for event in found if isinstance(event, nmea.Epoch)]


def fix(*lines: bytes) -> Fix:
    (epoch,) = epochs(*lines)
    return nmea.to_fix(epoch, 7, NOW, future_tolerance=timedelta(minutes=5), past_tolerance=timedelta(days=3652))


def test_the_sentences_of_one_moment_are_one_fix() -> None:
    found = fix(make.rmc(make.START), make.gga(make.START, quality=4), make.gsa(6, 13), make.gsa(3, system="1"))
    assert (found.at, found.device_id, found.source) == (make.START, 7, Source.NMEA)
    assert (found.lon_deg, found.lat_deg) == pytest.approx((make.LON, make.LAT), abs=1e-9)
    assert (found.altitude_m, found.heading_deg) == (61.5, 90)
    assert found.speed_mps == pytest.approx(10, abs=1e-5)
    assert found.systems == Systems.BEIDOU | Systems.GPS
    assert (found.status, found.flags) == (4, Quality(0)), "RTK fixed is kept in the status"


def test_an_epoch_is_emitted_when_the_next_time_comes_and_at_the_end() -> None:
    receiver = nmea.Receiver()
    first, second = make.rmc(make.START), make.rmc(make.START + SECOND)
    assert receiver.receive(first + make.gga(make.START), NOW) == []
    assert receiver.is_waiting
    assert [type(event) for event in receiver.receive(second, NOW)] == [nmea.Epoch]
    assert [type(event) for event in receiver.flush()] == [nmea.Epoch]
    assert not receiver.is_waiting


def test_what_comes_for_a_moment_that_was_emitted_is_no_second_fix() -> None:
    receiver = nmea.Receiver()
    receiver.receive(make.rmc(make.START), NOW)
    assert len(receiver.flush()) == 1
    assert receiver.receive(make.gga(make.START), NOW) + receiver.flush() == []


def test_two_positions_within_one_second_are_two_fixes() -> None:
    assert len(epochs(make.rmc(make.START), make.rmc(make.START, lon=113.2))) == 2
    assert len(epochs(make.rmc(make.START), make.rmc(make.START))) == 1


@pytest.mark.parametrize(
    ("quality", "flags"),
    [
        (0, Quality.NOT_POSITIONED), (1, Quality(0)), (2, Quality(0)), (3, Quality(0)), (4, Quality(0)),
        (5, Quality(0)), (6, Quality.ESTIMATED), (7, Quality.NOT_POSITIONED), (8, Quality.NOT_POSITIONED),
    ],
)  # fmt: skip
def test_doubtful_qualities_are_flagged_and_never_dropped(quality: int, flags: Quality) -> None:
    found = fix(make.gga(make.START, quality=quality))
    assert (found.flags, found.status) == (flags, quality)


def test_a_receiver_without_a_fix_is_stored_as_not_positioned() -> None:
    found = fix(close_sentence("GNRMC", ("005814.000", "V", *[""] * 6, "251123", "", "", "M", "V")))
    assert found.at == datetime(2023, 11, 25, 0, 58, 14, tzinfo=UTC)
    assert found.flags == Quality.NOT_POSITIONED | Quality.ZERO


def test_a_warning_of_rmc_weighs_more_than_the_quality_of_gga() -> None:
    found = fix(make.rmc(make.START, status="V"), make.gga(make.START, quality=1))
    assert found.flags == Quality.NOT_POSITIONED


def test_past_midnight_a_time_without_a_date_is_on_the_next_day() -> None:
    times = [make.START + number * SECOND for number in range(20)]
    found = epochs(make.rmc(times[0]), *map(make.gga, times), now=None)
    assert [epoch.at for epoch in found] == times


def test_a_time_that_comes_late_over_midnight_stays_on_its_day() -> None:
    first = make.START.replace(hour=0, minute=3)
    found = epochs(make.rmc(first), make.gga(first - timedelta(minutes=2)), make.gga(first + SECOND), now=None)
    assert [epoch.at for epoch in found] == [first, first - timedelta(minutes=2), first + SECOND]


def test_without_any_date_the_clock_of_the_receiver_of_the_bytes_says_the_day() -> None:
    now = datetime(2026, 5, 2, 0, 0, 3, tzinfo=UTC)
    (epoch,) = epochs(make.gga(make.START), now=now)
    assert epoch.at == make.START


def test_in_a_file_without_any_date_the_day_has_to_be_given() -> None:
    (refused,) = heard(make.gga(make.START), now=None)
    assert isinstance(refused, nmea.Refused)
    assert refused.reason == "date"
    (epoch,) = epochs(make.gga(make.START), now=None, day=date(2020, 2, 29))
    assert epoch.at == make.START.replace(year=2020, month=2, day=29)


def test_zda_gives_the_date() -> None:
    zda = nmea.write(nmea.Talk("GN", messages.Zda(make.START.time(), 3, 4, 2025, 0, 0)))
    (epoch,) = epochs(zda, make.gga(make.START), now=None)
    assert epoch.at == make.START.replace(year=2025, month=4, day=3)


def test_of_several_talkers_the_combined_solution_is_believed() -> None:
    (epoch,) = epochs(make.gga(make.START, lon=113.2, talker="BDS"), make.gga(make.START, lon=113.1))
    assert epoch.lon_deg == pytest.approx(113.1)


def test_a_beidou_talker_alone_says_that_beidou_was_used() -> None:
    for talker in ("BD", "GB", "BDS"):
        (epoch,) = epochs(make.gga(make.START, talker=talker))
        assert epoch.systems == Systems.BEIDOU
    (epoch,) = epochs(make.gga(make.START))
    assert epoch.systems == Systems(0), "GN does not say"


def test_the_second_antenna_is_not_the_vehicle() -> None:
    other = make.gga(make.START, lon=113.2).strip()[1:-3].replace(b"GNGGA", b"GNGGAH").decode().split(",")
    found = epochs(make.gga(make.START), close_sentence(other[0], tuple(other[1:])))
    assert [epoch.lon_deg for epoch in found] == [pytest.approx(make.LON)]


def test_other_sentences_are_handed_on() -> None:
    line = close_sentence("BDTXR", ("1", "0179773", "2", "", "A468656C6C6F"))
    (other,) = heard(line)
    assert isinstance(other, nmea.Other)
    assert other.sentence == open_sentence(line)


def test_a_leap_second_is_the_last_moment_of_its_day() -> None:
    (epoch,) = epochs(make.rmc(make.START), close_sentence("GNGLL", ("2749.65", "N", "11308.04", "E", "235960", "A")))[
        1:
    ]
    assert epoch.at == make.START.replace(second=59, microsecond=999_999)


def test_the_sentences_kept_for_one_moment_are_bounded() -> None:
    receiver = nmea.Receiver()
    receiver.receive(make.rmc(make.START), NOW)
    for number in range(2000):
        receiver.receive(make.gsa(number % 900 + 1), NOW)
    (epoch,) = receiver.flush()
    assert isinstance(epoch, nmea.Epoch)
    assert epoch.raw.count(b"$") <= 64


@given(st.binary(max_size=400) | st.text("$GNRMCA,.*0123456789NEV\r\n", max_size=200).map(str.encode))
def test_random_bytes_never_raise(data: bytes) -> None:
    heard(data)


@given(st.lists(st.integers(0, 2000), max_size=10), st.integers(0, 1800), st.integers(0, 255))
def test_any_fragmentation_of_a_damaged_stream_gives_the_same_events(cuts: list[int], place: int, byte: int) -> None:
    data = bytearray(b"".join(make.stream(9)))
    data[place % len(data)] = byte
    receiver, edges = nmea.Receiver(), [0, *sorted(cuts), len(data)]
    cut = [event for start, end in pairwise(edges) for event in receiver.receive(data[start:end], NOW)]
    assert cut + receiver.end() == heard(bytes(data))


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=30))
def test_every_undamaged_epoch_behind_a_damage_is_found(place: int, noise: bytes) -> None:
    lines = make.stream(6)
    data = b"".join(lines)
    at = place % len(b"".join(lines[:9]))
    found = [event.at for event in heard(data[:at] + noise + data[at:]) if isinstance(event, nmea.Epoch)]
    after = [make.START + number * SECOND for number in range(4, 6)]
    assert [moment for moment in found if moment in after] == after


PLACES = st.tuples(st.integers(-180 * 60 * 10**8, 180 * 60 * 10**8), st.integers(-90 * 60 * 10**8, 90 * 60 * 10**8))


@given(PLACES, st.datetimes(datetime(2000, 1, 1), datetime(2069, 12, 31)), st.sampled_from(["GN", "GB", "BD"]))  # noqa: DTZ001
def test_what_is_written_is_read_again(place: tuple[int, int], at: datetime, talker: str) -> None:
    lon, lat = (part / 60 / 10**8 for part in place)
    raw = make.rmc(at, lon=lon, lat=lat, talker=talker)
    talk = nmea.read(open_sentence(raw))
    assert talk is not None
    assert isinstance(talk.message, messages.Rmc)
    assert (talk.message.lon_deg, talk.message.lat_deg) == pytest.approx((lon, lat), abs=1e-9)
    assert (talk.message.at, talk.message.day) == (at.time(), at.date())
    assert nmea.write(talk) == raw
