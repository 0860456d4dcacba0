"""Reconcile: what the share knows of its jobs and the store does not, put back into the store after a total loss."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.errors import RecordError, Unavailable, UnsafePath
from pixyz_scheduler.jobs.job import DEFAULT_PRIORITY, JobId
from pixyz_scheduler.jobs.mirrored import read_ended, read_sent
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.job_folder import is_job_id
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import ENDED, SENT, StateFiles

KNOWN, IN_LINE, UNREADABLE, GONE = "known", "in line", "unreadable", "gone"
WITH_ITS_PARENT = "comes with the job that starts it"
_BATCH = 200
_RESTORED = 1
# A folder lies there a moment before its record does; and if its record is refused it goes again.
_SETTLED_AFTER = 5.0


@dataclass(frozen=True)
class Finding:
    """What became of one folder.

    Attributes:
        job_id: whose.
        what: KNOWN (the store had it), the state that it ended in, IN_LINE (it had not ended: it runs again, its
            attempts so far unknown), WITH_ITS_PARENT (that one is back in line, and will start it again), UNREADABLE,
            or GONE (it went away meanwhile).
        reason: why it is not readable.
    """

    job_id: JobId
    what: str
    reason: str | None = None


@dataclass(frozen=True)
class _Sent:
    """What decides when a job is put back: when it was sent, the jobs above it, and those whose results it needs."""

    moment: float
    family: frozenset[JobId]
    after: frozenset[JobId]

    @classmethod
    def of(cls, record: Mapping[str, str]) -> "_Sent":
        above = (record.get(name) for name in ("parent", "root"))
        after = (record.get("after") or "").split()
        return cls(
            float(record["submitted"]), frozenset(JobId(one) for one in above if one), frozenset(map(JobId, after))
        )


def _in_order(waiting: "Mapping[JobId, _Sent]") -> Iterator[JobId]:
    """Who was sent first is first in line again; but nobody is there before those whose results it needs."""
    left = sorted(waiting, key=lambda job_id: (waiting[job_id].moment, job_id))
    while left:
        there = set(left)
        ready = [job_id for job_id in left if not waiting[job_id].after & there] or left
        yield from ready
        there.difference_update(ready)
        left = [job_id for job_id in left if job_id in there]


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
        waiting: dict[JobId, _Sent] = {}
        folders = self._folders()
        while batch := list(islice(folders, _BATCH)):
            known = set(self._records.run("known", *batch))
            for job_id in batch:
                finding = Finding(job_id, KNOWN) if job_id in known else self._look(job_id, waiting)
                if finding is not None:
                    yield finding
        if waiting and not self._dry_run:
            self._pause(_SETTLED_AFTER)
        for job_id in _in_order(waiting):
            sent = waiting[job_id]
            if sent.family & waiting.keys():
                yield Finding(job_id, WITH_ITS_PARENT)
            else:
                yield self._put_in_line(job_id)

    def _folders(self) -> Iterator[JobId]:
        try:
            with os.scandir(self._share.root) as entries:
                # Our own corners, and what others keep here, are no jobs'.
                yield from (JobId(entry.name) for entry in entries if is_job_id(entry.name))
        except OSError as error:
            raise Unavailable(f"The share {self._share.root} cannot be read: {error.strerror}.") from error

    def _look(self, job_id: JobId, waiting: "dict[JobId, _Sent]") -> Finding | None:
        """An ended job is restored; one that has not ended is noted for later: None."""
        try:
            if (text := self._files(job_id).read(ENDED)) is not None:
                return self._restore(job_id, read_ended(job_id, text))
            waiting[job_id] = _Sent.of(self._sent(job_id))
        except (RecordError, UnsafePath) as error:
            return Finding(job_id, UNREADABLE, str(error))
        return None

    def _restore(self, job_id: JobId, record: dict[str, str]) -> Finding:
        restored = self._dry_run or bool(self._write(job_id, record))
        return Finding(job_id, record["state"] if restored else KNOWN)

    def _put_in_line(self, job_id: JobId) -> Finding:
        files = self._files(job_id)
        try:
            if not files.folder.exists():
                return Finding(job_id, GONE)
            # A worker may have claimed, run and ended it since, for an API that was about to write its record.
            record = self._sent(job_id)
            if not self._dry_run:
                restored = self._write(job_id, record)
                if restored != _RESTORED:
                    return Finding(job_id, KNOWN if not restored else JobState.REVOKED.value)
                self._dispatch.ring(Bell(job_id, record["queue"], int(record.get("priority") or DEFAULT_PRIORITY)))
        except (RecordError, UnsafePath) as error:
            return Finding(job_id, UNREADABLE, str(error))
        return Finding(job_id, IN_LINE)

    def _sent(self, job_id: JobId) -> dict[str, str]:
        text = self._files(job_id).read(SENT)
        if text is None:
            raise RecordError(f"It has neither {ENDED} nor {SENT}: nobody knows what was asked.")
        return read_sent(job_id, text)

    def _write(self, job_id: JobId, record: dict[str, str]) -> int:
        """0 where the store has it; see restore.lua."""
        fields = [text for pair in record.items() for text in pair]
        return int(self._records.run("restore", job_id, record["queue"], *fields))

    def _files(self, job_id: JobId) -> StateFiles:
        return StateFiles(self._share.folder(job_id))
