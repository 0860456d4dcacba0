"""The Celery task that answers doorbells."""

from typing import Any

from celery import Celery
from celery.exceptions import Ignore

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.jobs.job import parse_job_id
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.execution import Execution
from pixyz_scheduler.worker.task_metas import JobFailed


def register_tasks(app: Celery, execution: Execution) -> None:
    """Teach the application to answer doorbells by this execution.

    How a job ended is in Celery's events; its meta is written by `TaskMetas`, so that no slot waits for it.
    """

    @app.task(name=EXECUTE, bind=True, throws=(JobFailed,), ignore_result=True)
    def pixyz_execute(task: Any, params: Any = None, pc: Any = None) -> Any:  # noqa: ARG001  (workflows send them)
        queue = (task.request.delivery_info or {}).get("routing_key") or "cpu"
        report = execution.run(parse_job_id(task.request.id), queue=queue)
        if report is None or report.state is JobState.REVOKED:
            # Held elsewhere, or to be tried again, or called off.
            raise Ignore
        if report.state is JobState.FAILURE:
            raise JobFailed(report.error)
        return report.state.value
