"""SessionEnclosure: that of macOS and other systems without /proc: a session, a mark, and a keeper that may be lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pixyz_scheduler.worker.isolation import hunt
from pixyz_scheduler.worker.isolation.census import PsutilCensus
from pixyz_scheduler.worker.isolation.memory import Scale, TreeScale


class SessionEnclosure:
    """See Enclosure. The first process is a keeper that starts the child and ends all when the worker is gone.

    Nothing brings to it what has lost its parent: that is found by the session's process group, and by a mark in the
    environment. A process that has left the group and has lost its parent is neither weighed nor frozen; one that was
    started with an empty environment, too, stays.

    Args:
        mark: name and value of a variable in their environment.
    """

    ends_at_eof = False

    def __init__(self, mark: tuple[str, str]) -> None:
        self._mark = mark
        self._pid = 0
        self._started: int | None = None
        self._census = PsutilCensus()
        keeper = "pixyz_scheduler.worker.isolation.session_keeper"
        self.command: Sequence[str] = [sys.executable, "-m", keeper, str(os.getpid()), mark[0]]
        self.options: Mapping[str, Any] = {"start_new_session": True}
        self.scale: Scale = TreeScale(self._below, resident=self._census.resident, exact=self._census.unshared)

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """See Enclosure."""
        self._pid = process.pid
        self._started = self._census.started(process.pid)

    def freeze(self, *, frozen: bool) -> None:
        """See Enclosure; but not its keeper, who looks after the worker."""
        (self._census.suspend if frozen else self._census.resume)(self._below())

    def kill(self) -> None:
        """See Enclosure."""
        # What is stopped forks no more while the others are looked for.
        self._census.suspend(self._below())
        self._census.kill(self._below())
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        name, value = self._mark
        hunt.kill_marked(name, lambda mark: mark == value, census=self._census)

    def kill_holders(self, pipes: Collection[int]) -> None:
        """Nobody tells whose a pipe is."""

    def close(self) -> None:
        """See Enclosure."""

    def _below(self) -> list[int]:
        # Its number may be another's once it has gone.
        is_there = self._started is not None and self._census.started(self._pid) == self._started
        found = set(self._census.below(self._pid) if is_there else ())
        for pid in self._census.pids():
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) == self._pid:
                    found.add(pid)
        return sorted(found - {self._pid})
