"""Kinds of field of JT/T 808 bodies: numbers, digits, time, text and bytes.

Everything on the wire is big-endian (JT/T 808 4.1). A kind is either `Fixed`, known to `struct`, or `Flowing`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from services.errors import InvalidError

BEIJING = timezone(timedelta(hours=8), "GMT+8")
"""Every time on the wire is GMT+8 (JT/T 808 4.2), but for 0x8004."""

CENTURY = 2000
"""The two digits of a year count from here."""


class RefusedError(InvalidError):
    """Bytes that are no frame or no body of the standard, with the reason as one word."""

    def __init__(self, reason: str, detail: str, /, **values: Any) -> None:
        super().__init__(detail, **values)
        self.reason = reason
        self.detail = self.sentence


def malformed(detail: str, /, **values: Any) -> RefusedError:
    """The refusal of a body."""
    return RefusedError("body", detail, **values)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A field of fixed size: a struct code and the expressions that turn its value into ours and back.

    `{v}` is the value; other fields of the message may be named, `helpers` are the functions used.
    """

    code: str
    load: str = "{v}"
    dump: str = "{v}"
    helpers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flowing:
    """A field whose size shows only in the bytes.

    `read(data, pos, end, *used) -> (value, pos)` and `write(value, *used) -> bytes`; `uses` names the earlier fields
    that are passed on.
    """

    read: Callable[..., tuple[Any, int]]
    write: Callable[..., bytes]
    uses: tuple[str, ...] = ()


Kind = Fixed | Flowing


# -- numbers ----------------------------------------------------------------------------------------------------------

U8 = Fixed("B")
U16 = Fixed("H")
U32 = Fixed("I")
I16 = Fixed("h")
I32 = Fixed("i")


def scaled(kind: Fixed, *, times: int = 1, per: int = 1) -> Fixed:
    """A physical value: what is on the wire times `times`, divided by `per`."""
    up = f" * {times}" if times != 1 else ""
    down = f" / {per}" if per != 1 else ""
    back = f"{{v}} * {per} / {times}"
    return Fixed(kind.code, f"{{v}}{up}{down}", f"round({back})")


def signed_by(flags: str, bit: int, per: int) -> Fixed:
    """A magnitude whose sign is a bit of the field `flags` nearby, no flowing field between them (1 is minus).

    Devices that send two's complement instead are understood: no true magnitude reaches the sign bit.
    """
    negated = f"{flags} & {1 << bit}"
    return Fixed(
        "i",
        f"(-{{v}} if {negated} and {{v}} > 0 else {{v}}) / {per}",
        f"round(abs({{v}}) * {per} if {negated} else {{v}} * {per})",
    )


# -- digits and time --------------------------------------------------------------------------------------------------

_DIGITS = [high * 10 + low if max(high, low) < 10 else 255 for high in range(16) for low in range(16)]  # noqa: PLR2004


@lru_cache(maxsize=4096)
def _hour(raw: bytes) -> datetime:
    """The UTC hour that `YYMMDDhh` in BCD, GMT+8, means."""
    year, month, day, hour = (_DIGITS[byte] for byte in raw)
    if year > 99:  # noqa: PLR2004
        raise ValueError
    return datetime(CENTURY + year, month, day, hour, tzinfo=BEIJING).astimezone(UTC)


@lru_cache(maxsize=3600)
def _within_hour(raw: bytes) -> timedelta:
    """The minutes and seconds that `mmss` in BCD means."""
    minute, second = _DIGITS[raw[0]], _DIGITS[raw[1]]
    if max(minute, second) >= 60:  # noqa: PLR2004
        raise ValueError
    return timedelta(minutes=minute, seconds=second)


def read_time(raw: bytes) -> datetime:
    """`YYMMDDhhmmss` in BCD, GMT+8, as UTC. Raises RefusedError when it is no date."""
    try:
        return _hour(raw[:4]) + _within_hour(raw[4:])
    except ValueError:
        raise malformed("{raw} is no time YYMMDDhhmmss", raw=raw.hex()) from None


def write_time(at: datetime) -> bytes:
    """The reverse of `read_time`; fractions of a second are cut."""
    local = at.astimezone(BEIJING)
    if not CENTURY <= local.year < CENTURY + 100:
        raise InvalidError("year {year} does not fit two digits from {century}", year=local.year, century=CENTURY)
    return bytes.fromhex(f"{local:%y%m%d%H%M%S}")


def read_utc_time(raw: bytes) -> datetime:
    """As `read_time`, of a clock that shows UTC."""
    return read_time(raw) + timedelta(hours=8)


def write_utc_time(at: datetime) -> bytes:
    """The reverse of `read_utc_time`."""
    return write_time(at - timedelta(hours=8))


TIME = Fixed("6s", "read_time({v})", "write_time({v})", {"read_time": read_time, "write_time": write_time})
UTC_TIME = Fixed("6s", "read_utc({v})", "write_utc({v})", {"read_utc": read_utc_time, "write_utc": write_utc_time})


def bcd(size: int) -> Fixed:
    """Two digits a byte, as text of `2 * size` digits; what is no digit stays visible as hex."""

    def dump(digits: str) -> bytes:
        return fit(bytes.fromhex(digits.zfill(2 * size)), size)

    return Fixed(f"{size}s", "{v}.hex()", f"dump_bcd{size}({{v}})", {f"dump_bcd{size}": dump})


def fit(value: bytes, size: int) -> bytes:
    """The bytes, if they fill the field exactly: `struct` itself would cut or pad in silence."""
    if len(value) != size:
        raise InvalidError("{given} bytes given, the field has {size}", given=len(value), size=size)
    return value


# -- text and bytes ---------------------------------------------------------------------------------------------------


def read_text(raw: bytes) -> str:
    """GBK without the padding zeros on either side."""
    try:
        return raw.strip(b"\0").decode("gbk")
    except UnicodeDecodeError:
        raise malformed("{raw} is no GBK text", raw=raw.hex()) from None


def write_text(text: str) -> bytes:
    """GBK, without a terminator (JT/T 808 4.1)."""
    try:
        return text.encode("gbk")
    except UnicodeEncodeError:
        raise InvalidError("{text} can't be written in GBK", text=repr(text)) from None


def text(size: int) -> Fixed:
    """GBK in a field of `size` bytes, padded with zeros on the right."""

    def dump(value: str) -> bytes:
        return fit(write_text(value).ljust(size, b"\0"), size)

    return Fixed(
        f"{size}s", "read_text({v})", f"dump_text{size}({{v}})", {"read_text": read_text, f"dump_text{size}": dump}
    )


def raw(size: int) -> Fixed:
    """`size` bytes as they are."""
    return Fixed(f"{size}s", "{v}", f"fit({{v}}, {size})", {"fit": fit})


REST = Flowing(lambda data, pos, end: (data[pos:end], end), bytes)
"""All bytes that are left."""

STRING = Flowing(lambda data, pos, end: (read_text(data[pos:end]), end), write_text)
"""GBK to the end of the body."""
