"""Leftovers: what a dead worker's jobs have left running on this machine, found by its token and killed.

A worker, its template and its wardens may all be killed in one moment, by the kernel or by a service's stop: then
nobody is left to end what a script has sent away. It still has in the environment that it was started with, whatever
it did to `os.environ`, the token of its worker: pid namespace, pid and start time. What belongs to a worker that
lives, or to another pid namespace, is left alone. A program that was started with an empty environment is found only
in a memory group of the dead worker's, where there are such groups.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.worker.isolation import hunt
from pixyz_scheduler.worker.isolation.census import census
from pixyz_scheduler.worker.isolation.cgroup_home import groups_left

MARK = "PIXYZ_RUN_BY"


def worker_token() -> str:
    """What tells this process, in the environment of all it starts, from every other one on the machine."""
    return f"{_namespace()}-{os.getpid()}-{census().started(os.getpid()) or 0}"


def kill_leftovers() -> set[int]:
    """Kill what the jobs of dead workers have left; which processes that was."""
    if sys.platform == "win32":  # a Job Object ends with its worker
        return set()
    killed = hunt.kill_marked(MARK, _is_of_the_dead)
    for name, groups in groups_left():
        if _is_of_the_dead(name):
            killed.update(groups.pids())
            groups.close()
    return killed


def _is_of_the_dead(token: str) -> bool:
    namespace, _, rest = token.partition("-")
    pid, _, started = rest.partition("-")
    if not (pid.isdigit() and started.isdigit()) or namespace != _namespace():
        return False
    now = census().started(int(pid))
    # Where /proc hides it from us (hidepid), it is there all the same.
    return now != int(started) and not (now is None and _is_hidden(int(pid)))


def _namespace() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    return "0"


def _is_hidden(pid: int) -> bool:
    if not Path("/proc/self").exists() or Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
