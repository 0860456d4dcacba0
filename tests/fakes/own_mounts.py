"""OwnMounts: a thread that has left the machine's mounts: what it mounts, it and what it starts see alone."""

import ctypes
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from typing_extensions import Self

_CLONE_NEWNS = 0x00020000

T = TypeVar("T")


class OwnMounts:
    """A place to mount things; gone with what it has started. A context manager; raises PermissionError."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mounts")

    def do(self, deed: Callable[[], T]) -> T:
        """Do something there, and wait for it."""
        return self._thread.submit(deed).result()

    def run(self, *words: str) -> None:
        """Run a program there."""
        self.do(lambda: subprocess.run(words, check=True))

    def __enter__(self) -> Self:
        self.do(leave_the_mounts)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()


def leave_the_mounts() -> None:
    """From now on this thread's mounts are its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        number = ctypes.get_errno()
        raise PermissionError(number, f"unshare(CLONE_NEWNS): {os.strerror(number)}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
