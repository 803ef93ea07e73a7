"""A frame of JT/T 809 field by field."""

from dataclasses import fields
from typing import Any

from services.ingest import shown
from services.ingest.jt809 import messages
from services.ingest.jt809.framing import edition_of, open_frame
from services.ingest.shown import Field

_HEADER = ("serial", "access_code", "version", "encrypted", "key", "sent_at")


def explain(raw: bytes) -> list[Field]:
    """The fields of a frame, flags included; of an enciphered one only the header can be told.

    Raises:
        RefusedError: it is no frame, or no message of the tables.
    """
    edition = edition_of(raw)
    frame = open_frame(raw, edition)
    head = [shown.field("header", "message_id", f"0x{frame.message_id:04x}")]
    head += [shown.field("header", name, getattr(frame, name)) for name in _HEADER]
    if frame.sealed:
        return [*head, shown.field("body", "enciphered", frame.body, frame.body)]
    message = messages.decode(frame, edition)
    if not isinstance(message, messages.Enclosed):
        return [*head, *_each("body", message)]
    about = [shown.field("body", name, getattr(message, name)) for name in ("sub_id", "plate", "color")]
    return [*head, *about, *_each(type(message.said).__name__, message.said)]


def _each(part: str, message: Any) -> list[Field]:
    return [shown.field(part, each.name, getattr(message, each.name)) for each in fields(message)]
