"""What `tianshu decode --format nmea` and `--format rdss` print of a sentence."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any

from services.ingest import nmea, rdss, sentences

MAX_LINE = 2 * sentences.MAX_SENTENCE


def describe_nmea(line: str) -> dict[str, Any]:
    """What one sentence of NMEA 0183 says, or why it can't be read; the fields of one that is not in the table."""
    return _described(line, _nmea_body)


def describe_rdss(line: str) -> dict[str, Any]:
    """What one sentence of a BeiDou short message terminal says, with what its payload holds."""
    return _described(line, _rdss_body)


def _described(line: str, body: Callable[[sentences.Sentence], Any]) -> dict[str, Any]:
    try:
        sentence = sentences.open_sentence(line.encode("latin-1"))
        said = body(sentence)
    except sentences.RefusedError as error:
        return {"ok": False, "error": error.reason, "detail": error.detail}
    return {
        "ok": True,
        "address": sentence.address,
        "body": {"fields": list(sentence.fields)} if said is None else said,
    }


def _nmea_body(sentence: sentences.Sentence) -> Any:
    talk = nmea.read(sentence)
    return _plain(asdict(talk.message)) if talk else None


def _rdss_body(sentence: sentences.Sentence) -> Any:
    message = rdss.read(sentence)
    if message is None:
        return None
    body = _plain(asdict(message))
    if isinstance(message, rdss.Txr | rdss.Tci):
        held = rdss.receive(message, datetime.now(UTC))
        body |= {"text": held.content.text, "data": held.content.data.hex(), "calls_for_help": held.calls_for_help}
        if held.position:
            body["position"] = {"lon_deg": held.position.lon_deg, "lat_deg": held.position.lat_deg}
    return body


def _plain(value: Any) -> Any:
    """Values as JSON knows them."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date | time) else value
