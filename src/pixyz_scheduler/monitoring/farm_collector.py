"""FarmCollector: the figures of the whole farm for Prometheus, looked for once a second however many scrape."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pixyz_scheduler.broker.farm_figures import FarmFigures
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.broker.spread import Spread
from pixyz_scheduler.broker.store_health import Durability, StoreHealth, StoreState
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.logs import Trouble
from pixyz_scheduler.monitoring import names
from pixyz_scheduler.monitoring.names import Named
from pixyz_scheduler.monitoring.recent import Recent

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """One look at the store: how it is, and what it tells; None where it tells nothing."""

    state: StoreState
    farm: FarmFigures | None


class StoreWatch:
    """Looks at the store, once a second for all who ask.

    Args:
        records: of the farm.
        health: of the store.
    """

    def __init__(self, records: RecordStore, health: StoreHealth) -> None:
        self._records = records
        self._health = health
        self._trouble = Trouble(_log, "the figures of the farm are not told")
        self._recent = Recent(self._look)

    def get(self) -> Seen:
        """What was seen a moment ago."""
        try:
            return self._recent.get()
        except TimeoutError:
            return Seen(StoreState("unknown", ("It does not answer.",)), None)

    def is_up(self) -> bool:
        """Whether the store answers, and takes writes."""
        seen = self.get()
        return seen.farm is not None and not seen.state.problems

    def _look(self) -> Seen:
        state = self._health.look()
        try:
            farm = FarmFigures.read(self._records)
        except StoreUnavailable as error:
            self._trouble.met(error)
            return Seen(state, None)
        self._trouble.passed()
        return Seen(state, farm)


class FarmCollector(Collector):
    """What the store tells; nothing of it where that is away: a process's own figures are told all the same."""

    def __init__(self, watch: StoreWatch) -> None:
        self._watch = watch

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """As it was a moment ago."""
        seen = self._watch.get()
        yield from _of_store(seen.state)
        if seen.farm is not None:
            yield from _of_jobs(seen.farm)
            yield from _of_queues(seen.farm)
            yield from _of_workers(seen.farm)


def _of_store(state: StoreState) -> Iterator[Metric]:
    durability = names.STORE_DURABILITY.gauge()
    for level in get_args(Durability):
        durability.add_metric((level,), state.durability == level)
    yield durability
    if state.memory is not None:
        yield names.STORE_MEMORY.gauge(state.memory)
    if state.memory_limit:
        yield names.STORE_MEMORY_LIMIT.gauge(state.memory_limit)


def _of_jobs(farm: FarmFigures) -> Iterator[Metric]:
    ended = names.JOBS_ENDED.counter()
    for (queue, outcome, process), count in sorted(farm.ended.items()):
        ended.add_metric((queue, process, outcome), count)
    retries = names.JOB_RETRIES.counter()
    for labels, count in sorted(farm.retries.items()):
        retries.add_metric(labels, count)
    yield from (ended, retries)
    yield _histogram(names.JOB_WAIT, farm.waits)
    yield _histogram(names.JOB_RUN, farm.runs)
    yield _histogram(names.JOB_END_TO_END, farm.wholes)
    yield _histogram(names.JOB_HOP, farm.hops)
    jobs = names.JOBS.gauge()
    for status, count in farm.states.items():
        jobs.add_metric((status,), count)
    yield jobs
    yield names.JOBS_DELAYED.gauge(farm.delayed)
    yield names.JOBS_PARKED.gauge(farm.parked)
    yield names.JOBS_AWAITING.gauge(farm.awaiting)
    yield names.LEASES.gauge(farm.leases)
    yield names.SEATS_TAKEN.gauge(farm.seats_taken)
    if farm.seats is not None:
        yield names.SEATS.gauge(farm.seats)


def _of_queues(farm: FarmFigures) -> Iterator[Metric]:
    waiting, oldest, workers = names.QUEUE_JOBS.gauge(), names.QUEUE_OLDEST.gauge(), names.QUEUE_WORKERS.gauge()
    for line in farm.queues:
        waiting.add_metric((line.name,), line.waiting)
        oldest.add_metric((line.name,), line.oldest or 0.0)
        workers.add_metric((line.name,), line.listeners)
    yield from (waiting, oldest, workers, names.QUEUES_UNSERVED.gauge(farm.unserved))


def _of_workers(farm: FarmFigures) -> Iterator[Metric]:
    workers, slots, busy = names.WORKERS.gauge(), names.SLOTS.gauge(), names.SLOTS_BUSY.gauge()
    for group in farm.workers:
        workers.add_metric((group.queues, "working"), group.workers - group.draining - group.hindered)
        workers.add_metric((group.queues, "draining"), group.draining)
        workers.add_metric((group.queues, "hindered"), group.hindered)
        slots.add_metric((group.queues,), group.slots)
        busy.add_metric((group.queues,), group.busy)
    yield from (workers, slots, busy)


def _histogram(named: Named, spreads: Mapping[str, Spread]) -> HistogramMetricFamily:
    family = named.histogram()
    for label, spread in spreads.items():
        family.add_metric((label,), spread.buckets, spread.seconds)
    return family
