"""KeptEnclosure: Linux's: a keeper to which all comes that loses its parent, memory groups, and /proc."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pixyz_scheduler.worker.isolation import hunt, tree
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup
from pixyz_scheduler.worker.isolation.memory import GroupScale, Scale, TreeScale


class KeptEnclosure:
    """See Enclosure. The first process is the keeper; it ends its tree when its standard input is at its end.

    Where the script has killed the keeper, its processes are found by their memory group if they have one, by their
    session, by a mark in the environment and by our pipes: a process that hides from all of these stays.

    Args:
        mark: name and value of a variable in their environment.
        group: to live in; None for none.
    """

    ends_at_eof = True

    def __init__(self, mark: tuple[str, str], group: MemoryGroup | None) -> None:
        self._mark = mark
        self._group = group
        self._pid = 0
        folder = "" if group is None else str(group.path)
        self.command: Sequence[str] = [sys.executable, "-m", "pixyz_scheduler.worker.isolation.begun", "kept", folder]
        self.options: Mapping[str, Any] = {"start_new_session": True}
        self.scale: Scale = TreeScale(lambda: tree.descendants(self._pid)) if group is None else GroupScale(group)

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """See Enclosure."""
        self._pid = process.pid

    def freeze(self, *, frozen: bool) -> None:
        """See Enclosure. Again and again: its keeper may not have forked it when this began."""
        if frozen:
            tree.stop_below(self._pid, spare=())
        else:
            tree.send(tree.below(self._pid, spare=()), signal.SIGCONT)

    def kill(self) -> None:
        """See Enclosure."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._group is not None:
            self._group.kill()
        name, value = self._mark
        hunt.kill_marked(name, lambda mark: mark == value)

    def kill_holders(self, pipes: Collection[int]) -> None:
        """See Enclosure."""
        hunt.kill_holders(pipes)

    def close(self) -> None:
        """See Enclosure."""
