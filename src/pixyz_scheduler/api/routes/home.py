"""GET /: a welcome."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse


def home_routes(version: str) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["About"])

    @router.get("/", summary="Welcome", response_class=PlainTextResponse)
    async def home() -> str:
        """A line of text with the version. Needs no key."""
        return f"Welcome to Pixyz Scheduler {version}. The API is described at /docs.\n"

    return router
