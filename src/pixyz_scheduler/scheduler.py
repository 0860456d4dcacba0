"""Scheduler: the use cases. What may be asked of jobs, and nothing of how it was asked."""

import json
import os
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NoReturn

from pixyz_scheduler.admission import NOTHING_MORE, Admission
from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.idempotency import Hold
from pixyz_scheduler.broker.listing import JobFilter, JobPage, list_jobs
from pixyz_scheduler.broker.records import CANCELLING, DOOMED, Bell
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import (
    Conflict,
    JobNotFound,
    NotReady,
    OutputNotFound,
    SchedulerError,
    StorageFull,
    StoreSilent,
    StoreUnavailable,
    Unavailable,
)
from pixyz_scheduler.jobs.accepted import Accepted
from pixyz_scheduler.jobs.family import progress_of
from pixyz_scheduler.jobs.graph import Graph
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import sent_text
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.script.chores import ARCHIVE
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.incoming import Incoming
from pixyz_scheduler.storage.job_folder import JobFolder
from pixyz_scheduler.storage.state_files import StateFiles
from pixyz_scheduler.submission import Submission
from pixyz_scheduler.surroundings import Surroundings

# What a graph tells at most; a browser draws no more.
_MOST_NODES = 5000
# What hinders the making of an archive, and passes: by the names that its job's error begins with.
_OF_THE_SHARE: tuple[type[SchedulerError], ...] = (StorageFull, NotReady, Unavailable)


class Scheduler:
    """The use cases.

    Args:
        families: the store, and what it says of jobs together.
        dispatch: rings doorbells.
        surroundings: the share where job folders lie, whether it is ours, and has room.
        catalog: the named processes.
        defaults: options that hold where neither user nor script speaks.
        chore_time_limit: seconds that our own jobs may take.
        ended: told of each job that is ended here.
        admission: what jobs may ask for.
    """

    def __init__(  # noqa: PLR0913  (what it is made of, by name)
        self,
        *,
        families: Families,
        dispatch: Dispatch,
        surroundings: Surroundings,
        catalog: ProcessCatalog,
        defaults: JobOptions = JobOptions(),  # noqa: B008  (frozen)
        chore_time_limit: float = 2400.0,
        ended: Callable[[JobId], None] = lambda _: None,
        admission: Admission = NOTHING_MORE,
    ) -> None:
        self._admission = admission
        self._records = families.records
        self._families = families
        self._dispatch = dispatch
        self._share = surroundings.share
        self._surroundings = surroundings
        self._catalog = catalog
        self._defaults = defaults
        self._chore_time_limit = chore_time_limit
        self._ended = ended

    def check(self, *, coming: int) -> None:
        """Whether a job of so many bytes can be taken; raises WrongShare, Unavailable, StorageFull."""
        self._surroundings.check(coming=coming)

    def incoming(self) -> AbstractContextManager[Incoming]:
        """A place for the files of one request; gone on leaving unless `submit` adopted it. Raises as `check` does."""
        self._surroundings.check()
        return self._share.incoming()

    def hold(self, key_digest: str) -> Hold:
        """A grip on an Idempotency-Key, for `submit`; raises RequestInFlight on entering."""
        return Hold(self._records, key_digest)

    def submit(self, submission: Submission, incoming: Incoming, *, hold: Hold | None = None) -> Accepted:
        """Take a job. Once this returns it will be run; where it raises, nothing of it is left (but see StoreSilent).

        With a key that has made a job before, that job's answer.

        Raises:
            BadInput: naming what, where, and what is allowed.
            StoreUnavailable, StorageFull: try again later.
        """
        # Before anything is looked at: what was right then may be wrong now.
        if hold is not None and (earlier := hold.earlier(submission.fingerprint)):
            return Accepted.again(earlier.answer)
        job, warnings = submission.to_job(self._catalog, self._defaults, self._admission)
        accepted = Accepted.new(job, warnings)
        # It may have been unmounted while the files came.
        self._surroundings.check_share()
        incoming.describe(sent_text(job))
        folder = incoming.adopt(job.id)
        try:
            if hold is None:
                self._records.submit(job)
            elif earlier := hold.submit(job, fingerprint=submission.fingerprint, answer=accepted.to_text()):
                folder.remove()
                return Accepted.again(earlier.answer)
        except StoreSilent:
            # The record may have been written: without its folder the job would fail.
            with suppress(SchedulerError, OSError):  # the disk is away as well: then a reconcile may run it once more
                StateFiles(folder).withdraw_sent()
            raise
        except BaseException:
            folder.remove()
            raise
        self._ring(job)
        return accepted

    def report(self, job_id: JobId) -> JobReport:
        """All that is known of a job; raises JobNotFound."""
        return self._records.report(job_id)

    def children(self, job_id: JobId) -> list[JobId]:
        """The jobs that a job has started."""
        return sorted(self._families.children(job_id))

    def closely(self, job_id: JobId) -> JobReport:
        """All that is known of a job; while it waits for others, with a step for each of them. Raises JobNotFound."""
        report = self._records.report(job_id)
        if report.awaits is None:
            return report
        children = self._families.reports(self._families.children(job_id))
        return replace(report, progress=progress_of(report, children.values()))

    def graph(self, job_id: JobId) -> Graph:
        """A job and all that began with it; raises JobNotFound."""
        return self._families.family(job_id, limit=_MOST_NODES)

    def list_jobs(self, wanted: JobFilter, *, limit: int, cursor: str | None) -> JobPage:
        """A page of jobs, newest first; raises BadInput for a cursor that is not ours."""
        return list_jobs(self._records, wanted, limit=limit, cursor=cursor)

    def cancel(self, job_id: JobId) -> JobReport:
        """End a job: at once while it waits, soon while it runs.

        Raises:
            JobNotFound: no such job.
            Conflict: it has ended already.
        """
        answer = self._records.cancel(job_id)
        if answer in (JobState.SUCCESS.value, JobState.FAILURE.value):
            raise Conflict(f"Job {job_id} has ended already: {answer}.")
        if answer == JobState.REVOKED.value:
            self._ended(job_id)
        return self._records.report(job_id)

    def delete(self, job_id: JobId) -> JobReport | None:
        """End a job and remove its files and its record: now, or as soon as its worker has stopped it.

        Returns:
            None where it is gone now; else the job that is being stopped.

        Raises:
            JobNotFound: no such job.
            WrongShare, Unavailable: its files are out of reach; nothing was done.
        """
        self._surroundings.check_share()
        if self._records.delete(job_id) == CANCELLING:
            return self._records.report(job_id)
        self._share.folder(job_id).remove()
        self._records.forget(job_id)
        return None

    def retry(self, job_id: JobId) -> JobReport:
        """Run a job that has ended once more, with the same inputs and a new history of attempts.

        Raises:
            JobNotFound: no such job.
            Conflict: it has not ended, is being removed, or its files are gone.
            WrongShare, Unavailable: its files are out of reach.
        """
        self._surroundings.check_share()
        report = self._records.report(job_id)
        inputs = report.job.inputs_of or job_id
        if report.job.script is not None and not self._share.folder(inputs).exists():
            raise Conflict(f"The files of job {inputs} are gone: send it anew.")
        try:
            with StateFiles(self._share.folder(job_id)).set_aside():
                answer = self._records.run_again(job_id, queue=report.job.options.queue, ended=report.stopped)
        finally:
            # Where it was refused, the end that was set aside is one.
            self._ended(job_id)
        if answer == DOOMED:
            raise Conflict(f"Job {job_id} is being removed.")
        if report.state.is_terminal and JobState(answer).is_terminal:
            raise Conflict(f"Job {job_id} has been run again already, and has ended anew.")
        if answer != JobState.SENT.value or not report.state.is_terminal:
            raise Conflict(f"Job {job_id} has not ended yet: {answer}. Only a job that has ended can be run again.")
        self._ring(report.job)
        return self._records.report(job_id)

    def waiting_for(self, report: JobReport) -> str | None:
        """What a job waits for, in words; None where it does not wait."""
        if not report.state.is_waiting:
            return None
        waiting = self._records.waiting(report.job.id)
        return None if waiting is None else waiting.in_words(report.queue)

    def outputs(self, job_id: JobId) -> list[str]:
        """The job's outputs, nested ones as relative paths; raises JobNotFound."""
        return self._folder(job_id).list_outputs()

    def open_output(self, job_id: JobId, relative: str) -> BinaryIO:
        """One output, open for reading.

        Raises:
            JobNotFound: no such job.
            UnsafePath: outside the job's outputs.
            OutputNotFound: no such file.
        """
        return self._folder(job_id).open_output(relative)

    def open_archive(self, job_id: JobId) -> BinaryIO:
        """The zip of the job's outputs, open for reading; raises as `archive` does."""
        path = self.archive(job_id)
        try:
            # Its script can write there, and may have put a link in its place.
            return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
        except OSError as error:
            raise NotReady(f"The archive of job {job_id} went away while it was opened; ask again.") from error

    def archive(self, job_id: JobId) -> Path:
        """The zip of the job's outputs; the first call has it made.

        Raises:
            JobNotFound: no such job.
            NotReady: the job runs, or the archive is being made.
        """
        report = self._records.report(job_id)
        if not report.state.is_terminal:
            raise NotReady(f"Job {job_id} has not ended yet: {report.status.value}.")
        folder = self._folder(job_id)
        packed = archive.current(folder)
        if packed is None:
            self._have_packed(folder)
        return packed

    def troubles(self) -> dict[str, str]:
        """What keeps jobs from being taken, on the share's side, by part: `share`, `space`; empty where all is well."""
        try:
            self._surroundings.check_share()
            with self._share.incoming():
                pass
            self._surroundings.check()
        except StoreUnavailable:
            # That is told by whoever asks the store.
            return {}
        except StorageFull as error:
            return {"space": str(error)}
        except (SchedulerError, OSError) as error:
            return {"share": str(error)}
        return {}

    def processes(self) -> list[str]:
        """The named processes."""
        return self._catalog.names()

    def process_doc(self, name: str) -> str:
        """What a process says of itself; raises UnknownProcess, ProcessUndocumented."""
        return self._catalog.doc(name)

    def _ring(self, job: Job) -> None:
        try:
            self._dispatch.ring(Bell(job.id, job.options.queue, job.options.priority))
        except StoreUnavailable:
            # The record is written: the sweeper rings.
            return

    def _folder(self, job_id: JobId) -> JobFolder:
        self._records.report(job_id)
        # On a share that is not mounted no job has written anything.
        self._surroundings.check_share()
        return self._share.folder(job_id)

    def _have_packed(self, folder: JobFolder) -> NoReturn:
        """One job on `zip` for one state of the outputs, however many ask."""
        job = Job(
            id=JobId(str(uuid.uuid5(uuid.UUID(folder.job_id), archive.manifest(folder)))),
            process=ARCHIVE,
            options=JobOptions(queue="zip", compute_only=True, time_limit=self._chore_time_limit),
            submitted=time.time(),
            params=json.dumps({"share": str(self._share.root), "job": folder.job_id}),
        )
        if self._records.submit(job):
            self._ring(job)
        else:
            self._raise_failed(job.id)
        raise NotReady(f"The archive of job {folder.job_id} is being made.")

    def _raise_failed(self, archive_id: JobId) -> None:
        """An archive that failed is told once; the next call has it tried again."""
        try:
            report = self._records.report(archive_id)
        except JobNotFound:
            return
        if report.state.is_terminal:
            self._records.forget(archive_id)
            if report.state is not JobState.SUCCESS:
                error = report.error or ""
                kind = next((kind for kind in _OF_THE_SHARE if error.startswith(f"{kind.__name__}:")), OutputNotFound)
                raise kind(f"The archive could not be made: {error}")
