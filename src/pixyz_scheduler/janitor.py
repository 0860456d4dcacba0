"""Janitor: removes what is past its time: old jobs, deleted ones at their end, and what killed processes left."""

import logging
import threading
import time
from collections.abc import Callable

from typing_extensions import Self

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.storage.retention import Kept, expired, remove_expired
from pixyz_scheduler.storage.share import Share

_log = logging.getLogger(__name__)

CLEAN_EACH = 60.0
_BURY_EACH = 1.0
_LEFT_AFTER = 24 * 3600.0
_BATCH = 100


class Janitor:
    """A thread in every API process; any number may work at once. A context manager.

    Args:
        records: the store.
        share: where job folders lie.
        keep: seconds that a job is kept after its end; None for ever.
    """

    def __init__(self, records: RecordStore, share: Share, *, keep: float | None) -> None:
        self._records = records
        self._share = share
        self._keep = keep
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def clean(self, now: float) -> int:
        """Remove what is past its time at `now` (epoch seconds); how many jobs went."""
        self._share.sweep(now=now, older_than=_LEFT_AFTER)
        gone = 0
        while self._keep is not None and (removed := self._remove_some(now, self._keep)):
            gone += removed
        if gone:
            _log.info("removed %d jobs that ended more than %g s ago", gone, self._keep)
        return gone

    def bury(self) -> int:
        """Remove the deleted jobs that have ended meanwhile; how many went."""
        gone, failed = remove_expired(self._share, self._records.doomed(limit=_BATCH))
        for job_id, reason in failed.items():
            _log.warning("files of deleted job %s not removed: %s", job_id, reason)
        return sum(self._records.forget(JobId(job_id)) for job_id in gone)

    def _remove_some(self, now: float, keep: float) -> int:
        ended = self._records.ended_before(now - keep, limit=_BATCH)
        kept = [Kept(job_id=job_id, is_terminal=True, finished=finished) for job_id, finished in ended]
        # The files first: a record without files is met again, files without a record are not.
        gone, failed = remove_expired(self._share, expired(kept, now=now, ttl=keep))
        for job_id, reason in failed.items():
            _log.warning("files of job %s not removed: %s", job_id, reason)
        return sum(self._records.forget(JobId(job_id)) for job_id in gone)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        each = CLEAN_EACH if self._keep is None else min(CLEAN_EACH, max(1.0, self._keep / 10))
        due = time.monotonic() + each
        while not self._closing.wait(_BURY_EACH):
            self._try(self.bury)
            if time.monotonic() >= due:
                due = time.monotonic() + each
                self._try(lambda: self.clean(time.time()))

    def _try(self, work: Callable[[], int]) -> None:
        try:
            work()
        except (SchedulerError, OSError) as error:
            # The store or the share is away: there is always a next time.
            _log.warning("not cleaned: %s", error)
