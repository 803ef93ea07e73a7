"""`tianshu decode --format nmea|rdss`: sentences in, one JSON object a line out."""

import json
from typing import Any

from typer.testing import CliRunner

from api.cli import app
from services.ingest import rdss
from tests.builders import sentences as make


def decode(kind: str, *lines: bytes) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["decode", "--format", kind], input=b"".join(lines))
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_sentence_is_printed_with_units_in_the_names() -> None:
    (said,) = decode("nmea", make.rmc(make.START))
    assert (said["ok"], said["address"]) == (True, "GNRMC")
    assert said["body"]["lon_deg"] == make.LON
    assert (said["body"]["at"], said["body"]["day"]) == ("23:59:50", "2026-05-01")


def test_what_can_not_be_read_gives_its_reason_and_the_rest_goes_on() -> None:
    said = decode("nmea", b"$GNRMC,1*00\r\n", b"\r\n", b"$GNTXT,1*25\r\n", make.gga(make.START))
    assert [each.get("error") for each in said] == ["checksum", "checksum", None]
    unknown = decode("nmea", make.identify("1", "2"))
    assert unknown == [{"ok": True, "address": "TSID", "body": {"fields": ["1", "2"]}}]


def test_a_short_message_shows_what_its_payload_holds() -> None:
    (help_,), (text,) = (
        decode("rdss", rdss.write(rdss.Txr(1, "0179773", 0, "1158", payload)))
        for payload in ("SOS 27.8275,113.134", "你好")
    )
    assert help_["body"]["calls_for_help"]
    assert help_["body"]["position"] == {"lon_deg": 113.134, "lat_deg": 27.8275}
    assert (text["body"]["text"], "position" in text["body"]) == ("你好", False)
    assert decode("rdss", b"$BDFKI*17\r\n")[0]["error"] in ("checksum", "fields")
