"""Slots: where an attempt gets its child, one way for each ISOLATION."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from pixyz_scheduler.worker.events import Child
from pixyz_scheduler.worker.forked import ForkedChild, Slot, WardenGone
from pixyz_scheduler.worker.spawned import SpawnedChild
from pixyz_scheduler.worker.template import Template


class Slots(Protocol):
    """Makes children."""

    def child(self, request: Mapping[str, Any]) -> AbstractContextManager[Child]:
        """A child at work on the request; on leaving it must have exited."""


class ForkSlots:
    """Children forked ahead by wardens of the template. Slots are made when first needed, and kept.

    Args:
        template: running.
        ahead: how many slots to make at once, so that the first jobs find spares.
    """

    def __init__(self, template: Template, *, ahead: int) -> None:
        self._template = template
        self._free: deque[Slot] = deque(template.slot() for _ in range(ahead))

    @contextmanager
    def child(self, request: Mapping[str, Any]) -> Iterator[Child]:
        """See Slots."""
        slot, child = self._start(request)
        try:
            yield child
        except BaseException:
            # It may be at work still: with its warden it goes.
            slot.close()
            raise
        else:
            if slot.is_dead:
                slot.close()
            else:
                self._free.append(slot)
        finally:
            child.close()

    def close(self) -> None:
        """Let all wardens go."""
        while self._free:
            self._free.pop().close()

    def _start(self, request: Mapping[str, Any]) -> tuple[Slot, ForkedChild]:
        while True:
            try:
                slot = self._free.popleft()
            except IndexError:
                slot = self._template.slot()
            try:
                return slot, slot.start(request)
            except WardenGone:
                slot.close()
            except BaseException:
                # A spare is taken that has no request: with its warden it goes.
                slot.close()
                raise


class SpawnSlots:
    """A new interpreter for each attempt.

    Args:
        environment: of each child; no secret may be in it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @contextmanager
    def child(self, request: Mapping[str, Any]) -> Iterator[Child]:
        """See Slots."""
        child = SpawnedChild(environment=self._environment)
        try:
            child.start(request)
            yield child
        finally:
            child.close()

    def close(self) -> None:
        """Nothing is kept."""
