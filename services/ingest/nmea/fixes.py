"""From an epoch to a fix: identity, judgement, provenance."""

from datetime import datetime, timedelta
from typing import Final

from geo import quality
from geo.fix import Fix, Quality, Source, payload_hash
from services.ingest.nmea.epochs import Epoch
from services.ingest.nmea.messages import FixQuality

UNUSABLE: Final = frozenset({FixQuality.NONE, FixQuality.MANUAL, FixQuality.SIMULATED})
"""No satellite found such a position: stored, flagged as not positioned, never shown."""


def doubts(epoch: Epoch) -> Quality:
    """Return what the receiver itself says against a position: not positioned, or estimated by dead reckoning."""
    if epoch.quality in UNUSABLE or epoch.lon_deg is None:
        return Quality.NOT_POSITIONED
    return Quality.ESTIMATED if epoch.quality is FixQuality.ESTIMATED else Quality(0)


def to_fix(
    epoch: Epoch,
    device_id: int,
    now: datetime,
    *,
    future_tolerance: timedelta,
    past_tolerance: timedelta,
    source: Source = Source.NMEA,
) -> Fix:
    """The fix that an epoch makes; `now` is when it came.

    `status` keeps the quality in GGA's numbers (4 RTK fixed, 5 RTK float). An epoch without a position is the null
    position, flagged so: that the device lives and has no fix is worth knowing.
    """
    said = doubts(epoch)
    lon_deg, lat_deg = epoch.lon_deg or 0.0, epoch.lat_deg or 0.0
    judged = quality.judge(
        lon_deg=lon_deg,
        lat_deg=lat_deg,
        at=epoch.at,
        now=now,
        future_tolerance=future_tolerance,
        past_tolerance=past_tolerance,
        positioned=Quality.NOT_POSITIONED not in said,
    )
    return Fix(
        device_id,
        epoch.at,
        lon_deg,
        lat_deg,
        payload_hash(epoch.raw),
        altitude_m=epoch.altitude_m,
        speed_mps=epoch.speed_mps,
        heading_deg=None if epoch.course_deg is None else epoch.course_deg % 360,
        status=int(epoch.quality),
        systems=epoch.systems,
        flags=judged | said,
        source=source,
        raw=epoch.raw,
    )
