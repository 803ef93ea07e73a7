"""Rows out of files, one after the other, each with the line it stands on.

Bytes in, values as written out; what they mean is `files`' business. Nothing is read ahead of what is asked for, so the
size of a file does not matter. All but archives may be gzipped.

delimited   CSV                     features   GeoJSON, Parquet            zipped   sets of files, KMZ
markup      GPX, KML                logs       NMEA 0183
"""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast
from xml.parsers import expat

import ijson
import pyarrow as pa

from services.ingest.rows import zipped
from services.ingest.rows.delimited import read_csv
from services.ingest.rows.features import read_geojson, read_parquet
from services.ingest.rows.logs import read_nmea
from services.ingest.rows.markup import read_gpx, read_kml
from services.ingest.rows.values import FileError, Row, Source, unknown

__all__ = ["NAMED_BY_FILE", "READERS", "FileError", "Row", "Source", "kind_of", "members", "opened"]

SUFFIXES: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".gpx": "gpx", ".kml": "kml", ".geojson": "geojson",
    ".json": "geojson", ".parquet": "parquet", ".geoparquet": "parquet", ".nmea": "nmea", ".nma": "nmea",
    ".log": "nmea",
}  # fmt: skip

READERS: Final[Mapping[str, Callable[[BinaryIO], Source]]] = {
    "csv": read_csv,
    "gpx": read_gpx,
    "kml": read_kml,
    "geojson": read_geojson,
    "parquet": read_parquet,
    "nmea": read_nmea,
}
"""One reader a kind."""

NAMED_BY_FILE: Final = frozenset({"gpx", "kml", "nmea"})
"""Kinds of which a file may well name no object: its own name stands for it."""

_BROKEN: Final = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, pa.ArrowException, expat.ExpatError,
    ijson.JSONError,
)  # fmt: skip


def members(path: Path, kind: str | None = None) -> tuple[str, ...]:
    """Return the files in an archive that can be read; one empty name for a file that is none.

    Raises:
        FileError: it can't be opened, is beyond the limits, or holds nothing to read.
    """
    if not zipped.is_archive(path):
        return ("",)
    with _explained(path):
        names = tuple(name for name in zipped.members(path) if kind or _kind_by_name(PurePosixPath(name)) in READERS)
    if not names:
        raise FileError(f"{path.name} holds no file of a kind that can be read: {', '.join(READERS)}.")
    return names


@contextmanager
def opened(path: Path, kind: str | None = None, *, member: str = "", day: date | None = None) -> Iterator[Source]:
    """Open a file, or a member of an archive, of a kind, by default the one its name says.

    `day` is that of the first time in a log without dates.

    Raises:
        FileError: it can't be opened, or is not what it claims to be; also while its rows are read.
    """
    found = kind_of(path, kind, member)
    reader = partial(read_nmea, day=day) if found == "nmea" else READERS[found]
    with ExitStack() as stack:
        with _explained(path):
            raw = stack.enter_context(path.open("rb"))
            size = max(path.stat().st_size, 1)
            source = reader(_unpacked(stack, raw, PurePosixPath(member or path.name), member))
        by_bytes = source.done is unknown
        done = (lambda: min(raw.tell() / size, 1.0)) if by_bytes else source.done
        yield Source(source.columns, _explaining(path, source.rows), done)


def kind_of(path: Path, kind: str | None = None, member: str = "") -> str:
    """Return the kind that is given, else the one the file's name says.

    Raises:
        FileError: there is no such kind.
    """
    found = kind or _kind_by_name(PurePosixPath(member or path.name))
    if found not in READERS:
        raise FileError(f"{member or path.name}: what kind of file is it? Readable are {', '.join(READERS)}.")
    return found


def _kind_by_name(name: PurePosixPath) -> str:
    suffixes = [suffix.lower() for suffix in name.suffixes if suffix.lower() != ".gz"]
    return SUFFIXES.get(suffixes[-1] if suffixes else "", "")


def _unpacked(stack: ExitStack, raw: BinaryIO, name: PurePosixPath, member: str) -> BinaryIO:
    """Return the bytes of the file itself, out of its archive and its compression."""
    file = zipped.open_member(stack.enter_context(zipfile.ZipFile(raw)), member) if member else raw
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if name.suffix.lower() == ".gz" else file


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file it is that can't be read."""
    try:
        yield
    except _BROKEN as error:
        raise FileError(f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}.") from error


def _explaining(path: Path, rows: Iterable[Row]) -> Iterator[Row]:
    with _explained(path):
        yield from rows
