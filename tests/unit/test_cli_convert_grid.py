import json
import sys

import pytest
from typer.testing import CliRunner

from api import cli
from geo import gcj02, grid


def run(*words: str, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, list(words), input=text, catch_exceptions=False)
    return result.exit_code, result.stdout


def refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["tianshu", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    return capsys.readouterr().err


def test_a_place_is_converted() -> None:
    lon, lat = gcj02.wgs84_to_gcj02(113.134, 27.8275)
    code, out = run("convert", "--from", "gcj02", "--to", "wgs84", repr(lon), repr(lat))
    assert (code, out) == (0, "113.134000000 27.827500000\n")


def test_the_west_and_the_south_are_no_options() -> None:
    assert run("convert", "--from", "wgs84", "--to", "gcj02", "-73.9", "40.7") == (0, "-73.900000000 40.700000000\n")
    assert run("convert", "--from", "bd09", "--to", "wgs84", "-70.6", "-33.4") == (0, "-70.600000000 -33.400000000\n")
    assert run("grid", "encode", "-57.702155", "-31.396478") == (0, "S21H764C31B375022200\n")
    assert run("grid", "encode", "113.134", "27.8275", "--level", "8", "--height", "-50")[0] == 0


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_on_stdin_keeps_its_columns(mark: str) -> None:
    lon, lat = gcj02.convert(113.134, 27.8275, "wgs84", "bd09")
    code, out = run("convert", "--from", "wgs84", "--to", "bd09", text=mark + "id,经度,纬度\na,113.134,27.8275\n")
    assert code == 0
    assert out.splitlines()[1] == f"a,{lon:.9f},{lat:.9f}"
    assert out.startswith("id,经度,纬度\n")


def test_csv_without_a_header_has_the_place_first() -> None:
    assert run("convert", "--from", "wgs84", "--to", "cgcs2000", text=f"113,27,x\n{'-73.5'},40,y\n") == (
        0,
        "113.000000000,27.000000000,x\n-73.500000000,40.000000000,y\n",
    )


def test_a_bad_row_is_named_and_the_others_go_on() -> None:
    result = CliRunner().invoke(
        cli.app, ["convert", "--from", "wgs84", "--to", "gcj02"], input="lon,lat\n?,1\n0,0\n\n1\n"
    )
    assert result.exit_code == 1
    assert result.stdout == "lon,lat\n0.000000000,0.000000000\n"
    assert "line 2" in result.stderr
    assert "line 5" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("convert", "--from", "mercator", "--to", "wgs84", "1", "2"),
        ("convert", "--from", "wgs84", "--to", "gcj02", "113"),
        ("convert", "--from", "wgs84", "--to", "gcj02", "113", "north"),
        ("convert", "--from", "wgs84", "--to", "gcj02", "113", "127"),
        ("grid", "encode", "113", "127"),
        ("grid", "encode", "113", "27", "--level", "11"),
        ("grid", "decode", "Zhuzhou"),
        ("grid", "decode", "N49GA728909-99"),
    ],
)
def test_a_bad_call_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    said = refuse(monkeypatch, capsys, *words)
    assert said.endswith(".\n")
    assert said.count("\n") == 1


def test_a_code_is_decoded_to_its_cell() -> None:
    code, out = run("grid", "decode", "n49ga728909")
    cell = json.loads(out)
    assert code == 0
    assert (cell["code"], cell["level"]) == ("N49GA728909", 5)
    assert cell["west_deg"] <= 113.134 <= cell["east_deg"]
    assert cell["south_deg"] <= 27.8275 <= cell["north_deg"]
    assert "lower_m" not in cell


def test_codes_with_a_height_and_reference_codes_are_decoded() -> None:
    solid = json.loads(run("grid", "decode", grid.encode(113.134, 27.8275, height_m=62))[1])
    assert solid["lower_m"] <= 62 < solid["upper_m"]
    assert json.loads(run("grid", "decode", "N50J475491E-20")[1])["code"] == "N50J475493E"
