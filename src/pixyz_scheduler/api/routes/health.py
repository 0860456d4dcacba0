"""/health: whether the process lives, and whether it can do its work. No key."""

import logging
import threading
from typing import Protocol

from fastapi import APIRouter

from pixyz_scheduler.api.answers import Json
from pixyz_scheduler.api.farm_schemas import Health, Readiness
from pixyz_scheduler.api.openapi import answers
from pixyz_scheduler.broker.store_health import SILENT, StoreState
from pixyz_scheduler.monitoring.recent import Recent

_log = logging.getLogger(__name__)


class Share(Protocol):
    """Who knows of the share."""

    def troubles(self) -> dict[str, str]:
        """What is wrong with it, by part."""


class Store(Protocol):
    """Who knows of the store."""

    def look(self) -> StoreState:
        """How it is."""


def health_routes(share: Share, store: Store, *, patience: float = 2.0) -> APIRouter:
    """The routes.

    Args:
        share: asked about itself.
        store: likewise.
        patience: seconds that each is waited for.
    """
    router = APIRouter(prefix="/health", tags=["About"])
    told = Told()
    # A share hangs where its server is away, and so does a look for a name: that holds one thread, not one a question.
    asked_store: Recent[StoreState] = Recent(store.look, lasts=0.0, patience=patience)
    asked_share: Recent[dict[str, str]] = Recent(share.troubles, lasts=0.0, patience=patience)

    def state_of_store() -> StoreState:
        try:
            return asked_store.get()
        except TimeoutError:
            return SILENT

    def troubles() -> dict[str, str]:
        try:
            return asked_share.get()
        except TimeoutError:
            return {"share": "It does not answer."}

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
        state = state_of_store()
        found = {**({"store": " ".join(state.problems)} if state.problems else {}), **troubles()}
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
