"""Figures: what Prometheus is told by one worker, of itself alone; of the farm the API tells."""

from collections.abc import Callable, Iterator

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.worker.door import Page


class Figures:
    """The figures of one worker.

    Args:
        now: what it says of itself at this moment.
        is_ready: whether it takes jobs.
    """

    def __init__(self, now: Callable[[], Worker], is_ready: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OfWorker(now, is_ready))
        ProcessCollector(registry=self._registry)

    def page(self) -> Page:
        """In Prometheus' text format 0.0.4."""
        return Page(200, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)


class _OfWorker(Collector):
    def __init__(self, now: Callable[[], Worker], is_ready: Callable[[], bool]) -> None:
        self._now = now
        self._is_ready = is_ready

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """As it is now."""
        me = self._now()
        told = {"worker": me.name, "version": me.version, "queues": ",".join(me.queues)}
        yield InfoMetricFamily("pixyz_worker", "What this worker is.", value=told)
        yield GaugeMetricFamily("pixyz_worker_slots", "Jobs that this worker runs at a time.", value=me.slots)
        yield GaugeMetricFamily("pixyz_worker_slots_busy", "Jobs that this worker runs now.", value=me.busy)
        yield GaugeMetricFamily(
            "pixyz_worker_draining", "1 while this worker leaves: it takes no jobs, and ends those it has.", me.draining
        )
        yield GaugeMetricFamily(
            "pixyz_worker_ready", "1 where this worker takes jobs; /health/ready says why not.", self._is_ready()
        )
