"""/health: whether the process lives, and whether it can do its work. No key."""

import logging
import threading

from fastapi import APIRouter

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.farm_schemas import Health, Readiness
from pixyz_scheduler.api.openapi import answers
from pixyz_scheduler.broker.store_health import StoreHealth
from pixyz_scheduler.scheduler import Scheduler

_log = logging.getLogger(__name__)


def health_routes(scheduler: Scheduler, store: StoreHealth) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/health", tags=["About"])
    told = Told()

    @router.get("/live", summary="Is it alive?", responses=answers(Health))
    async def live() -> Json:
        """200 while the process answers at all."""
        return Json(Health(status="ok", problems={}))

    @router.get(
        "/ready",
        summary="Can it work?",
        responses={**answers(Readiness), 503: {"model": Readiness, "description": "It cannot; says what is wrong."}},
    )
    def ready() -> Json:
        """200 where the store takes and keeps jobs, and the share is the store's own, can be written and has room."""
        state = store.look()
        found = {**({"store": " ".join(state.problems)} if state.problems else {}), **scheduler.troubles()}
        told.tell(found)
        body = Readiness(status="unavailable" if found else "ok", problems=found, durability=state.durability)
        return Json(body, status_code=503 if found else 200)

    return router


class Told:
    """What the log has of it: each change once, however often somebody asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: frozenset[str] = frozenset()

    def tell(self, problems: dict[str, str]) -> None:
        """Log it if other parts are wrong than before."""
        parts = frozenset(problems)
        with self._lock:
            changed, self._parts = parts != self._parts, parts
        if changed and parts:
            _log.warning("not ready", extra=problems)
        elif changed:
            _log.info("ready again")
