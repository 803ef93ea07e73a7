"""Errors become problem+json (RFC 9457): one table, no route has a status code of its own for failure."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from services import errors

STATUS: dict[type[errors.TianshuError], HTTPStatus] = {
    errors.InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.NotAllowedError: HTTPStatus.FORBIDDEN,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
MEDIA_TYPE = "application/problem+json"


class Told(BaseModel):
    """A sentence as its pattern and the values in it: what a page needs to say it in another language."""

    sentence: str
    values: dict[str, Any]


class NotSignedInError(errors.TianshuError):
    """No valid session comes with the request, or one that is open half: `left` says which step is next."""

    def __init__(self, sentence: str, left: str | None = None) -> None:
        super().__init__(sentence)
        self.left = left


def problem(status: HTTPStatus, detail: str, kind: str = "about:blank", **more: Any) -> JSONResponse:
    """Return a problem document: the detail, and `told` with its pattern and values."""
    body = {"type": kind, "title": status.phrase, "status": status.value, "detail": _writable(detail)}
    body |= {"told": _told(errors.tell(detail)), **more}
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status.value, media_type=MEDIA_TYPE, headers=headers)


def _fault(item: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong where; `told` is the rule that was broken and its bounds."""
    bounds = {name: value for name, value in item.get("ctx", {}).items() if isinstance(value, int | float | str)}
    where = _writable(".".join(map(str, item["loc"])))
    return {"where": where, "what": item["msg"], "told": {"sentence": item["type"], "values": bounds}}


def _told(value: Any) -> Any:
    """The values of a sentence as UTF-8 can hold them."""
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items()}
    return _writable(value) if isinstance(value, str) else value


def _writable(text: str) -> str:
    """Return a text as UTF-8 can hold it: JSON may name half a character (a lone surrogate)."""
    return text.encode("utf-8", "replace").decode()


def register(app: FastAPI) -> None:
    """Teach an application to answer every error as a problem."""

    @app.exception_handler(errors.TianshuError)
    async def answer_ours(_: Request, error: errors.TianshuError) -> JSONResponse:
        kind = f"urn:tianshu:{type(error).__name__.removesuffix('Error')}"
        if isinstance(error, NotSignedInError):
            left = {"next": error.left} if error.left else {}
            return problem(HTTPStatus.UNAUTHORIZED, error.sentence, kind, **left)
        status = next(status for root, status in STATUS.items() if isinstance(error, root))
        return problem(status, error.sentence, kind)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [_fault(item) for item in error.errors()]
        sentence = "; ".join(f"{item['where']}: {item['what']}" for item in found)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, "urn:tianshu:Invalid", told=None, errors=found)

    @app.exception_handler(HTTPException)
    async def answer_http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(HTTPStatus(error.status_code), error.detail)
