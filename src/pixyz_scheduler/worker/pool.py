"""SlotPool: Celery's threads pool, that wakes the consumer when a slot becomes free.

With `worker_disable_prefetch` the consumer leaves messages in Redis while all slots are taken, and looks again once a
second: nobody tells its event loop that a thread has ended. Half a second a job, at the median.
"""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.worker.state import task_ready

_log = logging.getLogger(__name__)

_CHUNK = 4096
# For each slot; what is lent again and again has an end.
_MOST_LENT = 64
LENT = "lent_slots"
"""The attribute of the application that says how many slots are lent."""


def settling(callback: Callable[..., Any]) -> Callable[..., Any]:
    """What Celery does when a task has ended, after which its slot is free in any case.

    Where it raises (the store refuses the task's meta), the consumer would count the slot as taken for ever, and hear
    no doorbell again.
    """

    def settle(*args: Any) -> None:
        try:
            callback(*args)
        except Exception:  # noqa: BLE001  (whatever it is: the next job has nothing to do with it)
            _log.exception("Celery could not end a task")
            request = getattr(callback, "__self__", None)
            if request is not None:
                task_ready(request)

    return settle


def _none() -> int:
    """No slot is lent."""
    return 0


class SlotPool(TaskPool):
    """One thread a slot; each end of a task is one byte in a pipe that the event loop reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of them no more are made than there are slots, and slots lent.
        self.executor = ThreadPoolExecutor(max_workers=self.limit * _MOST_LENT)
        self._lent: Callable[[], int] = getattr(self.app, LENT, _none)
        self._woken, self._waking = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waking, False)

    @property
    def num_processes(self) -> int:
        """How many tasks may be at work."""
        return int(min(self.limit + self._lent(), self.limit * _MOST_LENT))

    def register_with_event_loop(self, hub: Any) -> None:
        """Celery calls it for each new connection."""
        hub.add_reader(self._woken, self._drain)

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **options: Any,
    ) -> Any:
        """Run a task in a free thread; then look for the next message at once."""
        result = super().on_apply(target, args, kwargs, settling(callback), accept_callback, **options)
        result.f.add_done_callback(self._wake)
        return result

    def wake(self) -> None:
        """Make the event loop look up; from any thread."""
        self._wake(None)

    def _wake(self, _: Any) -> None:
        with suppress(BlockingIOError):  # full of bytes: it will wake
            os.write(self._waking, b"!")

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, _CHUNK)
