import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo import grid

WORKED_EXAMPLE = (
    "N49G", "N49GA7", "N49GA72", "N49GA7289", "N49GA728909", "N49GA7289093", "N49GA728909314",
    "N49GA72890931440", "N49GA7289093144060", "N49GA728909314406030",
)  # fmt: skip

HIGHER_THAN_1839_M = (
    "annex C.14 cuts the height's number into bits; 6.1, 6.2, C.2 and C.5 need radices 64, 8, 2, 15, 15, 2, 8, 8, 8, 8"
)
EXCEPTIONS = {8848.86, 1840.5, 2115.2, 35786000.0, 100000.0, -11034.0}

lon = st.floats(-180, 180)
lat = st.floats(-87.999, 87.999)
level = st.integers(1, 10)


def test_the_town_hall_of_zhuzhou_has_its_worked_codes() -> None:
    assert tuple(grid.encode(113.1340, 27.8275, n) for n in range(1, 11)) == WORKED_EXAMPLE


def test_the_example_of_the_standard_annex_b() -> None:
    assert grid.encode(116.312602777778, 39.993161111111) == "N50J47539B8255346152"


@given(lon, lat, level)
@example(0.0, 0.0, 10)
@example(180.0, 10.0, 5)
@example(-180.0, -10.0, 5)
def test_a_place_lies_in_the_cell_of_its_code(lon: float, lat: float, level: int) -> None:
    cell = grid.decode(grid.encode(lon, lat, level))
    speck = 1e-11
    assert cell.level == level
    assert cell.west_deg - speck <= lon <= cell.east_deg + speck
    assert cell.south_deg - speck <= lat <= cell.north_deg + speck


@given(lon, lat, level)
def test_the_middle_and_the_near_corner_of_a_cell_have_the_cells_code(lon: float, lat: float, level: int) -> None:
    code = grid.encode(lon, lat, level)
    cell = grid.decode(code)
    assert grid.encode(*cell.centre_deg, level) == code
    east, north = code[0] == "N", cell.west_deg >= 0
    corner = (cell.west_deg if north else cell.east_deg, cell.south_deg if east else cell.north_deg)
    if 0.0 not in corner:  # the lines themselves belong to the east and the north
        assert grid.encode(*corner, level) == code


@given(lon, lat, st.integers(2, 10))
def test_a_prefix_is_the_parent(lon: float, lat: float, level: int) -> None:
    code = grid.encode(lon, lat, level)
    assert grid.parent(code) == grid.encode(lon, lat, level - 1)
    solid = grid.encode(lon, lat, level, height_m=62)
    assert grid.parent(solid) == grid.encode(lon, lat, level - 1, height_m=62)


@given(lon, lat, level, st.floats(-6_302_000, 500_000_000))
@example(113.134, 27.8275, 10, 0.0)
@example(113.134, 27.8275, 10, -0.001)
def test_a_height_lies_between_the_faces_of_its_cell(lon: float, lat: float, level: int, height: float) -> None:
    cell = grid.decode(grid.encode(lon, lat, level, height_m=height))
    speck = max(1e-6, abs(height) * 1e-12)
    assert cell.lower_m is not None
    assert cell.upper_m is not None
    assert cell.lower_m - speck <= height <= cell.upper_m + speck
    flat = grid.decode(grid.encode(lon, lat, level))
    assert (cell.west_deg, cell.south_deg) == (flat.west_deg, flat.south_deg)


def test_the_height_digits_follow_the_normative_radices() -> None:
    assert grid.encode(86.9, 27.9, height_m=8848.86) == "N045G005705094400C00001006004006"
    step = grid.decode(grid.encode(113.134, 27.8275, height_m=0.0))
    assert step.upper_m == pytest.approx(0.01497, abs=1e-5)


def test_the_range_of_heights_is_the_one_of_annex_c13() -> None:
    grid.encode(113, 27, 1, height_m=528_680_170)
    for height in (528_680_200, -6_302_200, -6_378_137, -7e6, math.nan):
        with pytest.raises(grid.GridError, match="height"):
            grid.encode(113, 27, 1, height_m=height)


def test_codes_do_not_depend_on_case_or_space() -> None:
    assert grid.decode(" n49ga728909 ") == grid.decode("N49GA728909")


@pytest.mark.parametrize(
    "code",
    [
        *("", "N", "X49G", "N61G", "N00G", "N49W", "N４9G", "N00099", "N0001", "-", "49G"),
        *("N49GC7", "N49GA8", "N49GA76", "N49GA72F9", "N49GA7281A", "N49GA728909F", "N49GA7289094"),
        *(WORKED_EXAMPLE[-1] + "0", "N249G00", "N049G64", "N049GAA", "N049G00A702089F090"),
    ],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(grid.GridError):
        grid.decode(code)


def test_height_minus_zero_does_not_exist() -> None:
    ground = grid.encode(113.134, 27.8275, height_m=0.0)
    with pytest.raises(grid.GridError, match="-0"):
        grid.decode(f"N1{ground[2:]}")
    assert grid.decode(grid.encode(113.134, 27.8275, height_m=-0.001)).upper_m == 0


@given(st.text("NS0123456789ABCDEFGHIJKLMNOPQRSTUV-", max_size=34))
def test_any_text_is_a_code_that_encodes_back_or_an_error(text: str) -> None:
    try:
        cell = grid.decode(text)
    except grid.GridError:
        return
    if abs(cell.south_deg) < 88 and cell.lower_m is None:
        assert grid.encode(*cell.centre_deg, cell.level) == text


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (0, 91), (math.nan, 0), (math.inf, 0)])
def test_what_is_not_on_earth_has_no_code(lon: float, lat: float) -> None:
    with pytest.raises(grid.GridError):
        grid.encode(lon, lat)


def test_neighbours_touch_and_know_each_other_across_all_lines() -> None:
    for place in [(113.134, 27.8275), (0.00001, 0.00001), (-0.00001, -0.00001), (179.99999, 50), (114.0, 28.0)]:
        code = grid.encode(*place, 8)
        around = grid.neighbours(code)
        assert len(set(around)) == 8
        assert all(code in grid.neighbours(other) for other in around)
    assert len(grid.neighbours(grid.encode(10, 87.9, 2))) == 5


def test_poles_end_at_level_2() -> None:
    assert grid.encode(20, 89.8, 2) == "N00000"
    for arguments in ({"level": 3}, {"level": 1, "height_m": 5.0}):
        with pytest.raises(grid.GridError, match="88"):
            grid.encode(20, 89.8, **arguments)


@given(st.floats(-180, 179.999), st.floats(88, 90), st.booleans())
def test_a_polar_place_lies_in_the_cell_of_its_code(lon: float, lat: float, south: bool) -> None:  # noqa: FBT001
    lat = -lat if south else lat
    cell = grid.decode(grid.encode(lon, lat, 2))
    assert cell.south_deg <= lat <= cell.north_deg
    turned = lon + 360 if lon < cell.west_deg else lon
    assert cell.west_deg - 1e-9 <= turned <= cell.east_deg + 1e-9


@given(lon, lat, st.integers(5, 10), st.integers(-7, 7), st.integers(-7, 7))
def test_a_reference_code_leads_back_to_its_target(lon: float, lat: float, level: int, east: int, north: int) -> None:
    origin = grid.decode(grid.encode(lon, lat, level))
    width, height = origin.east_deg - origin.west_deg, origin.north_deg - origin.south_deg
    x, y = origin.centre_deg
    x, y = (x + east * width + 180) % 360 - 180, y + north * height
    if abs(y) < 88 and abs(x - lon) < 90:
        target = grid.encode(x, y)
        assert grid.resolve(grid.refer(target, origin.code)) == target


@pytest.mark.parametrize("code", ["tower-20", "N50J475491E-8X", "N50J-20", "N50J475491E", "N50J475491E-20-F0-11"])
def test_what_is_no_reference_code_is_refused(code: str) -> None:
    with pytest.raises(grid.GridError):
        grid.resolve(code)


def test_a_reference_reaches_seven_cells() -> None:
    with pytest.raises(grid.GridError, match="reaches 7"):
        grid.refer("N49GA728909", "N49GA728989")


def test_every_vector_is_met_or_excepted(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "protocols" / "beidou_grid.json").read_text())["vectors"]
    assert len(vectors) == 124
    missed = set()
    for vector in vectors:
        height = vector.get("elevation_m")
        code = grid.encode(vector["lon"], vector["lat"], vector["level"], height_m=height)
        if code != vector["code"]:
            assert _height_digits(code) in vector["note"], HIGHER_THAN_1839_M
            missed.add(height)
        elif "cell" in vector:
            cell = grid.decode(code)
            found = (cell.west_deg, cell.south_deg, cell.east_deg, cell.north_deg)
            assert found == pytest.approx(tuple(vector["cell"]), abs=1e-12)
            if "elevation_cell_m" in vector:
                assert (cell.lower_m, cell.upper_m) == pytest.approx(tuple(vector["elevation_cell_m"]), abs=1e-4)
    assert missed == {8848.86, 1840.5, 2115.2, 35786000.0} <= EXCEPTIONS


def _height_digits(code: str) -> str:
    """Take the height's twelve digits out of a level 10 code."""
    return code[1] + code[5:7] + code[9] + code[11] + code[14] + code[17] + code[19] + code[22::3]


def test_every_reference_code_is_met(shared_data: Path) -> None:
    for vector in json.loads((shared_data / "protocols" / "beidou_grid.json").read_text())["reference_codes"]:
        assert grid.refer(vector["target"], vector["reference"]) == vector["code"]
        assert grid.resolve(vector["code"]) == vector["target"]


def test_every_height_code_is_met_or_excepted(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "protocols" / "beidou_grid.json").read_text())["elevation_codes"]
    for vector in vectors:
        code = grid.encode(113.1522, 27.8413, 10, height_m=vector["elevation_m"])
        expected = vector["code"]
        if vector["elevation_m"] in EXCEPTIONS:
            expected = vector["mixed_radix_reading"]
        assert _height_digits(code)[: len(expected)] == expected
