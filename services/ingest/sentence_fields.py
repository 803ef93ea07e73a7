"""Kinds of field of sentences, and messages read and written by their tables.

A message is a frozen dataclass whose fields stand in the standard's order, each `Annotated` with its kind:

    @dataclass(frozen=True, slots=True)
    class Gll:
        lat_deg: Annotated[float | None, LATITUDE]  # two fields: ddmm.mmmm and N or S
        …
        mode: Annotated[str, letters("ADEFMNPRS")] = ""  # since 2.3

An empty field is None (or no letter). Fields with a default may be missing at the end; older devices don't send them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date, time
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints

from services.errors import InvalidError, Saying
from services.ingest.sentences import RefusedError

T = TypeVar("T")

KNOT_MPS: Final = 1852 / 3600
KMH_MPS: Final = 1 / 3.6

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_INTEGER: Final = re.compile(r"-?\d{1,9}", re.ASCII)
_TIME: Final = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d*))?", re.ASCII)
_DATE: Final = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_PLACE: Final = re.compile(r"(\d{2,3})(\d\d)(?:\.(\d+))?", re.ASCII)
_LONGEST_NUMBER: Final = 24
_MINUTE: Final = 10**8  # places are written to 1e-8 of a minute, 20 µm
_FIRST_YEAR: Final = 1980
"""Of the two digits of a year: no satellite navigation before that of 6 January 1980."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read from the next fields and written back: `read` gets exactly `width(left)` of those left."""

    read: Callable[[Sequence[str]], Any]
    write: Callable[[Any], Iterable[str]]
    width: Callable[[int], int] = lambda _left: 1


def malformed(value: str, wanted: str, /, **values: Any) -> RefusedError:
    """The refusal of a field."""
    return RefusedError("field", "{value} is no {wanted}", value=repr(value[:40]), wanted=Saying(wanted, **values))


# -- text and numbers --------------------------------------------------------------------------------------------------


def _one(read: Callable[[str], Any], write: Callable[[Any], str]) -> Kind:
    """A kind of one field; nothing written is None."""
    return Kind(
        lambda texts: read(texts[0]) if texts[0] else None,
        lambda value: ["" if value is None else write(value)],
    )


def _read_decimal(text: str) -> float:
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise malformed(text, "decimal number")
    return float(text)


def _write_decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise malformed(text, "whole number")
    return int(text)


TEXT: Final = Kind(lambda texts: texts[0], lambda value: [value])
DECIMAL: Final = _one(_read_decimal, _write_decimal)


def integer(digits: int = 1, low: int = -(10**9), high: int = 10**9) -> Kind:
    """A whole number in a range, written with leading zeros up to so many digits."""

    def read(text: str) -> int:
        if not low <= (value := _read_integer(text)) <= high:
            raise malformed(text, "number from {low} to {high}", low=low, high=high)
        return value

    return _one(read, lambda value: f"{value:0{digits}d}")


def letters(allowed: str, most: int = 1) -> Kind:
    """Up to so many of the letters that the standard knows here, or none."""

    def read(texts: Sequence[str]) -> str:
        if len(texts[0]) > most or not set(texts[0]) <= set(allowed):
            raise malformed(texts[0], "letter out of {allowed}", allowed=allowed)
        return texts[0]

    return Kind(read, lambda value: [value])


def scaled(factor: float) -> Kind:
    """A number on the wire in another unit: times `factor` it is ours."""
    return _one(lambda text: _read_decimal(text) * factor, lambda value: _write_decimal(value / factor))


def marked(kind: Kind, mark: str) -> Kind:
    """A value whose next field names its unit."""

    def read(texts: Sequence[str]) -> Any:
        if texts[1] not in ("", mark):
            raise malformed(texts[1], "unit {mark}", mark=mark)
        return kind.read(texts)

    return Kind(read, lambda value: [*kind.write(value), mark], lambda _left: 2)


def signed(kind: Kind, plus: str, minus: str) -> Kind:
    """A magnitude whose next field says which way."""

    def read(texts: Sequence[str]) -> Any:
        if texts[1] not in ("", plus, minus):
            raise malformed(texts[1], "letter out of {plus}{minus}", plus=plus, minus=minus)
        value = kind.read(texts)
        return -value if value is not None and texts[1] == minus else value

    def write(value: float | None) -> list[str]:
        side = "" if value is None else minus if value < 0 else plus
        return [*kind.write(None if value is None else abs(value)), side]

    return Kind(read, write, lambda _left: 2)


# -- time and place ----------------------------------------------------------------------------------------------------


def _read_time(text: str) -> time:
    found = _TIME.fullmatch(text)
    try:
        hour, minute, second = (int(part) for part in found.groups()[:3])  # type: ignore[union-attr]
        if second == 60:  # noqa: PLR2004 - a leap second: the last moment that the day has here
            return time(hour, minute, 59, 999_999)
        return time(hour, minute, second, int((found[4] or "")[:6].ljust(6, "0")))  # type: ignore[index]
    except (AttributeError, ValueError):
        raise malformed(text, "time hhmmss.sss") from None


def _write_time(value: time) -> str:
    fraction = f"{value.microsecond:06d}".rstrip("0").ljust(2, "0")
    return f"{value:%H%M%S}.{fraction}"


def _read_date(text: str) -> date:
    found = _DATE.fullmatch(text)
    try:
        day, month, year = (int(part) for part in found.groups())  # type: ignore[union-attr]
        return date(year + (1900 if year + 1900 >= _FIRST_YEAR else 2000), month, day)
    except (AttributeError, ValueError):
        raise malformed(text, "date ddmmyy") from None


TIME: Final = _one(_read_time, _write_time)
DATE: Final = _one(_read_date, lambda value: f"{value:%d%m%y}")


def _place(most_deg: int, sides: str) -> Kind:
    """Degrees and minutes in one field, the side in the next: 3032.2149,N is 30 + 32.2149/60 degrees."""
    digits = len(str(most_deg))

    def read(texts: Sequence[str]) -> float | None:
        if not texts[0] and not texts[1]:
            return None
        found = _PLACE.fullmatch(texts[0]) if len(texts[0]) <= _LONGEST_NUMBER else None
        if not found or texts[1] not in sides or len(texts[1]) != 1:
            raise malformed(
                ",".join(texts), "{digits}mm.mmmm,{plus} or {minus}", digits="d" * digits, plus=sides[0], minus=sides[1]
            )
        minutes = float(f"{found[2]}.{found[3] or 0}")
        value = int(found[1]) + minutes / 60
        if minutes >= 60 or value > most_deg:  # noqa: PLR2004
            raise malformed(texts[0], "angle up to {most_deg} degrees", most_deg=most_deg)
        return -value if texts[1] == sides[1] else value

    def write(value: float | None) -> list[str]:
        if value is None:
            return ["", ""]
        degrees, units = divmod(round(abs(value) * 60 * _MINUTE), 60 * _MINUTE)
        minutes, fraction = divmod(units, _MINUTE)
        decimals = f"{fraction:08d}".rstrip("0").ljust(4, "0")
        return [f"{degrees:0{digits}d}{minutes:02d}.{decimals}", sides[value < 0]]

    return Kind(read, write, lambda _left: 2)


LATITUDE: Final = _place(90, "NS")
LONGITUDE: Final = _place(180, "EW")


# -- lists -------------------------------------------------------------------------------------------------------------


def slots(kind: Kind, count: int) -> Kind:
    """So many fields, of which some are empty: the values that are there."""

    def read(texts: Sequence[str]) -> tuple[Any, ...]:
        return tuple(value for text in texts if (value := kind.read([text])) is not None)

    def write(values: tuple[Any, ...]) -> list[str]:
        if len(values) > count:
            raise InvalidError("{given} values, the sentence has room for {count}", given=len(values), count=count)
        return [text for value in values for text in kind.write(value)] + [""] * (count - len(values))

    return Kind(read, write, lambda _left: count)


def groups(form: type, size: int, most: int) -> Kind:
    """Up to `most` groups of `size` fields each; a field that is left over is the next one's."""

    def read(texts: Sequence[str]) -> tuple[Any, ...]:
        return tuple(read_table(form, texts[start : start + size]) for start in range(0, len(texts), size))

    def write(values: tuple[Any, ...]) -> list[str]:
        return [text for value in values for text in write_table(value)]

    return Kind(read, write, lambda left: min(left // size, most) * size)


def rest(after: int = 0) -> Kind:
    """Text that may hold commas: all fields but so many at the end."""
    return Kind(
        ",".join,
        lambda value: value.split(","),
        lambda left: max(left - after, 1),
    )


# -- tables ------------------------------------------------------------------------------------------------------------


def read_table(form: type[T], texts: Sequence[str]) -> T:
    """Read a message from its fields.

    Raises:
        RefusedError: fields (too few or too many) or field (one that says nothing the standard knows).
    """
    values, at = [], 0
    for name, kind, optional in _table(cast("Any", form)):
        if optional and at == len(texts):
            break
        width = kind.width(len(texts) - at)
        if at + width > len(texts):
            raise RefusedError("fields", "{given} fields, {name} is missing", given=len(texts), name=name)
        try:
            values.append(kind.read(texts[at : at + width]))
        except RefusedError as error:
            raise RefusedError(error.reason, "{name}: {what}", name=name, what=error.detail) from None
        at += width
    if at < len(texts):
        raise RefusedError("fields", "{given} fields, {at} belong to it", given=len(texts), at=at)
    return form(*values)


def write_table(message: Any) -> tuple[str, ...]:
    """Write the fields of a message; optional ones at the end that hold their default are left out."""
    parts = [(getattr(message, name), kind, optional) for name, kind, optional in _table(cast("Any", type(message)))]
    while parts and parts[-1][2] and parts[-1][0] in (None, "", ()):
        parts.pop()
    return tuple(text for value, kind, _ in parts for text in kind.write(value))


@cache
def _table(form: Any) -> tuple[tuple[str, Kind, bool], ...]:
    """Return name, kind and whether it may be missing, of each field of a message."""
    hints = get_type_hints(form, include_extras=True)
    return tuple((each.name, get_args(hints[each.name])[1], each.default is not MISSING) for each in fields(form))
