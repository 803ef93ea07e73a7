"""Every sentence that the operator's page may get from the server has Chinese words with values the sentence has."""

import ast
import dataclasses
import re
import string
from pathlib import Path

import pytest
from pydantic_core._pydantic_core import list_all_errors

from api.phones import FixIn
from geo.fix import Quality, Source
from services import commands
from services.commands import parameters
from services.ingest import nmea, rdss
from services.ingest.jt808 import extras
from services.ingest.jt808.messages import areas as fences
from services.ingest.jt808.messages import control, position
from services.ingest.jt809.messages import vehicle

ROOT = Path(__file__).parents[2]
SAID_TO_OPERATORS = (
    "api/deps.py", "api/exchange/upper.py", "api/gateway/*.py", "api/mqtt.py", "api/phones.py", "geo/areas.py",
    "geo/outlines.py",
    "services/access/mandates.py", "services/areas/*.py", "services/carriage.py", "services/commands/*.py",
    "services/db/engine.py", "services/fleet.py", "services/ingest/jt808/**/*.py", "services/ingest/jt809/**/*.py",
    "services/ingest/nmea/*.py", "services/ingest/rdss/*.py", "services/ingest/sentence*.py",
    "services/ingest/shown.py", "services/media.py", "services/messages.py", "services/owners.py",
    "services/provenance.py",
)  # fmt: skip
SECOND = {"RefusedError", "Refused"}
"""Their first argument is the reason, one word; the sentence is the second."""


def sources() -> list[Path]:
    return sorted({path for pattern in SAID_TO_OPERATORS for path in ROOT.glob(pattern)})


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(name) | ast.Attribute(_, name):
            return name
    return ""


def sentences() -> list[tuple[str, ast.expr, set[str]]]:
    """Where an error is made: the place, the sentence's expression, the names of its values."""
    found = []
    for path in sources():
        helper = 1 if path.name in {"sentence_fields.py", "messages.py"} and "jt80" not in str(path) else 0
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = name_of(node)
            if not (name.endswith("Error") or name in {"malformed", "Saying", "Refused"}):
                continue
            at = 1 if name in SECOND else helper if name == "malformed" else 0
            if len(node.args) > at:
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append((place, node.args[at], {keyword.arg or "" for keyword in node.keywords}))
    return found


def patterns() -> dict[str, set[str]]:
    """The sentences and the names of their values."""
    return {
        argument.value: names
        for _, argument, names in sentences()
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def chinese() -> dict[str, str]:
    """The page's table: an English sentence, its Chinese."""
    table = (ROOT / "maps/web/src/i18n/sentences.zh.ts").read_text(encoding="utf-8")
    pairs = re.findall(r"^  (\"(?:[^\"\\]|\\.)*\"):\s+(\"(?:[^\"\\]|\\.)*\"),$", table, re.MULTILINE)
    return {ast.literal_eval(english): ast.literal_eval(words) for english, words in pairs}


def fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}


def test_values_stand_beside_a_sentence_and_not_in_it():
    mixed = [place for place, argument, _ in sentences() if isinstance(argument, ast.JoinedStr | ast.BinOp)]
    assert mixed == []


def test_every_sentence_is_given_the_values_it_names():
    missing = {pattern: names for pattern, names in patterns().items() if not fields(pattern) <= names}
    assert {pattern: names for pattern, names in missing.items() if "" not in names} == {}


def test_every_sentence_has_chinese_words():
    known = chinese()
    assert len(patterns()) > 100
    assert sorted(pattern for pattern in patterns() if pattern not in known) == []


def test_chinese_words_name_no_value_that_the_sentence_lacks():
    rules: dict[str, set[str]] = {error["type"]: set(error.get("example_context") or ()) for error in list_all_errors()}
    unknown = {
        pattern: words
        for pattern, words in chinese().items()
        if not {name.partition("|")[0] for name in re.findall(r"\{([^}]*)\}", words)}
        <= (fields(pattern) | rules.get(pattern, set()))
    }
    assert unknown == {}


# -- codes: reasons, fields, states


def words(language: str) -> set[str]:
    """The keys of the operator's words."""
    text = (ROOT / f"maps/web/src/i18n/operator.{language}.ts").read_text(encoding="utf-8")
    return set(re.findall(r'^  "([^"]+)":', text, re.MULTILINE))


def reasons() -> set[str]:
    """The first argument of every refusal."""
    found = set[str]()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name_of(node) in SECOND and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def shown_fields() -> set[str]:
    """The names of what the page shows field by field: frames and answers."""
    tables = [
        cls
        for module in (nmea.messages, rdss.messages)
        for cls in vars(module).values()
        if dataclasses.is_dataclass(cls) and getattr(cls, "__module__", "") == module.__name__
    ]
    tables += [position.LocationReport, position.PositionReply, control.Attributes, control.Parameters, fences.Areas]
    tables += [fences.Circle2019, fences.Rectangle2019, fences.SetPolygon2019, fences.SetRoute2019]
    tables += [fences.RoutePoint2019, vehicle.Position, vehicle.Position2019, vehicle.CatchUp]
    named = {field.name for cls in tables for field in dataclasses.fields(cls)} | set(FixIn.model_fields)
    return named | {name for name, _ in extras.EXTRAS.values()} | set(parameters.TABLE)


def codes() -> set[str]:
    """Every code that the server sends to the operator's page, by its family."""
    return {
        *(f"refusal.{each}" for each in reasons()),
        *(f"command.{each}" for each in commands.KINDS),
        *(f"command.state.{each}" for each in commands.STATES),
        *(f"form.{each}" for each in commands.FORMS),
        *(f"source.{each.name.lower()}" for each in Source),
        *(f"flag.{each.name.lower()}" for each in Quality if each.name),
        *(f"field.{each}" for each in shown_fields()),
    }


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_words(language):
    assert len(codes()) > 150
    assert sorted(codes() - words(language)) == []
