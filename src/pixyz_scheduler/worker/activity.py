"""Activity: what this worker is doing, counted, for whoever asks: the farm, the stall guard, its quota of jobs."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


class Answering:
    """One doorbell under answer.

    Attributes:
        is_wanted: whether it is one of those that this worker answers.
        took: whether there was a job to it.
    """

    def __init__(self, *, is_wanted: bool, on_taken: Callable[[], None]) -> None:
        self.is_wanted = is_wanted
        self.took = False
        self._on_taken = on_taken

    def take(self) -> None:
        """The job is this worker's: it counts as one of those that it does in its life."""
        self.took = True
        self._on_taken()


class Activity:
    """Counts doorbells under answer; any thread.

    Args:
        most: how many jobs this worker takes in its life, so that a leak of memory has an end; 0 for any number. A
            doorbell in vain, of a job that was cancelled or is held elsewhere, is none of them.

    Attributes:
        begun: how many were answered, and are.
        busy: how many of them now.
        heard: monotonic seconds of the last one.
        on_last: called as the last job is taken.
        lent: slots whose jobs do nothing but wait for their sub-tasks.
        on_lent: called as there is one more.
    """

    def __init__(self, *, most: int = 0) -> None:
        self._lock = threading.Lock()
        self._most = most
        self.begun = 0
        self._taken = 0
        # Of the jobs that it does in its life: those that it took, and what under answer may become one.
        self._spoken_for = 0
        self._rests = False
        self.busy = 0
        self.heard = time.monotonic()
        self.on_last: Callable[[], None] = _nothing
        self.lent = 0
        self.on_lent: Callable[[], None] = _nothing

    @contextmanager
    def answering(self) -> Iterator[Answering]:
        """One more, until left."""
        with self._lock:
            self.begun += 1
            self.busy += 1
            self._spoken_for += 1
            self.heard = time.monotonic()
            is_wanted = not self._rests and (not self._most or self._spoken_for <= self._most)
        one = Answering(is_wanted=is_wanted, on_taken=self._take)
        try:
            yield one
        finally:
            with self._lock:
                self.busy -= 1
                self._spoken_for -= not one.took

    @property
    def is_over(self) -> bool:
        """Whether it has taken as many jobs as it does in its life, or rests."""
        return self._rests or 0 < self._most <= self._taken

    def is_free(self, slots: int) -> bool:
        """Whether one more doorbell could be answered, and would be."""
        return not self.is_over and self.busy - self.lent < slots

    def rest(self) -> bool:
        """Answer no more doorbells from now on, unless one is under answer; whether so."""
        with self._lock:
            self._rests = self._rests or not self.busy
            return self._rests

    def _take(self) -> None:
        with self._lock:
            self._taken += 1
            taken = self._taken
        if taken == self._most:
            _log.info("job %d of MAX_TASKS_BEFORE_SHUTDOWN: this worker ends after it", taken)
            self.on_last()

    def lend(self, more: int) -> None:
        """One more slot is lent, or one no more (-1): the job in it goes on, beside that to which it was lent."""
        with self._lock:
            self.lent += more
        if more > 0:
            self.on_lent()


def _nothing() -> None:
    """Nobody is told."""
