"""Enclosure: what holds all processes of a spawned child together: each system has its own means."""

import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup
from pixyz_scheduler.worker.isolation.memory import Scale


class Enclosure(Protocol):
    """Of one child and whatever it starts.

    Attributes:
        command: begins the child, or who keeps it; its standard streams are the child's.
        options: for Popen, beside streams and environment.
        scale: weighs all of them.
        ends_at_eof: whether it ends them when the child's standard input is closed.
    """

    command: Sequence[str]
    options: Mapping[str, Any]
    scale: Scale
    ends_at_eof: bool

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """The command was started; raises OSError where it cannot be held."""

    def freeze(self, *, frozen: bool) -> None:
        """Stop all, or let all go on; asked again and again while they are stopped."""

    def kill(self) -> None:
        """End all that is left of them, and who keeps them."""

    def kill_holders(self, pipes: Collection[int]) -> None:
        """End whoever holds these pipes open still, told by their inodes."""

    def close(self) -> None:
        """All are gone."""


def enclosure_of(*, mark: tuple[str, str], group: MemoryGroup | None, platform: str = sys.platform) -> Enclosure:
    """That of this system.

    Args:
        mark: name and value of what the child's environment has, and that of no other.
        group: to live in, where the kernel has such.
        platform: as `sys.platform` names it.
    """
    # Each imports what only its own system has.
    if platform == "win32":
        from pixyz_scheduler.worker.isolation.job_enclosure import JobEnclosure
        from pixyz_scheduler.worker.isolation.kernel32 import Kernel32

        return JobEnclosure(Kernel32())
    if platform == "linux":
        from pixyz_scheduler.worker.isolation.kept_enclosure import KeptEnclosure

        return KeptEnclosure(mark, group)
    from pixyz_scheduler.worker.isolation.session_enclosure import SessionEnclosure

    return SessionEnclosure(mark)
