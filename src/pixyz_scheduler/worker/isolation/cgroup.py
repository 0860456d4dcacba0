"""MemoryGroup: a control group of the kernel's memory controller, v1 or v2, with a hard wall and a count of its kills.

A group holds a slot: the warden joins it once and all that it forks is born inside, because moving a process costs
12 ms. Pages are charged to who touches them first: those of the template, shared with every job, to nobody's.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

# Seconds for who was killed to be gone.
_PATIENCE = 2.0


@dataclass(frozen=True)
class Version:
    """The names of one version of the controller."""

    limit: str
    swap: str
    used: str
    events: str
    counted: tuple[bytes, ...]
    no_limit: str


V1 = Version(
    limit="memory.limit_in_bytes",
    swap="memory.memsw.limit_in_bytes",
    used="memory.usage_in_bytes",
    events="memory.oom_control",
    counted=(b"total_rss", b"total_shmem"),
    no_limit="-1",
)
V2 = Version(
    limit="memory.max",
    swap="memory.swap.max",
    used="memory.current",
    events="memory.events",
    counted=(b"anon", b"shmem"),
    no_limit="max",
)


class MemoryGroup:
    """One group; all figures in KiB."""

    def __init__(self, path: Path, version: Version) -> None:
        self.path = path
        self._version = version
        self._limit = 0

    def hold(self, limit: int) -> None:
        """Let the kernel end what would grow over this; 0 for no limit. Raises OSError where it refuses."""
        if limit == self._limit:
            return
        text = str(limit * 1024) if limit else self._version.no_limit
        # What is swapped out counts too. v1 wants memory <= memory and swap at each step; v2 counts swap apart.
        swap = "0" if limit and self._version is V2 else text
        if limit > self._limit > 0 or not limit:
            self._write_swap(swap)
        self._write(self._version.limit, text)
        self._write_swap(swap)
        self._limit = limit

    def total(self) -> int:
        """All that is charged, with file cache: dear figures need be asked for only when this is large."""
        return int(self._read(self._version.used)) // 1024

    def used(self) -> int:
        """What its processes have, and what they put into memory files: nothing that the kernel could take back."""
        stat = _pairs(self._read("memory.stat"))
        return sum(stat.get(name, 0) for name in self._version.counted) // 1024

    def kills(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        return _pairs(self._read(self._version.events)).get(b"oom_kill", 0)

    def pids(self) -> list[int]:
        """Who is in it."""
        with suppress(OSError):
            return [int(pid) for pid in self._read("cgroup.procs").split()]
        return []

    def kill(self, *, but: int | None = None) -> None:
        """End all that is in it (but one), however fast it forks."""
        give_up = time.monotonic() + _PATIENCE
        while (pids := [pid for pid in self.pids() if pid != but]) and time.monotonic() < give_up:
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)

    def remove(self) -> bool:
        """Remove it; False as long as somebody is in it."""
        try:
            self.path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def _write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def _write_swap(self, text: str) -> None:
        with suppress(OSError):  # not every kernel counts swap
            self._write(self._version.swap, text)


class MemoryGroups:
    """Makes the groups of one worker below that of its own; a context manager that removes them.

    Args:
        home: the folder of the worker's groups.
        version: of the controller.
    """

    def __init__(self, home: Path, version: Version) -> None:
        self.home = home
        self._version = version
        self._made = 0
        self._leaving: list[MemoryGroup] = []

    def new(self) -> MemoryGroup | None:
        """A group, empty; None where the kernel gives no more."""
        self._sweep()
        self._made += 1
        path = self.home / f"group-{self._made}"
        try:
            path.mkdir()
        except OSError:
            return None
        return MemoryGroup(path, self._version)

    def let_go(self, group: MemoryGroup) -> None:
        """Remove a group as soon as it is empty."""
        self._leaving.append(group)
        self._sweep()

    def pids(self) -> list[int]:
        """Who is in any of them."""
        return [pid for path in _groups_below(self.home) for pid in MemoryGroup(path, self._version).pids()]

    def close(self) -> None:
        """Remove all; who is in them still is dying."""
        give_up = time.monotonic() + _PATIENCE
        for path in _groups_below(self.home):
            group = MemoryGroup(path, self._version)
            while not group.remove() and time.monotonic() < give_up:
                group.kill()
        MemoryGroup(self.home, self._version).remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sweep(self) -> None:
        self._leaving = [group for group in self._leaving if not group.remove()]


def join(path: str, *, pid: int = 0) -> bool:
    """Move a process (0: this one) into a group; whether it is there."""
    try:
        (Path(path) / "cgroup.procs").write_text(str(pid))
    except OSError:
        return False
    return True


def _groups_below(home: Path) -> list[Path]:
    with suppress(OSError):
        return [path for path in home.iterdir() if path.is_dir()]
    return []


def _pairs(text: bytes) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(b" ")
        with suppress(ValueError):
            found[name] = int(value)
    return found
