"""Waiting: why a job has not begun, in words."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """What stands between a job and a worker.

    Attributes:
        ahead: jobs of the same queue that come first.
        listeners: living workers that listen on the queue.
        due: seconds until it may be taken again after a retry; None where it may be at once.
        parked: all licence tokens are taken.
        before: jobs that have not ended, and with whose results it begins.
    """

    ahead: int
    listeners: int
    due: float | None = None
    parked: bool = False
    before: int = 0

    def in_words(self, queue: str) -> str:
        """The first reason that holds, the one that somebody can do most about first."""
        if self.before:
            return f"the results of {self.before} {'job' if self.before == 1 else 'jobs'}"
        if self.listeners == 0:
            return f"no worker listens on queue {queue}"
        if self.due is not None:
            return f"retry in {math.ceil(self.due)} s"
        if self.parked:
            return "no licence token free"
        if self.ahead == 0:
            return f"next on {queue}: the next worker that is free takes it"
        return f"{self.ahead} {'job' if self.ahead == 1 else 'jobs'} ahead on {queue}"
