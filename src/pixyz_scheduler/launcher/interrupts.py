"""Interrupts: Ctrl-C and SIGTERM, counted: the first asks for an end in good order, the second for one at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import Self

from pixyz_scheduler.process_signals import take_break_as_end

_LOOK = 0.5


class Interrupts:
    """What was asked for so far.

    Attributes:
        end: set by the first signal.
        at_once: set by the second.
    """

    def __init__(self) -> None:
        self.end = threading.Event()
        self.at_once = threading.Event()

    @classmethod
    @contextmanager
    def caught(cls) -> Iterator[Self]:
        """Catch both signals; a handler only sets an event."""
        asked = cls()
        take_break_as_end()
        before = {number: signal.signal(number, asked._catch) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield asked
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self) -> None:
        """Until the first signal. In short turns: on Windows no signal wakes who waits for an event."""
        while not self.end.wait(_LOOK):
            pass

    def _catch(self, *_: object) -> None:
        (self.at_once if self.end.is_set() else self.end).set()
