"""Mirror: writes how each job ended beside its files, so that the share alone tells it should the store be lost."""

import logging
import queue
import threading
from collections.abc import Callable

from typing_extensions import Self

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound, SchedulerError, UnsafePath
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.mirrored import ended_text
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.logs import about_job
from pixyz_scheduler.script.chores import is_chore
from pixyz_scheduler.storage.share import INCOMING, Share
from pixyz_scheduler.storage.state_files import StateFiles

_log = logging.getLogger(__name__)

LOOK_EACH = 2.0
# Seconds that the process which ended a job has for it, before any other one does it.
_AFTER_MS = 3_000
_AGAIN_MS = 30_000
_BATCH = 50


class Mirror:
    """A thread in every worker and API process; any number may work at once. A context manager.

    Nobody waits for it: an end is visible before it is here. Which ends are missing stands in the store
    (`ps:unmirrored`), so that none is forgotten when a process is killed.

    Args:
        records: the store.
        share: where job folders lie.
        told: called with each job that has ended here, before that is written.
    """

    def __init__(
        self, records: RecordStore, share: Share, *, told: Callable[[JobReport], None] = lambda _: None
    ) -> None:
        self._records = records
        self._share = share
        self._told = told
        self._ended: queue.SimpleQueue[JobId | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def soon(self, job_id: JobId) -> None:
        """This job has ended: do it at once."""
        self._ended.put(job_id)

    def write(self, job_id: JobId, *, told: Callable[[JobReport], None] = lambda _: None) -> None:
        """Write the end of this job; one that has not ended, or is gone, has none. `told` of it is who wants to know.

        Raises:
            StoreUnavailable, Unavailable, StorageFull: it is done later.
        """
        try:
            record = self._records.record(job_id)
        except JobNotFound:
            record = {}
        report = JobReport.from_record(job_id, record) if record else None
        if report is not None and report.state.is_terminal:
            told(report)
            if not self._write(report, record):
                return
        if self._records.run("mirrored", job_id, record.get("stopped", "")) == "running":
            self._files(job_id).remove_ended()

    def catch_up(self) -> int:
        """Write what those who ended the jobs have not; how many were looked at."""
        missing: list[str] = self._records.run("unmirrored", _BATCH, _AFTER_MS, _AGAIN_MS)
        for job_id in missing:
            self._try(JobId(job_id))
        return len(missing)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                job_id = self._ended.get(timeout=LOOK_EACH)
            except queue.Empty:
                self._try_to_catch_up()
                continue
            if job_id is None:
                return
            self._try(job_id, told=self._told)

    def _try_to_catch_up(self) -> None:
        try:
            while self.catch_up() == _BATCH:
                pass
        except (SchedulerError, OSError) as error:
            # The store is away: there is always a next time.
            _log.debug("ends not looked for: %s", error)

    def _try(self, job_id: JobId, *, told: Callable[[JobReport], None] = lambda _: None) -> None:
        with about_job(job_id):
            try:
                self.write(job_id, told=told)
            except (SchedulerError, OSError) as error:
                _log.warning("its end is not on the share yet: %s", error)
            except Exception:  # noqa: BLE001  (one record that nobody can read must not keep the others)
                _log.exception("its end is not on the share")

    def _write(self, report: JobReport, record: dict[str, str]) -> bool:
        """Whether its end is there now, or never will be."""
        job = report.job
        if is_chore(job.process):
            return True
        try:
            self._files(job.id).write_ended(ended_text(job.id, record))
        except FileNotFoundError:
            # It has no folder, or its folder is gone; unless all is gone: then the share is away.
            return (self._share.root / INCOMING).is_dir()
        except UnsafePath as error:
            _log.warning("its end is kept in the store alone: %s", error)
        return True

    def _files(self, job_id: JobId) -> StateFiles:
        return StateFiles(self._share.folder(job_id))
