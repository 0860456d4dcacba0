"""Consumer: Celery's part of a worker: it listens on the queues and hands doorbells to the slots."""

import logging
import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.worker import state

from pixyz_scheduler.broker.farm import Worker

_log = logging.getLogger(__name__)

_IN_ORDER = 0


class Consumer:
    """Celery's worker with our pool.

    Args:
        app: its task is registered.
        me: where it listens, and with how many slots.
        level: what Celery logs.
    """

    def __init__(self, app: Celery, me: Worker, *, level: str) -> None:
        self._me = me
        self._worker: Any = app.Worker(
            hostname=f"pixyz@{me.name}",
            pool="pixyz_scheduler.worker.pool:SlotPool",
            quiet=True,
            concurrency=me.slots,
            queues=",".join(me.queues),
            loglevel=level,
            without_gossip=True,
            without_mingle=True,
            disable_prefetch=True,
        )

    def run(self) -> int:
        """Listen until a signal, or `stop`; the exit status."""
        me = self._me
        _log.info("worker %s listens on %s with %d slots", me.name, ", ".join(me.queues), me.slots)
        self._worker.start()
        return int(self._worker.exitcode or 0)

    def stop(self) -> None:
        """Listen no more; return from `run` when the running jobs have ended. From any thread."""
        vars(state)["should_stop"] = _IN_ORDER
        self.wake()

    def wake(self) -> None:
        """Make it look up from its waiting; from any thread."""
        pool = self._worker.pool
        if pool is not None:
            pool.wake()


def quiet_celery() -> None:
    """Each state of a job is logged once, by us; and what Celery says of root in ten lines, in one."""
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        _log.warning("this worker runs as root, and so do its users' scripts: give it a user of its own")
