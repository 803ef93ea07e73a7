"""What all readers of files yield: rows, each with the line it stands on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from geo.fix import NO_DOUBT, UNKNOWN_SYSTEMS, Quality, Systems
from services.errors import InvalidError

BLOCK: Final = 1 << 16
MAX_LINE: Final = 1 << 20
"""Bytes of a line; a longer one is no line of a table, and nothing that is worth the memory."""


class FileError(InvalidError):
    """The file as a whole can't be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it ends on (or its number, in files without lines), and its values by column.

    The rest is what only a receiver's own log can say: doubts, systems used, the quality as the receiver numbers it.
    """

    line: int
    values: Mapping[str, Any]
    error: str = ""  # why it is not even a record
    flags: Quality = NO_DOUBT
    systems: Systems = UNKNOWN_SYSTEMS
    status: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its columns, its rows, and how much of it has been read (0 to 1)."""

    columns: tuple[str, ...]
    rows: Iterable[Row]
    done: Callable[[], float]


def unknown() -> float:
    """Stand for readers that don't know how far they are: the bytes of the file will tell."""
    return 0.0
