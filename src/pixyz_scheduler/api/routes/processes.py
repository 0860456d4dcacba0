"""/processes: the named processes and what they say of themselves."""

from typing import Annotated

from fastapi import APIRouter, Path

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.farm_schemas import ProcessDoc, ProcessNames
from pixyz_scheduler.api.openapi import answers, problems
from pixyz_scheduler.scheduler import Scheduler

Name = Annotated[str, Path(description="A name that `GET /processes` gave.", examples=["convert_file"])]


def process_routes(scheduler: Scheduler) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Processes"])

    @router.get("/processes", summary="List the processes", responses=answers(ProcessNames))
    def processes() -> Json:
        """The names that `POST /jobs` takes as `process`."""
        return Json(ProcessNames(processes=scheduler.processes()))

    @router.get("/processes/{name}", summary="Describe a process", responses={**answers(ProcessDoc), **problems(404)})
    def process(name: Name) -> Json:
        """The documentation of a process. 400: no such process; 404: it has no docstring."""
        return Json(ProcessDoc(doc=f"Process '{name}' documentation:\n\n{scheduler.process_doc(name)}"))

    return router
