"""Problems: which error is which status, in one table, and every error's body in one shape."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.schemas import EXAMPLE_ID, example
from pixyz_scheduler.errors import (
    AccessDenied,
    BadInput,
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    NotReady,
    RecordError,
    RequestInFlight,
    StorageFull,
    Unavailable,
    UploadTooLarge,
)

_log = logging.getLogger(__name__)

# The nearest class in an error's family decides; what is not here is ours to mend: 500, and no word of its text.
STATUSES: Mapping[type[Exception], HTTPStatus] = {
    BadInput: HTTPStatus.BAD_REQUEST,
    AccessDenied: HTTPStatus.UNAUTHORIZED,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotReady: HTTPStatus.TOO_EARLY,
    RecordError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
}

# What goes with a status, whoever raised it.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "x-api-key"},
    425: {"Retry-After": "1"},
    503: {"Retry-After": "2"},
}
# And with an error.
_HEADERS_OF: Mapping[type[Exception], Mapping[str, str]] = {RequestInFlight: {"Retry-After": "1"}}
# Words that changed between Python's versions, and ours must not.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content", 416: "Range Not Satisfiable"}
_UNEXPECTED = "An error of the server's own. Its log has the details."
_SHOWN = 200


class ProblemDetail(BaseModel):
    """What is wrong."""

    code: int = Field(description="The HTTP status.")
    message: str = Field(description="Its name.")
    details: str = Field(description="What exactly.")


class Problem(BaseModel):
    """The body of every error."""

    model_config = example(
        {"detail": {"code": 404, "message": "Not Found", "details": f"No job has the id {EXAMPLE_ID}."}}
    )

    detail: ProblemDetail


def problem(status: int, details: str, headers: Mapping[str, str] | None = None) -> Json:
    """The one shape of an error: `{"detail": {"code", "message", "details"}}`."""
    message = _PHRASES.get(status) or HTTPStatus(status).phrase
    body = {"detail": {"code": int(status), "message": message, "details": details}}
    return Json(body, status_code=status, headers={**_HEADERS.get(status, {}), **(headers or {})})


def status_of(error: Exception) -> HTTPStatus:
    """The status of an error, by the nearest class of its family that the table has."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), HTTPStatus.INTERNAL_SERVER_ERROR)


def answer_problems(app: FastAPI) -> None:
    """Teach the application to answer every error in our shape; `LastResort` has those that nobody foresaw."""
    for kind in STATUSES:
        app.add_exception_handler(kind, _on_purpose)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _on_purpose(request: Request, error: Exception) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("%s %s: %s", request.method, request.url.path, error, extra={"status": int(status)})
    return problem(status, str(error), _HEADERS_OF.get(type(error)))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker: it is registered for these)
    return problem(HTTPStatus.BAD_REQUEST, " ".join(_in_words(error.errors())))


def _in_words(errors: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for each in errors:
        place = ".".join(str(part) for part in each["loc"][1:]) or str(each["loc"][0])
        shown = repr(each.get("input"))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        yield f"{place} is {shown}: {str(each['msg']).removeprefix('Value error, ')}."


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (for the type checker: it is registered for these)
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            details = f"There is nothing at {request.url.path}."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = (error.headers or {}).get("Allow", "other methods")
            details = f"{request.url.path} does not take {request.method}, but {allowed}."
        case _:
            details = str(error.detail)
    return problem(error.status_code, details, error.headers)


async def _gone(request: Request, _: Exception) -> Response:
    _log.info("client left in mid-request: %s %s", request.method, request.url.path)
    return problem(HTTPStatus.BAD_REQUEST, "The request ended before its body was complete.")


class LastResort:
    """Answers what nobody foresaw, and logs it with its trace; the connection lives on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; 500 where that fails."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if begun or scope["type"] != "http":
                # Too late for an answer: the server logs it, and closes the connection.
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await problem(HTTPStatus.INTERNAL_SERVER_ERROR, _UNEXPECTED)(scope, receive, send)
