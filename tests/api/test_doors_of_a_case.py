"""Whatever an investigator asks, and at whichever door: no point outside the authorisation comes back."""

import ast
import csv
import itertools
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import geopandas
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import text
from typer.testing import CliRunner

from api import cli
from api.cli import permissions
from geo.fix import Fix
from services import tracks
from services.db.claims import Claims, declare_look
from services.db.engine import reading, writing
from tests.api.test_cases import CASE, FIRST, HEADER, proposal, settled
from tests.api.test_permissions import sample
from tests.api.test_roads import tile_at
from tests.builders import town
from tests.builders.carriage import STILL, SWAPPED, Record, keep, make_unit, pieces

Place = tuple[datetime, float, float]

MINUTES = 3000  # that the units drive, from FIRST on
LATITUDES = {1: 27.8000417, 2: 27.9000417}
TRACKS: dict[int, list[Place]] = {
    device: [(FIRST + timedelta(minutes=minute), round(113.0000417 + minute / 5000, 7), lat_deg)
             for minute in range(0, MINUTES, 10)]
    for device, lat_deg in LATITUDES.items()
}  # fmt: skip
KNOWN = {(f"{lon:.5f}", f"{lat:.5f}") for track in TRACKS.values() for _, lon, lat in track}
PAIR = re.compile(r"(113\.\d{5})\d*[^\d.]{1,16}(27\.\d{5})")

SOME = hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ENDS = {
    "approved": None,
    "proposed": None,
    "revoked": "state = 'revoked'",
    "expired": "expires_at = now() - interval '1 second'",
    "of other records": "sources = '{calls}'",
}
"""What becomes of an authorisation, and what makes it so; only the first permits anything."""
_numbers = itertools.count(100)


@dataclass(frozen=True)
class Case:
    """An authorisation: units, minutes since FIRST, longitudes (None: anywhere), and what became of it."""

    units: tuple[int, ...]
    window: tuple[int, int]
    lons: tuple[float, float] | None
    end: str = "approved"

    def covers(self, unit: int, start: int, end: int) -> bool:
        """Whether a question lies inside."""
        named = not self.units or unit in self.units
        return self.end == "approved" and named and self.window[0] <= start < end <= self.window[1]

    def holds(self, place: Place) -> bool:
        """Whether a place lies in the window and the area."""
        at, lon, _ = place
        west, east = self.lons or (0, 180)
        return moment(self.window[0]) <= at < moment(self.window[1]) and west <= lon <= east


def ways(record: Record, unit: int) -> list[list[Place]]:
    """Where a unit was, in parts: the points of each device while it carried it."""
    return [
        [place for place in TRACKS[device] if moment(start) <= place[0] < moment(end)]
        for start, end, device in pieces(record, unit)
    ]


@dataclass(frozen=True)
class Question:
    """What is asked: a unit, minutes since FIRST, the door, whether the case is named, whether a copy is approved."""

    unit: int
    start: int
    end: int
    door: str
    names_case: bool = True
    approved: bool = True


def moment(minute: int) -> datetime:
    return FIRST + timedelta(minutes=minute)


def span(start: int, end: int) -> dict[str, str]:
    return {"start": moment(start).isoformat(), "end": moment(end).isoformat()}


def ordered(minute: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, int]]:
    """Two different minutes, the earlier first."""
    return st.tuples(minute, minute).map(lambda two: (min(two), max(two) + (two[0] == two[1])))


minutes = st.integers(0, MINUTES)
cases = st.builds(
    Case,
    st.sampled_from([(1,), (1, 2)]),
    ordered(minutes),
    st.none() | st.tuples(st.just(113.1), st.sampled_from([113.2, 113.3, 113.5])),
    st.sampled_from(["approved", "approved", "approved", *ENDS]),
) | st.builds(Case, st.just(()), ordered(minutes), st.just((113.05, 113.4)))


@st.composite
def questions(draw, case: Case) -> Question:
    start, end = draw(ordered(st.integers(*case.window)) | ordered(minutes))
    door = draw(st.sampled_from(["track", "track.csv", "track.geojson"]))
    unit, mostly = draw(st.sampled_from([1, 1, 2])), st.sampled_from([True, True, True, False])
    return Question(unit, start, end, door, draw(mostly), draw(mostly))


records = st.lists(
    st.tuples(minutes, st.sampled_from([(1, 2), (2, 1), (1, None), (2, None), (None, 1), (None, None)])),
    max_size=3, unique_by=lambda change: change[0],
).map(lambda changes: (*STILL, *sorted(changes, key=lambda change: change[0])))  # fmt: skip
asked = cases.flatmap(lambda case: st.tuples(st.just(case), st.lists(questions(case), min_size=3, max_size=4)))

LIVE = (
    "/units", "/my", "/my/units", "/patrols/compliance", "/devices", "/devices/{device_id}/frames", "/coverage",
    "/posts/advice", "/calls", "/alerts", "/quarantine",
)  # fmt: skip
"""Routes that tell of units without a case, and are refused to an investigator; so is the stream."""


@pytest.fixture
async def units(engine) -> None:
    """Two devices that are driven east on two parallels, so that each place tells of which it is and when."""
    async with writing(engine) as db:
        await db.execute(text("INSERT INTO device (phone) VALUES ('1'), ('2')"))
        for number in (1, 2):
            await make_unit(db, f"C{number}", number)
    for device, track in TRACKS.items():
        await tracks.store_many(engine, [Fix(device, *place, number) for number, place in enumerate(track)])


@pytest.fixture
async def investigator(client):
    return await client("investigator")


@pytest.fixture
async def approver(client):
    return await client("approver")


async def settle(case: Case, engine, investigator, approver) -> tuple[str, int]:
    """Bring a case to its end; its number, and its authorisation's."""
    case_no = f"株公（刑）立字〔2026〕{next(_numbers)}号"
    body = proposal(1, case_no=case_no, subjects=[f"unit:{unit}" for unit in case.units])
    body |= {"window_start": moment(case.window[0]).isoformat(), "window_end": moment(case.window[1]).isoformat()}
    if case.lons:
        body["area"] = box(case.lons[0], 27.7, case.lons[1], 28.0).__geo_interface__
    if case.end == "proposed":
        return case_no, (await investigator.post("/authorisations", json=body)).json()["id"]
    number = await settled(investigator, approver, body)
    if change := ENDS[case.end]:
        async with writing(engine) as db:
            await db.execute(text(f"UPDATE authorisation SET {change} WHERE id = {number}"))
    return case_no, number


def told(door: str, content: str) -> list[Place]:
    """The points of an answer that is a track."""
    if door == "track":
        return [(datetime.fromtimestamp(at, UTC), lon, lat) for at, lon, lat, *_ in json.loads(content)["rows"]]
    if door == "track.csv":
        rows = csv.DictReader(content.splitlines())
        return [(datetime.fromisoformat(r["at"]), float(r["lon_deg"]), float(r["lat_deg"])) for r in rows]
    return [
        (datetime.fromisoformat(one["properties"]["at"]), *one["geometry"]["coordinates"])
        for one in json.loads(content)["features"]
    ]


def places(content: str) -> set[tuple[str, str]]:
    """Where units were, as far as a text tells."""
    return KNOWN & set(PAIR.findall(content))


async def ask(question: Question, headers: dict[str, str], investigator, approver):
    wanted = span(question.start, question.end)
    if question.door != "track" and question.approved:
        body = {"unit_id": question.unit, "reason": "evidence", **wanted}
        request = (await investigator.post("/exports", json=body, headers=headers)).json()["id"]
        decision = await approver.post(f"/exports/{request}/decision", json={"approve": True})
        assert decision.json()["state"] == "approved"
        wanted["request_id"] = str(request)
    return await investigator.get(f"/units/{question.unit}/{question.door}", params=wanted, headers=headers)


@SOME
@given(asked, records)
@example(
    (Case((1,), (600, 2400), (113.2, 113.4)), [Question(1, 600, 2400, door) for door in ("track", "track.csv")]), STILL
)
@example((Case((), (0, MINUTES), (113.2, 113.3)), [Question(2, 0, MINUTES, "track.geojson")]), STILL)
@example(
    (Case((1,), (600, 2400), None), [Question(1, 600, 2400, door) for door in ("track", "track.csv", "track.geojson")]),
    SWAPPED,
)
@example(
    (Case((1, 2), (0, MINUTES), None), [Question(2, 0, MINUTES, "track")]), (*STILL, (900, (1, None)), (2000, (2, 1)))
)
async def test_a_track_and_its_copies_hold_what_is_authorised_and_nothing_else(
    engine, units, investigator, approver, asked: tuple[Case, list[Question]], record: Record
):
    case, several = asked
    await keep(engine, record, FIRST)
    case_no, _ = await settle(case, engine, investigator, approver)
    for question in several:
        headers = {"Tianshu-Case": quote(case_no)} if question.names_case else {}
        answer = await ask(question, headers, investigator, approver)
        inside = question.names_case and case.covers(question.unit, question.start, question.end)
        hours = moment(question.start), moment(question.end)
        parts = [
            [one for one in part if hours[0] <= one[0] < hours[1] and case.holds(one)]
            for part in ways(record, question.unit)
        ]
        carried = any(start < question.end and question.start < end for start, end, _ in pieces(record, question.unit))
        if inside and (question.door == "track" or question.approved):
            assert answer.status_code == (200 if carried else 404), answer.text
        if inside and answer.status_code == 200:
            assert told(question.door, answer.text) == [one for part in parts for one in part]
            if question.door == "track":
                gaps = {tuple(map(datetime.fromisoformat, gap.values())) for gap in answer.json()["gaps"]}
                heard = [part for part in parts if part]
                assert {(before[-1][0], after[0][0]) for before, after in itertools.pairwise(heard)} <= gaps
        elif inside and not carried:
            assert answer.status_code == 404, answer.text
            assert not places(answer.text)
        else:
            assert answer.status_code == 403, answer.text
            assert not places(answer.text)


declared = st.tuples(
    st.lists(st.sampled_from(["unit:1", "unit:2", "device:1", "device:2", "unit:x", ""]), max_size=3, unique=True),
    st.none() | ordered(minutes),
    st.sampled_from(["own", "own", "own", "none", "unknown"]),
    st.sampled_from([True, True, True, False]),
)


@SOME
@given(case=cases, declared=st.lists(declared, min_size=3, max_size=5), record=records)
@example(
    case=Case((1,), (600, 2400), (113.2, 113.4)),
    declared=[(["unit:1", "unit:2"], (0, MINUTES), "own", True), (["unit:1"], (0, MINUTES), "none", True)],
    record=STILL,
)
@example(
    case=Case((1,), (600, 2400), None), declared=[(["unit:1", "device:2"], (0, MINUTES), "own", True)], record=SWAPPED
)
async def test_the_database_shows_an_investigator_no_more_whatever_a_transaction_declares(
    engine, units, application, investigator, approver, case: Case, declared, record: Record
):
    await keep(engine, record, FIRST)
    case_no, number = await settle(case, engine, investigator, approver)
    numbers = {"own": number, "none": None, "unknown": 10**9}
    for subjects, hours, which, names_case in declared:
        claims = Claims(1, ["investigator"], "investigation", case_no if names_case else CASE)
        start, end = map(moment, hours) if hours else (None, None)
        async with reading(application.state.engine, claims) as db:
            await declare_look(db, subjects, start, end, numbers[which])
            found = await db.execute(
                text("SELECT at, ST_X(place::geometry), ST_Y(place::geometry) FROM fix ORDER BY 3, 1")
            )
            seen = [tuple(row) for row in found]
            assert (await db.execute(text("SELECT FROM newest_fix"))).all() == []
        meant = set(subjects) & {f"unit:{unit}" for unit in case.units} if case.units else set(subjects)
        permits = case.end == "approved" and which == "own" and names_case and start is not None
        shown = {one for unit in (1, 2) if f"unit:{unit}" in meant for part in ways(record, unit) for one in part}
        shown |= {one for device in (1, 2) if f"device:{device}" in meant for one in TRACKS[device]}
        assert seen == [
            place
            for track in TRACKS.values()
            for place in track
            if permits and place in shown and start <= place[0] < end and case.holds(place)
        ]


def addresses(application) -> list[tuple[str, str, dict[str, str]]]:
    """Every route that is read and ends: its template, and how to ask it for what is first, or for the first day."""
    described = application.openapi()
    known, found = described["components"]["schemas"], []
    words = {"name": "zhuzhou", "layer": "city", "form": "csv"} | span(0, 1440)
    for verb, route in permissions.verbs():
        if verb != "GET" or route.path == "/stream":
            continue
        path, query = route.path, {}
        for one in described["paths"].get(route.path, {}).get("get", {}).get("parameters", []):
            name, schema = one["name"], one["schema"]
            value = 1 if schema.get("type") == "integer" else words.get(name) or sample(schema, known)
            if one["in"] == "path":
                path = path.replace(f"{{{name}}}", str(value))
            elif one["required"]:
                query[name] = value
        found.append((route.path, path, query))
    return found


async def test_no_other_route_tells_an_investigator_where_a_unit_was(
    client, application, units, investigator, approver
):
    await settled(investigator, approver, proposal(1, **{f"window_{k}": v for k, v in span(0, 1440).items()}))
    routes = addresses(application)

    async def showing(who, headers) -> set[str]:
        answers = {path: await who.get(address, params=query, headers=headers) for path, address, query in routes}
        assert len(answers) > 50
        if who is investigator:
            assert {answers[path].status_code for path in LIVE} == {403}
        return {path for path, answer in answers.items() if places(answer.text)}

    desk = await client("dispatcher")
    assert {"/units", "/units/{unit_id}/track"} <= await showing(desk, {})
    assert await showing(investigator, HEADER) == {"/units/{unit_id}/track"}
    assert await showing(investigator, {}) == set()
    assert (await investigator.get("/stream", headers=HEADER)).json()["type"] == "urn:tianshu:RoleRefused"


async def test_tiles_and_the_base_map_hold_ground_and_no_units(engine, units, investigator, tmp_path):
    await town.store_roads(engine)
    file = tmp_path / "tile.mvt"
    for z in (7, 12, 14):
        answer = await investigator.get(f"/roads/zhuzhou/{tile_at(*town.SCENE, z)}.mvt")
        assert answer.status_code == 200
        file.write_bytes(answer.content)
        assert list(geopandas.list_layers(file)["name"]) == ["roads"]
        roads = geopandas.read_file(file, engine="pyogrio")
        assert set(roads.geom_type) <= {"LineString", "MultiLineString"}
        assert set(roads.columns) <= {"mvt_id", "highway", "name", "geometry"}
        assert len(roads) > 0
    for layer in ("city", "counties", "context", "river", "places", "areas"):
        answer = await investigator.get(f"/basemap/{layer}")
        assert answer.status_code == 200
        assert not places(answer.text)


NO_MATTER = {"access", "audit", "db", "dispatch.history", "errors", "exchange", "imports", "ingest", "packages",
             "retention", "roads", "settings", "sheets", "subjects"}  # fmt: skip
"""What commands use of the services. None hands positions to who types: `exchange` sends them to another platform,
`imports` writes them, `dispatch.history` writes calls, `retention` counts and destroys them."""


def test_no_command_is_made_of_what_reads_stored_positions():
    used = set[str]()
    for file in Path(cli.__path__[0]).glob("*.py"):
        source = file.read_text()
        assert not re.search(r"\b(FROM|JOIN)\s+(fix|newest_fix|frame_batch)\b", source), file.name
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module == "services":
                used |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("services."):
                package = str(node.module).split(".")[1]
                used |= {package} if package in NO_MATTER else {f"{package}.{name.name}" for name in node.names}
            elif isinstance(node, ast.Import):
                used |= {name.name.split(".")[1] for name in node.names if name.name.startswith("services.")}
    assert used <= NO_MATTER


@pytest.fixture
async def officer(mandate) -> str:
    return (await mandate("dispatcher")).username


def test_no_command_prints_from_the_database_where_a_unit_was(units, officer, database_url, tmp_path):
    runner = CliRunner(env={"TIANSHU_DATABASE_URL": database_url, "TIANSHU_DATA_DIR": str(tmp_path)})
    trail = tmp_path / "trail.jsonl"
    for words in (
        ["platforms", "list"], ["roads", "list"], ["retention", "--dry-run"], ["subject", "list", officer],
        ["audit", "export", str(trail)],
    ):  # fmt: skip
        result = runner.invoke(cli.app, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert not places(result.output)
    assert not places(trail.read_text())
