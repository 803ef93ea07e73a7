"""Logs of NMEA 0183 receivers."""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final

from services.ingest import nmea
from services.ingest.rows.values import BLOCK, Row, Source, unknown

COLUMNS: Final = (
    "at", "lon", "lat", "altitude_m", "speed_mps", "heading_deg", "quality", "satellites", "hdop", "sentences",
)  # fmt: skip


def read_nmea(file: BinaryIO, day: date | None = None) -> Source:
    """Read the epochs of a log; refused sentences are rows with an error, other sentences are none.

    `day` is that of the first time, UTC, for logs whose sentences never tell the date.
    """
    return Source(COLUMNS, _rows(file, nmea.Receiver(day=day)), unknown)


def _rows(file: BinaryIO, receiver: nmea.Receiver) -> Iterator[Row]:
    while block := file.read(BLOCK):
        for event in receiver.receive(block):
            yield from _row(event)
    for event in receiver.end():
        yield from _row(event)


def _row(event: nmea.Event) -> Iterator[Row]:
    if isinstance(event, nmea.Refused):
        hint = "; give the day of the first one" if event.reason == "date" else ""
        yield Row(event.line, {"sentences": _show(event.raw)}, f"{event.reason}: {event.detail}{hint}")
    elif isinstance(event, nmea.Epoch):
        values = {
            "at": event.at, "lon": event.lon_deg, "lat": event.lat_deg, "altitude_m": event.altitude_m,
            "speed_mps": event.speed_mps, "heading_deg": event.course_deg, "quality": int(event.quality),
            "satellites": event.satellites, "hdop": event.hdop, "sentences": _show(event.raw),
        }  # fmt: skip
        yield Row(event.line, values, "", nmea.doubts(event), event.systems, int(event.quality))


def _show(raw: bytes) -> str:
    return raw.decode("gbk", "replace").replace("\0", "")
