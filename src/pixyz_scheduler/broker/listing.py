"""Listing: pages of jobs, newest first, by the indexes; their cost does not grow with history."""

from collections.abc import Iterable
from dataclasses import dataclass

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import BadInput, RecordError
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState

# What a page of jobs shows; the rest of a record stays where it is.
_LISTED = (
    *("v", "process", "options", "name", "state", "queue", "submitted", "started", "stopped"),
    *("progress", "error", "epoch", "crashes", "hindrances", "drains", "children", "done"),
)


@dataclass(frozen=True)
class JobFilter:
    """What a listing asks for; None asks for all.

    Attributes:
        since: epoch seconds, of submission.
        parent: the job that started them; empty for those that users have sent.
    """

    status: JobState | None = None
    name: str | None = None
    queue: str | None = None
    since: float | None = None
    parent: str | None = None


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first, and where the next page begins (None: there is none)."""

    reports: tuple[JobReport, ...]
    cursor: str | None


def list_jobs(records: RecordStore, wanted: JobFilter, *, limit: int = 100, cursor: str | None = None) -> JobPage:
    """A page of jobs.

    Raises:
        BadInput: a cursor that is not ours.
    """
    asked = _asked(wanted)
    score, _, before = (cursor or "+inf:").partition(":")
    if score != "+inf" and not (before and _is_number(score)):
        raise BadInput(f"cursor {cursor!r} is not one that a listing gave.")
    since = "-inf" if wanted.since is None else str(wanted.since)
    pairs = [text for pair in asked.items() for text in pair]
    answer = records.run("list", limit, score, before, since, len(asked), *pairs, *_LISTED)
    last_score, last_id, *rows = answer
    following = f"{last_score}:{last_id}" if last_id else None
    return JobPage(tuple(_listed(row) for row in rows if row[1]), following)


def _asked(wanted: JobFilter) -> dict[str, str]:
    """What each record must say."""
    asked: dict[str, str] = {}
    if wanted.name is not None:
        asked["name"] = wanted.name
    if wanted.status is not None:
        asked["state"] = (JobState.SENT if wanted.status is JobState.PENDING else wanted.status).value
    if wanted.queue is not None:
        asked["queue"] = wanted.queue
    if wanted.parent is not None:
        asked["parent"] = wanted.parent
    return asked


def _listed(row: Iterable[str | None]) -> JobReport:
    """A row of the page. One of another version is told as UNKNOWN: it must not hide the others."""
    name, *values = row
    job_id = JobId(str(name))
    record = {name: value for name, value in zip(_LISTED, values, strict=True) if value is not None}
    try:
        return JobReport.from_record(job_id, record)
    except RecordError as error:
        job = Job(job_id, process="", options=JobOptions(), submitted=0.0)
        return JobReport(job, JobState.UNKNOWN, queue="", error=str(error))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
