"""FileLock: one store to a data folder, by a lock on a file that says which process holds it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

from typing_extensions import Self

from pixyz_scheduler.errors import StoreRefused


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

    def take(self, *, patience: float = 0.0) -> None:
        """Take it, within so many seconds.

        Raises:
            StoreRefused: another has it; names its pid.
        """
        ends, pause = time.monotonic() + patience, Event()
        while not self._try_to_take():
            if time.monotonic() >= ends:
                raise StoreRefused(
                    f"The data in {self._path.parent} is in use by process {self._holder()}. "
                    f"Stop it, or set DATA_PATH to another folder."
                )
            pause.wait(0.02)

    def sign(self, pid: int) -> None:
        """Write who holds it."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def _holder(self) -> str:
        return os.pread(self.descriptor, 64, 0).decode(errors="replace").strip() or "unknown"

    def _try_to_take(self) -> bool:
        import fcntl  # not on Windows, where no server is found either

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
