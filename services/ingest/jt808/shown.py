"""A frame of JT/T 808 field by field, with the bytes of each."""

import struct
from collections.abc import Iterator
from typing import Any

from geo.fix import payload_hash
from services.ingest import shown
from services.ingest.jt808 import extras, fields, messages
from services.ingest.jt808.framing import FLAG, V2019, Frame, open_frame, unescape
from services.ingest.jt808.kinds import Fixed, RefusedError
from services.ingest.jt808.messages import position
from services.ingest.shown import Field

_OLD = (("message_id", 2), ("properties", 2), ("phone", 6), ("serial", 2))
_NEW = (("message_id", 2), ("properties", 2), ("protocol", 1), ("phone", 10), ("serial", 2))
_PART = (("packets", 2), ("number", 2))
_REPLY = 2  # the serial number before the report in 0x0201 and 0x0500


def explain(raw: bytes, key: int | None = None) -> list[Field]:
    """The fields of a frame, flags included, or of the packets of one message; of a batch, the report with this key.

    Raises:
        RefusedError: it is no frame, or no message of the table.
    """
    contents = [content for content in raw.split(FLAG) if content]
    frames = [open_frame(content) for content in contents]
    if not frames:
        raise RefusedError("header", "no frame between the flags")
    first = frames[0]
    body = b"".join(frame.body for frame in sorted(frames, key=lambda frame: frame.part or (1, 1)))
    head = [each for content, frame in zip(contents, frames, strict=True) for each in _head(unescape(content), frame)]
    return [*head, *_body(Frame(first.message_id, first.version, first.phone, first.serial, body), key)]


def _head(data: bytes, frame: Frame) -> Iterator[Field]:
    pos = 0
    for name, size in (_NEW if frame.version is V2019 else _OLD) + (_PART if frame.part else ()):
        piece = data[pos : pos + size]
        value = piece.hex() if name in ("message_id", "properties", "phone") else int.from_bytes(piece, "big")
        yield shown.field("header", name, f"0x{value}" if name in ("message_id", "properties") else value, piece)
        pos += size
    yield shown.field("check", "check", f"0x{data[-1]:02x}", data[-1:])


def _body(frame: Frame, key: int | None) -> Iterator[Field]:
    message = messages.decode(frame)
    if isinstance(message, position.BatchReport):
        yield shown.field("batch", "count", message.count)
        yield shown.field("batch", "kind", message.kind)
        for item in message.items:
            if key is None or payload_hash(item) == key:
                yield from _laid_out(fields.read(position.LocationReport, item), item, 0)
    elif isinstance(message, position.PositionReply):
        yield shown.field("body", "answered_serial", message.answered_serial, frame.body[:_REPLY])
        yield from _laid_out(message.report, frame.body, _REPLY)
    else:
        yield from _laid_out(message, frame.body, 0)


def _laid_out(message: Any, body: bytes, pos: int) -> Iterator[Field]:
    """Walk the message's own table over the bytes it was read from."""
    for name, kind in fields.table(type(message)):
        start, value = pos, getattr(message, name)
        if isinstance(kind, Fixed):
            pos += struct.calcsize(">" + kind.code)
        else:
            _, pos = kind.read(body, pos, len(body), *(getattr(message, used) for used in kind.uses))
        if name == "extras":
            yield from _items(value)
        elif name != "tail" or value:
            yield shown.field("body", name, value, body[start:pos])


def _items(items: dict[int, bytes]) -> Iterator[Field]:
    """Additional items: by name where the table knows them, else by number."""
    for number, raw in items.items():
        known = extras.named({number: raw})
        name, value = next(iter(known.items()), (f"0x{number:02x}", raw))
        yield shown.field("extras", name, value, raw)
