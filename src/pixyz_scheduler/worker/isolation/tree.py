"""The tree of processes below a child: found, weighed, frozen, killed. Linux, by /proc."""

import os
import select
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4
_PASSES = 100
_PATIENCE = 10.0


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


def below(pid: int, *, spare: Collection[int]) -> Iterator[int]:
    """All processes below one, but the spared children and what is below them."""
    for child in children(pid):
        if child not in spare:
            yield child
            yield from descendants(child)


def resident(pids: Iterable[int]) -> int:
    """KiB resident in these processes. Shared pages count in each: an upper bound, for microseconds."""
    return sum(map(_resident, pids))


def proportional(pids: Iterable[int]) -> int:
    """KiB that these processes take, shared pages divided among their users: right, and dear."""
    return sum(map(_proportional, pids))


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to all of these that are there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def stop_below(pid: int, *, spare: Collection[int]) -> None:
    """Stop all below a process but the spared ones: again, until none is found that was forked meanwhile."""
    stopped: set[int] = set()
    for _ in range(_PASSES):
        found = set(below(pid, spare=spare)) - stopped
        if not found:
            return
        send(found, signal.SIGSTOP)
        stopped |= found


def kill_below(pid: int, *, spare: Collection[int], patience: float = _PATIENCE) -> bool:
    """Kill all below a process but the spared ones, until none is left; reaps those that come to the caller.

    Stops them first, so that a tree that forks while it is killed gets nowhere. False where some are left after
    `patience` seconds: in uninterruptible sleep, on a dead disk, a process is killed and stays.
    """
    give_up = time.monotonic() + patience
    while roots := _unburied(pid, spare):
        if time.monotonic() > give_up:
            return False
        stop_below(pid, spare=spare)
        send(below(pid, spare=spare), signal.SIGKILL)
        _await(roots, give_up)
    return True


def bury(pid: int, *, spare: Collection[int]) -> None:
    """Reap the children of the caller, which is this process, that have ended, but the spared ones.

    A script that forks and forks leaves thousands; and who looks through thousands of dead never catches the living.
    """
    _unburied(pid, spare)


def _unburied(pid: int, spare: Collection[int]) -> list[int]:
    """The children of the caller that are alive, once the others are reaped."""
    alive = []
    for child in children(pid):
        if child not in spare:
            with suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG)[0] == 0:
                    alive.append(child)
    return alive


def _await(pids: Iterable[int], give_up: float) -> None:
    """Reap these children of the caller's once they have ended."""
    for pid in pids:
        with suppress(ChildProcessError, ProcessLookupError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                _await_end(pid, give_up)
                os.waitpid(pid, os.WNOHANG)


def _await_end(pid: int, give_up: float) -> None:
    watched = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll(1000 * max(0.0, give_up - time.monotonic()))
    finally:
        os.close(watched)


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
