"""`tianshu decode`: what was received in, one JSON object a line out."""

import json
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from api.cli import decode809, decode_sentences
from services.errors import InvalidError
from services.ingest import jt808
from services.ingest.jt808 import framing, messages
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.plain import plain

MAX_LINE = 8 * framing.MAX_FRAME
"""A line longer than any frame in hex, spaces included, is not worth holding."""


class Format(StrEnum):
    """What can be decoded."""

    JT808 = "jt808"
    JT809 = "jt809"
    NMEA = "nmea"
    RDSS = "rdss"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(decode)


def decode(
    file: Annotated[Path | None, typer.Argument(help="One frame a line; standard input if left out")] = None,
    form: Annotated[Format, typer.Option("--format", help="What the lines hold")] = Format.JT808,
) -> None:
    """Print what each line says: one JSON object a line, in the order of the lines.

    JT/T 808 and JT/T 809 are read as hex, NMEA 0183 and BeiDou short messages (RDSS) as the sentences they are. What
    can't be read gives its reason: hex, flag, escape, header, checksum, length, encrypted, unsupported (one of several
    packets) or body; of a sentence start, checksum, address, fields or field. A message that is not in the table is
    shown with its raw body or fields.
    """
    describe_line, max_line = FORMATS[form]
    try:
        if file is None:
            _decode_lines(sys.stdin.buffer, describe_line, max_line)
        else:
            with file.open("rb") as stream:
                _decode_lines(stream, describe_line, max_line)
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except OSError as error:
        raise InvalidError(f"{file} can't be read: {error.strerror or error}.") from error


def _decode_lines(stream: BinaryIO, describe_line: Callable[[str], dict[str, Any]], max_line: int) -> None:
    """Print an object for each line that is not blank."""
    for line in _lines(stream, max_line):
        sys.stdout.write(json.dumps(describe_line(line), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _lines(stream: BinaryIO, max_line: int) -> Iterator[str]:
    """The lines that are not blank, each cut at `max_line` bytes."""
    while line := stream.readline(max_line):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(max_line)):
            pass
        if text := line.decode("latin-1").strip():  # no byte is lost: text may be GBK
            yield text


def describe(line: str) -> dict[str, Any]:
    """What one frame in hex says, or why it can't be read. Flags at the ends may be there or not."""
    try:
        frame = framing.open_frame(_content(line))
        version = messages.version_of(frame)
        body = _body(frame)
    except RefusedError as error:
        return {"ok": False, "error": error.reason, "detail": error.detail}
    return {
        "ok": True,
        "message_id": f"0x{frame.message_id:04x}",
        "version": version.value,
        "phone": frame.phone,
        "serial": frame.serial,
        "body": body,
    }


def _content(line: str) -> bytes:
    """The bytes between the flags of a line of hex."""
    try:
        content = bytes.fromhex(line).strip(framing.FLAG)
    except ValueError:
        raise RefusedError("hex", "the line is not hex digits in pairs") from None
    if framing.FLAG in content:
        raise RefusedError("escape", "7E stands inside the frame: one frame a line, 7E inside is sent as 7D 02")
    return content


def _body(frame: jt808.Frame) -> Any:
    """The message as plain values; raw if the table does not know it."""
    if frame.part is None and not messages.knows(frame):
        return {"raw": frame.body.hex()}
    return plain(messages.decode(frame))


FORMATS: dict[Format, tuple[Callable[[str], dict[str, Any]], int]] = {
    Format.JT808: (describe, MAX_LINE),
    Format.JT809: (decode809.describe, decode809.MAX_LINE),
    Format.NMEA: (decode_sentences.describe_nmea, decode_sentences.MAX_LINE),
    Format.RDSS: (decode_sentences.describe_rdss, decode_sentences.MAX_LINE),
}
"""How a line of each format is read, and how long it may be. A format more is a line more."""
