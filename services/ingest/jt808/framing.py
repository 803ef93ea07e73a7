"""Frames of JT/T 808: where they begin and end on the wire, what their header says.

7E | header 12, 16, 17 or 21 | body 0..1023 | check | 7E        (4.4.1, between the flags 7E is sent as 7D 02,
                                                                 7D as 7D 01; check is the XOR of all before it)
header of 2011 and 2013 (4.4.3)             header of 2019
 0 message id        WORD                    0 message id        WORD
 2 properties        WORD                    2 properties        WORD
 4 terminal phone    BCD[6]                  4 protocol version  BYTE
10 serial            WORD                    5 terminal phone    BCD[10]
12 packets, number   WORD, WORD             15 serial            WORD
   (only if properties bit 13)              17 packets, number   WORD, WORD

properties: 15 reserved | 14 header of 2019 | 13 one of several packets | 12..10 encryption | 9..0 body length
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from services.errors import InvalidError
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.making import constructor

FLAG = b"\x7e"
MAX_BODY = 1023
MAX_FRAME = 2 * (21 + MAX_BODY + 1)
"""Longest content between two flags: the longest frame with every byte escaped."""

VERSIONED, PARTED, ENCRYPTION = 1 << 14, 1 << 13, 0b111 << 10
RSA = 1 << 10
UNUSUAL = PARTED | ENCRYPTION


class Version(StrEnum):
    """The edition of the standard that a terminal speaks; 2011 and 2013 share a header."""

    V2011 = "2011"
    V2013 = "2013"
    V2019 = "2019"

    __hash__ = str.__hash__  # that of Enum is written in Python, and versions are keys on the way of every frame


V2011, V2013, V2019 = Version


_OLD, _NEW, _PART = struct.Struct(">HH6sH"), struct.Struct(">HHB10sH"), struct.Struct(">HH")
_unpack_old, _unpack_new = _OLD.unpack_from, _NEW.unpack_from
PHONE_DIGITS = {V2011: 12, V2013: 12, V2019: 20}


@dataclass(frozen=True, slots=True)
class Frame:
    """One intact frame.

    `phone` is all digits of the header's field (hex where a device puts something else there); `part` is
    (packets, number from 1) of a message that is sent in several; `protocol` counts the revisions from 2019 on.
    """

    message_id: int
    version: Version
    phone: str
    serial: int
    body: bytes
    part: tuple[int, int] | None = None
    protocol: int = 1


make_frame = constructor(Frame)
"""A frame from all its fields, quickly."""


def identity(phone: str) -> str:
    """A phone without its padding zeros: the same terminal under either header."""
    return phone.lstrip("0") or "0"


class Splitter:
    """Cuts a stream of bytes at the flags, whatever the fragmentation; never holds more than one frame.

    Two frames may share a flag or have two between them, and after damage the next flag starts afresh.
    """

    __slots__ = ("_held", "_overlong")

    def __init__(self) -> None:
        self._held = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """The contents between flags that are complete now, still escaped.

        Content longer than any frame is yielded cut, once, and the rest up to the next flag is dropped.
        """
        head, *whole = data.split(FLAG)
        done: list[bytes] = []
        self._hold(head, done)
        if whole:
            if self._held:
                done.append(self._held)
            self._held, self._overlong = b"", False
            last = whole.pop()
            done += [piece[: MAX_FRAME + 1] for piece in whole if piece]
            self._hold(last, done)
        return done

    def _hold(self, piece: bytes, done: list[bytes]) -> None:
        """Add to the content in progress, unless it is already too long to be a frame."""
        if self._overlong:
            return
        self._held += piece
        if len(self._held) > MAX_FRAME:
            done.append(self._held[: MAX_FRAME + 1])
            self._held, self._overlong = b"", True


def unescape(content: bytes) -> bytes:
    """Content between flags as it was before escaping. Raises RefusedError("escape") on a lone 7D."""
    plain = content.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    if len(content) - len(plain) != content.count(b"\x7d"):
        raise RefusedError("escape", "7D is followed by neither 01 nor 02")
    return plain


def escape(content: bytes) -> bytes:
    """The reverse of `unescape`."""
    return content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def xor(data: bytes) -> int:
    """XOR of all bytes: the number they make is folded in half until one byte is left."""
    folded, size = int.from_bytes(data, "big"), len(data)
    if size > 64:  # noqa: PLR2004  the steps below fold 64 bytes
        bits = 8 << (size - 1).bit_length()
        while bits > 512:  # noqa: PLR2004
            bits >>= 1
            folded ^= folded >> bits
    folded ^= folded >> 256
    folded ^= folded >> 128
    folded = (folded ^ folded >> 64) & 0xFFFF_FFFF_FFFF_FFFF  # the shorter the number, the cheaper the rest
    folded = (folded ^ folded >> 32) & 0xFFFF_FFFF
    folded ^= folded >> 16
    return (folded ^ folded >> 8) & 0xFF


def open_frame(content: bytes) -> Frame:
    """Read what stood between two flags.

    Raises:
        RefusedError: with the reason escape, header, checksum, encrypted or length.
    """
    if len(content) > MAX_FRAME:
        raise RefusedError("length", "more than {most} bytes without a flag", most=MAX_FRAME)
    data = unescape(content) if b"\x7d" in content else content
    if len(data) <= _OLD.size:
        raise RefusedError(
            "header", "{size} bytes, a header and its check take {wanted}", size=len(data), wanted=_OLD.size + 1
        )
    if xor(data):
        raise RefusedError(
            "checksum", "check is {found}, the bytes make {made}", found=f"{data[-1]:02x}", made=f"{xor(data[:-1]):02x}"
        )
    message_id, properties, phone, serial = _unpack_old(data)
    if properties & VERSIONED:
        return _open_new(data)
    start, part = 12, None
    if properties & UNUSUAL:
        start, part = _open_unusual(data, start, properties)
    body = data[start:-1]
    if len(body) != properties & MAX_BODY:
        raise _wrong_length(properties, body)
    return make_frame(message_id, V2013, phone.hex(), serial, body, part, 1)


def _open_new(data: bytes) -> Frame:
    """A frame with the header of 2019."""
    if len(data) <= _NEW.size:
        raise RefusedError(
            "header", "{size} bytes, a header of 2019 and its check take {wanted}", size=len(data), wanted=_NEW.size + 1
        )
    message_id, properties, protocol, phone, serial = _unpack_new(data)
    start, part = _NEW.size, None
    if properties & UNUSUAL:
        start, part = _open_unusual(data, start, properties)
    body = data[start:-1]
    if len(body) != properties & MAX_BODY:
        raise _wrong_length(properties, body)
    return make_frame(message_id, V2019, phone.hex(), serial, body, part, protocol)


def _open_unusual(data: bytes, start: int, properties: int) -> tuple[int, tuple[int, int] | None]:
    """Where the body begins and which part of a message it is, when the header says more than usual."""
    if properties & ENCRYPTION:
        kind = "RSA" if properties & ENCRYPTION == RSA else f"reserved method {(properties & ENCRYPTION) >> 10:03b}"
        raise RefusedError("encrypted", "the body is encrypted ({kind})", kind=kind)
    if len(data) <= start + _PART.size:
        raise RefusedError(
            "header", "{size} bytes, the header of a packet takes {wanted}", size=len(data), wanted=start + _PART.size
        )
    total, number = _PART.unpack_from(data, start)
    return start + _PART.size, (total, number)


def _wrong_length(properties: int, body: bytes) -> RefusedError:
    return RefusedError(
        "length", "header says {said} bytes of body, there are {size}", said=properties & MAX_BODY, size=len(body)
    )


def close_frame(frame: Frame) -> bytes:
    """The bytes of a frame with both flags. Raises InvalidError when the body or the phone is too long."""
    if len(frame.body) > MAX_BODY:
        raise InvalidError(
            "a body takes {most} bytes at most, this one has {size}", most=MAX_BODY, size=len(frame.body)
        )
    phone = _pack_phone(frame.phone, PHONE_DIGITS[frame.version])
    properties = len(frame.body) | (PARTED if frame.part else 0)
    if frame.version is V2019:
        head = _NEW.pack(frame.message_id, properties | VERSIONED, frame.protocol, phone, frame.serial)
    else:
        head = _OLD.pack(frame.message_id, properties, phone, frame.serial)
    data = head + (_PART.pack(*frame.part) if frame.part else b"") + frame.body
    return FLAG + escape(data + bytes((xor(data),))) + FLAG


@lru_cache(maxsize=16_384)
def _pack_phone(phone: str, digits: int) -> bytes:
    """A phone padded to the width of the header."""
    padded = phone.zfill(digits)
    if len(padded) != digits or not set(padded) <= set("0123456789abcdef"):
        raise InvalidError(
            "a phone has {digits} digits at most in this edition, {phone} is none", digits=digits, phone=repr(phone)
        )
    return bytes.fromhex(padded)
