"""Consumer: Celery's part of a worker: control, inspect, events, signals; the doorbells are heard by `Doorbells`."""

import logging
import os
import warnings
from typing import Any

from celery import Celery
from celery.apps import worker as celery_worker
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.worker import state
from celery.worker.consumer import consumer

from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.worker.tasks import register_tasks

_log = logging.getLogger(__name__)

_IN_ORDER = 0
_CANNOT_CONNECT: str = vars(consumer)["CONNECTION_ERROR"]


class Consumer:
    """Celery's worker, that takes no task.

    Args:
        app: learns the task of our doorbells.
        me: where this worker listens, and with how many slots, as Celery's tools are to show it.
        level: what Celery logs.
    """

    def __init__(self, app: Celery, me: Worker, *, level: str) -> None:
        register_tasks(app)
        self._me = me
        self.hostname = f"pixyz@{me.name}"
        self._worker: Any = app.Worker(
            hostname=self.hostname,
            pool="pixyz_scheduler.worker.pool:IdlePool",
            quiet=True,
            concurrency=me.slots,
            queues=",".join(me.queues),
            loglevel=level,
            without_gossip=True,
            without_mingle=True,
            disable_prefetch=True,
        )

    def run(self) -> int:
        """Serve Celery's tools until a signal, or `stop`; the exit status."""
        me = self._me
        _log.info("worker %s listens on %s, %d at a time", me.name, ", ".join(me.queues), me.slots)
        self._worker.start()
        return int(self._worker.exitcode or 0)

    def stop(self) -> None:
        """Return from `run`. From any thread."""
        vars(state)["should_stop"] = _IN_ORDER
        self.wake()

    def wake(self) -> None:
        """Make it look up from its waiting; from any thread."""
        pool = self._worker.pool
        if pool is not None:
            pool.wake()

    def dispatcher(self) -> Any:
        """Celery's sender of events; None where it has none now."""
        return getattr(self._worker.consumer, "event_dispatcher", None)


class OncePerOutage(logging.Filter):
    """Lets Celery's `Cannot connect` through once after each start, or loss of the connection; it comes each 2 s."""

    def __init__(self) -> None:
        super().__init__()
        self._told = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it; what is let through is one line."""
        if record.msg != _CANNOT_CONNECT or not isinstance(record.args, tuple):
            self._told = False
            return True
        told, self._told = self._told, True
        record.msg, record.args = "Cannot connect to %s: %s Tried again until it goes.", record.args[:2]
        return not told


def quiet_celery() -> None:
    """Each state of a job is logged once, by us; and what Celery says of root, or of a lost store, in one line."""
    for name in ("celery.worker.strategy", "celery.app.trace", consumer.__name__):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What it prints at a signal goes round the log, so that JSON is none.
    vars(celery_worker)["safe_say"] = _say_nothing
    logging.getLogger(consumer.__name__).addFilter(OncePerOutage())
    warnings.filterwarnings("ignore", category=SecurityWarning)
    # Celery asks for these again when it starts: nine lines of its next version at each loss of the connection.
    logging.getLogger("py.warnings").addFilter(_is_news)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        _log.warning("this worker runs as root, and so do its users' scripts: give it a user of its own")


def _say_nothing(*_: object) -> None:
    """The drain tells it."""


def _is_news(record: logging.LogRecord) -> bool:
    return CPendingDeprecationWarning.__name__ not in record.getMessage()
