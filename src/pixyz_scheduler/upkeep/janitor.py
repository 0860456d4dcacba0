"""Janitor: removes what is past its time: old jobs, deleted ones at their end, and what killed processes left."""

import logging
import threading
import time
from collections.abc import Callable

from typing_extensions import Self

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import RecordError, SchedulerError
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.logs import Trouble
from pixyz_scheduler.storage.leftovers import untouched
from pixyz_scheduler.storage.retention import Kept, expired, remove_expired
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.surroundings import Surroundings

_log = logging.getLogger(__name__)

CLEAN_EACH = 60.0
_BURY_EACH = 1.0
LEFT_AFTER = 24 * 3600.0
_LOOK_FOR_LEFTOVERS_EACH = 3600.0
_LOOK_AT_CONTENT_EACH = 600.0
_BATCH = 100


class Janitor:
    """A thread in every API process and every worker of `clean`; any number may work at once. A context manager.

    Args:
        records: the store.
        share: where job folders lie.
        surroundings: whether that share is the store's own; nothing is removed from another.
        keep: seconds that a job is kept after its end; None for ever.
    """

    def __init__(self, records: RecordStore, share: Share, surroundings: Surroundings, *, keep: float | None) -> None:
        self._records = records
        self._share = share
        self._surroundings = surroundings
        self._keep = keep
        self._next_leftovers = self._next_content = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def clean(self, now: float) -> int:
        """Remove what is past its time at `now` (epoch seconds); how many jobs went.

        Raises:
            WrongShare: this is another share; nothing was touched.
        """
        self._surroundings.check_share()
        self._share.sweep(now=now, older_than=LEFT_AFTER)
        if now >= self._next_leftovers:
            self._next_leftovers = now + _LOOK_FOR_LEFTOVERS_EACH
            self._remove_leftovers(now)
        if now >= self._next_content:
            self._next_content = now + _LOOK_AT_CONTENT_EACH
            self._share.content.clean(now)
        return 0 if self._keep is None else self._remove_ended(now, self._keep)

    def bury(self) -> int:
        """Remove the deleted jobs that have ended meanwhile; how many went. Raises as `clean` does."""
        doomed = self._records.doomed(limit=_BATCH)
        if doomed:
            self._surroundings.check_share()
        gone, failed = remove_expired(self._share, doomed)
        for job_id, reason in failed.items():
            _log.warning("files of deleted job %s not removed: %s", job_id, reason)
        return sum(self._records.forget(JobId(job_id)) for job_id in gone)

    def _remove_ended(self, now: float, keep: float) -> int:
        gone = stays = 0
        while ended := self._records.ended_before(now - keep, limit=_BATCH, skip=stays):
            kept = [Kept(job_id=job_id, is_terminal=True, finished=finished) for job_id, finished in ended]
            removed = sum(self._remove(JobId(job_id), now - keep) for job_id in expired(kept, now=now, ttl=keep))
            gone += removed
            # What cannot be removed now keeps nobody else, and is met again next time.
            stays += len(ended) - removed
        if gone:
            _log.info("removed %d jobs that ended more than %g s ago", gone, keep)
        return gone

    def _remove(self, job_id: JobId, moment: float) -> bool:
        try:
            # Asked for each: those before it may have taken minutes, in which this one was run again.
            if not self._records.expire(job_id, moment=moment):
                return False
        except RecordError as error:
            _log.warning("job %s not removed: %s", job_id, error)
            return False
        # The files first: a record without files is met again, files without a record are not.
        gone, failed = remove_expired(self._share, [job_id])
        for reason in failed.values():
            _log.warning("files of job %s not removed: %s", job_id, reason)
        return bool(gone) and self._records.forget(job_id)

    def _remove_leftovers(self, now: float) -> None:
        """Folders whose record was never written: the store did not answer, and their senders were told so.

        A store knows only what came since it met the share: what is older is another's, or was lost with its data.
        """
        since = self._surroundings.known_since()
        if since is None:
            return
        for folder in untouched(self._share, since=since, before=now - LEFT_AFTER):
            if not self._records.has(JobId(folder.job_id)):
                folder.remove()
                _log.info("removed the files of %s, which never became a job", folder.job_id)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        each = CLEAN_EACH if self._keep is None else min(CLEAN_EACH, max(1.0, self._keep / 10))
        due = time.monotonic() + each
        not_buried, not_cleaned = Trouble(_log, "deleted jobs are not removed"), Trouble(_log, "not cleaned")
        while not self._closing.wait(_BURY_EACH):
            _try(self.bury, not_buried)
            if time.monotonic() >= due:
                due = time.monotonic() + each
                _try(lambda: self.clean(time.time()), not_cleaned)


def _try(work: Callable[[], int], trouble: Trouble) -> None:
    try:
        work()
    except (SchedulerError, OSError) as error:
        # The store or the share is away: there is always a next time.
        trouble.met(error)
    else:
        trouble.passed()
