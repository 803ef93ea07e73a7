"""Fixes as they go over the bus: nothing is lost on the way, and no bytes but ours are taken for fixes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.fix import Fix, Quality, Source, Systems
from services import bus
from services.storing import RefusedError

LONG = st.integers(-(2**63), 2**63 - 1)
REAL = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | REAL
FIXES = st.lists(
    st.builds(
        Fix,
        device_id=LONG, at=st.datetimes(min_value=datetime(1980, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        lon_deg=REAL, lat_deg=REAL, payload_hash=LONG, altitude_m=MAYBE, speed_mps=MAYBE, heading_deg=MAYBE,
        accuracy_m=MAYBE, alarm=LONG, status=LONG, systems=st.builds(Systems, st.integers(0, 15)),
        flags=st.builds(Quality, st.integers(0, 1023)), source=st.sampled_from(Source), raw=st.binary(max_size=80),
    )
)  # fmt: skip
ONE = Fix(1, datetime(2026, 11, 21, 8, 0, tzinfo=UTC), 113.15, 27.83, 5, raw=b"as it came")


@given(FIXES)
def test_what_is_read_is_what_was_written(fixes: list[Fix]) -> None:
    read = [fix for message in bus.encode(fixes) for fix in bus.decode(message)]
    assert read == fixes
    assert [fix.raw for fix in read] == [fix.raw for fix in fixes]


def test_many_fixes_are_cut_into_messages_that_the_bus_takes() -> None:
    fixes = [replace(ONE, device_id=number, raw=bytes(1023)) for number in range(2000)]
    messages = bus.encode(fixes)
    assert max(map(len, messages)) < 1_000_000
    assert [fix for message in messages for fix in bus.decode(message)] == fixes
    assert bus.encode([]) == []


@given(st.binary() | st.binary().map(lambda tail: bus.encode([ONE])[0] + tail))
def test_any_bytes_are_fixes_or_refused(data: bytes) -> None:
    try:
        fixes = bus.decode(data)
    except bus.DamagedError:
        return
    again = [fix for message in bus.encode(fixes) for fix in bus.decode(message)]
    assert list(map(repr, again)) == list(map(repr, fixes))


@given(st.integers(1, 60))
def test_a_message_that_ends_too_early_is_refused(missing: int) -> None:
    with pytest.raises(bus.DamagedError):
        bus.decode(bus.encode([ONE])[0][:-missing])


def test_a_value_that_does_not_fit_is_refused_before_it_is_acknowledged() -> None:
    with pytest.raises(RefusedError):
        bus.encode([ONE, replace(ONE, alarm=2**70)])
