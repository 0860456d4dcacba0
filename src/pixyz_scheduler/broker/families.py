"""Families: jobs that start others, and end with them. What a job of its own does is in records.py."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.records import Bell, RecordStore, bells_of, why_of
from pixyz_scheduler.errors import JobNotFound
from pixyz_scheduler.jobs.graph import Graph
from pixyz_scheduler.jobs.job import Job, JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.workflow import Expression, to_text

_IN_LINE, _PARENT_IS_GONE = 1, -2
_AT_ONCE = 200


@dataclass(frozen=True)
class Roused:
    """What the ends of jobs have brought about: doorbells to ring, and jobs that end with them, to be settled."""

    bells: tuple[Bell, ...]
    ripe: tuple[JobId, ...]


class Families:
    """What the records say of jobs together.

    Args:
        records: the store.
        client: the same one.
    """

    def __init__(self, records: RecordStore, client: "redis.Redis") -> None:
        self.records = records
        self._client = client

    def start(self, job: Job) -> bool:
        """Write the record of a job that another starts. Whether its doorbell is to be rung.

        The id says what is done: one that is there is left as it is. But where its parent was run again by hand, what
        ended in failure is run again, too. Raises as RecordStore.submit; and JobNotFound where its parent was removed.
        """
        answer = int(self.records.submit_by("start", job))
        if answer == _PARENT_IS_GONE and job.parent is not None:
            raise JobNotFound(job.parent)
        return answer == _IN_LINE

    def roused(self, *, limit: int = 1000) -> Roused:
        """What ends have brought about, each doorbell once; the sweeper finds what nobody has asked for."""
        bells, ripe = self.records.run("roused", limit)
        return Roused(bells_of(bells), tuple(map(JobId, ripe)))

    def settle(self, job_id: JobId, awaits: Expression, end: Finish, *, fields: Mapping[str, str]) -> bool:
        """End a job that waited for others; False where it has ended, or waits for something else since."""
        flat = [text for pair in {**fields, **why_of(end)}.items() for text in pair]
        return bool(self.records.run("settle", job_id, to_text(awaits), end.state.value, *flat))

    def children(self, job_id: JobId) -> list[JobId]:
        """The jobs that a job has started, in no order."""
        with store_errors():
            return [JobId(child) for child in cast("Iterable[str]", self._client.smembers(f"ps:children:{job_id}"))]

    def family(self, job_id: JobId, *, limit: int) -> Graph:
        """A job and all that began with it, as far as the limit allows; raises JobNotFound."""
        reports = {job_id: self.records.report(job_id)}
        below = [job_id]
        while below:
            children = sorted(self._children_of(below) - reports.keys())
            found = self.reports(children[: limit - len(reports)])
            reports |= found
            if len(found) < len(children) and len(reports) >= limit:
                return Graph(job_id, tuple(reports.values()), is_whole=False)
            below = list(found)
        return Graph(job_id, tuple(reports.values()))

    def _children_of(self, job_ids: Sequence[JobId]) -> set[JobId]:
        """Those that any of these has started, in as few round trips as the reports take."""
        found: set[JobId] = set()
        for first in range(0, len(job_ids), _AT_ONCE):
            with store_errors(), self._client.pipeline(transaction=False) as ask:
                for job_id in job_ids[first : first + _AT_ONCE]:
                    ask.smembers(f"ps:children:{job_id}")
                found.update(JobId(child) for children in ask.execute() for child in children)
        return found

    def count(self, job_id: JobId) -> int:
        """How many jobs a job has started."""
        with store_errors():
            return self._client.scard(f"ps:children:{job_id}")

    def reports(self, job_ids: Iterable[JobId]) -> dict[JobId, JobReport]:
        """All that is known of these jobs, in their order; those that are unknown are not among them."""
        return {job_id: JobReport.from_record(job_id, record) for job_id, record in self.raw(job_ids).items()}

    def raw(self, job_ids: Iterable[JobId]) -> dict[JobId, dict[str, str]]:
        """The fields of these jobs' records, in their order; those that are unknown are not among them."""
        found: dict[JobId, dict[str, str]] = {}
        ids = list(job_ids)
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            with store_errors(), self._client.pipeline(transaction=False) as ask:
                for job_id in some:
                    ask.hgetall(f"ps:job:{job_id}")
                records = ask.execute()
            found |= {job_id: record for job_id, record in zip(some, records, strict=True) if record}
        return found
