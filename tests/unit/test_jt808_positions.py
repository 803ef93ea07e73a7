"""From a report to a fix: what is doubtful is flagged, what is the same has the same hash."""

from datetime import UTC, datetime, timedelta

import pytest

from geo.fix import Quality, Source, Systems, payload_hash
from services.ingest.jt808 import build, fields, positions
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages.position import LocationReport, Status

NOW = datetime(2026, 5, 1, 4, 0, 5, tzinfo=UTC)
TOLERANCES = {"future_tolerance": timedelta(minutes=5), "past_tolerance": timedelta(days=3652)}


def fix_of(report: LocationReport, **more: object):
    return positions.to_fix(report, 7, fields.write(report), NOW, **TOLERANCES, **more)


def report(**said: object) -> LocationReport:
    return build.position(**({"at": NOW, "lon_deg": 113.134, "lat_deg": -27.8275} | said))


def test_a_fix_has_the_place_the_time_and_the_device():
    fix = fix_of(report(speed_mps=10.0, heading_deg=90, altitude_m=-154, alarm=1))
    assert (fix.device_id, fix.at, fix.lon_deg, fix.lat_deg) == (7, NOW, 113.134, -27.8275)
    assert (fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.alarm) == (-154.0, 10.0, 90.0, 1)
    assert (fix.systems, fix.flags, fix.source) == (Systems.GPS | Systems.BEIDOU, Quality(0), Source.JT808)


@pytest.mark.parametrize(
    ("said", "flag"),
    [
        ({"status": 0}, Quality.NOT_POSITIONED),
        ({"status": Status.POSITIONED | Status.ENCRYPTED}, Quality.ENCRYPTED),
        ({"lon_deg": 0.0, "lat_deg": 0.0}, Quality.ZERO),
        ({"lon_deg": 40.0, "lat_deg": 116.3}, Quality.OUT_OF_RANGE),
        ({"at": datetime(2094, 1, 1, tzinfo=UTC)}, Quality.FUTURE),
        ({"at": NOW - timedelta(days=4000)}, Quality.PAST),
    ],
)
def test_doubt_is_a_flag(said, flag):
    assert fix_of(report(**said)).flags == flag


def test_a_report_kept_while_the_link_was_down_is_late_and_still_the_same_fix():
    late, prompt = fix_of(report(), late=True), fix_of(report())
    assert late.flags == Quality.LATE
    assert late.payload_hash == prompt.payload_hash


def test_another_report_of_the_same_second_has_another_hash():
    assert fix_of(report()).payload_hash != fix_of(report(speed_mps=1.0)).payload_hash


def test_the_hash_fits_a_signed_64_bit_column():
    hashes = [payload_hash(bytes((value,))) for value in range(256)]
    assert min(hashes) < 0 < max(hashes)
    assert all(-(2**63) <= value < 2**63 for value in hashes)


def test_reserved_bits_of_2011_are_not_taken_for_satellite_systems():
    assert fix_of(report(), version=Version.V2011).systems == Systems(0)


@pytest.mark.parametrize(("wire", "heading_deg"), [(359, 359.0), (360, 0.0), (65535, None)])
def test_a_heading_off_the_compass_is_no_heading(wire, heading_deg):
    raw = fields.write(report())
    odd = fields.read(LocationReport, raw[:20] + wire.to_bytes(2, "big") + raw[22:])
    assert fix_of(odd).heading_deg == heading_deg
