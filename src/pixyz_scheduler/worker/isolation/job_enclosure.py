"""JobEnclosure: Windows': a Job Object, which the child is put into before it runs."""

import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pixyz_scheduler.worker.isolation.census import PsutilCensus
from pixyz_scheduler.worker.isolation.job_object import Calls, JobObject
from pixyz_scheduler.worker.isolation.job_structures import (
    CREATE_NEW_PROCESS_GROUP,
    CREATE_NO_WINDOW,
    CREATE_SUSPENDED,
)
from pixyz_scheduler.worker.isolation.memory import GroupScale, Scale


class Suspends(Protocol):
    """Stops processes, and lets them go on."""

    def suspend(self, pids: Iterable[int]) -> None:
        """Stop these; who has gone is passed by."""

    def resume(self, pids: Iterable[int]) -> None:
        """Let these go on; likewise."""


class JobEnclosure:
    """See Enclosure. The worker's death closes its handle of the job, which ends all that is in it.

    Args:
        calls: of kernel32.
        suspends: psutil's way.
    """

    ends_at_eof = False

    def __init__(self, calls: Calls, suspends: Suspends | None = None) -> None:
        self._job = JobObject(calls)
        self._suspends = suspends or PsutilCensus()
        self._frozen: set[int] = set()
        self.command: Sequence[str] = [sys.executable, "-m", "pixyz_scheduler.worker.isolation.begun", "alone", ""]
        # A virtual environment's python.exe starts another one: were it put into the job later, that would be outside.
        flags = CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
        self.options: Mapping[str, Any] = {"creationflags": flags}
        self.scale: Scale = GroupScale(self._job, beside=0, refuses=True)

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """See Enclosure."""
        self._job.add(process.pid)
        self._suspends.resume([process.pid])

    def freeze(self, *, frozen: bool) -> None:
        """See Enclosure. Windows counts how often each was stopped, and lets it go on when it was resumed as often."""
        if frozen:
            fresh = set(self._job.pids()) - self._frozen
            self._suspends.suspend(fresh)
            self._frozen |= fresh
        else:
            self._suspends.resume(self._frozen)
            self._frozen.clear()

    def kill(self) -> None:
        """See Enclosure."""
        self._job.kill()

    def kill_holders(self, pipes: Collection[int]) -> None:
        """Nobody outside the job can have one: handles pass to children only."""

    def close(self) -> None:
        """See Enclosure."""
        self._job.close()
