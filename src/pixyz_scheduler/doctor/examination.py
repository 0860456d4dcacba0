"""Examination: all checks at once, each for so long; one that hangs or fails hides no other."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.findings import Finding, error

_PATIENCE = 20.0


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Attributes:
        name: in a word.
        look: finds it out; may block, may raise.
        patience: seconds that it may take.
    """

    name: str
    look: Callable[[], Iterable[Finding]]
    patience: float = _PATIENCE


def examine(checks: Sequence[Check], *, now: Callable[[], float] = time.monotonic) -> Iterator[Finding]:
    """What all of them find, in their order; each is told as soon as it and those before it have ended."""
    started = now()
    looks = [_Look(check) for check in checks]
    for look in looks:
        yield from look.found(started + look.check.patience - now())


class _Look:
    """One check under way, in a thread that nobody waits for at the end: a dead mount keeps it for ever."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._found: list[Finding] = []
        self._thread = threading.Thread(target=self._run, name=f"doctor-{check.name}", daemon=True)
        self._thread.start()

    def found(self, patience: float) -> list[Finding]:
        """What it has found by then."""
        self._thread.join(max(0.0, patience))
        if not self._thread.is_alive():
            return self._found
        what = f"this was not found out within {self.check.patience:g} s"
        return [*self._found, error(self.check.name, what, "Something it stands on hangs: a mount, or a network.")]

    def _run(self) -> None:
        try:
            for finding in self.check.look():
                self._found.append(finding)
        except SchedulerError as trouble:
            self._found.append(error(self.check.name, str(trouble), "See docs/how-to/when-something-is-wrong.md."))
        except Exception as trouble:  # noqa: BLE001  (whatever it is: the other checks are to be told)
            what = f"the check itself failed: {type(trouble).__name__}: {trouble}"
            self._found.append(error(self.check.name, what, "This is a fault of doctor: please report it."))
