"""Accepted: the answer to a submission, and how it is kept to be given again."""

import json
from dataclasses import dataclass, field

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState


@dataclass(frozen=True)
class Accepted:
    """A job that will be run, whatever happens; and what was ignored of what was asked.

    Attributes:
        report: of the job as it was sent.
        warnings: what was ignored.
        replayed: it was answered before, and this is the same answer; its report tells no more than `to_text` keeps.
    """

    report: JobReport
    warnings: tuple[str, ...] = field(default=())
    replayed: bool = False

    @classmethod
    def new(cls, job: Job, warnings: tuple[str, ...]) -> "Accepted":
        """A job that was just taken."""
        return cls(JobReport(job, JobState.SENT, job.options.queue), warnings)

    def to_text(self) -> str:
        """What the answer tells, as JSON."""
        job = self.report.job
        kept = {"id": job.id, "process": job.process, "options": job.options.to_wire(), "submitted": job.submitted}
        return json.dumps({**kept, "name": job.name, "warnings": self.warnings}, separators=(",", ":"))

    @classmethod
    def again(cls, text: str) -> "Accepted":
        """The same answer, another time."""
        kept = json.loads(text)
        options = JobOptions.from_wire(kept["options"])
        job = Job(JobId(kept["id"]), kept["process"], options, kept["submitted"], name=kept["name"])
        return cls(JobReport(job, JobState.SENT, options.queue), tuple(kept["warnings"]), replayed=True)
