"""The tables of dispatch, read from two TOML files: kinds of calls, results, timers, targets; and guidance by kind."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.errors import InvalidError
from services.settings import Settings

T = TypeVar("T")


class HandbookError(InvalidError):
    """A file of tables is not as described."""


class NoKindError(InvalidError):
    """No such kind of call stands in the tables."""


class NoCodeError(InvalidError):
    """No such code stands in the tables."""


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Named:
    """A code's name."""

    name: Words


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence to take over."""

    id: str
    text: Words


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several answers."""

    code: str
    name: Words


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller is asked."""

    id: str
    text: Words
    answer: Literal["yes_no", "text", "choice"] = "text"
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of call (警情类别)."""

    name: Words
    group: str
    mnemonic: str  # what is typed to choose it
    priority: int
    units: list[str] = field(default_factory=list)  # kinds of units that suit it; empty: any
    equipment: list[str] = field(default_factory=list)  # what a unit needs for it
    questions: list[Question] = field(default_factory=list)
    templates: list[Text] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timers:
    """How long something may take before it is told, in seconds."""

    sign_for_s: int
    accept_s: int
    proposal_s: int
    set_out_s: int
    feedback_s: int


@dataclass(frozen=True, slots=True)
class Targets:
    """Arrival after a call was taken, in seconds, in town and elsewhere."""

    town_s: int
    edge_s: int
    town_divisions: list[str]

    def of(self, division: str | None) -> int:
        """Return the target of a division (GB/T 2260), in seconds."""
        return self.town_s if division in self.town_divisions else self.edge_s


@dataclass(frozen=True, slots=True)
class Bins:
    """Upper bounds of the columns of the report, in seconds."""

    sign_for_s: list[int]
    set_out_s: list[int]
    feedback_s: list[int]


@dataclass(frozen=True, slots=True)
class Advice:
    """Limits of what is recommended."""

    never: list[str]
    most_hours: float
    cover_minutes: int


@dataclass(frozen=True, slots=True)
class Device:
    """Words and codes by which a terminal reports a step."""

    text: Mapping[str, list[str]]
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything of `dispatch.toml`."""

    version: str
    priorities: Mapping[int, Words]
    timers: Timers
    targets: Targets
    bins: Bins
    recommendation: Advice
    device: Device
    results: Mapping[str, Named]
    refusals: Mapping[str, Named]
    kinds: Mapping[str, Kind]

    def kind(self, code: str) -> Kind:
        """Return a kind of call.

        Raises:
            NoKindError: there is none of that code.
        """
        if code not in self.kinds:
            raise NoKindError(
                "There is no kind of call “{code}”. There are: {known}.", code=code, known=", ".join(self.kinds)
            )
        return self.kinds[code]

    def check_result(self, code: str | None) -> None:
        """Refuse a result code (处警结果) that does not exist.

        Raises:
            NoCodeError: naming those that do.
        """
        if code is not None and code not in self.results:
            raise NoCodeError(
                "There is no result “{code}”. There are: {known}.", code=code, known=", ".join(self.results)
            )


@dataclass(frozen=True, slots=True)
class Basis:
    """A law, and its article where the number is confirmed."""

    law: str
    article: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Whether legal affairs have reviewed a text, who and when."""

    state: Literal["draft", "reviewed"]
    by: str | None = None
    on: str | None = None


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing to do and to check off."""

    id: str
    text: Words
    basis: list[Basis] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Guide:
    """Enforcement guidance (执法指引) for a kind of call."""

    version: int
    review: Review
    title: Words
    basis: list[Basis]
    documents: list[Words]
    steps: list[GuideStep]


def tables(settings: Settings) -> Tables:
    """Return the tables of the settings' file, or of the shipped one. A file is read once.

    Raises:
        HandbookError: it is not as described.
    """
    return _tables(settings.dispatch_file)


def guides(settings: Settings) -> Mapping[str, Guide]:
    """Return the guidance by kind of call, of the settings' file or of the shipped one.

    Raises:
        HandbookError: it is not as described.
    """
    return _guides(settings.guidance_file)


@lru_cache
def _tables(path: Path | None) -> Tables:
    return _read(Tables, path or resources.files("services.dispatch") / "dispatch.toml")


@lru_cache
def _guides(path: Path | None) -> dict[str, Guide]:
    return _read(dict[str, Guide], path or resources.files("services.dispatch") / "guidance.toml")


def _read(kind: type[T], source: Path | Traversable) -> T:
    try:
        found: dict[str, Any] = tomllib.loads(source.read_text(encoding="utf-8"))
        return TypeAdapter(kind).validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise HandbookError("{name}: {where}: {what}", name=source.name, where=where, what=first["msg"]) from error
    except (OSError, ValueError) as error:
        raise HandbookError("{name} can't be read: {error}", name=source.name, error=str(error)) from error
