"""EngineSlots: children that have the 3D engine loaded; one that nobody has used for long is unloaded until then."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.worker.isolation.events import Child, Since
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.template import Template

_log = logging.getLogger(__name__)


class EngineSlots:
    """Slots of a template that loads the engine. It is started when first needed; any thread.

    Args:
        template: not started.
        idle: seconds without a job after which it is ended; 0 keeps it for ever.
    """

    def __init__(self, template: Template, *, idle: float) -> None:
        self._template = template
        self._slots = ForkSlots(template, ahead=0)
        self._idle = idle
        self._lock = threading.Lock()
        self._users = 0
        self._last_used = time.monotonic()

    @contextmanager
    def child(self, request: Mapping[str, Any], *, since: Since) -> Iterator[Child]:
        """See Slots."""
        with self._in_use(), self._slots.child(request, since=since) as child:
            yield child

    def warm_up(self) -> None:
        """Load the engine before a job needs it."""
        try:
            with self._in_use():
                self._slots.make_ahead()
        except Unavailable as error:  # the job that needs it is told
            _log.warning("the 3D engine is not loaded ahead: %s", error)

    def unload_idle(self, *, now: float) -> None:
        """End the template where no job has needed it for long; `now` is a monotonic moment."""
        with self._lock:
            unused = now - self._last_used
            if self._users or not self._idle or unused < self._idle or not self._template.is_there:
                return
            self._end()
        _log.info("the 3D engine is unloaded, no job has needed it for %.0f s (ENGINE_IDLE_TIME)", unused)

    def close(self) -> None:
        """Let all wardens go, and end the template."""
        self._slots.close()
        self._template.close()

    def _end(self) -> None:
        self._slots.trim(0)
        self._template.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._last_used = time.monotonic()
