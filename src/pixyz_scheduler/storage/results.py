"""Results: what jobs have returned: in their records, and the large ones in a file of their folders instead.

`.state/result-<attempt>.json`: a name of each attempt's own, so that one which has lost its lease overwrites nothing.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from pixyz_scheduler.errors import RecordError, SchedulerError, UnsafePath
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import STATE, StateFiles

LARGE = 1 << 20
_NAME = re.compile(r"result-[0-9]{1,9}\.json")


@dataclass(frozen=True)
class Results:
    """The results of the jobs on a share; `large` is the least number of bytes that make a file."""

    share: Share
    large: int = LARGE

    def keep(self, job_id: JobId, text: str, *, attempt: int) -> str | None:
        """Put a result into a file if it is large, whole and lasting, before its record tells of it.

        A job without a folder gets one for it. What earlier attempts have left is removed.

        Returns:
            The name for the record's `result_file`; None where the text itself belongs there.

        Raises:
            StorageFull, Unavailable: try again later.
            UnsafePath: something is in its place.
        """
        files = StateFiles(self.share.folder(job_id))
        # They were of ends that are none any more: the job was run again since. What stays goes with the folder.
        with suppress(SchedulerError, OSError):
            files.remove([_name(earlier) for earlier in range(1, attempt)])
        written = text.encode() if len(text) * 4 >= self.large else b""
        if len(written) < self.large:
            return None
        name = _name(attempt)
        StateFiles(self.share.make_folder(job_id)).write(name, written)
        return name

    def text(self, report: JobReport) -> str | None:
        """JSON text of what the job returned, wherever it lies; None until success. Raises as `read` does."""
        return report.result if report.result_file is None else self.read(report.job.id, report.result_file).decode()

    def filled(self, report: JobReport) -> JobReport:
        """The report with the result in it, wherever it lies. Raises as `read` does."""
        return report if report.result_file is None else replace(report, result=self.text(report), result_file=None)

    def read(self, job_id: JobId, name: str) -> bytes:
        """JSON text in UTF-8 of a result that lies in a file of this name.

        Raises:
            RecordError: it is not there, or not as we made it.
            Unavailable: the share is away.
        """
        try:
            # The name comes from a record, which may come from a file that a script can write.
            text = StateFiles(self.share.folder(job_id)).read(name) if _NAME.fullmatch(name) else None
        except UnsafePath as error:
            raise RecordError(f"The result of job {job_id} cannot be read: {error}") from error
        if text is None:
            raise RecordError(f"The result of job {job_id} is gone: it lay in {STATE}/{name} of its folder.")
        return text


def _name(attempt: int) -> str:
    return f"result-{attempt}.json"
