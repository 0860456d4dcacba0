"""ByNeed: plain scripts get a child of a light template, the others one that has the 3D engine loaded.

A child with the engine costs some 20 ms of a core more, to be forked and taken apart: its template has 190 MiB of pages
of its own.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from pixyz_scheduler.worker.isolation.engine_slots import EngineSlots
from pixyz_scheduler.worker.isolation.events import Child, Since
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots

# Seconds after which the slots that a burst has made are let go.
_UNUSED = 60.0
_KEPT = 1


class ByNeed:
    """Slots of one template or two, tidied up by a thread; `close` ends them.

    Args:
        light: for plain scripts; for all where there is no other.
        engine: for the others.
        tidy_each: seconds between two looks for what is unused.
    """

    def __init__(self, light: ForkSlots, engine: EngineSlots | None, *, tidy_each: float = _UNUSED) -> None:
        self._light = light
        self._engine = engine
        self._tidy_each = tidy_each
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._tidy_up, name="tidy-up", daemon=True)
        self._thread.start()

    def child(self, request: Mapping[str, Any], *, since: Since) -> AbstractContextManager[Child]:
        """See Slots."""
        slots = self._light if self._engine is None or request.get("plain") else self._engine
        return slots.child(request, since=since)

    def close(self) -> None:
        """Let all wardens go, and end the engine's template."""
        self._closing.set()
        self._thread.join()
        self._light.close()
        if self._engine is not None:
            self._engine.close()

    def _tidy_up(self) -> None:
        if self._engine is not None:
            self._engine.warm_up()
        while not self._closing.wait(self._tidy_each):
            now = time.monotonic()
            if now - self._light.last_used >= _UNUSED:
                self._light.trim(_KEPT)
            if self._engine is not None:
                self._engine.unload_idle(now=now)
