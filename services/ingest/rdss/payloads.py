"""What a short message holds: positions in the forms of `FORMS`, calls for help, or else text.

The system carries any bytes; what they mean is agreed between its users. Understood are

    degrees   27.8275,113.1340[,61.5]      latitude, longitude, perhaps the altitude in metres; three decimals at least
    nmea      $GNRMC,…*hh or $..GGA, GLL   one sentence, with its checksum
    compact   20 bytes, big-endian:        54 │ 01 position, 81 help │ u32 seconds since 1970 │ i32 lat 1e-7° │
                                           i32 lon 1e-7° │ i16 altitude m │ u8 speed ½ m/s │ u8 heading 2°, FF none │
                                           u8 systems (1 GPS, 2 BeiDou, 4 GLONASS, 8 Galileo) │ XOR of the 19 before

A text that begins with a word of `HELP` calls for help, with a position behind it or without.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from geo.fix import Systems
from services.errors import InvalidError
from services.ingest.nmea import epochs
from services.ingest.rdss.messages import CHINESE, MIXED, Tci, Tcq, Txa, Txr
from services.ingest.sentences import checksum

HELP: Final = ("SOS", "MAYDAY", "求救", "求助", "遇险", "呼救", "紧急求救")
BEIJING: Final = timezone(timedelta(hours=8))

_DEGREES: Final = re.compile(
    r"([+-]?\d{1,2}\.\d{3,9}),([+-]?\d{1,3}\.\d{3,9})(?:,(-?\d{1,5}(?:\.\d{1,3})?))?", re.ASCII
)
_COMPACT: Final = struct.Struct(">BBIiihBBBB")
_MAGIC, _POSITION, _HELP = 0x54, 0x01, 0x81
_NO_HEADING: Final = 0xFF
_HEADING_STEP_DEG: Final = 2
_PREFIX: Final = "A4"
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a payload, and the text they are if they are text."""

    data: bytes
    text: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """A position out of a payload: degrees, SI units; `at` if the payload itself tells the time."""

    lon_deg: float
    lat_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    at: datetime | None = None
    systems: Systems = Systems.BEIDOU
    epoch: epochs.Epoch | None = None  # if it is an NMEA sentence: its quality counts


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came: from which card, when it was sent as far as that is known, and what it holds."""

    card: str
    at: datetime
    timed: bool  # whether the message or its payload told the time; else it is the time of receipt
    content: Content
    position: Position | None
    calls_for_help: bool


def content(message: Txr | Tci | Txa | Tcq) -> Content:
    """Return what a message carries: text as GBK; hex, with A4 before it or not, as the bytes it stands for."""
    payload = message.payload
    mode = (message.mode or 0) - (1 if isinstance(message, Tci | Tcq) else 0)
    if mode == CHINESE or not _HEX.fullmatch(payload):
        return Content(payload.encode("gbk", "replace"), payload)
    has_prefix = mode == MIXED and payload[:2].upper() == _PREFIX
    data = bytes.fromhex(payload[2:] if has_prefix else payload)
    return Content(data, _text(data))


def mixed(data: bytes) -> str:
    """Write bytes as the payload of mode 2: hex behind A4."""
    return _PREFIX + data.hex().upper()


def receive(message: Txr | Tci, now: datetime) -> Received:
    """Read a received message that came now."""
    said = content(message)
    plea, text = _plea(said.text)
    found = next((position for form in FORMS.values() if (position := form(said.data, text, now))), None)
    sent = moment(message.clock, now)
    own = found.at if found else None
    in_need = plea or said.data[:2] == bytes((_MAGIC, _HELP))
    return Received(
        message.from_card, own or sent or now, (own or sent) is not None, said, found, bool(in_need and (plea or found))
    )


def moment(clock: str, now: datetime) -> datetime | None:
    """Add the date to hhmm or hhmmss: the moment nearest to `now`. Terminals tell UTC or Beijing time, and not which.

    With a wrong reading eight hours away, the nearest is right for all that came within four hours of being sent.
    """
    if not clock:
        return None
    try:
        parts = [int(clock[at : at + 2]) for at in range(0, len(clock), 2)]
        readings = [
            (now.astimezone(zone) + timedelta(days=days)).replace(
                hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0, microsecond=0  # noqa: PLR2004
            )
            for zone in (UTC, BEIJING)
            for days in (-1, 0, 1)
        ]  # fmt: skip
    except (ValueError, IndexError):
        return None
    return min(readings, key=lambda at: abs(at - now)).astimezone(UTC)


def write_compact(position: Position, *, calls_for_help: bool = False) -> bytes:
    """Write the compact form.

    Raises:
        InvalidError: a value does not fit, or there is no time.
    """
    if position.at is None:
        raise InvalidError("The compact form has a time.")
    kind = _HELP if calls_for_help else _POSITION
    speed = min(round((position.speed_mps or 0) * 2), 255)
    heading = _NO_HEADING if position.heading_deg is None else round(position.heading_deg / _HEADING_STEP_DEG) % 180
    try:
        raw = _COMPACT.pack(
            _MAGIC, kind, int(position.at.timestamp()), round(position.lat_deg * 1e7), round(position.lon_deg * 1e7),
            round(position.altitude_m or 0), speed, heading, position.systems, 0,
        )  # fmt: skip
    except struct.error as error:
        raise InvalidError("The position does not fit the compact form: {error}.", error=str(error)) from None
    return raw[:-1] + bytes((checksum(raw[:-1]),))


def _read_degrees(_data: bytes, text: str, _now: datetime) -> Position | None:
    found = _DEGREES.fullmatch(text)
    if not found:
        return None
    return Position(float(found[2]), float(found[1]), float(found[3]) if found[3] else None)


def _read_nmea(_data: bytes, text: str, now: datetime) -> Position | None:
    if not text.startswith("$"):
        return None
    receiver = epochs.Receiver()
    heard = [*receiver.receive(text.encode("gbk", "replace") + b"\n", now), *receiver.flush()]
    for epoch in heard:
        if isinstance(epoch, epochs.Epoch) and epoch.lon_deg is not None and epoch.lat_deg is not None:
            return Position(
                epoch.lon_deg, epoch.lat_deg, epoch.altitude_m, epoch.speed_mps, epoch.course_deg, epoch.at,
                epoch.systems, epoch,
            )  # fmt: skip
    return None


def _read_compact(data: bytes, _text: str, _now: datetime) -> Position | None:
    if len(data) != _COMPACT.size or checksum(data):
        return None
    magic, kind, seconds, lat, lon, altitude, speed, heading, systems, _ = _COMPACT.unpack(data)
    if magic != _MAGIC or kind not in (_POSITION, _HELP):
        return None
    return Position(
        lon / 1e7, lat / 1e7, float(altitude), speed / 2, None if heading == _NO_HEADING else heading * 2.0 % 360,
        datetime.fromtimestamp(seconds, UTC), Systems(systems & 0x0F),
    )  # fmt: skip


FORMS: Final[dict[str, Callable[[bytes, str, datetime], Position | None]]] = {
    "compact": _read_compact,
    "nmea": _read_nmea,
    "degrees": _read_degrees,
}
"""The forms of a position that are understood, in the order they are tried."""


def _plea(text: str | None) -> tuple[bool, str]:
    """Return whether a text calls for help, and what stands behind the word."""
    said = (text or "").strip()
    word = next((word for word in sorted(HELP, key=len, reverse=True) if said.upper().startswith(word)), "")
    return bool(word), said[len(word) :].strip(" :：,，")


def _text(data: bytes) -> str | None:
    """Return bytes as GBK text, if all of it can be seen."""
    try:
        text = data.decode("gbk")
    except UnicodeDecodeError:
        return None
    return text if all(sign.isprintable() or sign in "\r\n\t" for sign in text) else None
