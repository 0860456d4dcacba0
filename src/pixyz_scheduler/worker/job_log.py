"""JobLog: what an attempt prints, in a file that is there once something is printed."""

from contextlib import ExitStack
from io import RawIOBase

from typing_extensions import Self

from pixyz_scheduler.storage.disk import make_corner
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
            self._file = self._leave.enter_context(path.open("xb", buffering=0))
        self._file.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()
