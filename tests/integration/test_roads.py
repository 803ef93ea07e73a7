"""Road networks from files into the database and out of it again, through the command."""

import asyncio
import csv
import gzip
import io
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from api import cli
from services import roads
from services.db.engine import reading
from services.db.tables.audit import AuditEntry
from services.db.tables.roads import RoadEdge

NODES = "node_id,lon,lat\n1,113.10,27.80\n2,113.11,27.80\n3,113.11,27.81\n9,113.50,27.90\n10,113.51,27.90\n"
EDGES = (
    "edge_id,source,target,highway,name,length_m,cost_s,reverse_cost_s\n"
    "1,1,2,primary,中山路,985,70,70\n2,2,3,residential,,1112,160,-1\n3,9,10,residential,岛上路,985,140,140\n"
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("TIANSHU_DATABASE_URL", settings.database_address)

    def run(*words):
        return CliRunner().invoke(cli.app, list(map(str, words)), catch_exceptions=True)

    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "edges.csv.gz").write_bytes(gzip.compress(EDGES.encode()))
    return tmp_path


def written(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def rows(result):
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_command_imports_a_folder_and_answers_for_pairs_of_nodes(run, folder):
    assert run("roads", "import", folder, "--name", "town", "--synthetic").exit_code == 0
    pairs = written(folder, "id,source,target\na,1,3\nb,3,1\nc,1,9\nd,2,2\n")
    found = rows(run("roads", "times", "--name", "town", pairs))
    assert [(row["id"], row["time_s"], row["length_m"], row["shortest_m"]) for row in found] == [
        ("a", "230.000", "2097.000", "2097.000"),
        ("b", "inf", "inf", "inf"),
        ("c", "inf", "inf", "inf"),
        ("d", "0.000", "0.000", "0.000"),
    ]


def test_places_beside_the_road_are_tied_to_it(run, folder):
    run("roads", "import", folder, "--name", "town")
    pairs = written(folder, "from_lon,from_lat,to_lon,to_lat\n113.1025,27.8,113.1075,27.8\n")
    (row,) = rows(run("roads", "times", "--name", "town", pairs))
    assert float(row["time_s"]) == pytest.approx(35, abs=0.1)
    assert float(row["length_m"]) == pytest.approx(492.5, abs=1)


def test_the_list_names_what_is_imported_and_says_what_is_invented(run, folder):
    run("roads", "import", folder, "--name", "town", "--synthetic", "--attribution", "Somebody")
    run("roads", "import", folder, "--name", "real", "--attribution", "Survey")
    listed = [line.split("\t") for line in run("roads", "list").stdout.splitlines()]
    assert [(name, kind, credit) for name, kind, _, credit in listed] == [
        ("real", "real", "Survey"),
        ("town", "synthetic", "Somebody"),
    ]


async def test_importing_again_replaces_the_network_and_the_loaded_graph_notices(run, folder, engine):
    await asyncio.to_thread(run, "roads", "import", folder, "--name", "town")
    async with reading(engine) as db:
        first = await roads.load(db, "town", now=NOW)
        assert await roads.load(db, "town", first, now=NOW) is first
    (folder / "edges.csv.gz").write_bytes(gzip.compress(EDGES.replace("70,70", "60,60").encode()))
    await asyncio.to_thread(run, "roads", "import", folder, "--name", "town")
    async with reading(engine) as db:
        second = await roads.load(db, "town", first, now=NOW)
        assert (await db.execute(select(func.count()).select_from(RoadEdge))).scalar() == 3
    times = [
        graph.times_to(graph.at_nodes(2), graph.at_nodes(1))[0] for graph in (first.modes.drive, second.modes.drive)
    ]
    assert times == [70, 60]


async def test_an_import_is_written_down(run, folder, engine):
    await asyncio.to_thread(run, "roads", "import", folder, "--name", "town")
    async with reading(engine) as db:
        entries = (await db.execute(select(AuditEntry))).scalars().all()
    assert [(entry.act, entry.target, entry.outcome) for entry in entries] == [
        ("manage_roads", "roads:town", "allowed")
    ]


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ("source,target\n1,77\n", "no node 77"),
        ("source,target\n1,x\n", "Line 2: target 'x'"),
        ("a,b\n1,2\n", "need the columns source,target or from_lon,from_lat,to_lon,to_lat"),
        ("from_lon,from_lat,to_lon,to_lat\n113,27,27,113\n", "Line 2 is nowhere on earth"),
        ("source,target\n1\n", "Line 2 of pairs.csv does not have the 2 columns"),
    ],
)
def test_bad_pairs_are_refused_with_their_line(run, folder, pairs, sentence):
    run("roads", "import", folder, "--name", "town")
    result = run("roads", "times", "--name", "town", written(folder, pairs))
    assert result.exit_code != 0
    assert sentence in str(result.exception)


def test_a_network_nobody_imported_is_named(run, folder):
    result = run("roads", "times", "--name", "atlantis", written(folder, "source,target\n1,2\n"))
    assert "atlantis" in str(result.exception)


@pytest.mark.parametrize("name", ["wuhan", "shanghai_centre", "changsha_yuelu"])
def test_the_command_reproduces_the_reference_tables(run, shared_data, name):
    folder = shared_data / "roads"
    assert run("roads", "import", folder / name, "--name", name).exit_code == 0
    reference = folder / "reference" / f"{name}_od.csv"
    found = rows(run("roads", "times", "--name", name, reference))
    with reference.open(encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert list(found[0]) == ["od", "source", "target", "airline_m", "time_s", "length_m", "shortest_m"]
    numbers = {
        column: np.array([float(row[column]) for row in found]) for column in ("time_s", "length_m", "shortest_m")
    }
    assert len(expected) == 200
    for column in ("time_s", "shortest_m"):
        assert np.abs(numbers[column] - [float(row[column]) for row in expected]).max() < 0.01
    assert (numbers["length_m"] >= numbers["shortest_m"] - 0.01).all()


def test_openstreetmap_names_itself_as_the_source(run, shared_data):
    file = shared_data / "roads" / "shanghai_centre" / "shanghai_centre.osm.gz"
    assert run("roads", "import", file, "--name", "shanghai").exit_code == 0
    assert "OpenStreetMap" in run("roads", "list").stdout
