"""Sentences as receivers send them, for tests."""

from datetime import UTC, datetime, timedelta

from services.ingest.nmea import Talk, messages, write
from services.ingest.sentences import close_sentence

START = datetime(2026, 5, 1, 23, 59, 50, tzinfo=UTC)
LON, LAT = 113.134, 27.8275


def gga(at: datetime, *, quality: int = 1, lon: float = LON, lat: float = LAT, talker: str = "GN") -> bytes:
    """A GGA."""
    return write(Talk(talker, messages.Gga(at.time(), lat, lon, quality, 12, 0.8, 61.5, -12.0, None, "")))


def rmc(at: datetime, *, status: str = "A", lon: float = LON, lat: float = LAT, talker: str = "GN") -> bytes:
    """An RMC at 10 m/s to the east."""
    return write(Talk(talker, messages.Rmc(at.time(), status, lat, lon, 10.0, 90.0, at.date(), None, "A")))


def gsa(*prns: int, system: str = "4", talker: str = "GN") -> bytes:
    """A GSA."""
    return write(Talk(talker, messages.Gsa("A", 3, prns, 1.2, 0.8, 0.9, system)))


def stream(count: int, start: datetime = START) -> list[bytes]:
    """Whole epochs of RMC, GGA, GSA, one a second, all in one list."""
    moments = [start + timedelta(seconds=number) for number in range(count)]
    return [line for at in moments for line in (rmc(at), gga(at), gsa(6, 13))]


def identify(phone: str, token: str) -> bytes:
    """The first line of a device that says who it is."""
    return close_sentence("TSID", (phone, token))
