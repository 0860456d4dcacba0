"""AttemptLogs: what a job's attempts have printed, read while it is still written. A log only grows.

The folder is the script's to write in, too: no link that it may have put there is followed, and no pipe waited for.
"""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pixyz_scheduler.storage.disk import disk_in_words
from pixyz_scheduler.storage.job_folder import JobFolder

_NAME = re.compile(r"attempt-([1-9][0-9]{0,8})\.log")
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO, errno.EMLINK})


@dataclass(frozen=True)
class AttemptLogs:
    """The logs of one job, there or not."""

    folder: JobFolder

    def sizes(self) -> dict[int, int]:
        """The attempts that have a log, in order, each with its bytes so far."""
        try:
            with disk_in_words(self.folder.logs):
                names = [path.name for path in self.folder.logs.iterdir()]
        except OSError as error:
            if error.errno in _NOT_THERE:
                return {}
            raise
        numbers = sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))
        return {number: size for number in numbers if (size := self._size(number)) is not None}

    def size(self, attempt: int) -> int:
        """Bytes of an attempt's log so far; 0 where nothing was printed yet. Raises Unavailable, OSError."""
        return self._size(attempt) or 0

    def read(self, attempt: int, *, offset: int, at_most: int) -> bytes:
        """What stands there from this byte on; nothing at its end, and beyond it. Raises Unavailable, OSError."""
        with self._opened(attempt) as descriptor:
            if descriptor is None:
                return b""
            with disk_in_words(self.folder.log_path(attempt)):
                # No file system takes every number as a place.
                if offset >= os.fstat(descriptor).st_size:
                    return b""
                os.lseek(descriptor, offset, os.SEEK_SET)
                return os.read(descriptor, at_most)

    def _size(self, attempt: int) -> int | None:
        with self._opened(attempt) as descriptor:
            return None if descriptor is None else os.fstat(descriptor).st_size

    @contextmanager
    def _opened(self, attempt: int) -> Iterator[int | None]:
        """Opened anew each time: that is when a share over the network looks how long the file is now."""
        path = self.folder.log_path(attempt)
        try:
            with disk_in_words(path):
                descriptor = self._open(path.name)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            yield None
            return
        try:
            yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        if sys.platform == "win32":
            return os.open(self.folder.logs / name, _READ)
        folder = os.open(self.folder.logs, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            return os.open(name, _READ, dir_fd=folder)
        finally:
            os.close(folder)
