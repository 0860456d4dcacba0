"""Hunt: processes that are nobody's any more, found among all of the machine by what they cannot hide, and killed."""

import os
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from pixyz_scheduler.worker.isolation.census import Census, ProcCensus
from pixyz_scheduler.worker.isolation.census import census as census_here

_PATIENCE = 5.0
# One that forks and ends each millisecond may be missed by a look, but not by so many.
_CLEAN_LOOKS = 10


def kill_marked(name: str, is_prey: Callable[[str], bool], *, census: Census | None = None) -> set[int]:
    """Kill whoever was started with this variable in its environment, at a value that is prey; which these were."""
    wanted, who = name.encode() + b"=", census or census_here()

    def judge(pid: int) -> bool | None:
        # It is empty while a process becomes another program, and when it is dead.
        variables = who.environment(pid)
        marks = [os.fsdecode(each.removeprefix(wanted)) for each in variables if each.startswith(wanted)]
        return any(map(is_prey, marks)) if variables else None

    return _hunt(judge, who)


def kill_holders(pipes: Collection[int]) -> set[int]:
    """Kill every other process that has one of these pipes open, told by their inodes; which these were. Linux."""
    return _hunt(lambda pid: not _open_files(pid).isdisjoint(pipes), ProcCensus())


def _hunt(judge: Callable[[int], bool | None], who: Census) -> set[int]:
    """Look until nobody is found; who was judged not to be prey is not looked at again, so that looks are quick."""
    passed, killed, clean = {os.getpid()}, set[int](), 0
    give_up = time.monotonic() + _PATIENCE
    while clean < _CLEAN_LOOKS and time.monotonic() < give_up:
        clean += 1
        for pid in who.pids():
            verdict = None if pid in passed else judge(pid)
            if verdict:
                _kill(pid)
                killed.add(pid)
                clean = 0
            elif verdict is False:
                passed.add(pid)
    return killed


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _open_files(pid: int) -> set[int]:
    inodes = set()
    with suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                inodes.add(entry.stat().st_ino)
    return inodes
