"""IdlePool: Celery's pool of a worker whose doorbells are heard by `Doorbells`: it takes nothing."""

import socket
from contextlib import suppress
from typing import Any

from celery.concurrency.thread import TaskPool

_CHUNK = 4096


class IdlePool(TaskPool):
    """Has no room for a task, so that Celery fetches no message; and wakes its event loop, which nobody else does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No pipe: Windows can neither look at one nor leave it unwaited for.
        self._woken, self._waking = socket.socketpair()
        self._woken.setblocking(False)  # noqa: FBT003  (the module's signature)
        self._waking.setblocking(False)  # noqa: FBT003  (likewise)

    @property
    def num_processes(self) -> int:
        """How many tasks may be at work, as far as Celery is concerned."""
        return 0

    def register_with_event_loop(self, hub: Any) -> None:
        """Celery calls it for each new connection."""
        hub.add_reader(self._woken, self._drain)

    def wake(self) -> None:
        """Make the event loop look up; from any thread."""
        with suppress(OSError):  # full of bytes: it will wake; or closed: it has ended
            self._waking.send(b"!")

    def on_stop(self) -> None:
        """Celery calls it when its event loop runs no more."""
        super().on_stop()
        self._woken.close()
        self._waking.close()

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(_CHUNK)
