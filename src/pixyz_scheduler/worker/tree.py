"""The tree of processes below a child: found, weighed, frozen, killed. Linux, by /proc."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4
_PASSES = 100


def children(pid: int) -> list[int]:
    """The direct children of a process, of all its threads."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  (hot: names are all it needs)
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123  (likewise)
                found += map(int, file.read().split())
    return found


def descendants(pid: int) -> Iterator[int]:
    """All processes below one, parents before their children."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def resident(pid: int) -> int:
    """KiB resident in a process and all below it. Shared pages count in each: an upper bound, for microseconds."""
    return sum(_resident(each) for each in (pid, *descendants(pid)))


def proportional(pid: int) -> int:
    """KiB that a process and all below it take, shared pages divided among their users: right, and dear."""
    return sum(_proportional(each) for each in (pid, *descendants(pid)))


def signal_tree(pid: int, number: int) -> None:
    """Send a signal to a process and to all below it."""
    for each in (pid, *descendants(pid)):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each, number)


def kill_below(pid: int, *, spare: set[int]) -> bool:
    """Kill all below a process but the spared ones, until none is left; reaps those that come to the caller.

    Stops them first, so that a tree that forks while it is killed gets nowhere.
    """
    for _ in range(_PASSES):
        roots = [child for child in children(pid) if child not in spare]
        if not roots:
            return True
        for root in roots:
            signal_tree(root, signal.SIGSTOP)
        for root in roots:
            signal_tree(root, signal.SIGKILL)
        for root in roots:
            with suppress(ChildProcessError):
                os.waitpid(root, 0)
    return False


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_KIB
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1])
    return _resident(pid)


def kill_marked(mark: str) -> None:
    """Kill every process that was started with this text (`NAME=value`) in its environment."""
    if not Path("/proc/self/environ").exists():
        return
    wanted = mark.encode()
    for _ in range(_PASSES):
        found = [pid for pid in _all() if wanted in _environment(pid).split(b"\0")]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  (names are all it needs)


def _environment(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""
