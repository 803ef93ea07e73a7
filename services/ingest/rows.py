"""Rows out of files: CSV, GPX, GeoJSON, Parquet, one after the other, each with the line it stands on.

Bytes in, values as written out; what they mean is `files`' business. Nothing is read ahead of what is asked for, so the
size of a file does not matter. CSV, GPX and GeoJSON may be gzipped.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from xml.parsers import expat

import ijson
import pyarrow as pa
import shapely
from pyarrow import parquet

from services.errors import InvalidError

SUFFIXES: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".gpx": "gpx", ".geojson": "geojson", ".json": "geojson",
    ".parquet": "parquet", ".geoparquet": "parquet",
}  # fmt: skip

GPX_COLUMNS: Final = {"ele": "altitude_m", "time": "at", "speed": "speed_mps", "course": "heading_deg"}
"""Elements of a GPX track point (1.0, and 1.1 with Garmin's TrackPointExtension), and the columns they become."""

_BLOCK: Final = 1 << 16
_BATCH: Final = 5000


class FileError(InvalidError):
    """The file as a whole can't be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it ends on (or its number, in files without lines), and its values by column."""

    line: int
    values: Mapping[str, Any]
    error: str = ""  # why it is not even a record


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its columns, its rows, and how much of it has been read (0 to 1)."""

    columns: tuple[str, ...]
    rows: Iterable[Row]
    done: Callable[[], float]


@contextmanager
def opened(path: Path, kind: str | None = None) -> Iterator[Source]:
    """Open a file of a kind (csv, gpx, geojson, parquet), by default the one its name says.

    Raises:
        FileError: it can't be opened, or is not what it claims to be; also while its rows are read.
    """
    reader = READERS[kind_of(path, kind)]
    with ExitStack() as stack:
        with _explained(path):
            raw = stack.enter_context(path.open("rb"))
            size = max(path.stat().st_size, 1)
            zipped = path.suffix.lower() == ".gz"
            source = reader(cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if zipped else raw)
        by_bytes = source.done is _unknown
        done = (lambda: raw.tell() / size) if by_bytes else source.done
        yield Source(source.columns, _explaining(path, source.rows), done)


def kind_of(path: Path, kind: str | None = None) -> str:
    """Return the kind that is given, else the one the file's name says.

    Raises:
        FileError: there is no such kind.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = kind or SUFFIXES.get(suffixes[-1] if suffixes else "", "")
    if found not in READERS:
        raise FileError(f"{path.name}: what kind of file is it? Readable are {', '.join(READERS)}.")
    return found


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file it is that can't be read."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException, expat.ExpatError, ijson.JSONError) as error:
        raise FileError(f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}.") from error


def _unknown() -> float:
    """Stand for readers that don't know how far they are: the bytes of the file will tell."""
    return 0.0


def _explaining(path: Path, rows: Iterable[Row]) -> Iterator[Row]:
    with _explained(path):
        yield from rows


def read_csv(file: BinaryIO) -> Source:
    """Read CSV in UTF-8 or GB 18030, separated by whatever the header is separated by."""
    encoding = _encoding(file)
    lines = (line.decode(encoding, "replace") for line in file)  # neither encoding has a line feed inside a character
    header = next(lines, "").rstrip("\r\n")
    separator = max(",;\t|", key=header.count)
    columns = tuple(name.strip() for name in next(csv.reader([header], delimiter=separator), []))
    if not any(columns):
        raise FileError("The first line is empty: it has to name the columns.")
    return Source(columns, _records(csv.reader(lines, delimiter=separator, strict=True), columns), _unknown)


def _encoding(file: BinaryIO) -> str:
    """Look through a file once: it is UTF-8, or it is taken for GB 18030."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while block := file.read(_BLOCK):
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


@dataclass(slots=True)
class _GpxReader:
    """Collects the track points of a GPX document as expat walks through it."""

    parser: Any = field(default_factory=expat.ParserCreate)
    ready: list[Row] = field(default_factory=list)
    point: dict[str, Any] | None = None
    track: str = ""
    text: str = ""
    path: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self.start, self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype

    def doctype(self, *_: Any) -> None:
        """Refuse what GPX never needs and attackers do: entities."""
        raise FileError("A GPX file has no document type.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        name = tag.rpartition(":")[2]
        self.path.append(name)
        self.text = ""
        if name == "trkpt":
            known = {"object_id": self.track} if self.track else {}
            self.point = {**known, "lon": attributes.get("lon", ""), "lat": attributes.get("lat", "")}
        elif name == "trk":
            self.track = ""

    def characters(self, text: str) -> None:
        """Take text."""
        self.text += text

    def end(self, _tag: str) -> None:
        """Leave an element."""
        name = self.path.pop()
        if name == "trkpt" and self.point is not None:
            self.ready.append(Row(self.parser.CurrentLineNumber, self.point))
            self.point = None
        elif self.point is not None and name in GPX_COLUMNS:
            self.point[GPX_COLUMNS[name]] = self.text.strip()
        elif name == "name" and self.path[-1:] == ["trk"]:
            self.track = self.text.strip()


def read_gpx(file: BinaryIO) -> Source:
    """Read the track points of a GPX 1.0 or 1.1 file; a track's name is the object."""

    def rows() -> Iterator[Row]:
        reader = _GpxReader()
        while block := file.read(_BLOCK):
            reader.parser.Parse(block, False)
            yield from reader.ready
            reader.ready.clear()
        reader.parser.Parse(b"", True)

    return Source(("object_id", "lon", "lat", *GPX_COLUMNS.values()), rows(), _unknown)


def read_geojson(file: BinaryIO) -> Source:
    """Read the points of a GeoJSON FeatureCollection, and lines that carry `coordTimes` or `times`."""
    rows = (
        row
        for number, feature in enumerate(ijson.items(file, "features.item", use_float=True), 1)
        for row in _feature(number, feature)
    )
    first = next(rows, None)
    if first is None:
        raise FileError("The GeoJSON holds no features.")
    return Source(tuple(first.values), chain([first], rows), _unknown)


def _feature(number: int, feature: Any) -> Iterator[Row]:
    """Yield the rows of one feature."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    geometry = geometry if isinstance(geometry, dict) else {}
    properties = (feature.get("properties") or {}) if isinstance(feature, dict) else {}
    kind, places = geometry.get("type"), geometry.get("coordinates")
    times = properties.get("coordTimes") or properties.get("times")
    if kind == "Point":
        yield _vertex(number, properties, places)
    elif kind == "LineString" and isinstance(times, list) and isinstance(places, list) and len(times) == len(places):
        common = {name: value for name, value in properties.items() if name not in ("coordTimes", "times")}
        for at, place in zip(times, places, strict=True):
            yield _vertex(number, {**common, "at": at}, place)
    else:
        yield Row(number, properties, f"is a {kind}, not a Point, nor a LineString with coordTimes for its points")


def _vertex(number: int, properties: Mapping[str, Any], place: Any) -> Row:
    """Return the row of one position (RFC 7946, 3.1.1: longitude, latitude and perhaps altitude)."""
    if not isinstance(place, list) or len(place) < 2:  # noqa: PLR2004
        return Row(number, properties, "has no coordinates")
    height = {"altitude_m": place[2]} if len(place) > 2 else {}  # noqa: PLR2004
    return Row(number, {**height, **properties, "lon": place[0], "lat": place[1]})


def read_parquet(file: BinaryIO) -> Source:
    """Read Parquet with longitude and latitude columns, or GeoParquet with points as WKB."""
    table = parquet.ParquetFile(file)
    names = [name for name in table.schema_arrow.names if name != "geometry"]
    geometric = len(names) < len(table.schema_arrow.names)

    line, total = 0, max(table.metadata.num_rows, 1)

    def rows() -> Iterator[Row]:
        nonlocal line
        for batch in table.iter_batches(_BATCH):
            for values in batch.to_pylist():
                line += 1
                yield _with_point(line, values) if geometric else Row(line, values)

    return Source((*names, *(("lon", "lat") if geometric else ())), rows(), lambda: line / total)


def _with_point(line: int, values: dict[str, Any]) -> Row:
    """Put the geometry's coordinates in its place."""
    try:
        point = shapely.from_wkb(values.pop("geometry"))
    except (shapely.errors.ShapelyError, TypeError):
        return Row(line, values, "has a geometry that is no WKB")
    if not isinstance(point, shapely.Point) or point.is_empty:
        return Row(line, values, "has no point as geometry")
    return Row(line, {**values, "lon": point.x, "lat": point.y})


READERS: Final[Mapping[str, Callable[[BinaryIO], Source]]] = {
    "csv": read_csv,
    "gpx": read_gpx,
    "geojson": read_geojson,
    "parquet": read_parquet,
}
"""One reader a kind."""
