"""Reconcile: what the share knows of its jobs and the store does not, put back into the store after a total loss."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.errors import RecordError, Unavailable, UnsafePath
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.mirrored import read_ended, read_sent
from pixyz_scheduler.storage.job_folder import is_job_id
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import ENDED, SENT, StateFiles

KNOWN, IN_LINE, UNREADABLE, GONE = "known", "in line", "unreadable", "gone"
_BATCH = 200
# A folder lies there a moment before its record does; and if its record is refused it goes again.
_SETTLED_AFTER = 5.0


@dataclass(frozen=True)
class Finding:
    """What became of one folder.

    Attributes:
        job_id: whose.
        what: KNOWN (the store had it), the state that it ended in, IN_LINE (it had not ended: it runs again, its
            attempts so far unknown), UNREADABLE, or GONE (it went away meanwhile).
        reason: why it is not readable.
    """

    job_id: JobId
    what: str
    reason: str | None = None


class Reconcile:
    """One look over the share. Safe to run again, and beside workers and APIs at work.

    Args:
        records: the store.
        dispatch: rings for what is back in line.
        share: where job folders lie.
        dry_run: nothing is written.
        pause: lets so many seconds pass.
    """

    def __init__(
        self,
        *,
        records: RecordStore,
        dispatch: Dispatch,
        share: Share,
        dry_run: bool,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._records = records
        self._dispatch = dispatch
        self._share = share
        self._dry_run = dry_run
        self._pause = pause

    def run(self) -> Iterator[Finding]:
        """Each folder, as it is dealt with; in memory are only the ids of those that go back in line.

        Raises:
            Unavailable: the share or the store is away; what was done until then is done.
        """
        waiting: list[tuple[float, JobId]] = []
        folders = self._folders()
        while batch := list(islice(folders, _BATCH)):
            known = set(self._records.run("known", *batch))
            for job_id in batch:
                finding = Finding(job_id, KNOWN) if job_id in known else self._look(job_id, waiting)
                if finding is not None:
                    yield finding
        if waiting and not self._dry_run:
            self._pause(_SETTLED_AFTER)
        # Who was sent first is first in line again.
        for _, job_id in sorted(waiting):
            yield self._put_in_line(job_id)

    def _folders(self) -> Iterator[JobId]:
        try:
            with os.scandir(self._share.root) as entries:
                # Our own corners, and what others keep here, are no jobs'.
                yield from (JobId(entry.name) for entry in entries if is_job_id(entry.name))
        except OSError as error:
            raise Unavailable(f"The share {self._share.root} cannot be read: {error.strerror}.") from error

    def _look(self, job_id: JobId, waiting: list[tuple[float, JobId]]) -> Finding | None:
        """An ended job is restored; one that has not ended is noted for later: None."""
        try:
            if (text := self._files(job_id).read(ENDED)) is not None:
                return self._restore(job_id, read_ended(job_id, text))
            waiting.append((float(self._sent(job_id)["submitted"]), job_id))
        except (RecordError, UnsafePath) as error:
            return Finding(job_id, UNREADABLE, str(error))
        return None

    def _restore(self, job_id: JobId, record: dict[str, str]) -> Finding:
        restored = self._dry_run or self._write(job_id, record)
        return Finding(job_id, record["state"] if restored else KNOWN)

    def _put_in_line(self, job_id: JobId) -> Finding:
        files = self._files(job_id)
        try:
            if not files.folder.exists():
                return Finding(job_id, GONE)
            # A worker may have claimed, run and ended it since, for an API that was about to write its record.
            record = self._sent(job_id)
            if not self._dry_run:
                if not self._write(job_id, record):
                    return Finding(job_id, KNOWN)
                self._dispatch.ring(Bell(job_id, record["queue"], int(record["priority"])))
        except (RecordError, UnsafePath) as error:
            return Finding(job_id, UNREADABLE, str(error))
        return Finding(job_id, IN_LINE)

    def _sent(self, job_id: JobId) -> dict[str, str]:
        text = self._files(job_id).read(SENT)
        if text is None:
            raise RecordError(f"It has neither {ENDED} nor {SENT}: nobody knows what was asked.")
        return read_sent(job_id, text)

    def _write(self, job_id: JobId, record: dict[str, str]) -> bool:
        fields = [text for pair in record.items() for text in pair]
        return bool(self._records.run("restore", job_id, record["queue"], *fields))

    def _files(self, job_id: JobId) -> StateFiles:
        return StateFiles(self._share.folder(job_id))
