"""TaskMetas: Celery's own word on a job that has ended, for who asks Celery for it (`AsyncResult`, Flower)."""

import logging

from celery import Celery

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.value import value_of
from pixyz_scheduler.storage.results import Results

_log = logging.getLogger(__name__)


class JobFailed(Exception):
    """The job ended in FAILURE: Celery's meta keeps its one line."""


class TaskMetas:
    """Writes them, last and as well as it goes: the record rules.

    Args:
        app: whose result backend is written to.
        results: where large ones are kept.
    """

    def __init__(self, app: Celery, results: Results) -> None:
        self._app = app
        self._results = results

    def write(self, report: JobReport) -> None:
        """That of a job that has ended."""
        backend = self._app.backend
        match report.state:
            case JobState.FAILURE:
                backend.store_result(report.job.id, JobFailed(report.error), report.state.value)
            case JobState.REVOKED:
                backend.store_result(report.job.id, None, report.state.value)
            case _:
                try:
                    value = value_of(self._results.filled(report))
                except SchedulerError as error:
                    # A meta that says otherwise than the record is worse than none.
                    _log.warning("Celery's meta of job %s not written: %s", report.job.id, error)
                    return
                backend.store_result(report.job.id, value, report.state.value)
