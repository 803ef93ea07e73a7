"""Frames of JT/T 809: where they begin and end on the wire, what their header says, how a body is disguised.

5B | header 22 or 30 | body | CRC WORD | 5D      (4.5.1; inside, 5B is sent as 5A 01, 5A as 5A 02, 5D as 5E 01,
                                                  5E as 5E 02; the CRC is over header and body, before escaping)
 0 length of all of it, flags included   DWORD
 4 serial, per direction, from 0         DWORD
 8 message id                            WORD
10 access code of the lower platform     DWORD
14 protocol version                      BYTE[3]
17 encrypted                             BYTE
18 key                                   DWORD
22 UTC seconds                           8 bytes, only 2019 (seen in implementations; the text of 2019 was not at hand)
"""

import struct
from binascii import crc_hqx
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from services.errors import InvalidError
from services.ingest.jt808.kinds import RefusedError

HEAD, TAIL = b"\x5b", b"\x5d"
MAX_FRAME = 1 << 18
"""Longest content between two flags, escaped: a photograph (0x1502) is the largest thing that is sent."""

VERSION = (1, 2, 15)
"""The protocol version that the standard of 2011 prints: 01 02 0F."""

_HEADER, _TIME, _CHECK = struct.Struct(">IIHI3BBI"), struct.Struct(">Q"), struct.Struct(">H")
_UNHEADED = 2 + _CHECK.size  # flags and CRC
_DWORD = 0xFFFFFFFF
_EARLIEST_S, _LATEST_S = 946_684_800, 4_102_444_800  # 2000 and 2100: between them a header's time is believed


class Edition(StrEnum):
    """The edition of the standard that two platforms have agreed on: no frame tells it."""

    V2011 = "2011"
    V2019 = "2019"


V2011, V2019 = Edition


@dataclass(frozen=True, slots=True)
class Cipher:
    """The three numbers that two platforms agree on (4.5.3). It hides a body from a glance, not from an adversary."""

    m1: int
    ia1: int
    ic1: int

    def apply(self, key: int, data: bytes) -> bytes:
        """Encrypt or decrypt: the same XOR with a linear congruential stream."""
        key, stream = key or 1, bytearray()
        for _ in data:
            key = (self.ia1 * (key % self.m1) + self.ic1) & _DWORD
            stream.append(key >> 20 & 0xFF)
        return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


@dataclass(frozen=True, slots=True)
class Frame:
    """One intact frame. `sent_at` stands in headers of 2019 only; a plain frame may carry a key for no purpose.

    `sealed` is True while the body of an encrypted frame is still disguised because no cipher was given.
    """

    message_id: int
    serial: int
    access_code: int
    body: bytes
    version: tuple[int, int, int] = VERSION
    encrypted: bool = False
    key: int = 0
    sent_at: datetime | None = None
    sealed: bool = False


class Splitter:
    """Cuts a stream of bytes into pieces that begin at a 5B or end at a 5D, whatever the fragmentation.

    Neither stands inside a frame, so damage costs the frame it hits and none after it: what is no frame comes out as a
    piece without one of its flags, which `open_frame` refuses.
    """

    __slots__ = ("_held", "_overlong")

    def __init__(self) -> None:
        self._held = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that are complete now, flags included; never holds more than one frame."""
        done: list[bytes] = []
        for begun in _cut_before(data):
            if begun[:1] == HEAD:
                self._finish(done)
            for piece in begun.split(TAIL)[:-1]:
                self._hold(piece + TAIL, done)
                self._finish(done)
            self._hold(begun.rpartition(TAIL)[2], done)
        return done

    def _hold(self, piece: bytes, done: list[bytes]) -> None:
        """Add to the piece in progress, unless it is too long already: then it is yielded cut, once."""
        if self._overlong:
            return
        self._held += piece
        if len(self._held) > MAX_FRAME:
            done.append(bytes(self._held[: MAX_FRAME + 1]))
            self._held.clear()
            self._overlong = True

    def _finish(self, done: list[bytes]) -> None:
        """Yield the piece in progress and begin afresh."""
        if self._held and not self._overlong:
            done.append(bytes(self._held))
        self._held.clear()
        self._overlong = False


def _cut_before(data: bytes) -> list[bytes]:
    """The data in parts, each from the second on beginning with 5B."""
    first, *others = data.split(HEAD)
    return [part for part in (first, *(HEAD + other for other in others)) if part]


def escape(content: bytes) -> bytes:
    """Content as it stands between the flags."""
    for plain, sent in ((b"\x5a", b"\x5a\x02"), (b"\x5b", b"\x5a\x01"), (b"\x5e", b"\x5e\x02"), (b"\x5d", b"\x5e\x01")):
        content = content.replace(plain, sent)
    return content


def unescape(content: bytes) -> bytes:
    """The reverse of `escape`.

    A 5A or 5E before anything but 01 and 02 stands for itself: there are platforms that leave them so, and the CRC
    tells whether it was meant.
    """
    for plain, sent in ((b"\x5b", b"\x5a\x01"), (b"\x5a", b"\x5a\x02"), (b"\x5d", b"\x5e\x01"), (b"\x5e", b"\x5e\x02")):
        content = content.replace(sent, plain)
    return content


def crc(data: bytes) -> int:
    """CRC-16/CCITT: polynomial 1021, from FFFF, not reflected."""
    return crc_hqx(data, 0xFFFF)


def edition_of(piece: bytes) -> Edition:
    """The edition a lone frame looks like: 2019 when a time of our days stands behind its header."""
    time = unescape(piece[1:-1])[_HEADER.size : _HEADER.size + _TIME.size]
    plausible = len(time) == _TIME.size and _EARLIEST_S <= _TIME.unpack(time)[0] < _LATEST_S
    return V2019 if plausible else V2011


def open_frame(piece: bytes, edition: Edition = V2011, cipher: Cipher | None = None) -> Frame:
    """Read a piece of the splitter.

    Raises:
        RefusedError: with the reason length, flag, header or checksum.
    """
    if len(piece) > MAX_FRAME:
        raise RefusedError("length", "more than {most} bytes without an end", most=MAX_FRAME)
    if len(piece) < len(HEAD + TAIL) or piece[:1] != HEAD or piece[-1:] != TAIL:
        raise RefusedError("flag", "a frame begins with 5B and ends with 5D")
    data = unescape(piece[1:-1])
    start = _HEADER.size + (_TIME.size if edition is V2019 else 0)
    if len(data) < start + _CHECK.size:
        raise RefusedError(
            "header",
            "{size} bytes, a header of {edition} and its CRC take {wanted}",
            size=len(data),
            edition=edition,
            wanted=start + _CHECK.size,
        )
    expected, made = _CHECK.unpack(data[-2:])[0], crc(data[:-2])
    if expected != made:
        raise RefusedError(
            "checksum", "CRC is {expected}, the bytes make {made}", expected=f"{expected:04x}", made=f"{made:04x}"
        )
    length, serial, message_id, access_code, *version, encrypted, key = _HEADER.unpack_from(data)
    if length != len(data) + len(HEAD + TAIL):
        raise RefusedError(
            "length", "header says {length} bytes, there are {size}", length=length, size=len(data) + len(HEAD + TAIL)
        )
    body = data[start:-2]
    return Frame(
        message_id,
        serial,
        access_code,
        cipher.apply(key, body) if encrypted and cipher else body,
        (version[0], version[1], version[2]),
        bool(encrypted),
        key,
        read_seconds(*_TIME.unpack_from(data, _HEADER.size)) if edition is V2019 else None,
        sealed=bool(encrypted) and cipher is None,
    )


def close_frame(frame: Frame, edition: Edition = V2011, cipher: Cipher | None = None) -> bytes:
    """The bytes of a frame with both flags.

    Raises:
        InvalidError: 2019 without a time, encryption without a cipher, or more than a frame may hold.
    """
    if frame.encrypted and cipher is None and not frame.sealed:
        raise InvalidError("an encrypted frame needs a cipher")
    time = b""
    if edition is V2019:
        if frame.sent_at is None:
            raise InvalidError("a header of 2019 tells the time")
        time = _TIME.pack(write_seconds(frame.sent_at))
    body = cipher.apply(frame.key, frame.body) if cipher and frame.encrypted else frame.body
    length = _HEADER.size + len(time) + len(body) + _UNHEADED
    head = _HEADER.pack(
        length, frame.serial & _DWORD, frame.message_id, frame.access_code, *frame.version,
        frame.encrypted, frame.key,
    )  # fmt: skip
    data = head + time + body
    sent = HEAD + escape(data + _CHECK.pack(crc(data))) + TAIL
    if len(sent) > MAX_FRAME:
        raise InvalidError("a frame takes {most} bytes at most, this one has {size}", most=MAX_FRAME, size=len(sent))
    return sent


def read_seconds(seconds: int) -> datetime:
    """UTC from seconds since 1970. Raises RefusedError when no calendar reaches so far."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise RefusedError("body", "{seconds} s after 1970 is no time", seconds=seconds) from None


def write_seconds(at: datetime) -> int:
    """The reverse of `read_seconds`; fractions of a second are cut."""
    return int(at.timestamp())
