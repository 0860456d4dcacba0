"""Launch: who runs the sub-tasks that this process starts: the farm, or, in a local run, this process itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pixyz_scheduler.jobs.workflow import Node


@dataclass(frozen=True)
class Seen:
    """How a sub-task stands.

    Attributes:
        status: in users' words: PENDING, RUNNING, SUCCESS...
        result: what it ended with; of one that failed the exception.
        traceback: of one that failed.
    """

    status: str
    result: Any = None
    traceback: str | None = None


class Launcher(Protocol):
    """Runs sub-tasks.

    Attributes:
        base: the context of the job that starts them.
        made: how often each thing to do was started; the ids of sub-tasks follow from it.
    """

    base: Mapping[str, Any]
    made: "Counter[str]"

    def start(self, nodes: Sequence[Node]) -> None:
        """Have them run; those whose results others begin with come first. Raises InvalidWorkflow."""

    def look(self, task_ids: Sequence[str]) -> Mapping[str, Seen]:
        """How they stand; one that nobody knows is PENDING, as Celery says it."""

    def waiting(self) -> AbstractContextManager[None]:
        """Within, this process does nothing but wait for its sub-tasks: its slot is theirs."""

    def cancel(self, task_id: str) -> None:
        """End one; what has ended, or is unknown, stays as it is."""


_launcher: Launcher | None = None


def use(launcher: Launcher | None) -> None:
    """Who runs the sub-tasks of this process from now on; None: nobody yet."""
    global _launcher  # noqa: PLW0603  (of a process, as its script is; a forked child of the template has its own)
    _launcher = launcher


def in_use() -> Launcher | None:
    """Who does."""
    return _launcher
