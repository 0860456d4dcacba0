"""ForkSlots: children forked ahead by wardens of a template (ISOLATION=fork); Linux alone has what they need."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pixyz_scheduler.errors import LeaseLost
from pixyz_scheduler.worker.isolation.events import Child, Since
from pixyz_scheduler.worker.isolation.forked import ForkedChild
from pixyz_scheduler.worker.isolation.slot import SPARE_PATIENCE, NoSpare, Slot, WardenGone
from pixyz_scheduler.worker.isolation.template import Template

_FIRST_PAUSE = 0.1


class ForkSlots:
    """Children forked ahead by wardens of the template. Slots are made when first needed, and kept.

    Args:
        template: running.
        ahead: how many slots to make at once, so that the first jobs find spares.
        patience: seconds that a job may wait for its child.

    Attributes:
        last_used: when a child was asked for last, as a monotonic moment.
    """

    def __init__(self, template: Template, *, ahead: int, patience: float = SPARE_PATIENCE) -> None:
        self._patience = patience
        self._template = template
        self._closing = threading.Event()
        self.last_used = time.monotonic()
        self._free: deque[Slot] = deque(template.slot() for _ in range(ahead))

    def make_ahead(self) -> None:
        """Have one slot ready; raises Unavailable."""
        if not self._free:
            self._free.append(self._template.slot())

    def trim(self, keep: int) -> None:
        """Let go of the free slots but so many."""
        while len(self._free) > keep:
            try:
                slot = self._free.pop()
            except IndexError:  # taken meanwhile
                return
            self._template.end(slot)

    @contextmanager
    def child(self, request: Mapping[str, Any], *, since: Since) -> Iterator[Child]:
        """See Slots."""
        slot, child = self._start(request, since=since)
        try:
            yield child
        except BaseException:
            # It may be at work still: with its warden it goes.
            self._template.end(slot)
            raise
        else:
            if slot.is_dead or slot.is_heavy:
                self._template.end(slot)
            else:
                self._free.append(slot)
        finally:
            child.close()

    def close(self) -> None:
        """Let all wardens go."""
        self._closing.set()
        while self._free:
            self._template.end(self._free.pop())

    def _start(self, request: Mapping[str, Any], *, since: Since) -> tuple[Slot, ForkedChild]:
        self.last_used = time.monotonic()
        give_up, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            try:
                slot = self._free.popleft()
            except IndexError:
                slot = self._template.slot()
            try:
                left = max(0.0, give_up - time.monotonic())
                return slot, ForkedChild(slot, slot.start(request, since=since, patience=left))
            except WardenGone as gone:
                self._template.end(slot)
                # One that died while it waited costs nothing; where none comes to life, each try costs a fork.
                if not slot.is_heard:
                    self._pause(pause, give_up, gone)
                    pause *= 2
            except NoSpare:
                self._template.end(slot)
                if not slot.is_heard:
                    # A script may have stopped what forks the wardens.
                    self._template.renew()
                raise
            except LeaseLost:
                self._free.append(slot)
                raise
            except BaseException:
                # A spare is taken that has no request: with its warden it goes.
                self._template.end(slot)
                raise

    def _pause(self, seconds: float, give_up: float, gone: WardenGone) -> None:
        if time.monotonic() + seconds > give_up:
            raise NoSpare("No process could be made for the job: its wardens die.") from gone
        self._closing.wait(seconds)
