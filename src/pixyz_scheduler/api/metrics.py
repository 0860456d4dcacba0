"""Metrics: what Prometheus is told of this process, in a registry of its own; and the layer that counts requests."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

_QUEUES = frozenset({"cpu", "gpu", "gpuhigh", "control", "zip", "clean"})
_UNMATCHED = "unmatched"


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "pixyz_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "pixyz_http_request_duration_seconds",
            "From a request's head to its answer's last byte.",
            ("method", "route"),
            registry=self._registry,
        )
        self._jobs = Counter("pixyz_jobs_submitted", "Jobs accepted.", ("queue",), registry=self._registry)

    def job_submitted(self, queue: str) -> None:
        """A job was accepted. Queues of the users' own are counted together: anyone may invent names."""
        self._jobs.labels(queue if queue in _QUEUES else "other").inc()

    def request_answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def as_text(self) -> bytes:
        """Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)


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

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            method = scope["method"] if route != _UNMATCHED else "ANY"
            self._metrics.request_answered(method=method, route=route, status=status, seconds=seconds)
            _log.debug("%s %s", scope["method"], scope["path"], extra={"status": status, "seconds": round(seconds, 4)})
