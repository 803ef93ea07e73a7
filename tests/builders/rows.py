"""A few rows in every table, for tests of who sees which: row n belongs to account n, device n, unit n."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from geoalchemy2 import Geography, Geometry
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Boolean, Column, Date, DateTime, Float, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.db.tables.base import Base

NOW = datetime.now(UTC).replace(microsecond=0)
MINE, OTHERS, APPROVER = 1, 2, 3
_ROWS = {"authorisation": 3, "account": 3, "account_role": 3, "area_version": 1}
_SHAPES = {
    "POINT": "POINT(113.1 27.8)",
    "LINESTRING": "LINESTRING(113 27, 113.1 27)",
    "MULTILINESTRING": "MULTILINESTRING((113 27, 113.1 27))",
}
_POLYGON = "MULTIPOLYGON(((113 27, 114 27, 114 28, 113 28, 113 27)))"
DAY = timedelta(days=1)
_SPECIAL: dict[str, dict[str, Any]] = {
    "account": {"active": True},
    "carriage": {"during": "(,)"},
    "account_role": {"role": lambda n: {1: "dispatcher", 2: "patrol_officer", 3: "approver"}[n]},
    "alert": {"kind": lambda n: {1: "sos", 2: "unusual_use"}[n]},
    "authorisation": {
        "case_no": lambda n: "C2" if n == OTHERS else "C1",
        "state": lambda n: "approved" if n == APPROVER else "proposed",
        "proposed_by": lambda n: OTHERS if n == APPROVER else n,
        "approved_by": lambda n: APPROVER if n == APPROVER else None,
        "subjects": ["unit:1"],
        "sources": ["tracks"],
        "window_start": NOW - DAY,
        "window_end": NOW,
        "expires_at": NOW + DAY,
    },
    "call_link": {"other_id": lambda n: n + 10},
    "command": {"state": "queued"},
    "destruction": {"what": lambda n: "subject:1" if n == MINE else "fixes"},
    "export_request": {"decided_by": None, "state": "proposed", "window_start": NOW - DAY, "window_end": NOW},
    "fix": {"at": NOW - timedelta(hours=1)},
    "login": {"id": lambda n: f"s{n}"},
    "short_message": {"direction": lambda n: {1: "out", 2: "in"}[n]},
}


def fill(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """Put the rows in, as the owner, without triggers and foreign keys; return them by table."""
    made: dict[str, list[dict[str, Any]]] = {}
    connection.execute("SET LOCAL session_replication_role = replica")
    for table in Base.metadata.sorted_tables:
        made[table.name] = [_row(table, number) for number in range(1, _ROWS.get(table.name, 2) + 1)]
        for row in made[table.name]:
            connection.execute(insertion(table.name, row), list(row.values()))
    return made


def insertion(table: str, row: dict[str, Any]) -> sql.Composed:
    """Return the INSERT of a row."""
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(sql.Placeholder() * len(row))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, values)


def _row(table: Table, number: int) -> dict[str, Any]:
    special = _SPECIAL.get(table.name, {})
    row = {}
    for column in table.columns:
        if column.computed is not None:
            continue
        value = special.get(column.name, _value(column, number))
        row[column.name] = value(number) if callable(value) else value
    return row


def _value(column: Column[Any], number: int) -> Any:  # noqa: PLR0911 -- one for each type
    match column.type:
        case Geography() | Geometry():
            return f"SRID=4490;{_SHAPES.get(column.type.geometry_type or '', _POLYGON)}"
        case ARRAY():
            return []
        case JSONB():
            return Jsonb([] if "calls" in column.name or "findings" in column.name else {})
        case Boolean():
            return number == 1
        case DateTime():
            return None if column.nullable else NOW - timedelta(hours=number)
        case Date():
            return date(2026, 5, number)
        case LargeBinary():
            return bytes([number])
        case Integer() | Float():
            return number
        case Text():
            return f"{column.name}{number}"
    return number
