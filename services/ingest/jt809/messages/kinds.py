"""Kinds of field that JT/T 809 has beside those of JT/T 808: its dates, its times, its numbers in text."""

import struct
from datetime import UTC, datetime
from typing import Any

from services.ingest.jt808.fields import sized
from services.ingest.jt808.kinds import BEIJING, STRING, U32, Fixed, fit, malformed
from services.ingest.jt809.framing import read_seconds, write_seconds

_DATE = struct.Struct(">BBHBBB")

PLATE_SIZE = 21
PLATFORM_SIZE = 11

SECONDS = Fixed("Q", "read_s({v})", "write_s({v})", {"read_s": read_seconds, "write_s": write_seconds})
"""UTC seconds since 1970 in 8 bytes."""

LONG_STRING = sized(U32, STRING)
"""GBK behind its length as DWORD."""


def read_date(raw: bytes) -> datetime:
    """Day, month, year WORD, hour, minute, second, as UTC; Beijing time by practice, the standard names no zone."""
    day, month, year, hour, minute, second = _DATE.unpack(raw)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        raise malformed("{raw} is no day, month, year, hour, minute, second", raw=raw.hex()) from None


def write_date(at: datetime) -> bytes:
    """The reverse of `read_date`; fractions of a second are cut."""
    local = at.astimezone(BEIJING)
    return _DATE.pack(local.day, local.month, local.year, local.hour, local.minute, local.second)


DATE = Fixed("7s", "read_date({v})", "write_date({v})", {"read_date": read_date, "write_date": write_date})


def number(size: int) -> Fixed:
    """A number in `size` bytes, for platform ids that some send as a number and some as digits."""

    def dump(value: int) -> bytes:
        return value.to_bytes(size, "big")

    return Fixed(f"{size}s", "int.from_bytes({v}, 'big')", f"dump_number{size}({{v}})", {f"dump_number{size}": dump})


def text_or_hex(size: int) -> Fixed:
    """A field that holds GBK text, or bytes that are none: those stay visible as `hex:` and digits."""

    def load(value: bytes) -> str:
        stripped = value.rstrip(b"\0")
        try:
            shown = stripped.decode("gbk")
        except UnicodeDecodeError:
            return f"hex:{value.hex()}"
        return shown if shown.isprintable() else f"hex:{value.hex()}"

    def dump(value: str) -> bytes:
        if value.startswith("hex:"):
            return fit(bytes.fromhex(value[4:]), size)
        return fit(value.encode("gbk").ljust(size, b"\0"), size)

    names: dict[str, Any] = {f"load_either{size}": load, f"dump_either{size}": dump}
    return Fixed(f"{size}s", f"load_either{size}({{v}})", f"dump_either{size}({{v}})", names)
