"""GET /metrics: figures for Prometheus."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from pixyz_scheduler.api.metrics import Metrics


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["About"])

    @router.get(
        "/metrics",
        summary="Figures",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
    )
    def figures() -> Response:
        """Figures of the farm, the same from every API, and of this process: the page Metrics has them all."""
        return Response(metrics.as_text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router
