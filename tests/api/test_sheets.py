"""No file that a route hands out as CSV holds a cell that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api.main import routes
from geo.fix import Fix
from services import tracks
from services.db.engine import writing

NOW = datetime.now(UTC).replace(microsecond=0)
EVIL = "=HYPERLINK(1)"
ENDPOINTS = {
    "/reports/response.csv": ("/reports/response.csv", {"by": "beat"}),
    "/units/{unit_id}/track.{form}": ("/units/1/track.csv", {}),
}
CITY = "MULTIPOLYGON(((113 27, 114 27, 114 28, 113 28, 113 27)))"


def test_every_route_that_writes_csv_is_known_here():
    assert {route.path for route in routes() if "csv" in route.path or "{form}" in route.path} == set(ENDPOINTS)


@pytest.fixture
async def filled(engine):
    """A beat with an evil name, a call in it, and a unit with an evil call sign that moved west."""
    async with writing(engine) as db:
        for statement in (
            f"INSERT INTO beat (name, shape) VALUES ('{EVIL}', 'SRID=4490;{CITY}')",
            "INSERT INTO call (kind, priority, place, taken_at) VALUES ('noise', 3, 'SRID=4490;POINT(113 27)', now())",
            "INSERT INTO device (phone) VALUES ('1')",
            f"INSERT INTO unit (call_sign, kind) VALUES ('{EVIL}', 'car')",
            "INSERT INTO carriage (unit_id, device_id, during) VALUES (1, 1, '(,)')",
        ):
            await db.execute(text(statement))
        await tracks.store(db, [Fix(1, NOW - timedelta(minutes=1), -113.1, -27.8, 1, altitude_m=-5.0)])


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
async def test_no_cell_of_a_csv_is_a_formula(filled, client, endpoint):
    path, more = ENDPOINTS[endpoint]
    span = {"start": (NOW - timedelta(hours=1)).isoformat(), "end": (NOW + timedelta(hours=1)).isoformat()}
    answer = await (await client("dispatcher")).get(path, params=span | more)
    assert answer.status_code == 200, answer.text
    table = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    cells = [cell for row in table for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert len(table) > 1
    assert [cell for cell in cells if not float(cell)] == []
    if "response" in path:
        assert f"'{EVIL}" in [row[0] for row in table]
