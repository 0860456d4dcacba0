"""JobOutputs: the use cases of what a job has written: its files, and all of them as a zip, made on demand."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import BinaryIO, NoReturn

from pixyz_scheduler.broker.dispatch import SendingDispatch, bell_of
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound, NotReady, OutputNotFound, SchedulerError, StorageFull, Unavailable
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.script.chores import ARCHIVE
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.job_folder import JobFolder
from pixyz_scheduler.surroundings import Surroundings

# What hinders the making of an archive, and passes: by the names that its job's error begins with.
_OF_THE_SHARE: tuple[type[SchedulerError], ...] = (StorageFull, NotReady, Unavailable)


class JobOutputs:
    """The use cases.

    Args:
        records: the store.
        dispatch: rings for the job that makes a zip.
        surroundings: the share where job folders lie, and whether it is ours.
        time_limit: seconds that the making of a zip may take.
    """

    def __init__(
        self, records: RecordStore, dispatch: SendingDispatch, surroundings: Surroundings, *, time_limit: float = 2400.0
    ) -> None:
        self._records = records
        self._dispatch = dispatch
        self._surroundings = surroundings
        self._time_limit = time_limit

    def listed(self, job_id: JobId) -> list[str]:
        """The job's outputs, nested ones as relative paths; raises JobNotFound."""
        return self._folder(job_id).list_outputs()

    def open(self, job_id: JobId, relative: str) -> BinaryIO:
        """One output, open for reading.

        Raises:
            JobNotFound: no such job.
            UnsafePath: outside the job's outputs.
            OutputNotFound: no such file.
        """
        return self._folder(job_id).open_output(relative)

    def open_archive(self, job_id: JobId) -> BinaryIO:
        """The zip of the job's outputs, open for reading; the first call has it made.

        Raises:
            JobNotFound: no such job.
            NotReady: the job runs, or the archive is being made.
        """
        path = self._archive(job_id)
        try:
            # Its script can write there, and may have put a link in its place.
            return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
        except OSError as error:
            raise NotReady(f"The archive of job {job_id} went away while it was opened; ask again.") from error

    def _archive(self, job_id: JobId) -> Path:
        report = self._records.report(job_id)
        if not report.state.is_terminal:
            raise NotReady(f"Job {job_id} has not ended yet: {report.status.value}.")
        folder = self._folder(job_id)
        packed = archive.current(folder)
        if packed is None:
            self._have_packed(folder)
        return packed

    def _folder(self, job_id: JobId) -> JobFolder:
        self._records.report(job_id)
        # On a share that is not mounted no job has written anything.
        self._surroundings.check_share()
        return self._surroundings.share.folder(job_id)

    def _have_packed(self, folder: JobFolder) -> NoReturn:
        """One job on `zip` for one state of the outputs, however many ask."""
        job = Job(
            id=JobId(str(uuid.uuid5(uuid.UUID(folder.job_id), archive.manifest(folder)))),
            process=ARCHIVE,
            options=JobOptions(queue="zip", compute_only=True, time_limit=self._time_limit),
            submitted=time.time(),
            params=json.dumps({"share": str(self._surroundings.share.root), "job": folder.job_id}),
        )
        if not self._records.submit(job, self._dispatch.message(bell_of(job))):
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
