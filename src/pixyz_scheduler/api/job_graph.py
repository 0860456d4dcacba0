"""JobGraph: the body of an answer that tells a job and all that began with it."""

from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import Self, TypedDict

from pixyz_scheduler.api.schemas import Moment, Status, Text
from pixyz_scheduler.jobs.graph import Graph
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.value import moment

# "from" cannot be the name of a field.
GraphEdge = TypedDict("GraphEdge", {"from": str, "to": str, "kind": Literal["starts", "then"]})


class GraphNode(BaseModel):
    """One job of a graph."""

    id: str
    name: Text | None
    entrypoint: str
    process: str
    queue: str
    status: Status
    parent: str | None = Field(description="The job that started it.")
    started: Moment
    stopped: Moment
    duration: float | None = Field(description="Seconds; null where it has not ended, or never began.")

    @classmethod
    def of(cls, report: JobReport) -> Self:
        """From a report."""
        job = report.job
        return cls(
            id=job.id,
            name=job.name,
            entrypoint=job.options.entrypoint,
            process=job.process,
            queue=report.queue,
            status=report.status.value,
            parent=job.parent,
            started=moment(report.started),
            stopped=moment(report.stopped),
            duration=None if report.duration is None else round(report.duration, 3),
        )


class JobGraph(BaseModel):
    """A job and all that began with it."""

    root: str = Field(description="The job that was asked for.")
    nodes: list[GraphNode] = Field(description="Whoever starts a job comes before it.")
    edges: list[GraphEdge] = Field(
        description="`starts`: the first has started the second. `then`: the second begins with the first one's result."
    )
    complete: bool = Field(description="False where there are more jobs than are told.")

    @classmethod
    def of(cls, graph: Graph) -> Self:
        """From a graph."""
        return cls(
            root=graph.top,
            nodes=[GraphNode.of(report) for report in graph.nodes],
            edges=[{"from": edge.start, "to": edge.end, "kind": edge.kind} for edge in graph.edges],
            complete=graph.is_whole,
        )
