"""The five ways a request can fail; subclasses stand beside the raise and say what is allowed."""

import math
from typing import Any, Self


class Saying(str):
    """An English sentence that knows its pattern and the values in it: a page says it in the reader's own language.

    A value is a number, a text, or a sentence in its turn.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: dict[str, Any]

    def __new__(cls, pattern: str, /, **values: Any) -> Self:
        """Fill the values into the pattern."""
        made = super().__new__(cls, pattern.format(**values) if values else pattern)
        made.pattern, made.values = pattern, values
        return made


def tell(text: str) -> dict[str, Any]:
    """Return a sentence as a page takes it; one without values is its own pattern."""
    pattern, values = (text.pattern, text.values) if isinstance(text, Saying) else (text, {})
    return {"sentence": pattern, "values": {name: _plain(value) for name, value in values.items()}}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what is neither a number nor a text as it stands in the sentence."""
    if isinstance(value, Saying):
        return tell(value)
    fits = isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return value if fits else str(value)


class TianshuError(Exception):
    """Root of all errors that a caller is meant to read."""

    def __init__(self, sentence: str = "", /, **values: Any) -> None:
        """Say what happened: a sentence, or the pattern of one and its values."""
        self.sentence = sentence if isinstance(sentence, Saying) else Saying(sentence, **values)
        super().__init__(self.sentence)


class InvalidError(TianshuError):
    """The request says something that can't be true; the sentence tells what would be accepted."""


class NotFoundError(TianshuError):
    """What was asked for does not exist (or may not be known to exist)."""


class NotAllowedError(TianshuError):
    """The law or the role forbids it; the sentence names the limit."""


class ConflictError(TianshuError):
    """Somebody else was first, or the state does not permit the step."""


class UnavailableError(TianshuError):
    """It can't be done now and may be tried again."""
