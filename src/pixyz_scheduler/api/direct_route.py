"""DirectRoute: a route whose function takes the request and nothing else, so that there is nothing to be worked out."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class DirectRoute(APIRoute):
    """In the documentation a route as any other; FastAPI's look at parameters and body is left out."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The coroutine function itself."""
        return self.endpoint
