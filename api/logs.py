"""Logs of a process: one JSON object a line; past-tense events and ids, never coordinates or names of people.

Of an error the kind and the place are logged, not its message: databases and parsers quote what they could not take.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

import structlog


def configure(stream: TextIO = sys.stderr) -> None:
    """Set structlog and the standard library's logging up for a process."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(describe),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def describe(exc_info: Any) -> str:
    """Return the kinds and places of an error and of those that led to it; of a database's its code (SQLSTATE)."""
    return "\n".join(_lines(exc_info[1])) if exc_info and exc_info[1] else ""


def _lines(error: BaseException | None) -> Iterator[str]:
    if error is None:
        return
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield from _lines(cause)
    yield from (
        f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    )
    code = getattr(error, "sqlstate", None)
    yield f"{type(error).__module__}.{type(error).__qualname__}{f' {code}' if code else ''}"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _lines(one)


class _Formatter(logging.Formatter):
    """What libraries log, likewise."""

    def formatException(self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | Any) -> str:  # noqa: N802
        """Return the kinds and places."""
        return describe(ei)
