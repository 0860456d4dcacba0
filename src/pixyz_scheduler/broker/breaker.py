"""Breaker: spares callers the wait for a server that was silent a moment ago; one at a time looks if it is back."""

import threading


class Breaker:
    """Any number of threads ask; times are monotonic seconds.

    Args:
        pause: seconds from one silence to the next look.
    """

    def __init__(self, *, pause: float = 0.1) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._silent = False
        self._looking = False
        self._next_look = 0.0

    def may_ask(self, now: float) -> bool:
        """Whether this caller may ask the server; who may must say then what came of it."""
        with self._lock:
            if not self._silent:
                return True
            if self._looking or now < self._next_look:
                return False
            self._looking = True
            return True

    def heard(self) -> None:
        """It answered."""
        with self._lock:
            self._silent = self._looking = False

    def silent(self, now: float) -> None:
        """It did not."""
        with self._lock:
            self._silent, self._looking = True, False
            self._next_look = now + self._pause
