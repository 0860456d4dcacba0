"""Turn: threads that make many small system calls take turns at it, and wait for the disk at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock that its holder lends to others while it waits for something slow. Who does not take it needs none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One thread at a time."""
        with self._lock:
            self._mine.is_held = True
            try:
                yield
            finally:
                self._mine.is_held = False

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Within it others may have their turn, where this thread has it."""
        if not getattr(self._mine, "is_held", False):
            yield
            return
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
