"""`tianshu lab` on files: the reference reproduced, and every bad input answered with one sentence."""

import csv
import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from api.cli import main

Run = Callable[..., tuple[int, str]]
SQUARE = """{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry":
 {"type": "Polygon", "coordinates": [[[113, 27.8], [113.01, 27.8], [113.01, 27.81], [113, 27.81], [113, 27.8]]]}}]}"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `tianshu lab hotspots …` and return its exit code and what it said on stderr."""

    def hotspots(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tianshu", "lab", "hotspots", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().err

    return hotspots


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """Forty points in a town, one of them twice."""
    rng = np.random.default_rng(2)
    rows = rng.uniform((113.0, 27.8), (113.01, 27.81), (40, 2))
    path = tmp_path / "points.csv"
    path.write_text("lon,lat\n" + "".join(f"{lon:.6f},{lat:.6f}\n" for lon, lat in [*rows, rows[0]]))
    return path


def test_the_command_reproduces_the_memphis_cells(run: Run, shared_data: Path, tmp_path: Path):
    folder, out = shared_data / "incidents", tmp_path / "cells.csv"
    code, said = run(
        *(folder / "memphis/robberies_2019.csv", "--x", "lon", "--y", "lat", "--crs", "EPSG:4326", "--cell-m", 500),
        *("--metric-crs", "EPSG:32616", "--area", folder / "memphis/precincts.geojson", "--out", out),
    )
    assert (code, said.split(",")[0]) == (0, "2245 incidents")
    ours, theirs = _cells(out), _cells(folder / "reference/memphis_500m_cells.csv")
    assert len(ours) == len(theirs) == 3412
    for mine, reference in zip(ours, theirs, strict=True):
        assert (mine["i"], mine["j"], mine["n"]) == (reference["i"], reference["j"], reference["n"])
        assert float(mine["gi_star_z"]) == pytest.approx(float(reference["gi_star_z"]), abs=1e-6)
        assert float(mine["q_bh"]) == pytest.approx(float(reference["q_bh"]), abs=1e-8)


@pytest.mark.parametrize(
    "city",
    [
        ("chicago_near_repeat/arson_2016.csv", 26971, 522),
        ("portland_nij/burglary_vehicle_theft_2012_2017.csv", 2913, 15206),
        ("montreal_bike/accidents_2016.csv", 3797, 347),
    ],
)
def test_every_row_of_the_other_cities_finds_a_cell(run: Run, shared_data: Path, tmp_path: Path, city):
    path, epsg, rows = city
    out = tmp_path / "cells.csv"
    arguments = (shared_data / "incidents" / path, "--x", "x", "--y", "y", "--crs", f"EPSG:{epsg}", "--cell-m", 500)
    code, _ = run(*arguments, "--contiguity", "rook", "--out", out)
    assert code == 0
    assert sum(int(row["n"]) for row in _cells(out)) == rows


def test_an_origin_moves_the_numbers_of_the_cells(run: Run, points: Path, tmp_path: Path):
    out = tmp_path / "cells.csv"
    arguments = (points, "--x", "lon", "--y", "lat", "--crs", "cgcs2000", "--cell-m", 250, "--out", out)
    run(*arguments)
    plain = _cells(out)
    run(*arguments, "--origin", "400000,3000000")
    moved = _cells(out)
    assert {row["i"] for row in plain} >= {"0", "1"}
    assert all(int(row["j"]) > 200 for row in moved)
    assert sum(int(row["n"]) for row in moved) == 41


def test_only_cells_that_touch_the_area_are_counted(run: Run, points: Path, tmp_path: Path):
    area, out = tmp_path / "area.geojson", tmp_path / "cells.csv"
    area.write_text(SQUARE.replace("113.01", "113.005"))
    arguments = (points, "--x", "lon", "--y", "lat", "--crs", "wgs84", "--cell-m", 100, "--area", area, "--out", out)
    code, said = run(*arguments)
    assert code == 0
    inside = sum(int(row["n"]) for row in _cells(out))
    assert 10 < inside < 41
    assert f"41 incidents, {inside} of them" in said


def test_a_gzipped_file_is_read(run: Run, points: Path, tmp_path: Path):
    packed = tmp_path / "points.csv.gz"
    packed.write_bytes(gzip.compress(points.read_bytes()))
    out = tmp_path / "cells.csv"
    assert run(packed, "--x", "lon", "--y", "lat", "--crs", "wgs84", "--cell-m", 200, "--out", out)[0] == 0
    assert sum(int(row["n"]) for row in _cells(out)) == 41


def test_bad_rows_are_reported_with_their_line_and_the_rest_goes_on(run: Run, points: Path, tmp_path: Path):
    points.write_text(points.read_text() + ",27.8\n0,0\nx\n400,27.8\nnan,27.8\n")
    out = tmp_path / "cells.csv"
    code, said = run(points, "--x", "lon", "--y", "lat", "--crs", "wgs84", "--cell-m", 200, "--out", out)
    assert code == 0
    assert [line.split(":")[0] for line in said.splitlines()[:5]] == [f"line {n}" for n in range(43, 48)]
    assert "5 rows left out" in said
    assert sum(int(row["n"]) for row in _cells(out)) == 41


def test_too_few_incidents_are_called_too_few(run: Run, tmp_path: Path):
    path, out = tmp_path / "few.csv", tmp_path / "cells.csv"
    path.write_text("lon,lat\n113,27.8\n113,27.8\n113.01,27.81\n")
    assert (
        "treat no cell as a finding"
        in run(path, "--x", "lon", "--y", "lat", "--crs", "wgs84", "--cell-m", 200, "--out", out)[1]
    )


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--x": "easting"}, "There is no column easting; the file has: lon, lat."),
        ({"--crs": "EPSG:99999"}, "EPSG:99999 is no known reference system"),
        ({"--crs": "gcj02"}, "converted first, with `tianshu convert`"),
        ({"--metric-crs": "EPSG:4326"}, "EPSG:4326 is in degree: give another --metric-crs"),
        ({"--cell-m": "0"}, "a cell of 0.0 m is impossible"),
        ({"--cell-m": "0.01"}, "take larger cells"),
        ({"--origin": "5"}, "--origin is two numbers"),
        ({"--area": "nowhere.geojson"}, "nowhere.geojson can't be read as an area"),
        ({"--out": "/nowhere/cells.csv"}, "/nowhere/cells.csv can't be written: No such file or directory"),
    ],
)
def test_bad_usage_ends_with_one_sentence_and_code_2(run: Run, points: Path, tmp_path: Path, changed, sentence):
    options = {"--x": "lon", "--y": "lat", "--crs": "wgs84", "--cell-m": "200", "--out": tmp_path / "o.csv"} | changed
    code, said = run(points, *(part for option in options.items() for part in option))
    assert code == 2
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


def test_a_file_without_a_usable_row_is_refused(run: Run, tmp_path: Path):
    path = tmp_path / "empty.csv"
    path.write_text("lon,lat\n0,0\n")
    code, said = run(path, "--x", "lon", "--y", "lat", "--crs", "wgs84", "--cell-m", 200, "--out", tmp_path / "o.csv")
    assert code == 2
    assert "No row of empty.csv has a usable position." in said


def _cells(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))
