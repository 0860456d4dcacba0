"""The floor: a Celery app whose task is inline, without HTTP, isolation or a record."""

import os
import time
from typing import Any

from celery import Celery


def make(broker: str, backend: str) -> Celery:
    """The app with its one task, `raw.now`."""
    app = Celery("raw", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(task_default_queue="raw", worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)

    # An app for each store, and none that knows the others' tasks.
    @app.task(name="raw.now", shared=False)
    def now() -> int:
        """When the task's body began, in ns of the machine's monotonic clock."""
        return time.monotonic_ns()

    return app


def task(broker: str, backend: str) -> Any:
    """Its task, to be sent."""
    app = make(broker, backend)
    return app.tasks["raw.now"]


def __getattr__(name: str) -> Celery:
    """For `celery -A bench.raw_celery:from_environment`, which wants an attribute: nothing is made at import."""
    if name == "from_environment":
        return make(os.environ["RAW_BROKER"], os.environ["RAW_BACKEND"])
    raise AttributeError(name)
