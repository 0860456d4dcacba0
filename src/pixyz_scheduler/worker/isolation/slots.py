"""Slots: where an attempt gets its child, one way for each ISOLATION."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pixyz_scheduler.worker.isolation.events import Child, Since


class Slots(Protocol):
    """Makes children."""

    def child(self, request: Mapping[str, Any], *, since: Since) -> AbstractContextManager[Child]:
        """A child at work on the request; on leaving it must have exited.

        Args:
            request: for the child.
            since: from when the lease counts, asked as the request is handed over.

        Raises:
            LeaseLost: there is no lease to begin on.
            Unavailable: no process could be made.
        """
