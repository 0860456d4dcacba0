"""What the API says of itself: answers, errors, the form of `POST /jobs`, and the key."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

from pixyz_scheduler.api.access import HEADER
from pixyz_scheduler.api.idempotency import HEADER as HEADER_OF_KEYS
from pixyz_scheduler.api.idempotency import REPLAYED
from pixyz_scheduler.api.problems import Problem

_KEY = APIKeyHeader(name=HEADER, auto_error=False, description="The password in clear.")
# It asks for nothing (Access did), but it shows in the documentation.
NEEDS_KEY = Security(_KEY)

_UNPROCESSABLE = str(int(HTTPStatus.UNPROCESSABLE_ENTITY))
_FASTAPIS = "HTTPValidationError"
_WORDS = {
    400: "What was sent is wrong.",
    401: "No key, or a wrong one.",
    404: "There is no such thing.",
    409: "The job's state does not allow it, or a request with the same Idempotency-Key is at work.",
    413: "The body is larger than MAX_UPLOAD_SIZE.",
    422: "The Idempotency-Key came before with another request.",
    416: "The file has no such range.",
    425: "Not there yet: ask again after `Retry-After` seconds.",
    503: "Redis or the share is away: nothing was done.",
    507: "The share is full.",
}

Responses = dict[int | str, dict[str, Any]]


def answers(model: type[BaseModel], description: str = "Done.") -> Responses:
    """What a route answers when all is well."""
    return {200: {"model": model, "description": description}}


def problems(*statuses: int) -> Responses:
    """What a route answers otherwise."""
    return {status: {"model": Problem, "description": _WORDS[status]} for status in statuses}


def describe(app: FastAPI) -> None:
    """Have the application describe itself, without the 422 that FastAPI adds and we answer in one place only."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _without_422(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                )
            )
        return app.openapi_schema

    # FastAPI's own way to change the description.
    app.openapi = openapi  # type: ignore[method-assign]


def _without_422(schema: dict[str, Any]) -> dict[str, Any]:
    for path in schema["paths"].values():
        for operation in path.values():
            answer = operation["responses"].get(_UNPROCESSABLE, {})
            if _FASTAPIS in json.dumps(answer):
                del operation["responses"][_UNPROCESSABLE]
    for name in (_FASTAPIS, "ValidationError"):
        schema.get("components", {}).get("schemas", {}).pop(name, None)
    return schema


_CONFIG = (
    'JSON object: `entrypoint` ("main"), `queue` ("cpu"), `time_limit` (seconds for an attempt), '
    "`no_progress_limit` (seconds without progress; null for any), `root_file` (the main file inside an archive, or of "
    "several files), `input_job` (an earlier job, of which an output is the input), `input_path` (which output), "
    "`compute_only`, `raw`, `priority` (0, most urgent, to 9), `cache` (the outputs of an earlier job that did the "
    "same work will do), `deduplicate` (what is sent may lie on the share once for all jobs that say so). "
    "`null` means the default, "
    "`@pixyz_schedule(...)` of the script gives its own. What else is sent is ignored, with a warning."
)


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_FIELDS = {
    "process": _text("Name of a process, or `custom` for a script of your own.", default="custom"),
    "params": _text("JSON object, handed to the entry point.", default="{}", examples=['{"extension": "glb"}']),
    "name": _text("Your name for the job.", maxLength=200, examples=["bracket"]),
    "config": _text(_CONFIG, examples=['{"queue": "gpu", "time_limit": 600}']),
}
_FILE_FIELDS = {
    "script": _text("Your Python file; needed where `process` is `custom`.", format="binary"),
    "file": _text(
        "The input: a 3D file, or an archive that is unpacked for the job. It may come several times, each with "
        "another file: the first, or the one that `root_file` names, is the one to open.",
        format="binary",
    ),
    "files": {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "More of them; the same as `file`, several times.",
    },
}

IDEMPOTENCY: dict[str, Any] = {
    "parameters": [
        {
            "name": HEADER_OF_KEYS,
            "in": "header",
            "required": False,
            "description": "A text of your own for this job (1 to 255 visible characters), such as a new uuid. Sent "
            "again with it within 24 h, the same request makes no second job: it is answered as the first time, with "
            f"`{REPLAYED}: true`.",
            "schema": {"type": "string", "maxLength": 257},
        }
    ]
}

JOB_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {**_FIELDS, **_FILE_FIELDS}},
                "examples": {
                    "process": {"value": {"process": "sleep", "params": '{"sleep": 1}'}},
                    "script": {"value": {"name": "hello", "params": '{"name": "Ada"}'}},
                },
            },
            "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": _FIELDS}},
        },
    }
}
