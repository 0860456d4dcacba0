"""Recent: what was found a moment ago, for any number who ask; one thread at a time looks anew."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Generic, TypeVar

T = TypeVar("T")

_LASTS = 1.0
_PATIENCE = 2.0


class Recent(Generic[T]):
    """Looks when somebody asks, once for all who ask within a second; nobody waits for a look that hangs.

    Args:
        look: finds it; what it raises is raised to who asked.
        lasts: seconds that an answer is given out.
        patience: seconds that anybody waits for a look.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        look: Callable[[], T],
        *,
        lasts: float = _LASTS,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._lasts = lasts
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._found: Future[T] | None = None
        self._until = 0.0

    def get(self) -> T:
        """What was found; raises TimeoutError where the look takes longer than anybody waits."""
        with self._lock:
            found = self._found
            if found is None or (found.done() and self._clock() >= self._until):
                found = self._found = Future()
                threading.Thread(target=self._run, args=(found,), name="look", daemon=True).start()
        try:
            return found.result(self._patience)
        except NotInTime as error:
            if found.done():  # Python 3.11 has one TimeoutError for both: the look itself has raised it
                raise
            raise TimeoutError(f"no answer within {self._patience:g} s") from error

    def _run(self, found: "Future[T]") -> None:
        try:
            answer = self._look()
        except BaseException as error:  # noqa: BLE001  (raised again by who asked)
            self._until = self._clock() + self._lasts
            found.set_exception(error)
        else:
            self._until = self._clock() + self._lasts
            found.set_result(answer)
