"""Identity: which worker this is, and how it is now, as it tells the farm."""

import os
import secrets
import socket
import time
from dataclasses import replace

from pixyz_scheduler import __version__
from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.drain import Drain
from pixyz_scheduler.worker.readiness import Readiness


def whoami(settings: Settings) -> Worker:
    """This worker, as the farm knows it."""
    return Worker(
        name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
        queues=settings.queue_name,
        slots=settings.concurrent_tasks if settings.pool_type == "pool" and not settings.in_process else 1,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        started=time.time(),
    )


def at_work(me: Worker, activity: Activity, drain: Drain, readiness: Readiness) -> Worker:
    """This worker, as it is now."""
    return replace(
        me,
        busy=max(0, activity.busy - activity.lent),
        draining=drain.leaving.is_set(),
        trouble=readiness.trouble,
        clock=time.time(),
    )
