"""The list of exceptions in docs/reference/vectors.md is what the codecs really miss: no more and no less."""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from services.ingest import jt808
from services.ingest.jt808 import framing, messages
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import position
from tests.unit import test_gcj02, test_grid, test_jt808_vectors, test_jt809_vectors, test_nmea_vectors

PAGE = (Path(__file__).parents[2] / "docs/reference/vectors.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\S.*?) \| ([\d, ]+) \| (.+) \|$", re.MULTILINE)
VENDORS = {"WifiInfos"}
"""What sources decode of vendors' items that stay bytes here."""


@pytest.fixture(scope="module")
def protocols(shared_data: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in shared_data.glob("protocols/*.json")}


def listed() -> dict[str, set[int]]:
    found = defaultdict[str, set[int]](set)
    for file, numbers, why in ROW.findall(PAGE.partition("## Exceptions")[2]):
        new = {int(number) for number in numbers.split(",")}
        assert not new & found[file], f"{file} {new & found[file]} stands twice"
        assert why
        found[file] |= new
    return found


def test_every_jt808_vector_is_met_or_listed(protocols):
    vectors = protocols["jt808.json"]
    assert {number for number, vector in enumerate(vectors) if not is_met(vector)} == listed()["jt808.json"]


def test_every_other_vector_that_is_left_out_is_listed(protocols):
    exceptions = test_jt809_vectors
    left_out = (
        exceptions.NO_MESSAGES, exceptions.SEALED, exceptions.DAMAGED, exceptions.ODD, exceptions.OFF_THE_WIRE,
        exceptions.LEFT_PADDED,
    )  # fmt: skip
    assert {number for reasons in left_out for number in reasons} == listed()["jt809.json"]
    odd = test_nmea_vectors.ODD
    assert (
        numbers_of(protocols["nmea_beidou.json"], lambda each: each["sentence"] in odd) == listed()["nmea_beidou.json"]
    )
    elsewhere = test_gcj02.EXCEPTIONS
    assert (
        numbers_of(protocols["coordinates.json"], lambda each: (each["lon"], each["lat"]) in elsewhere)
        == listed()["coordinates.json"]
    )
    grid, heights = protocols["beidou_grid.json"], test_grid.EXCEPTIONS
    for name, part in (("vectors", "points"), ("elevation_codes", "heights")):
        missed = numbers_of(grid[name], lambda each: each.get("elevation_m") in heights)
        assert missed == listed()[f"beidou_grid.json, {part}"]


def test_the_page_counts_every_entry(protocols):
    counts = dict(re.findall(r"^\| (\S.*?) \| ([\d,]+) \| tests", PAGE, re.MULTILINE))
    grid = protocols.pop("beidou_grid.json")
    parts = {"points": "vectors", "references": "reference_codes", "heights": "elevation_codes"}
    said = {name: int(count.replace(",", "")) for name, count in counts.items()}
    assert said == {name: len(vectors) for name, vectors in protocols.items()} | {
        f"beidou_grid.json, {part}": len(grid[name]) for part, name in parts.items()
    }


def numbers_of(vectors: list[dict[str, Any]], wanted) -> set[int]:
    return {number for number, vector in enumerate(vectors) if wanted(vector)}


def is_met(vector: dict[str, Any]) -> bool:
    """Whether a vector of JT/T 808 gives what it states: refusal, frames, header, values, and the same bytes again."""
    expected, raw = vector["expected"], vector.get("hex", "")
    data = bytes.fromhex(raw[: len(raw) // 2 * 2])
    if "wire_hex" in expected:
        return framing.FLAG + framing.escape(data) + framing.FLAG == bytes.fromhex(expected["wire_hex"])
    contents = jt808.Splitter().feed(data)
    if expected.get("bytes_left_in_buffer") is not None and not expected.get("error"):
        stated = [bytes.fromhex(each) for each in expected["frames"]]  # the entry holds as much as its first piece
        return [framing.FLAG + content + framing.FLAG for content in contents] == stated[: len(contents)]
    try:
        frames = [framing.open_frame(content) for content in contents or [data.strip(framing.FLAG)]]
        said = [None if frame.part else messages.decode(frame) for frame in frames]
    except RefusedError:
        return bool(expected.get("error"))
    if expected.get("error") or any(f"0x{frame.message_id:04x}" not in KNOWN for frame in frames):
        return False
    if "msg_id" not in vector:
        return True  # nothing is stated but that it can be read
    return has_its_values(vector, frames[0], said[0])


KNOWN = {f"0x{message_id:04x}" for message_id, _, _ in messages.TABLE}


def has_its_values(vector: dict[str, Any], frame: framing.Frame, message: Any) -> bool:
    expected, table = vector["expected"], test_jt808_vectors
    if (frame.phone, frame.serial) != (vector["phone"], vector["serial"]):
        return False
    if any(vendor in each["expr"] for each in expected.get("asserts", []) for vendor in VENDORS):
        return False
    if "parameters" in expected:
        return [(item.id, item.value) for item in message.items] == table.parameters(expected, message)
    if "verified" in expected:
        return table.leaves(message) == table.stated(expected)
    if isinstance(message, position.PositionReply) and "fields" in expected:
        stated = [ast.literal_eval(value) for name, value in expected["fields"] if name != "Version"]
        return table.leaves(message) == table.stated(stated)
    return True  # the other forms of statements are compared in test_jt808_vectors
