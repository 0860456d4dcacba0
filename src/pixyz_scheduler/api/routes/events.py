"""/jobs/{uuid}/events: a job's changes as server-sent events."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response, StreamingResponse

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.job_watch import JobWatch
from pixyz_scheduler.api.openapi import Responses, problems
from pixyz_scheduler.api.parameters import Id
from pixyz_scheduler.api.schemas import JobState
from pixyz_scheduler.errors import JobNotFound
from pixyz_scheduler.jobs.report import JobReport

LastId = Annotated[str | None, Header(alias="Last-Event-ID", description="The `id` of the last event that was heard.")]
_PING = b": still here\n\n"
_ANSWERS: Responses = {
    200: {
        "description": "Events named `state` or `progress`, each with a JobState as its data, to the job's end.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "model": None,
    },
    204: {"description": "The job has ended, and who asks has heard of it: nothing more comes.", "model": None},
}


def event_routes(watch: JobWatch) -> APIRouter:
    """The routes.

    Args:
        watch: follows the jobs.
    """
    router = APIRouter(tags=["Jobs"])

    @router.get(
        "/jobs/{uuid}/events",
        summary="Follow a job",
        response_class=Response,
        responses={**_ANSWERS, **problems(404)},
    )
    async def events(uuid: Id, last: LastId = None) -> Response:
        """Where a job stands, at once and at each change, to its end."""
        report = await watch.look(uuid)
        if report.state.is_terminal and last == _id(report):
            # A browser asks again whenever a stream ends, but for this answer.
            return Response(status_code=204)
        return StreamingResponse(
            _stream(watch, uuid, last),
            headers={
                "cache-control": "no-cache",
                # nginx would keep it until it has a buffer full.
                "x-accel-buffering": "no",
            },
            media_type="text/event-stream",
        )

    return router


async def _stream(watch: JobWatch, job_id: Id, last: str | None) -> AsyncIterator[bytes]:
    status = None
    # Removed meanwhile: there is nothing more to tell, and who asks again hears 404.
    with suppress(JobNotFound):
        async with aclosing(watch.follow(job_id)) as changes:
            async for report in changes:
                if report is None:
                    yield _PING
                elif (number := _id(report)) != last:
                    last = number
                    yield _event(report, number, name="progress" if report.status == status else "state")
                    status = report.status


def _event(report: JobReport, number: str, *, name: str) -> bytes:
    data = bytes(Json(JobState.of(report)).body)
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), number.encode(), data)


def _id(report: JobReport) -> str:
    """Of what there is to be told: the same one, whichever process tells it."""
    progress = hashlib.blake2s(repr(report.progress).encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"{report.epoch}-{report.state.value}-{progress}"
