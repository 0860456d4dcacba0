"""JobObject: Windows' way to hold processes together: none gets out, all end with its last handle, which is ours.

What they commit is limited as a whole: what would go over is refused, which a script sees as MemoryError, and the
refusals are told at a port.
"""

import ctypes
from typing import Protocol

from pixyz_scheduler.worker.isolation.job_structures import (
    ASSOCIATE_COMPLETION_PORT,
    BASIC_PROCESS_ID_LIST,
    EXTENDED_LIMIT_INFORMATION,
    LIMIT_DIE_ON_UNHANDLED_EXCEPTION,
    LIMIT_JOB_MEMORY,
    LIMIT_KILL_ON_JOB_CLOSE,
    MSG_JOB_MEMORY_LIMIT,
    CompletionPort,
    ExtendedLimits,
    ProcessIds,
)

_KIB = 1024
# Any: each job has a port of its own.
_KEY = 1
# What a job that we end is said to have ended with.
_ENDED = 1


class JobCalls(Protocol):
    """The calls of kernel32 that make, ask and end a job; each raises OSError."""

    def create_job(self) -> int:
        """A handle of a new job, without a name, that no child inherits."""

    def set_information(self, job: int, kind: int, information: ctypes.Structure) -> None:
        """SetInformationJobObject."""

    def query_information(self, job: int, kind: int, information: ctypes.Structure) -> None:
        """QueryInformationJobObject, into what is given."""

    def assign(self, job: int, pid: int) -> None:
        """Put a process into it."""

    def terminate(self, job: int, status: int) -> None:
        """End all that is in it."""


class PortCalls(Protocol):
    """The calls for its port, and for handles."""

    def create_port(self) -> int:
        """A handle of a completion port."""

    def next_message(self, port: int) -> int | None:
        """The number of the next message; None where there is none now."""

    def close(self, handle: int) -> None:
        """CloseHandle."""


class Calls(JobCalls, PortCalls, Protocol):
    """All of them."""


class JobObject:
    """One job; all figures in KiB, as of a MemoryGroup. `close` ends what is in it still."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kills = 0
        self._limits = ExtendedLimits()
        # No dialog may wait for somebody to click where a script's library has crashed.
        self._limits.BasicLimitInformation.LimitFlags = LIMIT_KILL_ON_JOB_CLOSE | LIMIT_DIE_ON_UNHANDLED_EXCEPTION
        self._job = calls.create_job()
        self._port = 0
        try:
            self._port = calls.create_port()
            calls.set_information(self._job, ASSOCIATE_COMPLETION_PORT, CompletionPort(_KEY, self._port))
            self._set_limits()
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        """Put a process in; what it starts from now on is in it too. Raises OSError."""
        self._calls.assign(self._job, pid)

    def pids(self) -> list[int]:
        """Who is in it."""
        found = ProcessIds()
        self._calls.query_information(self._job, BASIC_PROCESS_ID_LIST, found)
        return [int(pid) for pid in found.ProcessIdList[: found.NumberOfProcessIdsInList]]

    def hold(self, limit: int) -> None:
        """Refuse what they would commit over this; 0 for no limit. Raises OSError."""
        if limit * _KIB == self._limits.JobMemoryLimit:
            return
        flags = self._limits.BasicLimitInformation.LimitFlags & ~LIMIT_JOB_MEMORY
        self._limits.BasicLimitInformation.LimitFlags = flags | (LIMIT_JOB_MEMORY if limit else 0)
        self._limits.JobMemoryLimit = limit * _KIB
        self._set_limits()

    def used(self) -> int:
        """The most that they have committed at a time so far: what they have now is not told."""
        said = ExtendedLimits()
        self._calls.query_information(self._job, EXTENDED_LIMIT_INFORMATION, said)
        return said.PeakJobMemoryUsed // _KIB

    def kills(self) -> int:
        """How often they were refused memory."""
        while (message := self._calls.next_message(self._port)) is not None:
            self._kills += message == MSG_JOB_MEMORY_LIMIT
        return self._kills

    def kill(self) -> None:
        """End all that is in it, at once; well where it is empty."""
        self._calls.terminate(self._job, _ENDED)

    def close(self) -> None:
        """Let it go; again is well."""
        job, port, self._job, self._port = self._job, self._port, 0, 0
        for handle in (job, port):
            if handle:
                self._calls.close(handle)

    def _set_limits(self) -> None:
        self._calls.set_information(self._job, EXTENDED_LIMIT_INFORMATION, self._limits)
