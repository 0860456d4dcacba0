"""Figures: what Prometheus is told by one worker, of itself alone; of the farm the API tells."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pixyz_scheduler.monitoring import names
from pixyz_scheduler.monitoring.health_figures import HealthFigures
from pixyz_scheduler.surroundings import Surroundings
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.door import Page
from pixyz_scheduler.worker.vitals import Vitals


class Figures:
    """The figures of one worker.

    Args:
        vitals: how it is.
        activity: what it does.
        surroundings: its share.
    """

    def __init__(self, vitals: Vitals, activity: Activity, surroundings: Surroundings) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OfWorker(vitals, activity))
        self._registry.register(HealthFigures(surroundings, vitals.is_heard))
        ProcessCollector(registry=self._registry)

    def page(self) -> Page:
        """In Prometheus' text format 0.0.4."""
        return Page(200, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)


class _OfWorker(Collector):
    def __init__(self, vitals: Vitals, activity: Activity) -> None:
        self._vitals = vitals
        self._activity = activity

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """As it is now."""
        me = self._vitals.now()
        yield names.WORKER_INFO.info({"worker": me.name, "version": me.version, "queues": ",".join(me.queues)})
        yield names.WORKER_SLOTS.gauge(me.slots)
        yield names.WORKER_BUSY.gauge(me.busy)
        yield names.WORKER_DRAINING.gauge(me.draining)
        yield names.WORKER_READY.gauge(not self._vitals.hindrances())
        attempts = names.WORKER_ATTEMPTS.counter()
        attempts.add_metric((), self._activity.begun)
        yield attempts
