"""Which job folders are past their time, and their removal."""

from collections.abc import Iterable
from dataclasses import dataclass

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.share import Share


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What retention asks of a job."""

    job_id: str
    is_terminal: bool
    #: Seconds since the epoch; None while it is not known.
    finished: float | None
    is_pinned: bool = False


def expired(records: Iterable[Kept], *, now: float, ttl: float) -> list[str]:
    """The ids of the jobs whose files may go, oldest first.

    Time counts from a job's end, never from its start, and a job that has not ended never expires.

    Args:
        records: the jobs.
        now: seconds since the epoch.
        ttl: seconds that a finished job is kept.
    """
    past = [
        (record.finished, record.job_id)
        for record in records
        if record.is_terminal and not record.is_pinned and record.finished is not None and record.finished + ttl <= now
    ]
    return [job_id for _, job_id in sorted(past)]


def remove_expired(share: Share, job_ids: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Remove the folders of these jobs: those that are gone now, and why the others are not.

    One folder that cannot be removed does not keep the others.
    """
    why = {job_id: _remove(share, job_id) for job_id in job_ids}
    return [job_id for job_id, error in why.items() if error is None], {
        job_id: error for job_id, error in why.items() if error is not None
    }


def _remove(share: Share, job_id: str) -> str | None:
    try:
        share.folder(job_id).remove()
    except (OSError, SchedulerError) as error:
        return str(error)
    return None
