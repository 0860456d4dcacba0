"""Watcher: sees to it that nobody of a run outlives it, however the run ends: stopped processes, too.

A process of its own, which reads a pipe that the run holds. At its end it kills whatever carries the run's mark.
"""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from typing_extensions import Self

_TIMES_OF_NOBODY = 3
_PAUSE = 0.1
_ROOT = Path(__file__).parents[2]


class Watcher:
    """A context manager, around all that carries the mark.

    Args:
        mark: `NAME=value`, in the environment of each of them.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.watcher", self._mark],
            stdin=subprocess.PIPE,
            cwd=_ROOT,
            # Whoever ends the run's group or its terminal does not end it.
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def with_mark(mark: str) -> list[psutil.Process]:
    """All that carry it, whoever their parent is, and live."""
    name, _, value = mark.partition("=")
    return [each for each in psutil.process_iter() if _carries(each, name, value)]


def _carries(process: psutil.Process, name: str, value: str) -> bool:
    try:
        return process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def main() -> None:
    """Wait for the run's end, and kill until nobody was there a few times."""
    sys.stdin.buffer.read()
    nobody = 0
    while nobody < _TIMES_OF_NOBODY:
        left = with_mark(sys.argv[1])
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        nobody = 0 if left else nobody + 1
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
