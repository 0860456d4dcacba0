"""/jobs/{uuid}/logs: what a job's attempts have printed, and print."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.log_watch import LogWatch
from pixyz_scheduler.api.openapi import Responses, problems
from pixyz_scheduler.api.parameters import Id
from pixyz_scheduler.api.schemas import LogEntry, LogList
from pixyz_scheduler.job_logs import JobLogs

ATTEMPT = "X-Log-Attempt"
NEXT_OFFSET = "X-Log-Next-Offset"
TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"

Attempt = Annotated[int | None, Query(ge=1, description="Which attempt, from 1; the last one where none is named.")]
Offset = Annotated[int, Query(ge=0, description="From this byte on.")]
Follow = Annotated[bool, Query(description="Go on with what comes, until the attempt ends.")]

_HEADERS = {
    ATTEMPT: {"description": "The attempt that this is of.", "schema": {"type": "integer"}},
    NEXT_OFFSET: {
        "description": "The `offset` to ask with for what comes later; not with `follow`.",
        "schema": {"type": "integer"},
    },
}
_ANSWERS: Responses = {
    200: {
        "description": "What was printed, both streams in order; asked for with `Accept: application/json`, which "
        "attempts have printed something.",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            _JSON: {"schema": {"$ref": "#/components/schemas/LogList"}},
        },
        "headers": _HEADERS,
        "model": LogList,
    }
}


def log_routes(logs: JobLogs, watch: LogWatch) -> APIRouter:
    """The routes.

    Args:
        logs: finds them.
        watch: reads them, and follows.
    """
    router = APIRouter(tags=["Outputs"])

    @router.get(
        "/jobs/{uuid}/logs",
        summary="Read what a job prints",
        response_class=Response,
        responses={**_ANSWERS, **problems(404)},
    )
    def log(
        uuid: Id, asked: Request, attempt: Attempt = None, offset: Offset = 0, *, follow: Follow = False
    ) -> Response:
        """What an attempt has printed; with `follow` also what it prints from now on. It waits for a job that waits."""
        if _wants_json(asked):
            entries = [LogEntry(**vars(entry)) for entry in logs.entries(uuid)]
            return Json(LogList(attempts=entries))
        found = logs.find(uuid, attempt)
        if follow:
            return _text(watch.follow(found, offset), {ATTEMPT: str(found.attempt)})
        until = max(offset, found.size())
        headers = {ATTEMPT: str(found.attempt), NEXT_OFFSET: str(until), "content-length": str(until - offset)}
        return _text(watch.read(found, offset, until=until), headers)

    return router


def _text(batches: AsyncIterator[bytes], headers: dict[str, str]) -> Response:
    more = {
        "cache-control": "no-cache",
        # nginx would keep it until it has a buffer full.
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(batches, headers={**more, **headers}, media_type=TEXT)


def _wants_json(request: Request) -> bool:
    # Alone: there are libraries that ask for JSON, plain text and anything else, always.
    return [kind.partition(";")[0].strip() for kind in request.headers.get("accept", "").split(",")] == [_JSON]
