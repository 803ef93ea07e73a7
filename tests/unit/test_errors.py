"""What is told of a refusal can always be sent, and says the same as the sentence."""

import json
import math
from datetime import date

from services.errors import ConflictError, Saying, tell


def test_values_of_every_kind_are_told_as_they_stand_in_the_sentence():
    values = {"week": date(2026, 11, 16), "lon_deg": math.nan, "wrong": ValueError("no"), "most": 25, "name": "东岸"}
    refused = ConflictError("{week} {lon_deg} {wrong} {most} {name}", **values)
    told = json.loads(json.dumps(tell(refused.sentence), allow_nan=False))
    assert told["sentence"].format(**told["values"]) == str(refused) == "2026-11-16 nan no 25 东岸"
    assert told["values"]["most"] == 25


def test_a_sentence_in_a_sentence_keeps_its_own_values():
    inner = Saying("{count} more", count=3)
    told = tell(ConflictError("outside: {more}", more=inner).sentence)
    assert told == {
        "sentence": "outside: {more}",
        "values": {"more": {"sentence": "{count} more", "values": {"count": 3}}},
    }
