"""Stall guard: a worker that is alive and deaf is restarted: a slot is free, messages lie in its queues, none comes.

Celery's consumer can be lost that way: after READONLY or out-of-memory errors of Redis, on a connection that a firewall
has forgotten, in a pause between two tries that has grown long.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from typing_extensions import Self

from pixyz_scheduler.errors import SchedulerError

_log = logging.getLogger(__name__)

_LOOKS = 20


@dataclass(frozen=True)
class Hearing:
    """Since when a worker should have heard something; monotonic seconds, None while all is well."""

    suspected: float | None = None

    def after(self, *, now: float, free: bool, waiting: int, heard: float) -> "Hearing":
        """After one look.

        Args:
            now: of the look.
            free: a slot is free, and the worker wants jobs.
            waiting: messages in its queues.
            heard: when the last one came.
        """
        if not free or not waiting or (self.suspected is not None and heard > self.suspected):
            return replace(self, suspected=None)
        return self if self.suspected is not None else replace(self, suspected=now)

    def is_deaf(self, now: float, *, patience: float) -> bool:
        """Whether it has lasted too long."""
        return self.suspected is not None and now - self.suspected >= patience


class StallGuard:
    """A thread that looks now and then; a context manager.

    Args:
        waiting: counts the messages in this worker's queues; raises SchedulerError where the store is away.
        is_free: whether a slot is free and the worker wants jobs.
        heard: monotonic seconds of the last doorbell.
        on_deaf: called once.
        patience: seconds, `Pace.deaf`.
    """

    def __init__(
        self,
        *,
        waiting: Callable[[], int],
        is_free: Callable[[], bool],
        heard: Callable[[], float],
        on_deaf: Callable[[], None],
        patience: float,
    ) -> None:
        self._waiting = waiting
        self._is_free = is_free
        self._heard = heard
        self._on_deaf = on_deaf
        self._patience = patience
        self._hearing = Hearing()
        self._is_deaf = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stall guard", daemon=True)

    @property
    def goes_on(self) -> bool:
        """Whether its thread lives, and has not found the worker to be deaf."""
        return self._thread.is_alive() and not self._is_deaf

    def look(self, now: float) -> bool:
        """Look once; whether the worker is deaf."""
        free = self._is_free()
        try:
            waiting = self._waiting() if free else 0
        except SchedulerError:
            # The store is away for us too: that is no deafness.
            waiting = 0
        self._hearing = self._hearing.after(now=now, free=free, waiting=waiting, heard=self._heard())
        return self._hearing.is_deaf(now, patience=self._patience)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._patience / _LOOKS):
            if self.look(time.monotonic()):
                _log.error("alive and deaf: messages wait, a slot is free, nothing was heard: this worker restarts")
                self._is_deaf = True
                self._on_deaf()
                return
