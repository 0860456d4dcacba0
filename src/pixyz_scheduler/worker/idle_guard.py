"""Idle guard: a worker that has had no job for so long ends, so that who has started it pays for it no more."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import Self

from pixyz_scheduler.worker.activity import Activity

# At most that often, and that seldom: seconds between two looks.
_LOOKS = 20
_LOOK_EACH = 1.0


@dataclass(frozen=True)
class Idleness:
    """Since when a worker has had nothing to do; monotonic seconds, None while it has."""

    since: float | None = None

    def after(self, *, now: float, busy: bool, heard: float) -> "Idleness":
        """After one look.

        Args:
            now: of the look.
            busy: something is to do.
            heard: when the last doorbell came.
        """
        if busy:
            return Idleness()
        # One that has come and gone between two looks.
        return self if self.since is not None and heard <= self.since else Idleness(now)

    def lasts(self, now: float, *, patience: float) -> bool:
        """Whether it has lasted so long."""
        return self.since is not None and now - self.since >= patience


class IdleGuard:
    """A thread that looks now and then; a context manager. It counts from when it is entered.

    Args:
        activity: told to rest when it has been idle for too long, so that no doorbell comes in between.
        patience: seconds, IDLE_TIMEOUT; 0 for any.
        on_idle: called once.
    """

    def __init__(self, activity: Activity, *, patience: float, on_idle: Callable[[], None]) -> None:
        self._activity = activity
        self._patience = patience
        self._on_idle = on_idle
        self._idleness = Idleness()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle guard", daemon=True)

    def look(self, now: float) -> bool:
        """Look once; whether the worker is to end: then it answers no doorbell any more."""
        activity = self._activity
        self._idleness = self._idleness.after(now=now, busy=activity.busy > 0, heard=activity.heard)
        return self._idleness.lasts(now, patience=self._patience) and activity.rest()

    def __enter__(self) -> Self:
        if self._patience:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(min(self._patience / _LOOKS, _LOOK_EACH)):
            if self.look(time.monotonic()):
                self._on_idle()
                return
