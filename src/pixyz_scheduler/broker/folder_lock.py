"""FolderLock: one store to a data folder."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

from typing_extensions import Self

from pixyz_scheduler.errors import StoreRefused


class FolderLock:
    """A lock on a file that says who holds it.

    The server inherits the descriptor, so that the lock is free only when the server too is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def __enter__(self) -> Self:
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def take(self, *, patience: float) -> None:
        """Take it, with patience in seconds for a server whose owner has died: it is writing its last bytes.

        Raises:
            StoreRefused: a living process holds it, or patience is at its end.
        """
        ends, pause = time.monotonic() + patience, Event()
        while not self._try_to_take():
            owner, server = self._holders()
            if _is_alive(owner) or time.monotonic() > ends:
                who = owner if _is_alive(owner) else server
                raise StoreRefused(
                    f"The data in {self._path.parent} is in use by process {who or 'unknown'}. Stop it, or set "
                    f"DATA_PATH to another folder."
                )
            pause.wait(0.02)
        self.sign(server=0)

    def sign(self, *, server: int) -> None:
        """Write who holds it: this process and its server."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()} {server}\n".encode(), 0)

    def _try_to_take(self) -> bool:
        import fcntl  # not on Windows, where no server is found either

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holders(self) -> tuple[int, int]:
        words = os.pread(self.descriptor, 64, 0).split()
        if len(words) == 2 and all(word.isdigit() for word in words):  # noqa: PLR2004  (this process and its server)
            return int(words[0]), int(words[1])
        return 0, 0


def _is_alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
