"""/jobs/{uuid}/graph: a job and all that it has started."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.graph_text import mermaid, svg
from pixyz_scheduler.api.job_graph import JobGraph
from pixyz_scheduler.api.openapi import answers, problems
from pixyz_scheduler.api.parameters import Id
from pixyz_scheduler.scheduler import Scheduler

Format = Annotated[
    Literal["json", "mermaid", "svg"], Query(description="JSON; text of Mermaid, which draws in Markdown; a picture.")
]


def graph_routes(scheduler: Scheduler) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Jobs"])

    @router.get("/jobs/{uuid}/graph", summary="Look at a workflow", responses={**answers(JobGraph), **problems(404)})
    def graph(uuid: Id, format: Format = "json") -> Response:  # noqa: A002  (the name in the query)
        """A job's sub-tasks and theirs, with states and durations, and which begins with whose result."""
        found = scheduler.graph(uuid)
        match format:
            case "mermaid":
                return PlainTextResponse(mermaid(found))
            case "svg":
                return Response(svg(found), media_type="image/svg+xml")
            case "json":
                return Json(JobGraph.of(found))

    return router
