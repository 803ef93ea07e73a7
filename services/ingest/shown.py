"""Bytes as people read them: each field by its name, with its value, its unit, and the bytes it stood in."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from enum import Enum
from types import NoneType
from typing import Any, Final

from services.ingest import nmea, rdss
from services.ingest.sentences import RefusedError, open_sentence

UNITS: Final = {
    "m": "m", "mps": "m/s", "deg": "°", "s": "s", "l": "L", "c": "°C",
}  # fmt: skip
"""What the end of a field's name says about its unit."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the part of the frame it belongs to, its name, its value as JSON knows it, its unit, its bytes."""

    part: str
    name: str
    value: Any
    unit: str | None
    raw: bytes


def field(part: str, name: str, value: Any, raw: bytes = b"") -> Field:
    """A field whose unit is told by its name."""
    return Field(part, name, plain(value), UNITS.get(name.rpartition("_")[2]) if "_" in name else None, raw)


def plain(value: Any) -> Any:
    """A value as JSON knows it: hex for bytes, ISO 8601 for times."""
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return {each.name: plain(getattr(value, each.name)) for each in fields(value)}


_WRITERS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (datetime, lambda at: at.astimezone(UTC).isoformat()),
    ((date, time), lambda at: at.isoformat()),
    (bytes, bytes.hex),
    (Enum, lambda member: member.value),
    (dict, lambda items: {str(key): plain(item) for key, item in items.items()}),
    ((list, tuple), lambda items: [plain(item) for item in items]),
    ((str, int, float, NoneType), lambda value: value),
)


def sentences(raw: bytes) -> list[Field]:
    """NMEA 0183 or BeiDou short messages, sentence by sentence; the bytes of a field are those of its sentence.

    Raises:
        InvalidError: one of them is none.
    """
    return [shown for line in raw.split(b"\r\n") if line for shown in _sentence(line)]


def _sentence(line: bytes) -> Iterable[Field]:
    sentence = open_sentence(line, unchecked=True)
    talk = nmea.read(sentence)
    message = talk.message if talk else rdss.read(sentence)
    if message is None:
        return [field(sentence.address, "fields", sentence.fields, line)]
    return [field(sentence.address, each.name, getattr(message, each.name), line) for each in fields(message)]


def json_item(raw: bytes) -> list[Field]:
    """A JSON object, by its names.

    Raises:
        RefusedError: it is none.
    """
    try:
        item = json.loads(raw)
    except ValueError as error:
        raise RefusedError("body", "no JSON: {error}", error=str(error)) from error
    if not isinstance(item, dict):
        raise RefusedError("body", "no JSON object")
    return [field("body", name, value) for name, value in item.items()]
