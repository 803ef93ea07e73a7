"""Messages as plain values that JSON can hold: hex for bytes, ISO 8601 with Z for times."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from services.ingest.jt808 import extras, fields
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages.position import BatchReport, LocationReport


def plain(value: Any) -> Any:
    """A message, or a value in one, as JSON knows it."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if dataclasses.is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return value


def _plain_report(report: LocationReport) -> dict[str, Any]:
    """A position: its fields, what its status word says, its items raw and, where the table knows them, named."""
    shown = {
        "lon_deg": report.lon_deg,
        "lat_deg": report.lat_deg,
        "altitude_m": report.altitude_m,
        "speed_mps": report.speed_mps,
        "heading_deg": report.heading_deg,
        "at": plain(report.at),
        "alarm": report.alarm,
        "status": report.status,
        "positioned": report.positioned,
        "systems": [system.name for system in report.systems],
        "extras": {f"0x{key:02x}": item.hex() for key, item in report.extras.items()},
        "named": plain(extras.named(report.extras)),
    }
    return shown | ({"tail": report.tail.hex()} if report.tail else {})


def _plain_item(item: bytes) -> dict[str, Any]:
    """One report of a batch, or why it can't be read."""
    try:
        return _plain_report(fields.read(LocationReport, item))
    except RefusedError as error:
        return {"error": error.reason, "detail": error.detail, "raw": item.hex()}


def _plain_batch(batch: BatchReport) -> dict[str, Any]:
    """A batch with its reports read."""
    return {"count": batch.count, "kind": batch.kind, "items": [_plain_item(item) for item in batch.items]}


_WRITERS: dict[type, Callable[[Any], Any]] = {
    LocationReport: _plain_report,
    BatchReport: _plain_batch,
    datetime: lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    bytes: bytes.hex,
    tuple: lambda items: [plain(item) for item in items],
    dict: lambda items: {key: plain(item) for key, item in items.items()},
}
