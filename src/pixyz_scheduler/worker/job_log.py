"""JobLog: what an attempt prints, in a file that is there once something is printed, and that has a largest size."""

import tempfile
from contextlib import ExitStack, suppress
from io import RawIOBase
from typing import IO

from typing_extensions import Self

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.disk import disk_in_words, make_corner
from pixyz_scheduler.storage.job_folder import JobFolder

_CHUNK = 1 << 20


class JobLog:
    """The log of one attempt; a context manager. What has no folder on the share has no log.

    Of what is more than `limit` the first half and the last are kept, and a line between them says how much is not
    there. The last half stands in an unnamed local file until the attempt has ended.

    Args:
        folder: of the job.
        attempt: from 1.
        limit: bytes; 0 for any.
        make_folder: a folder is made for the log where there is none.
    """

    def __init__(self, folder: JobFolder, attempt: int, *, limit: int = 0, make_folder: bool = False) -> None:
        self._folder = folder
        self._make_folder = make_folder
        self._attempt = attempt
        self._file: RawIOBase | None = None
        self._leave = ExitStack()
        self._head = limit - limit // 2 if limit else None
        self._tail = _Ring(max(1, limit // 2))

    def write(self, text: bytes) -> None:
        """Append; raises OSError or a SchedulerError where the share does not take it."""
        if self._file is None:
            if self._make_folder:
                make_corner(self._folder.share, self._folder.job_id)
            if not self._folder.exists():
                return
            make_corner(self._folder.path, self._folder.logs.name)
            # Never a file that is there: the script runs already, and may have put a link in its place.
            path = self._folder.log_path(self._attempt)
            with disk_in_words(path):
                self._file = self._leave.enter_context(path.open("xb", buffering=0))
            self._leave.enter_context(self._tail)
        if self._head is not None:
            text, rest = text[: self._head], text[self._head :]
            self._head -= len(text)
            self._tail.write(rest)
        if text:
            self._append(self._file, text)

    def _append(self, file: RawIOBase, text: bytes) -> None:
        before, rest = file.tell(), memoryview(text)
        try:
            with disk_in_words(self._folder.log_path(self._attempt)):
                while rest:
                    rest = rest[file.write(rest) or 0 :]
        except SchedulerError:
            self._forget_what_was_cut(file, before)
            raise

    def _forget_what_was_cut(self, file: RawIOBase, size: int) -> None:
        """What was printed before is worth its place on a full disk; a log of nothing is not."""
        with suppress(OSError):
            file.truncate(size)
            if not size:
                self._folder.log_path(self._attempt).unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._leave:
            if self._file is not None:
                # The job has ended as it has: that the end of its log is lost on a full share changes nothing.
                with suppress(OSError):
                    self._tail.copy_to(self._file)


class _Ring:
    """The last bytes of all that was written, in a file that has no name; a context manager."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._written = 0
        self._leave = ExitStack()
        self._file: IO[bytes] | None = None

    def write(self, text: bytes) -> None:
        if self._file is None and text:
            self._file = self._leave.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115  (it is one)
        while self._file is not None and text:
            place = self._written % self._size
            self._file.seek(place)
            count = self._file.write(text[: self._size - place])
            self._written += count
            text = text[count:]

    def copy_to(self, other: RawIOBase) -> None:
        """All that is kept, in order, behind a line about what is not."""
        if self._file is None:
            return
        cut = self._written - self._size
        place = self._written % self._size if cut > 0 else 0
        if cut > 0:
            other.write(f"\n[... {cut} bytes are left out here: the log is longer than LOG_LIMIT ...]\n".encode())
        left = min(self._written, self._size)
        while left > 0:
            self._file.seek(place)
            chunk = self._file.read(min(_CHUNK, left, self._size - place))
            other.write(chunk)
            left -= len(chunk)
            place = (place + len(chunk)) % self._size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()
