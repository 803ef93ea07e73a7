"""`tianshu decode`: frames as hex in, one JSON object a line out."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli import app
from api.cli.decode import MAX_LINE, describe
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.framing import Frame, Version, close_frame
from tests.builders import jt808 as arbitrary

HERE = build.position(
    datetime(2026, 5, 1, 4, tzinfo=UTC), 113.134, 27.8275, speed_mps=10, heading_deg=90, extras=[(0x01, b"\0\0\0\x01")]
)
RAW = jt808.frame(HERE, phone="13912345678", serial=1)


def decode(text: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["decode"], input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_position_is_printed_with_units_in_the_names():
    assert decode(RAW.hex()) == [
        {
            "ok": True,
            "message_id": "0x0200",
            "version": "2013",
            "phone": "013912345678",
            "serial": 1,
            "body": {
                "lon_deg": 113.134,
                "lat_deg": 27.8275,
                "altitude_m": 0,
                "speed_mps": 10.0,
                "heading_deg": 90,
                "at": "2026-05-01T04:00:00Z",
                "alarm": 0,
                "status": 0x000C0003,
                "positioned": True,
                "systems": ["GPS", "BEIDOU"],
                "extras": {"0x01": "00000001"},
                "named": {"odometer_m": 100},
            },
        }
    ]


def test_every_line_gets_its_object_in_order_and_blank_lines_none():
    damaged = RAW[:-2] + bytes((RAW[-2] ^ 1,)) + b"\x7e"
    lines = [RAW.hex(" "), "", "  ", damaged.hex(), RAW.hex().upper(), "7e7e"]
    assert [said.get("error") for said in decode("\n".join(lines))] == [None, "checksum", None, "header"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (RAW[:20].hex(), "checksum"),
        (RAW[:-1].hex() + "7d037e", "escape"),
        ((RAW + RAW).hex(), "escape"),
        ("7e0002" + "7e", "header"),
        ("no hex", "hex"),
        ("7e0", "hex"),
        ("测试", "hex"),
        (close_frame(Frame(0x0200, Version.V2013, "1", 0, b"123")).hex(), "body"),
        (close_frame(Frame(0x0801, Version.V2013, "1", 0, b"123", (3, 1))).hex(), "unsupported"),
    ],
)
def test_a_frame_that_can_not_be_read_says_why(line, error):
    (said,) = decode(line)
    assert (said["ok"], said["error"]) == (False, error)
    assert said["detail"]


def test_a_message_outside_of_the_table_is_shown_raw():
    (said,) = decode(close_frame(Frame(0x0F00, Version.V2013, "1", 0, b"\x01\x02")).hex())
    assert (said["ok"], said["message_id"], said["body"]) == (True, "0x0f00", {"raw": "0102"})


def test_a_frame_of_2019_has_all_twenty_digits_and_its_edition():
    (said,) = decode(jt808.frame(HERE, phone="13912345678", serial=1, version=Version.V2019).hex())
    assert (said["version"], said["phone"]) == ("2019", "00000000013912345678")


def test_a_batch_shows_its_reports():
    (said,) = decode(jt808.frame(build.batch([HERE, HERE], catch_up=True), phone="1", serial=1).hex())
    assert [item["lon_deg"] for item in said["body"]["items"]] == [113.134, 113.134]
    assert said["body"]["kind"] == 1


def test_frames_come_from_a_file_too(tmp_path: Path):
    file = tmp_path / "frames.hex"
    file.write_text(f"{RAW.hex()}\n{RAW.hex()}\n")
    result = CliRunner().invoke(app, ["decode", str(file)])
    assert result.stdout.count('"ok": true') == 2


def test_a_file_that_is_not_there_is_one_sentence_and_exit_code_2(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "decode", str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("none can't be read: No such file or directory.\n")
    assert done.stderr.count("\n") == 1


def test_a_line_of_a_gigabyte_would_not_be_held():
    said = decode("7e" * MAX_LINE + "\n" + RAW.hex())
    assert [each["ok"] for each in said] == [False, True]


@given(arbitrary.spoken().filter(lambda said: said[1] is not Version.V2011), arbitrary.phones)
def test_every_message_of_the_table_can_be_shown_as_json(said, phone):
    message, version = said  # some forms of 2011 can't be told from those of 2013 without knowing the terminal
    shown = describe(jt808.frame(message, phone=phone, serial=0, version=version).hex())
    assert shown["ok"]
    assert json.loads(json.dumps(shown)) == shown


@given(st.text(max_size=80) | st.binary(max_size=60).map(bytes.hex))
def test_any_line_gets_an_answer(line):
    assert describe(line)["ok"] in {True, False}
