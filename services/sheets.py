"""CSV that no spreadsheet runs: the one place that writes it.

A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, “CSV injection”); numbers stay
numbers, whether they come as such or as text.
"""

import csv
import re
from collections.abc import Iterable
from typing import IO, Any

BOM = "\ufeff"
"""Tells spreadsheets that a file is UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Sheet:
    """Rows into a file, one by one, their cells made harmless."""

    def __init__(self, file: IO[str], *, line_end: str = "\r\n") -> None:
        """Take the file; its newline handling is the caller's."""
        self._rows = csv.writer(file, lineterminator=line_end)

    def add(self, cells: Iterable[Any]) -> None:
        """Write a row."""
        self._rows.writerow([neutral(cell) for cell in cells])

    def add_all(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows."""
        for row in rows:
            self.add(row)


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet runs: a text that would be a formula gets an apostrophe."""
    runs = isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if runs else value
