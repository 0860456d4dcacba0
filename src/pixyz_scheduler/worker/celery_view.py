"""CeleryView: what Celery's `inspect`, its events and so Flower are told of the jobs that are at work here."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from celery.worker import state as celery_state

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.logs import Trouble
from pixyz_scheduler.worker.task_metas import JobFailed

_log = logging.getLogger(__name__)


class Dispatcher(Protocol):
    """Celery's sender of events; `enabled` once somebody has asked for them."""

    enabled: bool

    def send(self, type: str, **fields: Any) -> Any:  # noqa: A002  (Celery's name)
        """Send one."""


@dataclass(eq=False)
class ShownRequest:
    """A job as Celery shows a task that it runs; by the names that its `inspect` reads."""

    id: str
    queue: str
    hostname: str
    name: str = EXECUTE
    time_start: float = field(default_factory=time.time)

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002  (Celery's signature)
        """One line of `inspect active`."""
        return {
            "id": self.id,
            "name": self.name,
            "args": [],
            "kwargs": {},
            "type": self.name,
            "hostname": self.hostname,
            "time_start": self.time_start,
            "acknowledged": True,
            "delivery_info": {"exchange": "", "routing_key": self.queue, "priority": 0, "redelivered": False},
            "worker_pid": os.getpid(),
        }


class CeleryView:
    """Shows jobs to Celery's tools; any thread.

    Args:
        hostname: the worker's name there.
        dispatcher: gives the sender of events, once there is one.
    """

    def __init__(self, hostname: str, dispatcher: Any) -> None:
        self._hostname = hostname
        self._dispatcher = dispatcher
        self._trouble = Trouble(_log, "Celery's events are not sent")

    @contextmanager
    def at_work(self, job_id: JobId, queue: str) -> Iterator["ShownRequest"]:
        """It is shown until left."""
        request = ShownRequest(job_id, queue, self._hostname)
        celery_state.task_reserved(request)
        celery_state.task_accepted(request)
        self._tell("task-received", request, name=EXECUTE, args="()", kwargs="{}", retries=0, eta=None, expires=None)
        self._tell("task-started", request)
        try:
            yield request
        finally:
            celery_state.task_ready(request)

    def ended(self, request: ShownRequest, report: JobReport) -> None:
        """How it ended."""
        match report.state:
            case JobState.SUCCESS:
                runtime = time.time() - request.time_start
                self._tell("task-succeeded", request, result=report.state.value, runtime=runtime)
            case JobState.FAILURE:
                self._tell("task-failed", request, exception=repr(JobFailed(report.error)), traceback="")
            case JobState.REVOKED:
                self._tell("task-revoked", request, terminated=True, signum=None, expired=False)

    def _tell(self, what: str, request: ShownRequest, **fields: Any) -> None:
        dispatcher: Dispatcher | None = self._dispatcher()
        if dispatcher is None or not dispatcher.enabled:
            return
        try:
            dispatcher.send(what, uuid=request.id, **fields)
        except Exception as error:  # noqa: BLE001  (whatever its broker's library raises: no job waits for an event)
            self._trouble.met(error)
        else:
            self._trouble.passed()
