"""What `tianshu decode --format jt809` prints of a frame."""

from typing import Any

from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.plain import plain
from services.ingest.jt809 import framing, messages

MAX_LINE = 4 * framing.MAX_FRAME
"""A line longer than any frame in hex, spaces included, is not worth holding."""


def describe(line: str) -> dict[str, Any]:
    """What one JT/T 809 frame in hex says, flags included, or why it can't be read.

    The edition is guessed: 2019 when a time of our days stands where its header has one.
    """
    try:
        piece = _bytes(line)
        edition = framing.edition_of(piece)
        frame = framing.open_frame(piece, edition)
        head = {
            "message_id": f"0x{frame.message_id:04x}",
            "edition": edition.value,
            "access_code": frame.access_code,
            "serial": frame.serial,
            "version": ".".join(map(str, frame.version)),
            "encrypted": frame.encrypted,
            "sent_at": plain(frame.sent_at),
        }
        return {"ok": True, **head, "body": plain(messages.decode(frame, edition))}
    except RefusedError as error:
        return {"ok": False, "error": error.reason, "detail": error.detail}


def _bytes(line: str) -> bytes:
    try:
        return bytes.fromhex(line)
    except ValueError:
        raise RefusedError("hex", "the line is not hex digits in pairs") from None
