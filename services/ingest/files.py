"""Tracks out of files: rows of any kind become positions in CGCS2000 degrees, SI units and aware UTC.

The one place, with the base map, that undoes the shift of GCJ-02 and BD-09. A row that says something impossible is
rejected with its line and the reason, and the rest goes on. No sockets, no database.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from geo import crs, gcj02
from geo.fix import NO_DOUBT, UNKNOWN_SYSTEMS, Quality, Systems, payload_hash
from services.errors import InvalidError
from services.ingest import rows

Degrees = TypeVar("Degrees", float, NDArray[np.float64])

SYSTEMS: Final = tuple(gcj02.FORWARD)
"""Reference systems with names of their own; any other is written EPSG:n."""

SPEEDS: Final = {"speed_mps": 1.0, "speed_kmh": 1 / 3.6, "speed_knots": 1852 / 3600}
"""Columns that hold a speed, and the factor to metres per second."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "object_id": (
        *("object_id", "device_id", "device", "vehicle_id", "terminal_id", "terminal", "phone", "sim", "imei", "plate"),
        *("license_plate", "plate_no", "car_id", "track_id", "id", "设备号", "设备编号", "设备id", "设备", "终端号"),
        *("终端手机号", "终端编号", "终端", "手机号", "车牌号", "车牌号码", "车牌", "车辆编号", "编号"),
    ),
    "at": (
        *("at", "ts", "timestamp", "time", "datetime", "date_time", "gps_time", "fix_time", "utc", "定位时间"),
        *("gps时间", "上报时间", "采集时间", "时间戳", "时间"),
    ),
    "lon": ("lon", "lon_deg", "lng", "long", "longitude", "x", "经度"),
    "lat": ("lat", "lat_deg", "latitude", "y", "纬度"),
    "altitude_m": ("altitude_m", "alt_m", "ele_m", "altitude", "elevation", "ele", "alt", "海拔", "高程", "高度"),
    "speed_mps": ("speed_mps", "speed_ms", "speed_m_s", "速度(m/s)"),
    "speed_kmh": ("speed_kmh", "speed_km_h", "speed_kph", "kmh", "速度(km/h)", "时速"),
    "speed_knots": ("speed_knots", "speed_kn", "knots"),
    "heading_deg": ("heading_deg", "heading", "bearing", "course", "direction_deg", "方向角", "航向"),
    "accuracy_m": ("accuracy_m", "accuracy", "horizontal_accuracy", "精度"),
}
"""What is read, and the headers that mean it, best first. A bare "speed" is not guessed: nobody knows its unit."""

NEEDED: Final = ("at", "lon", "lat")
_CHUNK: Final = 5000
_LONGEST_ID: Final = 64
_TIME: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:[.,](\d{1,6})\d*)?秒?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH: Final = {9: 1, 10: 1, 13: 1000, 16: 1_000_000}
"""How many to a second, by the digits of a number that counts from 1970."""


class ColumnsError(InvalidError):
    """The file does not have the columns that are needed."""


class RowError(ValueError):
    """Why a row can't be used."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to understand a file."""

    crs: str  # wgs84, cgcs2000, gcj02, bd09 or EPSG:n
    columns: Mapping[str, str] = field(
        default_factory=dict
    )  # what of FIELDS stands in which column; the rest is guessed
    object_id: str | None = None  # of all rows, when no column names the object
    tz: tzinfo = UTC  # of times without a zone
    kind: str | None = None  # one of rows.READERS; by default by the file's name
    day: date | None = None  # of the first time, in logs that never tell the date


@dataclass(frozen=True, slots=True)
class Position:
    """One good row: CGCS2000 degrees, SI, aware UTC. `key` is the same whenever the same is said again."""

    line: int
    object_id: str
    at: datetime
    lon_deg: float
    lat_deg: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    key: int
    values: Mapping[str, Any]
    flags: Quality = NO_DOUBT  # what the receiver itself says against it
    systems: Systems = UNKNOWN_SYSTEMS
    status: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """One bad row."""

    line: int
    reason: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some thousand rows, and how much of the file has been read with them (0 to 1)."""

    positions: list[Position]
    rejected: list[Rejected]
    zoneless: int  # how many times were written without a zone
    done: float

    @property
    def rows(self) -> int:
        """How many rows of the file it holds, good and bad."""
        return len(self.positions) + len(self.rejected)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file: its columns, which of them is read as what, and its rows in chunks."""

    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    chunks: Iterator[Chunk]


@contextmanager
def opened(path: Path, options: Options, *, member: str = "", skip: int = 0) -> Iterator[Opened]:
    """Open a file of tracks, or one of an archive's `rows.members`; its first `skip` rows are read and left out.

    Raises:
        rows.FileError: it can't be read.
        ColumnsError: columns are missing.
        InvalidError: the reference system is unknown.
    """
    to_cgcs2000(np.zeros(1), np.zeros(1), options.crs)
    with rows.opened(path, options.kind, member=member, day=options.day) as source:
        may_be_nameless = rows.kind_of(path, options.kind, member) in rows.NAMED_BY_FILE
        named = PurePosixPath(member or path.name).name.partition(".")[0] if may_be_nameless else None
        mapping = find_columns(source.columns, options, nameless=named is None)
        chunks = _chunks(source, mapping, options, options.object_id or named, skip)
        yield Opened(source.columns, mapping, chunks)


def find_columns(columns: Iterable[str], options: Options, *, nameless: bool = True) -> dict[str, str]:
    """Return which column is read as which of `FIELDS`: as the options say, else by the header's words.

    Raises:
        ColumnsError: a column that is needed, or one that the options name, is not there.
    """
    by_word = {_word(name): name for name in reversed(list(columns))}
    found = {}
    for name, column in options.columns.items():
        if column not in by_word.values():
            raise ColumnsError(f"There is no column {column!r}. There are: {', '.join(by_word.values())}.")
        found[name] = column
    settled = {*found, *(SPEEDS if SPEEDS.keys() & found.keys() else ()), *(["object_id"] if options.object_id else [])}
    for name, words in FIELDS.items():
        word = next((word for word in words if word in by_word), None)
        if word and name not in settled:
            found[name] = by_word[word]
    needed = NEEDED if options.object_id or not nameless else ("object_id", *NEEDED)
    missing = [name for name in needed if name not in found]
    if missing:
        raise ColumnsError(f"No column for {', '.join(missing)} among: {', '.join(columns)}. Name it with an option.")
    return found


def to_cgcs2000(lon: Degrees, lat: Degrees, system: str) -> tuple[Degrees, Degrees]:
    """Carry coordinates of a declared system to CGCS2000 degrees.

    Raises:
        InvalidError: the system is unknown.
    """
    try:
        if system.lower() in SYSTEMS:
            return gcj02.convert(lon, lat, system, "cgcs2000")
        x, y = crs.to_cgcs2000(lon, lat, system)
    except crs.CrsError as error:
        raise InvalidError(f"{error}; or one of {', '.join(SYSTEMS)}.") from error
    return (x, y) if isinstance(lon, np.ndarray) else (float(x), float(y))


def convert(lon: Degrees, lat: Degrees, source: str, target: str) -> tuple[Degrees, Degrees]:
    """Carry degrees between any two of the named systems.

    Raises:
        InvalidError: one of them is unknown.
    """
    try:
        return gcj02.convert(lon, lat, source, target)
    except gcj02.UnknownSystemError as error:
        raise InvalidError(f"{error}.") from error


def _chunks(
    source: rows.Source, mapping: Mapping[str, str], options: Options, fallback: str | None, skip: int
) -> Iterator[Chunk]:
    """Read the rows, some thousand at a time."""
    stream = islice(source.rows, skip, None)
    while batch := list(islice(stream, _CHUNK)):
        positions, rejected, zoneless = [], [], 0
        for row in batch:
            try:
                draft, aware = _read(row, mapping, options, fallback)
            except RowError as error:
                rejected.append(Rejected(row.line, str(error), row.values))
                continue
            positions.append(draft)
            zoneless += not aware
        placed, misplaced = _place(positions, options.crs)
        yield Chunk(placed, sorted(rejected + misplaced, key=lambda bad: bad.line), zoneless, source.done())


def _read(row: rows.Row, mapping: Mapping[str, str], options: Options, fallback: str | None) -> tuple[Position, bool]:
    """Return what a row says, in the declared system still, and whether its time had a zone."""
    if row.error:
        raise RowError(row.error)
    said = {name: row.values.get(column) for name, column in mapping.items()}
    at = read_time(said["at"])
    name = str(said.get("object_id") or "").strip() or fallback
    if not name or len(name) > _LONGEST_ID or not name.isprintable():
        raise RowError(f"names no object: {name!r}")
    speed = next((_number(said[unit], unit, factor) for unit, factor in SPEEDS.items() if unit in said), None)
    lon, lat = _number(said["lon"], "lon"), _number(said["lat"], "lat")
    if lon is None or lat is None:
        raise RowError("has no position")
    extra = {unit: _number(said.get(unit), unit) for unit in ("altitude_m", "heading_deg", "accuracy_m")}
    draft = Position(
        row.line, name, _aware(at, options.tz), lon, lat, speed_mps=speed, key=0, values=row.values, flags=row.flags,
        systems=row.systems, status=row.status, **extra,
    )  # fmt: skip
    return draft, at.tzinfo is not None


def _place(drafts: list[Position], system: str) -> tuple[list[Position], list[Rejected]]:
    """Carry positions to CGCS2000; what is not on Earth then is rejected."""
    lon, lat = to_cgcs2000(
        np.array([draft.lon_deg for draft in drafts]), np.array([draft.lat_deg for draft in drafts]), system
    )
    positions, rejected = [], []
    for draft, x, y in zip(drafts, lon.tolist(), lat.tolist(), strict=True):
        if abs(x) <= 180 and abs(y) <= 90:  # noqa: PLR2004
            positions.append(_placed(draft, x, y))
        else:
            reason = (
                f"{draft.lon_deg:g}, {draft.lat_deg:g} lies outside of {system}; are the columns the right way round?"
            )
            rejected.append(Rejected(draft.line, reason, draft.values))
    return positions, rejected


def _placed(draft: Position, lon: float, lat: float) -> Position:
    """Return a draft at its place; `dataclasses.replace` takes four times as long."""
    return Position(
        draft.line, draft.object_id, draft.at, lon, lat, draft.altitude_m, draft.speed_mps, draft.heading_deg,
        draft.accuracy_m, _key(draft, lon, lat), draft.values, draft.flags, draft.systems, draft.status,
    )  # fmt: skip


def _key(draft: Position, lon: float, lat: float) -> int:
    """Return 64 bits of BLAKE2b over what the row says apart from object and time."""
    said = f"{lon:.9f} {lat:.9f} {draft.altitude_m} {draft.speed_mps} {draft.heading_deg} {draft.accuracy_m}"
    return payload_hash(said.encode())


def read_time(value: Any) -> datetime:
    """Return a time as written: ISO 8601 and its relatives, Chinese dates, digits in a row, or a count from 1970.

    Raises:
        RowError: it is no time.
    """
    if isinstance(value, datetime):
        return value
    text = str(value if value is not None else "").strip()
    try:
        return _compact(text) if text.replace(".", "", 1).isdecimal() else _written(text)
    except (ValueError, KeyError, OverflowError, OSError):
        raise RowError(f"{text[:40]!r} is no time: write 2026-06-01T12:00:00+08:00") from None


def _compact(text: str) -> datetime:
    """Read 20260601120000, or seconds, milliseconds or microseconds since 1970."""
    whole = text.partition(".")[0]
    if len(whole) == 14:  # noqa: PLR2004 - year to second
        return datetime.strptime(whole, "%Y%m%d%H%M%S")  # noqa: DTZ007 - its zone is the option's
    return datetime.fromtimestamp(float(text) / _EPOCH[len(whole)], UTC)


def _written(text: str) -> datetime:
    """Read a date and a time with marks between."""
    if len(text) <= len("2026-06-01"):
        raise ValueError(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(number or 0) for number in found.groups()[:6])
    return datetime(year, month, day, hour, minute, second, int((found[7] or "").ljust(6, "0")), _zone(found[8]))


def _zone(text: str | None) -> tzinfo | None:
    """Read Z, UTC, +0800 or +08:00."""
    if text is None or text.upper() in ("Z", "UTC"):
        return UTC if text else None
    shift = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-shift if text[0] == "-" else shift)


def _aware(at: datetime, tz: tzinfo) -> datetime:
    """Put a time without a zone into the declared one, and any time into UTC."""
    try:
        return (at if at.tzinfo else at.replace(tzinfo=tz)).astimezone(UTC)
    except OverflowError:
        raise RowError(f"{at} is no time on this calendar") from None


def _number(value: Any, name: str, factor: float = 1.0) -> float | None:
    """Return a number as written; nothing written is None, and so is the NaN by which Parquet says nothing."""
    if value is None or value != value or not str(value).strip():  # noqa: PLR0124 - NaN
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or (isinstance(value, str) and "_" in value):
        raise RowError(f"{name} {str(value)[:40]!r} is no number")
    return number * factor


def _word(name: str) -> str:
    """Reduce a header to the word that `FIELDS` knows."""
    return re.sub(r"[\s-]+", "_", name.strip().strip("\ufeff")).lower()
