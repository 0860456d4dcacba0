"""ShareLook: which share a worker sees, looked up now and then by a thread of its own, since a share may hang."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from typing_extensions import Self

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.share_id import read_share_id

NO_ID, AWAY, SILENT = "no id", "away", "silent"
"""What is said in place of an id: the folder has none; it is not there, or cannot be read; it does not answer."""

_EACH = 5.0
# Seconds without an answer after which it counts as silent.
_PATIENCE = 10.0


class ShareLook:
    """Looks until it is left; a context manager.

    Args:
        root: of the share.
        each: seconds between two looks.
        clock: monotonic seconds.
        read: the id at a root; for tests.
    """

    def __init__(
        self,
        root: Path,
        *,
        each: float = _EACH,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[Path], str | None] = read_share_id,
    ) -> None:
        self._root = root
        self._each = each
        self._clock = clock
        self._read = read
        self._seen = ""
        self._asked: float | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="share-look", daemon=True)

    @property
    def seen(self) -> str:
        """The share's id, or one of the words above; empty before the first look has ended."""
        asked = self._asked
        return SILENT if asked is not None and self._clock() - asked > _PATIENCE else self._seen

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Nobody waits for a share that hangs.
        self._closing.set()

    def look(self) -> None:
        """Look once."""
        self._asked = self._clock()
        try:
            self._seen = self._read(self._root) or NO_ID
        except (SchedulerError, OSError):
            self._seen = AWAY
        finally:
            self._asked = None

    def _run(self) -> None:
        while not self._closing.is_set():
            self.look()
            self._closing.wait(self._each)
