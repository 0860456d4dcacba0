"""JobLog: what an attempt prints, in a file that is there once something is printed."""

from contextlib import ExitStack, suppress
from io import RawIOBase

from typing_extensions import Self

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.disk import disk_in_words, make_corner
from pixyz_scheduler.storage.job_folder import JobFolder


class JobLog:
    """The log of one attempt; a context manager. What has no folder on the share has no log.

    Args:
        folder: of the job.
        attempt: from 1.
    """

    def __init__(self, folder: JobFolder, attempt: int) -> None:
        self._folder = folder
        self._attempt = attempt
        self._file: RawIOBase | None = None
        self._leave = ExitStack()

    def write(self, text: bytes) -> None:
        """Append; raises OSError or a SchedulerError where the share does not take it."""
        if self._file is None:
            if not self._folder.exists():
                return
            make_corner(self._folder.path, self._folder.logs.name)
            # Never a file that is there: the script runs already, and may have put a link in its place.
            path = self._folder.log_path(self._attempt)
            with disk_in_words(path):
                self._file = self._leave.enter_context(path.open("xb", buffering=0))
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
        self._leave.close()
