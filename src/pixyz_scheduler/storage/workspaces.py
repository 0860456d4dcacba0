"""Workspaces made ahead, so that a job waits neither for its folder nor for the last one's removal."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from typing_extensions import Self

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.workspace import Workspace

_AHEAD = "ahead"


class Workspaces:
    """The workspaces of one worker; any thread opens one. A context manager that removes what was made ahead.

    Args:
        local_root: where they are made, on the worker's own disk.
    """

    def __init__(self, local_root: Path) -> None:
        self._local_root = local_root.resolve()
        self._ready: deque[tuple[Workspace, ExitStack]] = deque()
        self._tidier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="workspaces")

    @contextmanager
    def open(self) -> Iterator[Workspace]:
        """A workspace of its own, empty, gone soon after leaving; raises StorageFull.

        One that its job has left as it was serves the next.
        """
        try:
            workspace, leave = self._ready.popleft()
        except IndexError:
            workspace, leave = self._make()
        try:
            yield workspace
        finally:
            if workspace.is_untouched():
                self._ready.append((workspace, leave))
            else:
                self._tidier.submit(self._renew, leave)

    def __enter__(self) -> Self:
        self._make_ahead()
        return self

    def __exit__(self, *_: object) -> None:
        self._tidier.shutdown()
        while self._ready:
            self._ready.popleft()[1].close()

    def _renew(self, used: ExitStack) -> None:
        used.close()
        if not self._ready:
            self._make_ahead()

    def _make_ahead(self) -> None:
        try:
            self._ready.append(self._make())
        except SchedulerError:
            # The disk is full: whoever opens the next one is told.
            return

    def _make(self) -> tuple[Workspace, ExitStack]:
        with ExitStack() as leave:
            workspace = leave.enter_context(Workspace.open(_AHEAD, attempt=0, local_root=self._local_root))
            return workspace, leave.pop_all()
