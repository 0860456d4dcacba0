"""/scaling/{queues}: how much work queues have, for KEDA and whoever else scales workers."""

from typing import Annotated

from fastapi import APIRouter, Path

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.farm_schemas import Scaling
from pixyz_scheduler.api.openapi import answers
from pixyz_scheduler.scheduler import Scheduler

Queues = Annotated[
    str,
    Path(description="Names of queues, with commas between: all that a group of workers serves.", examples=["cpu,zip"]),
]


def scaling_routes(scheduler: Scheduler) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["About"])

    @router.get("/scaling/{queues}", summary="How many workers are wanted?", responses=answers(Scaling))
    def scaling(queues: Queues) -> Json:
        """The jobs that wait and that run on these queues together; 0 for a queue that nobody has used."""
        load = scheduler.load(queues.split(","))
        return Json(Scaling(waiting=load.waiting, running=load.running, outstanding=load.outstanding))

    return router
