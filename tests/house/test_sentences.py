"""Every sentence that a page may get from the server has Chinese words with values the sentence has."""

import ast
import builtins
import dataclasses
import re
import string
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_core._pydantic_core import list_all_errors

from api.main import create_app
from api.phones import FixIn
from geo.fix import Quality, Source
from services import commands
from services.commands import parameters
from services.ingest import nmea, rdss
from services.ingest.jt808 import extras
from services.ingest.jt808.messages import areas as fences
from services.ingest.jt808.messages import control, position
from services.ingest.jt809.messages import vehicle
from services.settings import Settings

ROOT = Path(__file__).parents[2]
WORDS = ROOT / "maps/web/src/i18n"
FIELDS = WORDS / "sentences.fields.zh.ts"
NOT_SHOWN = {
    "api/cli": "the command line",
    "geo/gcj02.py": "the command line converts",
    "geo/grid.py": "the command line reads and writes codes",
    "geo/roads": "a network is checked when the command line imports it",
    "services/audit/seals.py": "the worker's log",
    "services/db/cluster.py": "the log at the start of a private database",
    "services/db/migrations": "the log of a migration",
    "services/db/security": "the log of a migration",
    "services/imports": "the command line imports",
    "services/ingest/calls.py": "the command line imports",
    "services/ingest/files.py": "the command line imports",
    "services/ingest/roads.py": "the command line imports",
    "services/ingest/rows": "the command line imports",
    "services/packages.py": "the command line installs",
    "services/retention.py": "the worker's log",
}
"""What can't reach a page, and where its sentences are read instead."""
SECOND = {"RefusedError", "Refused"}
"""With two arguments, the first is the reason, one word; the sentence is the second."""
PAIR = r"^  (\"(?:[^\"\\]|\\.)*\"):\s+(\"(?:[^\"\\]|\\.)*\"),$"
OF_PYTHON_ONLY = {
    "arguments_type", "callable_type", "complex_str_parsing", "complex_type", "counter_type", "dataclass_exact_type",
    "default_factory_not_called", "deque_type", "ellipsis_error", "fraction_parsing", "fraction_type",
    "frozen_dict_type", "frozen_field", "frozen_instance", "get_attribute_error", "is_instance_of", "is_subclass_of",
    "iteration_error", "missing_argument", "missing_keyword_only_argument", "missing_positional_only_argument",
    "missing_sentinel_error", "multiple_argument_values", "named_tuple_type", "needs_python_object",
    "no_such_attribute", "ordered_dict_type", "unexpected_keyword_argument", "unexpected_positional_argument",
}  # fmt: skip
"""Rules that no entry of a request can break: there is JSON only, and no such type in it."""


def sources() -> list[Path]:
    """All modules whose sentences can reach a page."""
    found = [path for folder in ("api", "geo", "services") for path in sorted((ROOT / folder).rglob("*.py"))]
    hidden = [ROOT / name for name in NOT_SHOWN]
    return [path for path in found if not any(path.is_relative_to(each) for each in hidden)]


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


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
        for node in nodes(path):
            if not isinstance(node, ast.Call):
                continue
            name = name_of(node)
            if not (name.endswith("Error") or name in {"malformed", "Saying", "Refused"}) or hasattr(builtins, name):
                continue
            at = 1 if name in SECOND and len(node.args) > 1 else helper if name == "malformed" else 0
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
    return {english: words for table in tables() for english, words in table.items()}


def tables() -> list[dict[str, str]]:
    """The files that the page's table is put together from."""
    return [pairs(path) for path in sorted(set(WORDS.glob("sentences*.zh.ts")) - {FIELDS})]


def pairs(path: Path) -> dict[str, str]:
    found = re.findall(PAIR, path.read_text(encoding="utf-8"), re.MULTILINE)
    return {ast.literal_eval(english): ast.literal_eval(words) for english, words in found}


def fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}


def passed_on(path: Path) -> set[str]:
    """The names that a module hands to its errors."""
    calls = [node for node in nodes(path) if isinstance(node, ast.Call)]
    return {
        node.args[0].id
        for node in calls
        if name_of(node).endswith("Error") and node.args and isinstance(node.args[0], ast.Name)
    }


def test_values_stand_beside_a_sentence_and_not_in_it():
    mixed = [place for place, argument, _ in sentences() if isinstance(argument, ast.JoinedStr | ast.BinOp)]
    assert mixed == []


def test_a_sentence_that_is_kept_in_a_name_first_is_a_saying():
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant | ast.JoinedStr | ast.IfExp)
        and {name.id for name in node.targets if isinstance(name, ast.Name)} & passed_on(path)
        and not (isinstance(node.value, ast.Constant) and not isinstance(node.value.value, str))
    ]
    assert bare == []


def test_what_is_not_shown_is_there():
    assert [name for name in NOT_SHOWN if not (ROOT / name).exists()] == []


def test_every_sentence_is_given_the_values_it_names():
    missing = {pattern: names for pattern, names in patterns().items() if not fields(pattern) <= names}
    assert {pattern: names for pattern, names in missing.items() if "" not in names} == {}


def test_every_sentence_has_chinese_words():
    known = chinese()
    assert len(patterns()) > 100
    assert sorted(pattern for pattern in patterns() if pattern not in known) == []


def test_a_sentence_stands_in_one_table():
    assert len(chinese()) == sum(map(len, tables()))


def test_every_rule_for_entries_has_chinese_words():
    rules = {str(error["type"]) for error in list_all_errors()}
    assert rules >= OF_PYTHON_ONLY
    assert sorted(rules - OF_PYTHON_ONLY - chinese().keys()) == []


def entries(part: Any, schemas: dict[str, Any], seen: set[str]) -> set[str]:
    """The names of what a request may hold, at any depth."""
    if isinstance(part, list):
        return set().union(*(entries(each, schemas, seen) for each in part))
    if not isinstance(part, dict):
        return set()
    name = str(part.get("$ref", "")).rpartition("/")[2]
    if name in seen:
        return set()
    inner = entries(schemas[name], schemas, seen | {name}) if name else set()
    found = set(part["properties"]) if isinstance(part.get("properties"), dict) else set()
    return found.union(inner, *(entries(each, schemas, seen) for each in part.values()))


def test_every_entry_of_a_request_has_a_chinese_name():
    described = create_app(Settings(database_url=SecretStr("postgresql://nobody"))).openapi()
    named = set[str]()
    for method in (method for methods in described["paths"].values() for method in methods.values()):
        named |= {each["name"] for each in method.get("parameters", ())}
        named |= entries(method.get("requestBody"), described["components"]["schemas"], set())
    of_operator = {name.removeprefix("field.") for name in words("zh") if name.startswith("field.")}
    assert len(named) > 100
    assert sorted(named - of_operator - pairs(FIELDS).keys()) == []


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
    text = (WORDS / f"operator.{language}.ts").read_text(encoding="utf-8")
    return set(re.findall(r'^  "([^"]+)":', text, re.MULTILINE))


def reasons() -> set[str]:
    """The first argument of every refusal."""
    found = set[str]()
    for path in sources():
        for node in nodes(path):
            if not (isinstance(node, ast.Call) and name_of(node) in SECOND and len(node.args) > 1):
                continue
            if isinstance(node.args[0], ast.Constant):
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
