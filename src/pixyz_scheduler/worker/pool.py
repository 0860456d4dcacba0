"""SlotPool: Celery's threads pool, that wakes the consumer when a slot becomes free.

With `worker_disable_prefetch` the consumer leaves messages in Redis while all slots are taken, and looks again once a
second: nobody tells its event loop that a thread has ended. Half a second a job, at the median.
"""

import os
from contextlib import suppress
from typing import Any

from celery.concurrency.thread import TaskPool

_CHUNK = 4096


class SlotPool(TaskPool):
    """One thread a slot; each end of a task is one byte in a pipe that the event loop reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._woken, self._waking = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waking, False)

    def register_with_event_loop(self, hub: Any) -> None:
        """Celery calls it for each new connection."""
        hub.add_reader(self._woken, self._drain)

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Run a task in a free thread; then look for the next message at once."""
        result = super().on_apply(*args, **kwargs)
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
