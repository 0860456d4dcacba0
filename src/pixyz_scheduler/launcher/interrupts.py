"""Interrupts: Ctrl-C and SIGTERM, counted: the first asks for an end in good order, the second for one at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import Self


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
        before = {number: signal.signal(number, asked._catch) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield asked
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _catch(self, *_: object) -> None:
        (self.at_once if self.end.is_set() else self.end).set()
