"""A fix: one reported position of one device, the datum everything else is made of."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from hashlib import blake2b


class Source(IntEnum):
    """The door a fix came through."""

    JT808 = 1
    FILE = 2
    JT809 = 3
    NMEA = 4
    RDSS = 5
    HTTP = 6
    MQTT = 7


class Systems(IntFlag):
    """Satellite systems that contributed to a fix."""

    GPS = 1
    BEIDOU = 2
    GLONASS = 4
    GALILEO = 8


class Quality(IntFlag):
    """What is doubtful about a fix. Doubt is a flag, never a silent deletion."""

    NOT_POSITIONED = 1
    ZERO = 2
    FUTURE = 4
    PAST = 8
    ENCRYPTED = 16
    OUT_OF_RANGE = 32
    SPEED = 64
    JUMP = 128
    LATE = 256
    ESTIMATED = 512
    CLOCK_SKEW = 1024


UNKNOWN_SYSTEMS = Systems(0)
NO_DOUBT = Quality(0)

UNUSABLE = Quality.NOT_POSITIONED | Quality.ZERO | Quality.ENCRYPTED | Quality.OUT_OF_RANGE
"""A fix with one of these flags is stored but never drawn and never the newest position."""

UNTIMELY = Quality.FUTURE | Quality.PAST
"""A fix with one of these flags never becomes the newest position."""


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a device was, CGCS2000 degrees, SI units, aware UTC."""

    device_id: int
    at: datetime
    lon_deg: float
    lat_deg: float
    payload_hash: int  # `payload_hash` of what the device sent: with device and time it identifies the fix
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None  # radius that holds the true place with 95 % probability
    alarm: int = 0
    status: int = 0
    systems: Systems = UNKNOWN_SYSTEMS
    flags: Quality = NO_DOUBT
    source: Source = Source.JT808
    raw: bytes = field(default=b"", compare=False, repr=False)  # what it was read from, as it came; kept beside it


def payload_hash(payload: bytes) -> int:
    """Return 64 bits of BLAKE2b as a signed number: it tells a retransmission from another fix of the same time."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "big", signed=True)
