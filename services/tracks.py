"""The memory of movement: storing fixes once, keeping the newest position of each device, reading tracks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import Any, cast

import psycopg
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import UNTIMELY, UNUSABLE, Fix, Quality, Source, Systems
from services import access, carriage, frames
from services.db import engine as databases
from services.db import partitions
from services.db.engine import ReadSession, WriteSession
from services.db.tables import tracks as tables
from services.db.types import SRID, from_wkb, plain
from services.errors import InvalidError, NotFoundError

MAX_SPAN = timedelta(days=31)
MAX_FIXES = 200_000  # 55 h at 1 Hz
_AT_A_TIME = 1000  # rows that are read before others get their turn: 10 ms

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's own
_SECOND_US, _DAY_US = 1_000_000, 86_400_000_000
_EWKB_POINT = 0x20000001
_OPTIONAL = ("altitude_m", "speed_mps", "heading_deg", "accuracy_m")
_COLUMNS = ("device_id", "at", "payload_hash", "place", *_OPTIONAL, "alarm", "status", "systems", "flags", "source")
_NAMES = ", ".join(_COLUMNS)
_NEWEST = ("at", "received_at", "place", *_OPTIONAL, "alarm", "status", "systems", "flags")
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL = b"\xff\xff"
_PREFIX = "h iq iq iq i BIIdd"
_SUFFIX = "iq iq ih ii ih"

_STAGING = f"""
CREATE TEMP TABLE IF NOT EXISTS fix_staging ON COMMIT DELETE ROWS AS SELECT {_NAMES} FROM fix WITH NO DATA
"""
_COPY = f"COPY fix_staging ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_STORE = f"""
WITH stored AS (
    INSERT INTO fix (received_at, {_NAMES}) SELECT now(), {_NAMES} FROM fix_staging
    ON CONFLICT DO NOTHING RETURNING device_id, at
), newest AS (
    INSERT INTO newest_fix (changed_xid, device_id, {", ".join(_NEWEST)})
    SELECT DISTINCT ON (device_id) (SELECT tianshu_xid()), device_id,
        {", ".join(name if name != "received_at" else "now()" for name in _NEWEST)}
    FROM fix_staging WHERE flags & {int(UNUSABLE | UNTIMELY)} = 0 ORDER BY device_id, at DESC, payload_hash
    ON CONFLICT (device_id) DO UPDATE
    SET changed_xid = excluded.changed_xid, {", ".join(f"{name} = excluded.{name}" for name in _NEWEST)}
    WHERE newest_fix.at < excluded.at
), overtaken AS (
    SELECT device_id, newest_fix.at
    FROM (SELECT device_id, min(at) AS first_at FROM stored GROUP BY device_id) AS mine
    JOIN newest_fix USING (device_id)
    WHERE first_at < newest_fix.at
)
SELECT count(*), now(), array_agg(DISTINCT device_id), min(at), max(at),
    (SELECT coalesce(jsonb_object_agg(device_id, at), '{{}}') FROM overtaken) FROM stored
"""
_NEW_ONES = """
SELECT device_id, at, payload_hash FROM fix_staging JOIN fix USING (device_id, at, payload_hash)
WHERE fix.received_at = now()
"""


class UnstorableError(InvalidError):
    """A value of a fix does not fit its column."""


class NoTrackError(NotFoundError):
    """The unit does not exist or carried no device at that time."""


class SpanError(InvalidError):
    """The interval is empty or holds more than one answer may carry."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch added: the new fixes, and what finds them again in the database."""

    fixes: Sequence[Fix]
    received_at: datetime  # one value for the whole batch, from the database's clock
    device_ids: list[int]
    first_at: datetime
    last_at: datetime
    overtaken: dict[str, str]  # by device that sent something older: when its newest position before this batch was


async def store(db: WriteSession, fixes: Sequence[Fix]) -> Stored | None:
    """Store fixes in the caller's transaction, once each, and move the newest positions; None if nothing was new.

    The same payload of the same device and time adds nothing, whether it comes again in this batch or years later.
    Fixes go by binary COPY into a temporary table and from there, in one statement, to where they belong; what they
    were read from is kept beside them.

    Raises:
        UnstorableError: a value does not fit its column; nothing was stored.
    """
    raw = (await (await db.connection()).get_raw_connection()).driver_connection
    async with cast("psycopg.AsyncConnection[Any]", raw).cursor() as cursor:
        await cursor.execute(_STAGING)
        async with cursor.copy(_COPY) as copy:
            await copy.write(encode(fixes))
        await cursor.execute(_STORE)
        (count, *found), *_ = await cursor.fetchall()
        if count == 0:
            return None
        if count < len(fixes):
            await cursor.execute(_NEW_ONES)
            fixes = _pick(fixes, await cursor.fetchall())
        await frames.keep(cursor, fixes)
    return Stored(fixes, *found)


async def store_many(engine: AsyncEngine, fixes: Sequence[Fix]) -> int:
    """Store fixes of an import in a transaction of their own and return how many were new."""
    await partitions.ensure(engine, {fix.at.date() for fix in fixes})
    async with databases.writing(engine) as db:
        stored = await store(db, fixes)
    return len(stored.fixes) if stored else 0


async def read(
    mandate: access.Mandate,
    db: ReadSession,
    *,
    start: datetime,
    end: datetime,
    unit_id: int | None = None,
    device_id: int | None = None,
) -> list[list[Fix]]:
    """Return the fixes of a unit, or of a device, with start <= at < end, in order of time.

    They come in parts: one for each time that the unit carried a device, however short the time between two. Nothing
    is known of a unit between two parts, and nothing may be drawn or counted from one to the other.

    Raises:
        NoTrackError: there is no such unit, or it carried no device in that time.
        CaseRefusedError, SpanRefusedError: it leaves the limits of the case, or of a dispatcher's duty.
        SpanError: the interval is empty, longer than 31 days, or holds more than 200,000 fixes.
    """
    look = await access.grant(mandate, access.Act.VIEW_TRACK, _target(unit_id, device_id, start, end))
    if not timedelta() < end - start <= MAX_SPAN:
        raise SpanError("A track is read from a start to a later end, 31 days at most.")
    subject = f"device:{device_id}" if unit_id is None else f"unit:{unit_id}"
    limits = await access.limit_track(mandate, db, subject=subject, start=start, end=end)
    parts, left = list[list[Fix]](), MAX_FIXES
    for piece in await _pieces(db, unit_id, device_id, start, end):
        found = select_fixes().where(
            tables.Fix.device_id == piece.device_id, tables.Fix.at >= piece.start, tables.Fix.at < piece.end
        )
        if limits and limits.area_wkb is not None:
            found = found.where(func.ST_Covers(from_wkb(limits.area_wkb, "MULTIPOLYGON"), tables.Fix.place))
        parts.append(await _read_part(db, found, left))
        left -= len(parts[-1])
    await look.saw(MAX_FIXES - left)
    return parts


async def read_batch(
    db: ReadSession, received_at: datetime, device_ids: Sequence[int], first_at: datetime, last_at: datetime
) -> list[Fix]:
    """Return exactly the fixes that one `store` added."""
    found = select_fixes().where(
        tables.Fix.device_id.in_(device_ids),
        tables.Fix.at.between(first_at, last_at),
        tables.Fix.received_at == received_at,
    )
    return [as_fix(row) for row in await db.execute(found.order_by(tables.Fix.at))]


def select_fixes() -> Select[Any]:
    """Return the query whose rows `as_fix` reads."""
    fix = tables.Fix
    columns = [getattr(fix, name) for name in (*_OPTIONAL, "alarm", "status", "systems", "flags", "source")]
    place = plain(fix.place)
    return select(fix.device_id, fix.at, func.ST_X(place), func.ST_Y(place), fix.payload_hash, *columns)


def as_fix(row: Row[Any]) -> Fix:
    """Return the value behind a row of `select_fixes`."""
    device_id, at, lon, lat, key, *rest = tuple(row)
    altitude, speed, heading, accuracy, alarm, status, systems, flags, source = rest[:9]
    return Fix(
        device_id, at.astimezone(UTC), lon, lat, key, altitude, speed, heading, accuracy, alarm, status,
        Systems(systems), Quality(flags), Source(source),
    )  # fmt: skip


def encode(fixes: Iterable[Fix]) -> bytes:
    """Return fixes as PostgreSQL's binary COPY of the columns of the staging table.

    Source: PostgreSQL 15 manual, COPY, “Binary Format”; PostGIS EWKB for the place. All numbers big-endian; a row is

        h fields · [i length · value] …   with length -1 and no value for NULL

    Raises:
        UnstorableError: a value does not fit its column, or a time is naive.
    """
    try:
        return b"".join([_COPY_HEAD, *map(_encode_row, fixes), _COPY_TAIL])
    except (StructError, OverflowError, TypeError) as error:
        raise UnstorableError("A fix can't be stored: {error}.", error=str(error)) from error


def _encode_row(fix: Fix) -> bytes:
    altitude_m, speed_mps, heading_deg, accuracy_m = fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.accuracy_m
    if accuracy_m is None and altitude_m is not None and speed_mps is not None and heading_deg is not None:
        shape = 0b0111
        optional: tuple[float, ...] = (4, altitude_m, 4, speed_mps, 4, heading_deg, -1)
    else:
        shape, optional = _encode_optional((altitude_m, speed_mps, heading_deg, accuracy_m))
    since = fix.at - _EPOCH
    return _PACK[shape](
        13, 8, fix.device_id, 8, since.days * _DAY_US + since.seconds * _SECOND_US + since.microseconds,
        8, fix.payload_hash, 25, 0, _EWKB_POINT, SRID, fix.lon_deg, fix.lat_deg, *optional,
        8, fix.alarm, 8, fix.status, 2, fix.systems, 4, fix.flags, 2, fix.source,
    )  # fmt: skip


def _encode_optional(values: Sequence[float | None]) -> tuple[int, tuple[float, ...]]:
    """Return which of the values are there, as bits, and the fields to pack."""
    shape, fields = 0, list[float]()
    for bit, value in enumerate(values):
        if value is None:
            fields.append(-1)
        else:
            shape |= 1 << bit
            fields += 4, value
    return shape, tuple(fields)


def _pack(shape: int) -> Callable[..., bytes]:
    optional = " ".join("if" if shape >> bit & 1 else "i" for bit in range(len(_OPTIONAL)))
    return Struct(f">{_PREFIX} {optional} {_SUFFIX}").pack


_PACK = [_pack(shape) for shape in range(1 << len(_OPTIONAL))]


def _pick(fixes: Sequence[Fix], keys: Iterable[tuple[int, datetime, int]]) -> list[Fix]:
    """Return one fix for each key, in the order of arrival."""
    wanted = set(keys)
    unique = {(fix.device_id, fix.at, fix.payload_hash): fix for fix in fixes}
    return [fix for key, fix in unique.items() if key in wanted]


async def _pieces(
    db: ReadSession, unit_id: int | None, device_id: int | None, start: datetime, end: datetime
) -> list[carriage.Piece]:
    if unit_id is None:
        return [] if device_id is None else [carriage.Piece(device_id, start, end)]
    found = await carriage.pieces(db, unit_id, start, end)
    if not found:
        raise NoTrackError("There is no unit {unit_id} that carried a device at that time.", unit_id=unit_id)
    return found


async def _read_part(db: ReadSession, found: Select[Any], most: int) -> list[Fix]:
    fixes = list[Fix]()
    rows = await db.stream(found.order_by(tables.Fix.at, tables.Fix.payload_hash).limit(most + 1))
    async for some in rows.partitions(_AT_A_TIME):
        fixes += [as_fix(row) for row in some]
    if len(fixes) > most:
        raise SpanError("The interval holds more than {most} fixes: ask for a shorter one.", most=MAX_FIXES)
    return fixes


def _target(unit_id: int | None, device_id: int | None, start: datetime, end: datetime) -> str:
    who = f"device:{device_id}" if unit_id is None else f"unit:{unit_id}"
    return f"{who} {start.isoformat()}/{end.isoformat()}"
