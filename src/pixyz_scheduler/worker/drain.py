"""Drain: how a worker leaves. First signal: no new jobs, the running ones may end; second, or time: they go back."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery.signals import worker_shutting_down
from typing_extensions import Self

from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper

_log = logging.getLogger(__name__)


class Drain:
    """A thread that waits for Celery's word that the worker is to stop; a context manager.

    Args:
        keeper: tells the store at once that the worker leaves: should it vanish now, no attempt is charged.
        timeout: seconds that the running jobs are given.
        stopping: set when nothing more is worth waiting for.

    Attributes:
        leaving: set by the first signal: doorbells are no longer answered.
        wake: called then, to make the consumer look up from its waiting.
    """

    def __init__(self, keeper: LeaseKeeper, *, timeout: float, stopping: threading.Event) -> None:
        self._keeper = keeper
        self._timeout = timeout
        self._stopping = stopping
        self._at_once = threading.Event()
        self._ended = threading.Event()
        self.leaving = threading.Event()
        self.wake: Callable[[], None] = _nobody
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)

    def begin(self) -> None:
        """Leave; called again: at once. Only sets events, for it is called from signal handlers."""
        (self._at_once if self.leaving.is_set() else self.leaving).set()

    def __enter__(self) -> Self:
        worker_shutting_down.connect(self._on_signal, weak=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        worker_shutting_down.disconnect(self._on_signal)
        self._ended.set()
        self._stopping.set()
        self._at_once.set()
        self.leaving.set()
        self._thread.join()

    def _on_signal(self, **_: Any) -> None:
        self.begin()

    def _run(self) -> None:
        self.leaving.wait()
        if self._ended.is_set():
            return
        _log.info("drain: no new jobs; those that run have %g s (DRAIN_TIMEOUT)", self._timeout)
        self.wake()
        self._keeper.leave()
        self._at_once.wait(self._timeout)
        if self._ended.is_set():
            return
        _log.info("drain: the running jobs go back to their queues")
        self._keeper.stop_all(Drained())
        self._stopping.set()


def _nobody() -> None:
    """Nobody waits yet."""
