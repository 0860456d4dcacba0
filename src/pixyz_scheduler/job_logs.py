"""JobLogs: the use case of looking at what a job prints, now or while it is printed."""

from collections.abc import Collection
from dataclasses import dataclass

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import LogNotFound
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.attempt_logs import AttemptLogs
from pixyz_scheduler.surroundings import Surroundings

_BATCH = 200


@dataclass(frozen=True)
class FoundLog:
    """The log of one attempt, open to be read from any byte.

    Attributes:
        job_id: whose.
        attempt: from 1.
        is_over: the attempt had ended when this was found: nothing more comes.
        logs: where it is read.
    """

    job_id: JobId
    attempt: int
    is_over: bool
    logs: AttemptLogs

    def read(self, *, offset: int, at_most: int) -> bytes:
        """What stands there from this byte on; raises Unavailable, OSError."""
        return self.logs.read(self.attempt, offset=offset, at_most=at_most)

    def size(self) -> int:
        """Bytes so far; raises Unavailable, OSError."""
        return self.logs.size(self.attempt)


@dataclass(frozen=True)
class LogEntry:
    """One attempt that has printed something."""

    attempt: int
    size: int
    is_over: bool


class JobLogs:
    """What jobs print.

    Args:
        records: the store.
        surroundings: the share where the logs lie, and whether it is the store's own.
    """

    def __init__(self, records: RecordStore, surroundings: Surroundings) -> None:
        self._records = records
        self._surroundings = surroundings

    def find(self, job_id: JobId, attempt: int | None = None) -> FoundLog:
        """The log of an attempt, of the last one that began where none is named.

        A job whose first attempt has not begun has an empty log of that attempt: it is there to be followed.

        Raises:
            JobNotFound: no such job.
            LogNotFound: it has no such attempt, or keeps no log.
            WrongShare, Unavailable: the share is away.
        """
        report = self._records.report(job_id)
        logs = self._logs(report)
        wanted = attempt or max(1, report.epoch)
        # The next attempt of a job that waits may be followed before it begins.
        if wanted > report.epoch + int(report.state.is_waiting):
            raise LogNotFound(_no_such_attempt(report, wanted))
        return FoundLog(job_id, wanted, _is_over(report.state, report.epoch, wanted), logs)

    def entries(self, job_id: JobId) -> list[LogEntry]:
        """The attempts that have printed something; raises as `find` does."""
        report = self._records.report(job_id)
        sizes = self._logs(report).sizes()
        return [LogEntry(number, size, _is_over(report.state, report.epoch, number)) for number, size in sizes.items()]

    def over(self, logs: Collection[FoundLog]) -> set[tuple[JobId, int]]:
        """Of these attempts, those that have ended, or whose job is gone; raises StoreUnavailable.

        One question for any number of them.
        """
        ids = sorted({log.job_id for log in logs})
        standing: dict[JobId, tuple[str, str]] = {}
        for at in range(0, len(ids), _BATCH):
            some = ids[at : at + _BATCH]
            told = self._records.run("standing", *some)
            standing |= {job_id: (told[2 * i], told[2 * i + 1]) for i, job_id in enumerate(some)}
        return {
            (log.job_id, log.attempt)
            for log in logs
            for state, epoch in [standing[log.job_id]]
            if not state or _is_over(JobState(state), int(epoch or 0), log.attempt)
        }

    def _logs(self, report: JobReport) -> AttemptLogs:
        # Where the share is away there is no log either, and that is no answer.
        self._surroundings.check_share()
        folder = self._surroundings.share.folder(report.job.id)
        # A sub-task that only computes gets a folder once it prints.
        if report.job.parent is None and not folder.exists():
            raise LogNotFound(f"Job {report.job.id} keeps no log: it has no folder on the share.")
        return AttemptLogs(folder)


def _is_over(state: JobState, begun: int, attempt: int) -> bool:
    """Whether nothing more comes: the job has ended, a later attempt has begun, or this one waits to be followed."""
    return state.is_terminal or attempt < begun or (attempt == begun and state.is_waiting)


def _no_such_attempt(report: JobReport, attempt: int) -> str:
    if not report.epoch:
        return f"Job {report.job.id} has no attempt {attempt}: none has begun."
    there = "1" if report.epoch == 1 else f"1 to {report.epoch}"
    return f"Job {report.job.id} has no attempt {attempt}; it has {there}."
