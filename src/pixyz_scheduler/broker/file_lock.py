"""FileLock: a lock on a file that says which process holds it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

from typing_extensions import Self


class FileLock:
    """Free as soon as its holder is gone, however it went, and so are those who inherited `descriptor`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def __enter__(self) -> Self:
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def take(self, *, patience: float = 0.0) -> bool:
        """Take it within so many seconds; False where another has it."""
        ends, pause = time.monotonic() + patience, Event()
        while not self._try_to_take():
            if time.monotonic() >= ends:
                return False
            pause.wait(0.02)
        return True

    def sign(self, pid: int) -> None:
        """Write who holds it."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def holder(self) -> str:
        """The pid of who holds it."""
        return os.pread(self.descriptor, 64, 0).decode(errors="replace").strip() or "unknown"

    def _try_to_take(self) -> bool:
        import fcntl  # not on Windows, where no server is found either

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
