"""/backend: a job in the words of Celery's result backend."""

from fastapi import APIRouter

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.openapi import answers, problems
from pixyz_scheduler.api.parameters import Id
from pixyz_scheduler.api.task_meta import TaskMeta
from pixyz_scheduler.scheduler import Scheduler


def backend_routes(scheduler: Scheduler) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Jobs"])

    @router.get(
        "/backend/get_task_meta/{uuid}",
        summary="Look at a job as Celery does",
        responses={**answers(TaskMeta), **problems(404)},
    )
    def task_meta(uuid: Id) -> Json:
        """Celery's task meta, made from the job's record: it is there for every job, however it ended."""
        report = scheduler.whole(scheduler.report(uuid))
        return Json(TaskMeta.of(report, scheduler.children(uuid)))

    return router
