"""/health: whether the process lives, and whether it can do its work. No key."""

import logging

from fastapi import APIRouter

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.openapi import answers
from pixyz_scheduler.api.schemas import Health
from pixyz_scheduler.scheduler import Scheduler

_log = logging.getLogger(__name__)


def health_routes(scheduler: Scheduler) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/health", tags=["About"])

    @router.get("/live", summary="Is it alive?", responses=answers(Health))
    async def live() -> Json:
        """200 while the process answers at all."""
        return Json(Health(status="ok", problems={}))

    @router.get(
        "/ready",
        summary="Can it work?",
        responses={**answers(Health), 503: {"model": Health, "description": "It cannot; says what is wrong."}},
    )
    def ready() -> Json:
        """200 where the store answers and the share can be written."""
        found = scheduler.troubles()
        if not found:
            return Json(Health(status="ok", problems={}))
        _log.warning("not ready", extra=dict(found))
        return Json(Health(status="unavailable", problems=found), status_code=503)

    return router
