"""The Celery tasks: doorbells in, Celery's own task meta out."""

import logging
from typing import Any

from celery import Celery
from celery.exceptions import Ignore

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.jobs.job import parse_job_id
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.value import value_of
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.worker.execution import Execution

_log = logging.getLogger(__name__)


class JobFailed(Exception):
    """The job ended in FAILURE: Celery's meta keeps its one line."""


def register_tasks(app: Celery, execution: Execution) -> None:
    """Teach the application to answer doorbells by this execution."""

    @app.task(name=EXECUTE, bind=True, throws=(JobFailed,))
    def pixyz_execute(task: Any, params: Any = None, pc: Any = None) -> Any:  # noqa: ARG001  (workflows send them)
        queue = (task.request.delivery_info or {}).get("routing_key") or "cpu"
        report = execution.run(parse_job_id(task.request.id), queue=queue)
        return _meta(task, report, execution.results)


def _meta(task: Any, report: JobReport | None, results: Results | None) -> Any:
    if report is None:
        # Held elsewhere, or to be tried again: whoever ends it writes the meta.
        raise Ignore
    if report.state is JobState.SUCCESS:
        return value_of(_whole(report, results))
    if report.state is JobState.REVOKED:
        task.update_state(state="REVOKED")
        raise Ignore
    raise JobFailed(report.error)


def _whole(report: JobReport, results: Results | None) -> JobReport:
    if results is None:
        return report
    try:
        return results.filled(report)
    except SchedulerError as error:
        # The record has it: a meta that says otherwise is worse than none.
        _log.warning("Celery's meta of job %s not written: %s", report.job.id, error)
        raise Ignore from error
