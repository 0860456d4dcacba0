"""Census: who is alive on this machine, whose child, with what in its environment, and how large.

Linux tells by /proc, for microseconds; elsewhere psutil asks the system.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pixyz_scheduler.worker.isolation import tree

# The start time is the 22nd field of /proc/PID/stat, this one after the command in brackets.
_START = 19


class Census(Protocol):
    """What is asked of it; who is not there, or not ours to see, has no children, no size and an empty environment."""

    def pids(self) -> list[int]:
        """All processes."""

    def below(self, pid: int) -> list[int]:
        """The descendants of one, parents first."""

    def environment(self, pid: int) -> list[bytes]:
        """`NAME=value`, as it was started with."""

    def started(self, pid: int) -> int | None:
        """When, in a unit of its own; None where there is no such process, or it is dead and not buried."""


def census(*, platform: str = sys.platform) -> Census:
    """That of this machine."""
    return ProcCensus() if platform == "linux" else PsutilCensus()


class ProcCensus:
    """By /proc."""

    def pids(self) -> list[int]:
        """See Census."""
        with suppress(OSError):  # it is not mounted
            return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  (names are all)
        return []

    def below(self, pid: int) -> list[int]:
        """See Census."""
        return list(tree.descendants(pid))

    def environment(self, pid: int) -> list[bytes]:
        """See Census."""
        with suppress(OSError):
            return [each for each in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if each]
        return []

    def started(self, pid: int) -> int | None:
        """In clock ticks since the machine's start."""
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return None if fields[0] in b"ZX" else int(fields[_START])
        return None


class PsutilCensus:
    """By psutil: macOS, Windows, and whatever else it knows; sizes in KiB."""

    def pids(self) -> list[int]:
        """See Census."""
        import psutil  # where there is no /proc, and only there

        return list(psutil.pids())

    def below(self, pid: int) -> list[int]:
        """See Census."""
        import psutil

        with suppress(psutil.Error, OSError):
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return []

    def environment(self, pid: int) -> list[bytes]:
        """See Census."""
        import psutil

        with suppress(psutil.Error, OSError):
            return [os.fsencode(f"{name}={value}") for name, value in psutil.Process(pid).environ().items()]
        return []

    def started(self, pid: int) -> int | None:
        """In milliseconds since the epoch."""
        import psutil

        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time() * 1000)
        return None

    def resident(self, pids: Iterable[int]) -> int:
        """What these have resident; shared pages count in each: an upper bound."""
        import psutil

        total = 0
        for pid in pids:
            with suppress(psutil.Error, OSError):
                total += psutil.Process(pid).memory_info().rss
        return total // 1024

    def unshared(self, pids: Iterable[int]) -> int:
        """What would be free if these ended: dear."""
        import psutil

        total = 0
        for pid in pids:
            with suppress(psutil.Error, OSError):
                total += psutil.Process(pid).memory_full_info().uss
        return total // 1024

    def suspend(self, pids: Iterable[int]) -> None:
        """Stop these."""
        import psutil

        for pid in pids:
            with suppress(psutil.Error, OSError):
                psutil.Process(pid).suspend()

    def resume(self, pids: Iterable[int]) -> None:
        """Let these go on."""
        import psutil

        for pid in pids:
            with suppress(psutil.Error, OSError):
                psutil.Process(pid).resume()

    def kill(self, pids: Iterable[int]) -> None:
        """End these at once."""
        import psutil

        for pid in pids:
            with suppress(psutil.Error, OSError):
                psutil.Process(pid).kill()
