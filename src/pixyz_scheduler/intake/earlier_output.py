"""EarlierOutput: an output of an earlier job as the input of the next one, without a way through the client."""

import os
from collections.abc import Callable

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import Conflict, InvalidConfig, JobNotFound, NotFound, NotReady, OutputNotFound
from pixyz_scheduler.jobs.job import Job, JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.incoming import Incoming
from pixyz_scheduler.storage.share import Share

_LISTED = 10


class EarlierOutput:
    """Copies what `config.input_job` and `config.input_path` name.

    Args:
        records: the store.
        share: where the folders of both jobs lie.
        room: told how many bytes are coming; raises StorageFull.
    """

    def __init__(self, records: RecordStore, share: Share, *, room: Callable[[int], None]) -> None:
        self._records = records
        self._share = share
        self._room = room

    def bring(self, job: Job, incoming: Incoming, *, each: Callable[[], None]) -> str | None:
        """Put a copy among the inputs, and give its name; None where the job names no other.

        `each` is called between batches. Never a hard link: an earlier job that runs again may write into the very same
        file, and so may this one.

        Raises:
            InvalidConfig: what is named is not clear.
            NotFound, OutputNotFound: there is no such job, no such output.
            NotReady: the job has not ended.
            Conflict: it has failed, or runs again meanwhile.
            StorageFull, Unavailable: try again later.
        """
        options = job.options
        if options.input_job is None:
            if options.input_path is not None:
                raise InvalidConfig("config.input_path is a path in the outputs of config.input_job: name that job.")
            return None
        earlier = self._ended(JobId(options.input_job))
        folder = self._share.folder(earlier.job.id)
        path = options.input_path or _only_one(earlier.job.id, folder.list_outputs())
        with folder.open_output(path) as source:
            self._room(os.fstat(source.fileno()).st_size)
            with incoming.create("input", path.rpartition("/")[2]) as copy:
                copy.take(source.fileno(), each=each)
        now = self._ended(earlier.job.id)
        if (now.epoch, now.stopped) != (earlier.epoch, earlier.stopped):
            raise Conflict(f"config.input_job: job {earlier.job.id} was run again while its output was copied.")
        return copy.name

    def _ended(self, job_id: JobId) -> JobReport:
        try:
            report = self._records.report(job_id)
        except JobNotFound:
            raise NotFound(f"config.input_job: no job has the id {job_id}.") from None
        if not report.state.is_terminal:
            raise NotReady(f"config.input_job: job {job_id} has not ended yet: {report.status.value}.")
        if report.state is not JobState.SUCCESS:
            raise Conflict(
                f"config.input_job: job {job_id} has ended as {report.state.value}, and its outputs may not be whole."
            )
        return report


def _only_one(job_id: JobId, outputs: list[str]) -> str:
    if not outputs:
        raise OutputNotFound(f"config.input_job: job {job_id} has no outputs.")
    if len(outputs) > 1:
        listed = ", ".join(outputs[:_LISTED]) + (", ..." if len(outputs) > _LISTED else "")
        raise InvalidConfig(f"config.input_path must name one of the {len(outputs)} outputs of job {job_id}: {listed}.")
    return outputs[0]
