"""Sentences: lines of ASCII fields with a checksum, the common ground of NMEA 0183 and of BeiDou short messages.

    $ GNRMC , 072353.000 , A , 3032.2149 , N , … * 45 CR LF
      └─ address ┘  └──────── fields ────────┘  └ XOR of all between $ and *, two hex digits

`Splitter` finds sentences in bytes, in whatever pieces they come and however damaged they are; what can't be read
becomes a `Refused` with its reason. Text may be GBK: no byte of it is a comma, a star, a dollar or a line's end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, Final

from services.errors import InvalidError, Saying

MAX_SENTENCE: Final = 4096
"""NMEA 0183 allows 82 characters; a BeiDou-3 short message of 14,000 bits is 3,500 hex digits."""

_ENDS: Final = re.compile(rb"([\r\n])")
_SUM: Final = re.compile(rb"[0-9A-Fa-f]{2}")
_ADDRESS: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}")


class RefusedError(InvalidError):
    """Bytes that are no sentence, or no message of its table, with the reason as one word."""

    def __init__(self, reason: str, detail: str, /, **values: Any) -> None:
        super().__init__(detail, **values)
        self.reason = reason
        self.detail = self.sentence


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence whose checksum fits: what it is, its fields as text, and the bytes it was read from."""

    address: str
    fields: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that were not accepted: checksum, address, start (no $ before them), length, fields, field or date."""

    reason: str
    detail: str
    raw: bytes
    line: int = 1  # of the stream


def open_sentence(raw: bytes, *, unchecked: bool = False) -> Sentence:
    """Read one sentence, from its $ to its checksum. `unchecked` lets one without a checksum pass, never a wrong one.

    Raises:
        RefusedError: with the reason length, start, checksum or address.
    """
    line = raw.strip()
    if len(line) > MAX_SENTENCE:
        raise RefusedError("length", "longer than {most} bytes", most=MAX_SENTENCE)
    if not line.startswith(b"$"):
        raise RefusedError("start", "no $ at the beginning")
    body, star, told = line[1:].rpartition(b"*")
    if not star:
        body = told
        if not unchecked:
            raise RefusedError("checksum", "it has none")
    elif not _SUM.fullmatch(told) or int(told, 16) != checksum(body):
        raise RefusedError("checksum", "{told} said, {made} computed", told=_show(told), made=f"{checksum(body):02X}")
    address, *fields = body.decode("gbk", "replace").split(",")
    if not _ADDRESS.fullmatch(address):
        raise RefusedError("address", "{shown} is no address", shown=_show(body.partition(b",")[0]))
    return Sentence(address, tuple(fields), line)


def close_sentence(address: str, fields: tuple[str, ...]) -> bytes:
    """Write a sentence: the reverse of `open_sentence`, with CR LF.

    Raises:
        InvalidError: a field holds what would end it, or is not GBK.
    """
    try:
        body = ",".join((address, *fields)).encode("gbk")
    except UnicodeEncodeError:
        raise InvalidError("The text can't be written in GBK.") from None
    if re.search(rb"[$*\r\n]", body):
        raise InvalidError("A field holds no $, no * and no end of line.")
    return b"$%b*%02X\r\n" % (body, checksum(body))


def checksum(body: bytes) -> int:
    """XOR of all bytes (NMEA 0183, 5.3.2.3)."""
    return reduce(xor, body, 0)


class Splitter:
    """Finds sentences in a stream. The same bytes give the same sentences and refusals, however they are cut."""

    def __init__(self, *, unchecked: bool = False) -> None:
        """Choose whether sentences without a checksum pass."""
        self.line = 1  # that what is yielded stands in
        self._unchecked = unchecked
        self._held = b""  # of a line that has not ended
        self._long = False  # this line is longer than any sentence: its parts are judged as they come
        self._skipping = False  # likewise this part

    def feed(self, data: bytes) -> Iterator[Sentence | Refused]:
        """Yield what ends with these bytes."""
        *lines, self._held = _ENDS.split(self._held + data)
        for line, end in zip(lines[::2], lines[1::2], strict=True):
            yield from self._end(line)
            self.line += end == b"\n"
        while len(self._held) > MAX_SENTENCE:
            self._long = True
            cut = self._held.find(b"$", 1)
            if cut < 0:
                yield from self._part(self._held, whole=False)
                self._held, self._skipping = b"", True
            else:
                yield from self._part(self._held[:cut])
                self._held = self._held[cut:]

    def flush(self) -> Iterator[Sentence | Refused]:
        """Yield what stands at the end of a file without a line's end."""
        line, self._held = self._held, b""
        yield from self._end(line)

    def _end(self, line: bytes) -> Iterator[Sentence | Refused]:
        """Judge a line: all of its parts, each from a $ to the next."""
        parts = [part for part in re.split(rb"(?=\$)", line) if part]
        if self._long or len(line) > MAX_SENTENCE:
            for part in parts:
                yield from self._part(part)
        else:
            judged = [judged for part in parts for judged in self._part(part)]
            whole = [] if all(isinstance(part, Sentence) for part in judged) else [self._judge(line)]
            yield from whole if any(isinstance(part, Sentence) for part in whole) else judged
        self._long = self._skipping = False

    def _part(self, part: bytes, *, whole: bool = True) -> Iterator[Sentence | Refused]:
        """Judge a part, unless it is the rest of one that was refused for its length."""
        if not (self._skipping and not part.startswith(b"$")) and part.strip():
            yield self._judge(part) if whole else self._too_long(part)
        self._skipping = False

    def _judge(self, part: bytes) -> Sentence | Refused:
        try:
            return open_sentence(part, unchecked=self._unchecked)
        except RefusedError as error:
            if error.reason == "length":
                return self._too_long(part)
            return Refused(error.reason, error.detail, part, self.line)

    def _too_long(self, part: bytes) -> Refused:
        return Refused("length", Saying("longer than {most} bytes", most=MAX_SENTENCE), part[:MAX_SENTENCE], self.line)


def _show(raw: bytes) -> str:
    return repr(raw[:20].decode("ascii", "replace"))
