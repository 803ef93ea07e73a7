"""Incidents out of CSV: places and times, never persons. Text in, values out.

A file with a column that is about a person is refused as a whole, and the column is named: such data has to be left
out where it is made, not here. Of the other columns only those in `COLUMNS` are read. A row that can't be read is
rejected with its line number and the rest goes on.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geo import crs
from services.errors import InvalidError, Saying

T = TypeVar("T")

BEIJING = timezone(timedelta(hours=8))
"""A time without a zone is Beijing time (GB/T 7408 writes the zone; most offices don't)."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "external_id", "编号", "事件编号"),
    "kind": ("kind", "category", "类别", "类型"),
    "at": ("at", "time", "datetime", "发生时间", "时间"),
    "lon_deg": ("lon_deg", "lon", "lng", "longitude", "经度"),
    "lat_deg": ("lat_deg", "lat", "latitude", "纬度"),
    "detection_origin": ("detection_origin", "发现来源", "发现方式"),
}
"""What is read, and the headers that mean it. All are mandatory."""

PERSONAL_WORDS = re.compile(
    "name|surname|phone|mobile|tel|telephone|email|wechat|identity|ssn|passport|birth|birthday|birthdate|dob|age|sex|"
    "gender|race|ethnicity|victim|suspect|offender|witness|person|reporter|caller|plate|imei|imsi"
)
PERSONAL_TERMS = re.compile(
    "idcard|idnumber|姓名|身份证|证件号|电话|手机|联系方式|微信|邮箱|住址|户籍|性别|年龄|民族|出生|"
    "当事人|报警人|报案人|受害人|被害人|嫌疑人|违法人|联系人|法人代表|车牌"
)
"""A header with one of these words, or with one of these terms anywhere, is about a person."""

THINGS_WITH_NAMES = re.compile("enterprise|company|park|place|street|district|division|station")
"""The name of one of these is not."""

IDENTITY_NUMBER = re.compile(r"(?<!\d)[1-9]\d{5}(19|20)\d{9}[\dXx](?!\d)")
"""A citizen identity number: 17 digits, of which 7 to 14 are a date of birth, and a check character (GB 11643)."""

_LONGEST = 64
_MAX_LON_DEG, _MAX_LAT_DEG = 180, 90


class Origin(StrEnum):
    """Who noticed it. Without that, looking more would look like more crime."""

    CITIZEN = "citizen"
    ENTERPRISE = "enterprise"
    SENSOR = "sensor"
    INSPECTION = "inspection"
    PATROL = "patrol"


ORIGIN_TERMS: dict[str, Origin] = {
    "群众": Origin.CITIZEN,
    "群众报警": Origin.CITIZEN,
    "企业": Origin.ENTERPRISE,
    "企业报告": Origin.ENTERPRISE,
    "感知设备": Origin.SENSOR,
    "检查": Origin.INSPECTION,
    "检查发现": Origin.INSPECTION,
    "巡逻": Origin.PATROL,
    "巡逻发现": Origin.PATROL,
}
"""The origins as Chinese forms write them."""


class PersonalDataError(InvalidError):
    """The file holds a column about a person."""


class ColumnError(InvalidError):
    """A column that is needed is missing."""


class RowError(InvalidError):
    """One row can't be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened at a place (CGCS2000 degrees) and a time (aware)."""

    external_id: str
    kind: str
    at: datetime
    lon_deg: float
    lat_deg: float
    detection_origin: Origin


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out: its line in the file (the header is line 1) and the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Incidents:
    """What a file held."""

    rows: tuple[Incident, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """Coordinates as the file has them, the line of each, and the rows that have none."""

    xy: NDArray[np.float64]
    lines: NDArray[np.int64]
    rejected: tuple[Rejected, ...]


def decode(data: bytes) -> str:
    """Return the text of a CSV file: UTF-8 with or without a mark, else GB 18030 as Chinese office software writes it.

    Raises:
        InvalidError: it is neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidError("The file is neither UTF-8 nor GB 18030 text: save it as CSV (UTF-8).")


def read_incidents(text: str, *, epsg: str | int, now: datetime) -> Incidents:
    """Read incidents; coordinates are given in EPSG:n and come out as CGCS2000 degrees.

    Raises:
        PersonalDataError: a column is about a person.
        ColumnError: a column is missing; the sentence names all that are needed.
        InvalidError: the reference system is unknown.
    """
    reader = _reader(text)
    header = [name for name in reader.fieldnames or () if name]
    refuse_personal_columns(header)
    columns = _find_columns(header)
    to_degrees = _transformation(epsg)

    def build(row: dict[str, str]) -> Incident:
        return _incident({ours: row[theirs].strip() for ours, theirs in columns.items()}, to_degrees, now)

    rejected: list[Rejected] = []
    rows = tuple(incident for _, incident in _rows(reader, build, rejected))
    return Incidents(rows, tuple(rejected))


def read_points(text: str, x: str, y: str) -> Points:
    """Read two columns of numbers, whatever else the file holds.

    Raises:
        ColumnError: x or y is no column of the file.
    """
    reader = _reader(text)
    header = reader.fieldnames or ()
    for name in (x, y):
        if name not in header:
            raise ColumnError(
                "There is no column {name}; the file has: {known}.",
                name=name,
                known=", ".join(header) or Saying("no header line"),
            )

    def build(row: dict[str, str]) -> tuple[float, float]:
        return _number(row[x], x), _number(row[y], y)

    rejected: list[Rejected] = []
    found = list(_rows(reader, build, rejected))
    xy = np.array([pair for _, pair in found], dtype=np.float64).reshape(-1, 2)
    return Points(xy, np.array([line for line, _ in found], dtype=np.int64), tuple(rejected))


def refuse_personal_columns(header: Iterable[str]) -> None:
    """Refuse a header with a column about a person.

    Raises:
        PersonalDataError: the sentence names the columns.
    """
    personal = [name for name in header if _is_personal(name)]
    if personal:
        raise PersonalDataError(
            "Columns about persons are refused: {columns}. Remove them; nothing was imported.",
            columns=", ".join(personal),
        )


def _is_personal(header: str) -> bool:
    """Whether a header is about a person: `name` and `victimName` are, `enterprise_name` is not."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", header)]
    if any(map(THINGS_WITH_NAMES.fullmatch, words)):
        words = [word for word in words if word != "name"]
    return any(map(PERSONAL_WORDS.fullmatch, words)) or bool(
        PERSONAL_TERMS.search(re.sub(r"[\W_]", "", header.lower()))
    )


def _find_columns(header: list[str]) -> dict[str, str]:
    """Return the file's own name of each column."""
    known = {name.strip().lower(): name for name in header}
    found = {ours: known[alias] for ours, aliases in COLUMNS.items() for alias in reversed(aliases) if alias in known}
    missing = [ours for ours in COLUMNS if ours not in found]
    if missing:
        raise ColumnError(
            "Columns are missing: {columns}. Needed are {needed}; detection_origin is one of {origins}.",
            columns=", ".join(missing),
            needed=", ".join(COLUMNS),
            origins=", ".join(Origin),
        )
    return found


def _reader(text: str) -> "csv.DictReader[str]":
    """Return a reader of the rows."""
    return csv.DictReader(io.StringIO(text, newline=""))


def _rows(
    reader: "csv.DictReader[str]", build: Callable[[dict[str, str]], T], rejected: list[Rejected]
) -> Iterator[tuple[int, T]]:
    """Build a value of every row that can be read, with its line; put the others on the list."""
    try:
        for row in reader:
            try:
                yield reader.line_num, build(_complete(row))
            except RowError as error:
                rejected.append(Rejected(reader.line_num, error.sentence))
    except csv.Error as error:
        raise InvalidError(
            "The file is no CSV from line {line} on: {error}.", line=reader.line_num + 1, error=str(error)
        ) from error


def _complete(row: dict[str, str]) -> dict[str, str]:
    """Return a row that has as many fields as the header."""
    if None in row or None in row.values():
        raise RowError("the row has more or fewer fields than the header")
    return row


def _incident(
    row: dict[str, str], to_degrees: Callable[[float, float], tuple[float, float]], now: datetime
) -> Incident:
    """Build an incident of a row with our column names."""
    for column in ("id", "kind"):
        if not row[column] or len(row[column]) > _LONGEST:
            raise RowError("{column} is empty or longer than {most} characters", column=column, most=_LONGEST)
        if IDENTITY_NUMBER.search(row[column]):
            raise RowError("{column} holds what looks like an identity card number", column=column)
    lon_deg, lat_deg = to_degrees(_number(row["lon_deg"], "lon_deg"), _number(row["lat_deg"], "lat_deg"))
    return Incident(row["id"], row["kind"], _moment(row["at"], now), lon_deg, lat_deg, _origin(row["detection_origin"]))


def _transformation(epsg: str | int) -> Callable[[float, float], tuple[float, float]]:
    """Return the way from a reference system to CGCS2000 degrees."""
    try:
        crs.to_cgcs2000([0.0], [0.0], epsg)
    except crs.CrsError as error:
        raise InvalidError("{error}.", error=Saying(error.pattern, **error.values)) from error

    def to_degrees(x: float, y: float) -> tuple[float, float]:
        if x == 0 and y == 0:
            raise RowError("0/0 is no position")
        lon, lat = crs.to_cgcs2000(x, y, epsg)
        lon_deg, lat_deg = float(lon), float(lat)
        if not (abs(lon_deg) <= _MAX_LON_DEG and abs(lat_deg) <= _MAX_LAT_DEG):
            raise RowError("{x}/{y} lies outside of EPSG:{epsg}", x=f"{x:g}", y=f"{y:g}", epsg=crs.parse_epsg(epsg))
        return lon_deg, lat_deg

    return to_degrees


def _number(text: str, column: str) -> float:
    """Return a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError("{column} is no number: {given}", column=column, given=text.strip() or Saying("empty"))
    return value


def _moment(text: str, now: datetime) -> datetime:
    """Return an aware time that is not in the future."""
    try:
        at = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise RowError("at is no ISO 8601 time: {given}", given=text or Saying("empty")) from None
    at = at if at.tzinfo else at.replace(tzinfo=BEIJING)
    if at > now:
        raise RowError("at lies in the future: {given}", given=text)
    return at


def _origin(text: str) -> Origin:
    """Return who noticed it, in English or Chinese."""
    try:
        return ORIGIN_TERMS.get(text) or Origin(text.lower())
    except ValueError:
        raise RowError(
            "detection_origin is {given}; it has to be one of {origins}",
            given=text or Saying("empty"),
            origins=", ".join(Origin),
        ) from None
