"""Metrics: what Prometheus is told of this process, in a registry of its own; and the layer that counts requests."""

import logging
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixyz_scheduler.broker.hop_counts import HopCounts
from pixyz_scheduler.errors import StoreUnavailable

_log = logging.getLogger(__name__)

_QUEUES = frozenset({"cpu", "gpu", "gpuhigh", "control", "zip", "clean"})
_UNMATCHED = "unmatched"


class Metrics:
    """The figures of one process, and those that the whole farm counts together.

    Args:
        hops: the hops of the farm's attempts.
    """

    def __init__(self, hops: HopCounts) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Hops(hops))
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


class _Hops(Collector):
    """The farm's hops as a histogram; none where the store is away: the process's own figures are told all the same."""

    def __init__(self, counts: HopCounts) -> None:
        self._counts = counts

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """What there will be: the store is not asked for it."""
        yield self._family()

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What there is."""
        family = self._family()
        try:
            for count in self._counts.read():
                family.add_metric((count.hop,), count.buckets, count.seconds)
        except StoreUnavailable as error:
            _log.debug("no hops: %s", error)
        yield family

    def _family(self) -> HistogramMetricFamily:
        words = "Where the time of the farm's attempts went, counted at their commits; the same from every API."
        return HistogramMetricFamily("pixyz_job_hop_seconds", words, labels=("hop",))


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
