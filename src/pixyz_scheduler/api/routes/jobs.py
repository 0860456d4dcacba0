"""/jobs: send, list, look at, cancel, run again, remove."""

import logging
from typing import Annotated

import anyio
from fastapi import APIRouter, Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.direct_route import DirectRoute
from pixyz_scheduler.api.idempotency import REPLAYED
from pixyz_scheduler.api.job_reader import JobReader
from pixyz_scheduler.api.job_watch import JobWatch
from pixyz_scheduler.api.metrics import Metrics
from pixyz_scheduler.api.openapi import IDEMPOTENCY, JOB_FORM, answers, problems
from pixyz_scheduler.api.parameters import Cursor, Id, Since, upper
from pixyz_scheduler.api.schemas import JobAccepted, JobDetails, JobList, JobState, Status
from pixyz_scheduler.api.tracing import tell_job, trace_of
from pixyz_scheduler.api.upload import SMALL_AT_ONCE, receive
from pixyz_scheduler.broker.listing import JobFilter
from pixyz_scheduler.jobs import state
from pixyz_scheduler.jobs.job import parse_job_id
from pixyz_scheduler.jobs.trace import ids_of
from pixyz_scheduler.logs import about_job
from pixyz_scheduler.scheduler import Scheduler

_log = logging.getLogger(__name__)

Wanted = Annotated[Status | None, BeforeValidator(upper), Query(description="Only jobs of this status.")]
Named = Annotated[str | None, Query(description="Only jobs of this name.")]
On = Annotated[str | None, Query(description="Only jobs of this queue.")]
NO_PARENT = "none"
Parent = Annotated[
    str | None, Query(description="Only the sub-tasks of this job; `none`: only jobs that users have sent.")
]
# A proxy between us ends what is silent for longer, mostly.
_LONGEST_WAIT = 60
Wait = Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds to wait for the job's end; 0: none.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Jobs a page.")]


def job_routes(scheduler: Scheduler, watch: JobWatch, *, metrics: Metrics, max_upload_size: int) -> APIRouter:
    """The routes.

    Args:
        scheduler: does it.
        watch: follows jobs.
        metrics: counts the jobs.
        max_upload_size: bytes of a body at most; 0 for no limit.
    """
    router = APIRouter(tags=["Jobs"])
    reader = JobReader(scheduler.records_of)
    small = anyio.CapacityLimiter(SMALL_AT_ONCE)

    async def submit(request: Request) -> Json:
        """Send a script, or name a process; with a file, if it needs one. It is checked and then run by a worker."""
        accepted = await receive(request, scheduler, max_size=max_upload_size, small=small)
        job = accepted.report.job
        answer = JobAccepted.with_warnings(accepted.report, accepted.warnings)
        trace = trace_of(request)
        tell_job(request, job)
        with about_job(job.id, ids_of(trace)):
            if accepted.replayed:
                _log.info("answer given again for its Idempotency-Key")
                return Json(answer, headers={REPLAYED: "true"})
            _log.info("job accepted", extra={"process_name": job.process, "queue": accepted.report.queue})
            for warning in accepted.warnings:
                _log.warning("%s", warning)
        metrics.job_submitted(accepted.report.queue)
        return Json(answer)

    router.add_api_route(
        "/jobs",
        submit,
        methods=["POST"],
        summary="Send a job",
        responses={**answers(JobAccepted, "The job will be run."), **problems(404, 409, 413, 422, 425, 507)},
        openapi_extra={**JOB_FORM, **IDEMPOTENCY},
        route_class_override=DirectRoute,
    )

    @router.get("/jobs", summary="List jobs", responses=answers(JobList))
    def jobs(
        limit: Limit = 100,
        cursor: Cursor = None,
        status: Wanted = None,
        name: Named = None,
        queue: On = None,
        since: Since = None,
        parent: Parent = None,
    ) -> Json:
        """Jobs, newest first, page by page."""
        wanted = JobFilter(
            status=state.JobState(status) if status else None,
            name=name or None,
            queue=queue or None,
            since=since,
            parent=None if parent is None else "" if parent == NO_PARENT else parse_job_id(parent),
        )
        page = scheduler.list_jobs(wanted, limit=limit, cursor=cursor)
        return Json(JobList(jobs=[JobState.of(report) for report in page.reports], cursor=page.cursor))

    @router.get("/jobs/{uuid}", summary="Look at a job", responses={**answers(JobState), **problems(404)})
    async def job(uuid: Id, wait: Wait = 0.0) -> Json:
        """Where a job stands; with `wait` once it has ended, or this time is over."""
        report = await (watch.until_end(uuid, seconds=wait) if wait else reader.report(uuid))
        return Json(JobState.of(report))

    @router.get("/jobs/{uuid}/details", summary="Look closely", responses={**answers(JobDetails), **problems(404)})
    def details(uuid: Id) -> Json:
        """All that is known of a job: its times, steps, result, or the traceback of its script."""
        report = scheduler.closely(uuid)
        details = JobDetails.of(report, waiting_for=scheduler.waiting_for(report), children=scheduler.children(uuid))
        return Json.with_raw(details, "result", scheduler.large_result(report))

    _add_ends(router, scheduler)
    return router


def _add_ends(router: APIRouter, scheduler: Scheduler) -> None:
    @router.post("/jobs/{uuid}/cancel", summary="Cancel a job", responses={**answers(JobState), **problems(404, 409)})
    def cancel(uuid: Id) -> Json:
        """End a job: at once while it waits, soon while it runs. 409: it has ended already."""
        return Json(JobState.of(scheduler.cancel(uuid)))

    @router.post("/jobs/{uuid}/retry", summary="Run a job again", responses={**answers(JobState), **problems(404, 409)})
    def retry(uuid: Id) -> Json:
        """Run a job that has ended once more, with the same inputs and a new history. 409: it has not ended."""
        return Json(JobState.of(scheduler.retry(uuid)))

    @router.delete(
        "/jobs/{uuid}",
        summary="Remove a job",
        status_code=204,
        responses={**problems(404), 202: {"model": JobState, "description": "It is being stopped, and goes then."}},
    )
    def delete(uuid: Id) -> Response:
        """Cancel a job and remove its files and its record: now (204), or once its worker has stopped it (202)."""
        stopping = scheduler.delete(uuid)
        return Response(status_code=204) if stopping is None else Json(JobState.of(stopping), status_code=202)
