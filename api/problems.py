"""Errors become problem+json (RFC 9457): one table, no route has a status code of its own for failure."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
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


class NotSignedInError(errors.TianshuError):
    """No valid session comes with the request, or one that is open half: `left` says which step is next."""

    def __init__(self, sentence: str, left: str | None = None) -> None:
        super().__init__(sentence)
        self.left = left


def problem(status: HTTPStatus, detail: str, kind: str = "about:blank", **more: Any) -> JSONResponse:
    """Return a problem document."""
    body = {"type": kind, "title": status.phrase, "status": status.value, "detail": _writable(detail), **more}
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status.value, media_type=MEDIA_TYPE, headers=headers)


def _writable(text: str) -> str:
    """Return a text as UTF-8 can hold it: JSON may name half a character (a lone surrogate)."""
    return text.encode("utf-8", "replace").decode()


def register(app: FastAPI) -> None:
    """Teach an application to answer every error as a problem."""

    @app.exception_handler(errors.TianshuError)
    async def answer_ours(_: Request, error: errors.TianshuError) -> JSONResponse:
        kind = f"urn:tianshu:{type(error).__name__.removesuffix('Error')}"
        if isinstance(error, NotSignedInError):
            return problem(HTTPStatus.UNAUTHORIZED, str(error), kind, **({"next": error.left} if error.left else {}))
        status = next(status for root, status in STATUS.items() if isinstance(error, root))
        return problem(status, str(error), kind)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"where": _writable(".".join(map(str, item["loc"]))), "what": item["msg"]} for item in error.errors()]
        sentence = "; ".join(f"{item['where']}: {item['what']}" for item in found)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, "urn:tianshu:Invalid", errors=found)

    @app.exception_handler(HTTPException)
    async def answer_http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(HTTPStatus(error.status_code), str(error.detail))
