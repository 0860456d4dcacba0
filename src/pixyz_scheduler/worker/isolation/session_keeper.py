"""The keeper of a spawned child where the system has none of Linux's means: it starts the child, and ends with it.

Run as `python -m pixyz_scheduler.worker.isolation.session_keeper WORKER MARK`: the worker's pid, and the variable by
which what the child starts is known. When the worker is gone, it ends all of them. It starts the child as a new
program: on macOS what is only forked may use neither a window system nor a GPU.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import NoReturn

from pixyz_scheduler.worker.isolation import hunt
from pixyz_scheduler.worker.isolation.census import PsutilCensus
from pixyz_scheduler.worker.isolation.ending import end_as

_LOOK = 0.1


def main() -> NoReturn:
    """Start it, wait for it."""
    worker, mark = int(sys.argv[1]), sys.argv[2]
    child = subprocess.Popen([sys.executable, "-m", "pixyz_scheduler.worker.isolation.begun", "alone", ""])
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)
    while os.getppid() == worker:
        with suppress(subprocess.TimeoutExpired):
            end_as(child.wait(_LOOK))
    _end_all(os.environ[mark], mark)


def _end_all(value: str, mark: str) -> NoReturn:
    """The worker has died: whatever its child has started goes, and so do we."""
    hunt.kill_marked(mark, lambda other: other == value, census=PsutilCensus())
    os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
