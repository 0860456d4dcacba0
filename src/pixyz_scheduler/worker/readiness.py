"""Readiness: whether this worker may begin a job; while it may not, its slots hold their doorbells back."""

import logging
import threading
import time
from collections.abc import Callable

from pixyz_scheduler.errors import SchedulerError

_log = logging.getLogger(__name__)

# Longer than the sweeper waits before it rings again elsewhere: one job at a time is kept from other workers, not all.
_HOLD = 5.0
_LOOK_EACH = 0.5


class Readiness:
    """Asked by every slot before a claim; any number of threads.

    Args:
        check: raises what keeps jobs from being begun.
        check_share: raises where the share is not the store's own, or away.
        hold: seconds that a doorbell is held back at most.

    Attributes:
        trouble: why no job was begun when somebody looked last; empty where one was.
    """

    def __init__(self, check: Callable[[], None], check_share: Callable[[], None], *, hold: float = _HOLD) -> None:
        self._check = check
        self._check_share = check_share
        self._hold = hold
        self._lock = threading.Lock()
        self._told: type[Exception] | None = None
        self.trouble = ""

    def wait(self, stopping: threading.Event) -> bool:
        """Whether a job may be begun: at once, or before a doorbell has been held for too long."""
        give_up = time.monotonic() + self._hold
        while not self._is_ready():
            if time.monotonic() >= give_up or stopping.wait(_LOOK_EACH):
                return False
        return True

    def share_trouble(self) -> str | None:
        """What is wrong with the share; None where nothing is."""
        return _trouble(self._check_share)

    def _is_ready(self) -> bool:
        error = _error_of(self._check)
        kind = None if error is None else type(error)
        with self._lock:
            changed, self._told = kind is not self._told, kind
            self.trouble = "" if error is None else str(error)
        if changed and error is not None:
            _log.warning("not ready, no job is begun: %s", error)
        elif changed:
            _log.info("ready again")
        return error is None


def _error_of(check: Callable[[], None]) -> Exception | None:
    try:
        check()
    except (SchedulerError, OSError) as error:
        return error
    return None


def _trouble(check: Callable[[], None]) -> str | None:
    error = _error_of(check)
    return None if error is None else str(error)


def _nothing() -> None:
    """Nothing is asked."""


ALWAYS_READY = Readiness(_nothing, _nothing)
