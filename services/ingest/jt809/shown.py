"""A frame of JT/T 809 field by field."""

from dataclasses import fields, replace
from typing import Any

from services.ingest import shown
from services.ingest.jt809 import messages, positions
from services.ingest.jt809.framing import edition_of, open_frame
from services.ingest.jt809.messages.vehicle import Position
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
    return [*head, *about, *_each(type(message.said).__name__, _without_places(message.said))]


def _without_places(said: Any) -> Any:
    """A sub message in which coordinates that were enciphered are none: nobody is to see them as degrees."""
    found, late = positions.positions_in(said)
    if not any(map(positions.is_enciphered, found)):
        return said
    shown_ones = tuple(_without_place(each) if positions.is_enciphered(each) else each for each in found)
    return replace(said, positions=shown_ones) if late else shown_ones[0]


def _without_place(position: positions.AnyPosition) -> Any:
    hidden = {"lon_deg": None, "lat_deg": None} if isinstance(position, Position) else {"report": None}
    return replace(position, **hidden)  # type: ignore[arg-type]


def _each(part: str, message: Any) -> list[Field]:
    return [shown.field(part, each.name, getattr(message, each.name)) for each in fields(message)]
