"""The floor: a Celery worker with the threads pool, its task inline, without HTTP, isolation or a record."""

import os
import time

from celery import Celery

app = Celery("raw", broker=os.environ["RAW_BROKER"], backend=os.environ["RAW_BACKEND"])
app.conf.update(task_default_queue="raw", worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)


@app.task(name="raw.now")
def now() -> int:
    """When the task's body began, in ns of the machine's monotonic clock."""
    return time.monotonic_ns()
