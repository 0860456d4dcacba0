"""Graph: a job and all that began with it, as nodes and edges."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport

STARTS: Final = "starts"
THEN: Final = "then"


@dataclass(frozen=True)
class Edge:
    """Of two jobs: the first `starts` the second, or the second begins `then` with the first one's result."""

    start: JobId
    end: JobId
    kind: Literal["starts", "then"]


@dataclass(frozen=True)
class Graph:
    """A job's family.

    Attributes:
        top: the job.
        reports: it and all that began with it, in no order.
        is_whole: False where there are more than were asked for.
    """

    top: JobId
    reports: tuple[JobReport, ...]
    is_whole: bool = True

    @property
    def nodes(self) -> tuple[JobReport, ...]:
        """The jobs; each after those by which it hangs."""
        ranks = self.ranks()
        order = sorted(self.reports, key=lambda one: (ranks[one.job.id], one.job.submitted, one.job.id))
        return tuple(order)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """A job that begins with the results of others hangs by them, every other one by the job that started it."""
        there = {report.job.id for report in self.reports}
        return tuple(edge for edge in self._edges(self.reports) if edge.start in there)

    def ranks(self) -> dict[JobId, int]:
        """How many steps a job is from the top, by the longest way."""
        ranks: dict[JobId, int] = dict.fromkeys((report.job.id for report in self.reports), 0)
        # Not deeper than there are jobs, whatever a damaged record says.
        edges = self.edges
        for _ in self.reports:
            moved = False
            for edge in edges:
                if edge.start != edge.end and ranks[edge.end] <= ranks[edge.start] < len(ranks):
                    ranks[edge.end], moved = ranks[edge.start] + 1, True
            if not moved:
                break
        return ranks

    def _edges(self, reports: Iterable[JobReport]) -> Iterable[Edge]:
        for report in reports:
            job = report.job
            if job.id == self.top:
                continue
            if job.after:
                yield from (Edge(before, job.id, THEN) for before in job.after)
            elif job.parent is not None:
                yield Edge(job.parent, job.id, STARTS)
