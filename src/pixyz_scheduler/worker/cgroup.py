"""MemoryGroup: a control group of the kernel's memory controller, v1 or v2, with a hard wall and a count of its kills.

A group holds a slot: the warden joins it once and all that it forks is born inside, because moving a process costs
12 ms. Pages are charged to who touches them first: those of the template, shared with every job, to nobody's.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

PREFIX = "pixyz-"
_MOUNT = Path("/sys/fs/cgroup")
# Where we move our own processes, since a group of v2 that has groups below it may have no processes.
_REST = "pixyz-rest"
# Other than memory of processes, all that a group holds is file cache, which the kernel takes back by itself.
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


def open_groups(name: str, *, mount: Path = _MOUNT, proc: Path = Path("/proc/self")) -> MemoryGroups | None:
    """Groups of memory for this process, where the kernel lets it make them; None where it does not.

    Args:
        name: of the folder, told apart by it from those of other workers.
        mount: where the controllers are.
        proc: of this process.
    """
    for version, parent in _parents(mount, proc):
        home = parent / f"{PREFIX}{name}"
        with suppress(OSError):
            home.mkdir()
            if version is V2:
                _delegate(home)
            groups = MemoryGroups(home, version)
            trial = groups.new()
            if trial is not None and _is_controlled(trial, version):
                trial.remove()
                return groups
            groups.close()
    return None


def groups_left(*, mount: Path = _MOUNT, proc: Path = Path("/proc/self")) -> Iterator[tuple[str, MemoryGroups]]:
    """The groups of workers beside this one, dead or alive: each with the name that it was opened by."""
    for version, parent in _parents(mount, proc):
        with suppress(OSError):
            for home in sorted(parent.glob(f"{PREFIX}*-*")):
                yield home.name.removeprefix(PREFIX), MemoryGroups(home, version)


def join(path: str, *, pid: int = 0) -> bool:
    """Move a process (0: this one) into a group; whether it is there."""
    try:
        (Path(path) / "cgroup.procs").write_text(str(pid))
    except OSError:
        return False
    return True


def _parents(mount: Path, proc: Path) -> Iterator[tuple[Version, Path]]:
    """The groups below which ours may be made."""
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            # In a container the path may be that of the host, while only our own part is mounted.
            yield V1, _existing(mount / "memory", path)
        elif not controllers and (mount / "cgroup.controllers").exists():
            parent = _existing(mount, path)
            if parent.name == _REST:
                parent = parent.parent
            if parent == mount or _is_delegated(parent) or _has_memory(parent):
                yield V2, parent


def _existing(root: Path, path: str) -> Path:
    inside = root / path.lstrip("/")
    return inside if inside.is_dir() else root


def _is_delegated(parent: Path) -> bool:
    """Whether systemd says that this part is its user's own: any other we leave as it is."""
    for name in ("trusted.delegate", "user.delegate"):
        with suppress(OSError):
            if os.getxattr(parent, name) == b"1":
                return True
    return False


def _has_memory(parent: Path) -> bool:
    with suppress(OSError):
        return "memory" in (parent / "cgroup.subtree_control").read_text().split()
    return False


def _delegate(home: Path) -> None:
    """Let groups of v2 below `home` have the controller; for that nobody may be in the group above."""
    parent = home.parent
    if not _has_memory(parent):
        rest = parent / _REST
        rest.mkdir(exist_ok=True)
        for pid in (parent / "cgroup.procs").read_text().split():
            join(str(rest), pid=int(pid))
        (parent / "cgroup.subtree_control").write_text("+memory")
    (home / "cgroup.subtree_control").write_text("+memory")


def _is_controlled(group: MemoryGroup, version: Version) -> bool:
    files = (version.limit, version.events, "memory.stat", "cgroup.procs")
    return all((group.path / name).exists() for name in files)


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
