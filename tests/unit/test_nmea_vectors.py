"""Sentences of other implementations' tests: each gives the value stated there, or stands in a list with the reason."""

import json
import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from geo.fix import Systems
from services.ingest import nmea, rdss
from services.ingest.nmea import messages
from services.ingest.sentences import RefusedError, Sentence, open_sentence

Vector = dict[str, Any]

ODD = {
    "$GPRMC,123519,A,4807.0380,N,01131.0000,E,022.4,084.4,230394,003.1,W*6A": (
        11 + 31 / 60,
        "11.5167 is stated: rounded",
    )
}
"""Longitudes that are not what is stated, and why."""

STATED = {
    "quality": r'FixQuality: (?:"(\d)"|GPS)', "satellites": r"(?:NumSatellites|SVs): (\d+)", "hdop": r"HDOP: ([\d.]+)",
    "altitude_m": r"Altitude: (-?[\d.]+)", "separation_m": r"Separation: (-?[\d.]+)", "pdop": r"PDOP: ([\d.]+)",
    "vdop": r"VDOP: ([\d.]+)", "variation_deg": r"Variation: (-?[\d.]+)", "total": r"TotalMessages: (\d+)",
    "number": r"MessageNumber: (\d+)", "in_view": r"NumberSVsInView: (\d+)", "magnetic_deg": r"MagneticTrack: ([\d.]+)",
    "knots": r"(?:Speed|GroundSpeedKnots): ([\d.]+)", "kmh": r"GroundSpeedKPH: ([\d.]+)",
    "course_deg": r"(?:Course|TrueTrack): ([\d.]+)", "system": r"SystemID: (\d)", "dimensions": r'FixType: "(\d)"',
    "zda_day": r"Day: (\d+)", "month": r"Month: (\d+)", "year": r"Year: (\d+)",
}  # fmt: skip


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[Vector]:
    return json.loads((shared_data / "protocols/nmea_beidou.json").read_text(encoding="utf-8"))


def heard(vector: Vector) -> Sentence:
    return open_sentence(vector["sentence"].encode("gbk"))


def values(message: Any) -> dict[str, float]:
    """The numbers of a message under the names of `STATED`, speeds in the units of the wire."""
    found = {name: getattr(message, name, None) for name in STATED}
    speed = getattr(message, "speed_mps", None)
    found["knots"] = None if speed is None else speed * 3600 / 1852
    also = getattr(message, "speed_kmh_mps", None)
    found["kmh"] = None if also is None else also * 3.6
    found["satellites"] = None if isinstance(found["satellites"], tuple) else found["satellites"]
    found["zda_day"] = message.day if isinstance(message, messages.Zda) else None
    return {name: float(value) if value not in (None, "") else 0.0 for name, value in found.items()}


def test_every_sentence_with_a_wrong_checksum_is_refused(vectors: list[Vector]) -> None:
    wrong = [each for each in vectors if not each["checksum_ok"]]
    assert len(wrong) == 2
    for vector in wrong:
        with pytest.raises(RefusedError) as refused:
            heard(vector)
        assert refused.value.reason == "checksum"


def test_every_sentence_that_is_stated_to_be_wrong_is_refused_by_its_field(vectors: list[Vector]) -> None:
    wrong = [each for each in vectors if "error" in (each.get("expected") or {})]
    assert len(wrong) > 15
    for vector in wrong:
        with pytest.raises(RefusedError) as refused:
            nmea.read(heard(vector))
        assert refused.value.reason == "field", vector["sentence"]


def test_every_sentence_gives_its_stated_values(vectors: list[Vector]) -> None:
    compared = 0
    for vector in vectors:
        stated = (vector.get("expected") or {}).get("go_struct", "")
        if not stated:
            continue
        talk = nmea.read(heard(vector))
        assert talk is not None
        found = values(talk.message)
        for name, pattern in STATED.items():
            if match := re.search(r"\b" + pattern, stated):
                assert found[name] == pytest.approx(float(match[1] or 1)), (vector["sentence"], name)
                compared += 1
        for name, side in (("lat_deg", "Latitude"), ("lon_deg", "Longitude")):
            if match := re.search(side + r': (?:Must\w+\("(\d+)(\d\d\.\d+) ([NSEW])"\)|(-?[\d.]+))', stated):
                angle = float(match[4]) if match[4] else int(match[1]) + float(match[2]) / 60
                assert getattr(talk.message, name) == pytest.approx(-angle if match[3] in ("S", "W") else angle)
                compared += 1
        if match := re.search(r"Time: Time\{\D+(\d+)\D+(\d+)\D+(\d+)\D+(\d+)", stated):
            hour, minute, second, thousandth = map(int, match.groups())
            assert talk.at == time(hour, minute, second, thousandth * 1000)
            compared += 1
        if isinstance(talk.message, messages.Gsv):
            pattern = r"SVPRNNumber: (\d+), Elevation: (\d+), Azimuth: (\d+), SNR: (\d+)"
            satellites = [tuple(map(int, match)) for match in re.findall(pattern, stated)]
            shown = talk.message.satellites
            assert [(each.prn, each.elevation_deg, each.azimuth_deg, each.snr_db) for each in shown] == satellites
            compared += len(satellites)
    assert compared > 110


def test_every_position_and_time_is_where_and_when_it_is_stated(vectors: list[Vector]) -> None:
    compared = 0
    for vector in vectors:
        expected = vector.get("expected") or {}
        if "lat" not in expected:
            continue
        receiver = nmea.Receiver()
        now = datetime(2024, 1, 1, tzinfo=UTC)
        (epoch,) = receiver.receive(vector["sentence"].encode() + b"\r\n", now) + receiver.flush()
        assert isinstance(epoch, nmea.Epoch)
        lon, _ = ODD.get(vector["sentence"], (expected["lon"], ""))
        assert (epoch.lat_deg, epoch.lon_deg) == pytest.approx((expected["lat"], lon), abs=expected["tolerance"])
        assert epoch.altitude_m == expected.get("alt_m")
        if "datetime_utc" in expected:
            assert epoch.at == datetime.fromisoformat(expected["datetime_utc"])
        compared += 1
    assert compared == 9


def test_every_intact_sentence_without_stated_values_is_read_or_refused_by_its_field(vectors: list[Vector]) -> None:
    refused = []
    for vector in vectors:
        if vector["kind"] == "nmea" and vector["checksum_ok"] and not vector.get("expected"):
            try:
                talk = nmea.read(heard(vector))
            except RefusedError as error:
                refused.append((vector["sentence"], error.reason))
                continue
            assert talk is not None
            assert (talk.talker, type(talk.message).__name__.upper()) == (vector["talker"], vector["type"])
    assert refused == [("$GNRMC,121614.00,A,5327.04173,N,00214.41443,W,X.138,,200122,,,A,V*65", "field")]


def test_every_sentence_is_written_as_it_is_read(vectors: list[Vector]) -> None:
    """Zeros that pad a number are free in the standard; the values come back exactly, the text where it has none."""
    written = 0
    for vector in vectors:
        if vector["kind"] != "nmea" or not vector["checksum_ok"]:
            continue
        try:
            talk = nmea.read(heard(vector))
        except RefusedError:
            continue
        assert talk is not None
        again = nmea.read(open_sentence(nmea.write(talk)))
        assert again is not None
        assert nmea.write(again) == nmea.write(talk)
        assert again == talk or values(again.message) == pytest.approx(values(talk.message), abs=1e-5)
        written += 1
    assert written > 50


def test_beidou_is_known_to_be_used_by_the_system_that_gsa_names(vectors: list[Vector]) -> None:
    used = {}
    for vector in vectors:
        if vector["type"] == "GSA" and vector["checksum_ok"] and "error" not in (vector.get("expected") or {}):
            talk = nmea.read(heard(vector))
            assert talk is not None
            assert isinstance(talk.message, messages.Gsa)
            used[vector["sentence"]] = messages.systems_of(talk.message, talk.talker)
    assert used["$GNGSA,A,3,20,23,32,25,10,,,,,,,,1.18,0.66,0.98,4*09"] == Systems.BEIDOU
    assert used["$BDGSA,A,3,06,13,08,,,,,,,,,,3.2,1.3,2.9*27"] == Systems.BEIDOU
    assert used["$GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99,4*36"] == Systems(0), "it lists no satellite"
    assert used["$GPGSA,A,3,22,19,18,27,14,03,,,,,,,3.1,2.0,2.4*36"] == Systems.GPS


def test_every_short_message_gives_its_stated_values(vectors: list[Vector]) -> None:
    names = {
        "serial": "serial", "card": "card", "broadcast": "broadcast", "user_type": "user_type",
        "service_interval_s": "interval_s", "comm_level": "level", "encrypted": "encrypted",
        "subordinates": "subordinates", "dest": "to_card", "comm_type": "kind", "info_type": "kind",
        "sender": "from_card", "mode": "mode", "type": "command", "ok": "ok", "reason": "reason",
        "remaining": "remaining_s",
    }  # fmt: skip
    read = 0
    for vector in vectors:
        if vector["kind"] != "rdss":
            continue
        sentence = heard(vector)
        message = rdss.read(sentence)
        assert message is not None
        expected = dict(vector["expected"])
        for name in expected.keys() & names.keys():
            assert getattr(message, names[name]) == expected[name], (vector["sentence"], name)
        if "payload_hex" in expected:
            assert rdss.content(message).data == bytes.fromhex(expected["payload_hex"])
        if "text" in expected:
            assert rdss.content(message).text == expected["text"]
        assert rdss.write(message) == sentence.raw + b"\r\n"
        read += 1
    assert read == 7
