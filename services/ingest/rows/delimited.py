"""CSV and its relatives, in UTF-8 or GB 18030."""

import codecs
import csv
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.ingest.rows.values import BLOCK, MAX_LINE, FileError, Row, Source, unknown


def read_csv(file: BinaryIO) -> Source:
    """Read CSV in UTF-8 or GB 18030, separated by whatever the header is separated by."""
    encoding = _encoding(file)
    lines = (line.decode(encoding, "replace") for line in _lines(file))
    header = next(lines, "").rstrip("\r\n")
    separator = max(",;\t|", key=header.count)
    try:
        columns = tuple(name.strip() for name in next(csv.reader([header], delimiter=separator), []))
    except csv.Error as error:
        raise FileError(f"The first line, which names the columns, is no CSV: {error}.") from error
    if not any(columns):
        raise FileError("The first line is empty: it has to name the columns.")
    return Source(columns, _records(csv.reader(lines, delimiter=separator, strict=True), columns), unknown)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; neither encoding has a line feed inside a character."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise FileError(f"Line {number} is longer than {MAX_LINE:,} bytes: this is no table.")
        yield line


def _encoding(file: BinaryIO) -> str:
    """Look through a file once: it is UTF-8, or it is taken for GB 18030."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    finally:
        file.seek(0)
    return "utf-8-sig"


def _records(reader: Any, columns: tuple[str, ...]) -> Iterator[Row]:
    """Yield the records under a header; a broken one is a row with an error."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(reader.line_num + 1, {}, f"is no CSV: {error}")
            continue
        if len(cells) == len(columns):
            yield Row(reader.line_num + 1, dict(zip(columns, cells, strict=True)))
        elif cells:
            values = dict(zip(columns, cells, strict=False))
            yield Row(reader.line_num + 1, values, f"has {len(cells)} values under {len(columns)} column names")
