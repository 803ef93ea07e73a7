"""Calls of the past out of CSV: what another system kept of calls that are over. Text in, values out.

Of the columns only those in `FIELDS` are read. A row that says something impossible is rejected with its line and the
reason, and the rest goes on. No sockets, no database.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

from services.ingest import files, rows

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "number": ("number", "id", "event_no", "call_no", "警情编号", "接警编号", "接警单编号", "编号"),
    "kind": ("kind", "type", "final_type", "警情类别", "警情类型", "类别", "类型"),
    "priority": ("priority", "警情级别", "优先级", "级别"),
    "taken_at": ("taken_at", "queued_at", "received_at", "接警时间", "报警时间"),
    "lon": files.FIELDS["lon"],
    "lat": files.FIELDS["lat"],
    "address": ("address", "警情地址", "事发地址", "地址"),
    "notes": ("notes", "remarks", "简要警情", "备注"),
    "unit": ("unit", "call_sign", "出警单位", "处警单位", "呼号"),
    "signed_at": ("signed_at", "签收时间"),
    "dispatched_at": ("dispatched_at", "派警时间", "派出时间"),
    "en_route_at": ("en_route_at", "出动时间", "出发时间"),
    "on_scene_at": ("on_scene_at", "arrived_at", "到场时间", "到达时间"),
    "feedback_at": ("feedback_at", "反馈时间"),
    "clear_at": ("clear_at", "cleared_at", "完成时间", "处置完毕时间"),
    "closed_at": ("closed_at", "办结时间", "结案时间"),
    "result": ("result", "处警情况", "处置情况"),
    "result_code": ("result_code", "处警结果代码", "处警结果"),
}
"""What is read, and the headers that mean it, best first."""

NEEDED: Final = ("number", "kind", "taken_at")
UNITS_WAY: Final = ("dispatched_at", "en_route_at", "on_scene_at", "clear_at")
"""What the unit did, in its order."""

MOMENTS: Final = ("signed_at", *UNITS_WAY, "feedback_at", "closed_at")
LEAST_PRIORITY, MOST_PRIORITY = 1, 4
_CHUNK: Final = 1000
_LONGEST: Final = {"number": 64, "address": 200, "notes": 2000, "unit": 64, "result": 2000}


@dataclass(frozen=True, slots=True)
class Options:
    """How to understand a file."""

    crs: str  # of the places: wgs84, cgcs2000, gcj02, bd09 or EPSG:n
    tz: tzinfo  # of times without a zone


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call that is over: CGCS2000 degrees, aware UTC. `at`: the moments that are known, by their column."""

    line: int
    number: str  # that of the other system
    kind: str  # as written: a code or a name of the table of kinds
    priority: int | None
    taken_at: datetime
    place: tuple[float, float] | None
    at: Mapping[str, datetime]
    said: Mapping[str, str]  # address, notes, unit, result, result_code; empty where nothing is written
    values: Mapping[str, Any]

    @property
    def closed_at(self) -> datetime:
        """When it was closed: as written, else the last that is known of it."""
        return self.at.get("closed_at") or max((self.taken_at, *self.at.values()))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, good and bad."""

    calls: list[PastCall]
    rejected: list[files.Rejected]


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file: the columns of it that are read, and its rows in chunks."""

    columns: tuple[str, ...]
    chunks: Iterator[Chunk]


@contextmanager
def opened(path: Path, how: Options, *, now: datetime) -> Iterator[Opened]:
    """Open a CSV file of calls that were over by `now`.

    Raises:
        rows.FileError: it can't be read; also while its rows are read.
        ColumnsError: a column that is needed is missing.
        InvalidError: the reference system is unknown.
    """
    files.to_cgcs2000(0.0, 0.0, how.crs)
    with rows.opened(path, "csv") as source:
        mapping = _columns(source.columns)
        yield Opened(tuple(mapping.values()), _chunks(source.rows, mapping, how, now))


def _columns(columns: Iterable[str]) -> dict[str, str]:
    by_word = {name.strip().lower().replace(" ", "_"): name for name in columns}
    found = {
        field: by_word[next(word for word in words if word in by_word)]
        for field, words in FIELDS.items()
        if by_word.keys() & set(words)
    }
    if missing := [field for field in NEEDED if field not in found]:
        raise files.ColumnsError(f"No column for {', '.join(missing)} among: {', '.join(by_word.values())}.")
    return found


def _chunks(source: Iterable[rows.Row], mapping: Mapping[str, str], how: Options, now: datetime) -> Iterator[Chunk]:
    stream = iter(source)
    while batch := list(islice(stream, _CHUNK)):
        chunk = Chunk([], [])
        for row in batch:
            values = {column: row.values.get(column) for column in mapping.values()}
            said = {field: str(values[column] or "").strip() for field, column in mapping.items()}
            try:
                chunk.calls.append(_read(row, said, values, how, now))
            except files.RowError as error:
                chunk.rejected.append(files.Rejected(row.line, str(error), values))
        yield chunk


def _read(row: rows.Row, said: Mapping[str, str], values: Mapping[str, Any], how: Options, now: datetime) -> PastCall:
    if row.error:
        raise files.RowError(row.error)
    for field, most in _LONGEST.items():
        text = said.get(field, "")
        if len(text) > most or "\0" in text:
            raise files.RowError(f"{field} is longer than {most} characters")
    if not said["number"]:
        raise files.RowError("has no number")
    at = {field: _moment(said[field], how.tz) for field in ("taken_at", *MOMENTS) if said.get(field)}
    if "taken_at" not in at:
        raise files.RowError("has no taken_at")
    _check_order(at, now)
    if not said.get("unit") and at.keys() & set(UNITS_WAY):
        raise files.RowError("says what a unit did, but not which: name its call sign")
    words = {field: said.get(field, "") for field in ("address", "notes", "unit", "result", "result_code")}
    taken_at = at.pop("taken_at")
    place = _place(said.get("lon", ""), said.get("lat", ""), how.crs)
    return PastCall(row.line, said["number"], said["kind"], _priority(said), taken_at, place, at, words, values)


def _moment(text: str, tz: tzinfo) -> datetime:
    at = files.read_time(text)
    try:
        return (at if at.tzinfo else at.replace(tzinfo=tz)).astimezone(UTC)
    except OverflowError:
        raise files.RowError(f"{text} is no time on this calendar") from None


def _check_order(at: Mapping[str, datetime], now: datetime) -> None:
    """Refuse what was before the call, after now, or in the wrong order."""
    for field, moment in at.items():
        if moment > now:
            raise files.RowError(f"{field} lies in the future")
        if moment < at["taken_at"]:
            raise files.RowError(f"{field} is before taken_at; leave it empty if it is not known")
        if moment > at.get("closed_at", now):
            raise files.RowError(f"{field} is after closed_at")
    for earlier, later in pairwise([field for field in UNITS_WAY if field in at]):
        if at[later] < at[earlier]:
            raise files.RowError(f"{later} is before {earlier}")


def _priority(said: Mapping[str, str]) -> int | None:
    text = said.get("priority", "")
    if not text:
        return None
    if text not in {str(number) for number in range(LEAST_PRIORITY, MOST_PRIORITY + 1)}:
        raise files.RowError(f"priority {text[:40]!r} is not {LEAST_PRIORITY} (highest) to {MOST_PRIORITY}")
    return int(text)


def _place(lon: str, lat: str, crs: str) -> tuple[float, float] | None:
    """Return where it was; None when nothing is written."""
    if not lon and not lat:
        return None
    try:
        x, y = files.to_cgcs2000(float(lon), float(lat), crs)
    except ValueError:
        raise files.RowError(f"{lon[:40]!r}, {lat[:40]!r} is no place") from None
    if not (abs(x) <= 180 and abs(y) <= 90) or (float(lon) == 0 and float(lat) == 0):  # noqa: PLR2004
        raise files.RowError(f"{lon}, {lat} lies outside of {crs}; leave both empty if the place is not known")
    return x, y
