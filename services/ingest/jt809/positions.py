"""From a fix to a position between platforms, and back: identity, judgement, provenance."""

from datetime import UTC, datetime, timedelta

from geo import quality
from geo.fix import NO_DOUBT, UNKNOWN_SYSTEMS, Fix, Quality, Source, payload_hash
from services.ingest.jt808 import build
from services.ingest.jt808.messages.position import LocationReport, Status
from services.ingest.jt809.framing import V2019, Edition
from services.ingest.jt809.messages.vehicle import (
    CatchUp,
    CatchUp2019,
    HistoryDown,
    HistoryDown2019,
    PlatformAlarm,
    Position,
    Position2019,
)

CIRCLE_DEG = 360
PLACES_OWN = Status.SOUTH | Status.WEST | Status.POSITIONED
"""State bits that are written anew from the fix itself."""

_NOBODY = PlatformAlarm("", 0)
_MOST_M, _LEAST_M = 0x7FFF, 0
_MOST_MPS = 0xFFFF / 36  # a body of JT/T 808 counts tenths of km/h in a WORD
AnyPosition = Position | Position2019


def from_fix(fix: Fix, edition: Edition) -> AnyPosition:
    """The position that tells a fix in an edition."""
    state = (fix.status & ~PLACES_OWN) | (0 if fix.flags & Quality.NOT_POSITIONED else Status.POSITIONED)
    altitude_m = min(max(fix.altitude_m or 0.0, _LEAST_M), _MOST_M)
    speed_mps = min(fix.speed_mps or 0.0, _MOST_MPS)
    report = build.position(
        fix.at, fix.lon_deg, fix.lat_deg, altitude_m=altitude_m, speed_mps=speed_mps,
        heading_deg=fix.heading_deg or 0.0, alarm=fix.alarm, status=state, systems=fix.systems,
    )  # fmt: skip
    if edition is V2019:
        return Position2019(0, report, _NOBODY, _NOBODY, _NOBODY)
    return Position(
        0, fix.at, fix.lon_deg, fix.lat_deg, speed_mps, 0.0, 0, report.heading_deg, round(altitude_m),
        report.status, fix.alarm,
    )  # fmt: skip


def catch_up(positions: tuple[AnyPosition, ...], edition: Edition) -> CatchUp | CatchUp2019:
    """Up to five positions of one vehicle, in the order of time, as one message."""
    return CatchUp2019(positions) if edition is V2019 else CatchUp(positions)  # type: ignore[arg-type]


def positions_in(said: object) -> tuple[tuple[AnyPosition, ...], bool]:
    """The positions in a sub message, and whether they are late; none if it carries none."""
    match said:
        case Position() | Position2019():
            return (said,), False
        case CatchUp() | CatchUp2019() | HistoryDown() | HistoryDown2019():
            return said.positions, True
    return (), False


def is_enciphered(position: AnyPosition) -> bool:
    """Whether the secrecy plug-in has been over the coordinates: its own flag says so, or the state."""
    told = position.report if isinstance(position, Position2019) else position
    status = 0 if told is None else told.status if isinstance(told, LocationReport) else told.state
    return bool(position.encrypted or status & Status.ENCRYPTED)


def to_fix(
    position: AnyPosition,
    device_id: int,
    vehicle: tuple[str, int],
    now: datetime,
    *,
    future_tolerance: timedelta,
    past_tolerance: timedelta,
    late: bool = False,
    raw: bytes = b"",
) -> Fix | None:
    """The fix that a position makes; None if a position of 2019 came without its report.

    What is doubtful is flagged, never left out; enciphered coordinates stay in the frame.
    Vehicle and second identify it, whichever way it comes again.
    """
    told = position.report if isinstance(position, Position2019) else position
    if told is None:
        return None
    status = told.status if isinstance(told, LocationReport) else told.state
    enciphered = is_enciphered(position)
    doubts = quality.judge(
        lon_deg=told.lon_deg,
        lat_deg=told.lat_deg,
        at=told.at,
        now=now,
        future_tolerance=future_tolerance,
        past_tolerance=past_tolerance,
        positioned=bool(status & Status.POSITIONED),
        encrypted=enciphered,
    )
    return Fix(
        device_id=device_id,
        at=told.at,
        lon_deg=0.0 if enciphered else told.lon_deg,
        lat_deg=0.0 if enciphered else told.lat_deg,
        payload_hash=_key(*vehicle, told.at),
        altitude_m=float(told.altitude_m),
        speed_mps=told.speed_mps,
        heading_deg=float(told.heading_deg % CIRCLE_DEG) if told.heading_deg <= CIRCLE_DEG else None,
        alarm=told.alarm,
        status=status,
        systems=told.systems if isinstance(told, LocationReport) else UNKNOWN_SYSTEMS,
        flags=doubts | (Quality.LATE if late else NO_DOUBT),
        source=Source.JT809,
        raw=raw,
    )


def _key(plate: str, color: int, at: datetime) -> int:
    """64 bits over vehicle and second: no position is acknowledged singly, so the same one may come twice."""
    told = f"{plate}\n{color}\n{at.astimezone(UTC):%Y%m%d%H%M%S}".encode()
    return payload_hash(told)
