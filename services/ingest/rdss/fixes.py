"""From a short message to a fix: identity, judgement, provenance."""

from datetime import datetime, timedelta
from typing import Final

from geo import quality
from geo.fix import Fix, Quality, Source, payload_hash
from services.ingest import nmea
from services.ingest.rdss.payloads import Position, Received

EMERGENCY: Final = 1
"""Bit 0 of a fix's alarm word: the same as a terminal's emergency button in JT/T 808, so the same watcher raises it."""


def to_fix(
    received: Received,
    device_id: int,
    now: datetime,
    *,
    future_tolerance: timedelta,
    past_tolerance: timedelta,
    raw: bytes = b"",
) -> Fix:
    """The fix that a message makes; `raw` is its sentence, `now` when it came.

    A call for help without a position is the null position, flagged so, with the alarm set: the watcher raises the
    alert, without a place. The same payload with the same time is the same fix, however often it comes.
    """
    position = received.position or Position(0.0, 0.0)
    said = Quality(0) if received.position else Quality.NOT_POSITIONED
    if position.epoch:
        said |= nmea.doubts(position.epoch)
    judged = quality.judge(
        lon_deg=position.lon_deg,
        lat_deg=position.lat_deg,
        at=received.at,
        now=now,
        future_tolerance=future_tolerance,
        past_tolerance=past_tolerance,
        positioned=Quality.NOT_POSITIONED not in said,
    )
    return Fix(
        device_id,
        received.at,
        position.lon_deg,
        position.lat_deg,
        payload_hash(received.content.data),
        altitude_m=position.altitude_m,
        speed_mps=position.speed_mps,
        heading_deg=position.heading_deg,
        alarm=EMERGENCY if received.calls_for_help else 0,
        systems=position.systems,
        flags=judged | said,
        source=Source.RDSS,
        raw=raw,
    )
