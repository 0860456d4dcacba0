"""DoneWork: which job has done the same work before, as the store knows it (`ps:cache:<key>`, see lua/prelude.lua)."""

from dataclasses import dataclass

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport

# Fields of a record: the key under which its outputs answer others, what they were, and who had them first.
KEY, OUTPUTS, FROM = "cache_key", "cache_outputs", "cached_from"


@dataclass(frozen=True)
class Done:
    """A job that ended well, and its outputs as they were then (`storage.archive.manifest`)."""

    report: JobReport
    outputs: str


@dataclass(frozen=True)
class DoneWork:
    """Finds them."""

    records: RecordStore

    def find(self, key: str) -> Done | None:
        """The last one that has done this work; None where there is none, or it is not to be had now."""
        job_id, *flat = self.records.run("same_work", key) or (None,)
        if job_id is None:
            return None
        record = dict(zip(flat[::2], flat[1::2], strict=True))
        return Done(JobReport.from_record(JobId(job_id), record), record.get(OUTPUTS, ""))
