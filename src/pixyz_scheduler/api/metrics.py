"""Metrics: what Prometheus is told of this process, in a registry of its own; and the layer that counts requests."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixyz_scheduler import __version__
from pixyz_scheduler.jobs.queues import NAMED_QUEUES
from pixyz_scheduler.monitoring import names
from pixyz_scheduler.monitoring.farm_collector import FarmCollector, StoreWatch
from pixyz_scheduler.monitoring.health_figures import HealthFigures
from pixyz_scheduler.monitoring.names import Named
from pixyz_scheduler.surroundings import Surroundings

_log = logging.getLogger(__name__)

_UNMATCHED = "unmatched"


class Metrics:
    """The figures of one process, and those that the whole farm counts together.

    Args:
        watch: of the store.
        surroundings: of this process.
    """

    def __init__(self, watch: StoreWatch, surroundings: Surroundings) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(FarmCollector(watch))
        self._registry.register(HealthFigures(surroundings, watch.is_up))
        ProcessCollector(registry=self._registry)
        Info("pixyz_api", names.API_INFO.text, registry=self._registry).info({"version": __version__})
        self._requests = self._counter(names.HTTP_REQUESTS)
        self._seconds = Histogram(
            names.HTTP_SECONDS.name, names.HTTP_SECONDS.text, names.HTTP_SECONDS.labels, registry=self._registry
        )
        self._jobs = self._counter(names.JOBS_SUBMITTED)
        self._bytes = self._counter(names.UPLOAD_BYTES)

    def job_submitted(self, queue: str) -> None:
        """A job was accepted. Queues of the users' own are counted together: anyone may invent names."""
        self._jobs.labels(queue if queue in NAMED_QUEUES else "other").inc()

    def request_answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def came(self, size: int) -> None:
        """So many bytes of a request's body came."""
        self._bytes.inc(size)

    def as_text(self) -> bytes:
        """Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)

    def _counter(self, named: Named) -> Counter:
        return Counter(named.name, named.text, named.labels, registry=self._registry)


class Counted:
    """Counts and times every request by its route's template: a path with an id in it would be a series each."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def counted() -> Message:
            message = await receive()
            self._metrics.came(len(message.get("body", b"")))
            return message

        try:
            await self._app(scope, counted if scope["method"] == "POST" else receive, watched)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            method = scope["method"] if route != _UNMATCHED else "ANY"
            self._metrics.request_answered(method=method, route=route, status=status, seconds=seconds)
            _log.debug("%s %s", scope["method"], scope["path"], extra={"status": status, "seconds": round(seconds, 4)})
