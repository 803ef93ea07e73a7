"""From what a terminal reports to a fix: identity, judgement, provenance."""

from datetime import datetime, timedelta

from geo import quality
from geo.fix import UNKNOWN_SYSTEMS, Fix, Quality, Source, payload_hash
from services.ingest.jt808 import making
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages.position import LocationReport, Status

_CIRCLE_DEG = 360
_SOURCE = Source.JT808
_fix = making.constructor(Fix)
_ENCRYPTED = int(Status.ENCRYPTED)  # a flag of an enum costs ten times as much to look at


def to_fix(
    report: LocationReport,
    device_id: int,
    body: bytes,
    now: datetime,
    *,
    future_tolerance: timedelta,
    past_tolerance: timedelta,
    version: Version = Version.V2013,
    late: bool = False,
    frame: bytes = b"",
) -> Fix:
    """The fix that a report makes; `body` is the 0x0200 body it was read from, `frame` the whole, `now` when it came.

    What is doubtful is flagged, never left out; but coordinates that are enciphered are none, and stay in the frame. A
    terminal of 2011 says nothing about satellite systems: the bits are reserved there.
    """
    enciphered = bool(report.status & _ENCRYPTED)
    doubts = quality.judge(
        lon_deg=report.lon_deg,
        lat_deg=report.lat_deg,
        at=report.at,
        now=now,
        future_tolerance=future_tolerance,
        past_tolerance=past_tolerance,
        positioned=report.positioned,
        encrypted=enciphered,
    )
    heading_deg = float(report.heading_deg % _CIRCLE_DEG) if report.heading_deg <= _CIRCLE_DEG else None
    systems = UNKNOWN_SYSTEMS if version is Version.V2011 else report.systems
    return _fix(
        device_id, report.at, 0.0 if enciphered else report.lon_deg, 0.0 if enciphered else report.lat_deg,
        payload_hash(body), float(report.altitude_m),
        report.speed_mps, heading_deg, None, report.alarm, report.status, systems,
        doubts | Quality.LATE if late else doubts, _SOURCE, frame,
    )  # fmt: skip
