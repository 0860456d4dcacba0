"""Names: every metric of ours: what it is called, what it counts, by what, and who tells it.

docs/reference/metrics.md is made of this table. Users' dashboards and alerts stand on these: none is renamed, none changes its labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

Teller = Literal["farm", "here", "api", "worker"]
"""Who tells it.

farm: the store, by any API: the same from each. here: each API and worker, of what it sees. api, worker: each, of itself.
"""


FAILURES = (
    *("script_error", "exit", "signal", "timeout", "no_progress", "out_of_memory"),
    *("worker_lost", "drained", "infrastructure", "upstream_failed", "child_failed"),
)
"""The outcomes of failed jobs."""


@dataclass(frozen=True)
class Named:
    """One metric.

    Attributes:
        name: as Prometheus shows it; of a histogram without `_bucket`, `_sum`, `_count`.
        kind: of Prometheus.
        text: what it counts.
        labels: by what.
        teller: who tells it.
        together: the function of PromQL that makes one figure of those of several processes.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    text: str
    labels: tuple[str, ...] = ()
    teller: Teller = "farm"
    together: Literal["max", "min", "sum"] = "max"

    def counter(self) -> CounterMetricFamily:
        """To be filled by a collector."""
        return CounterMetricFamily(self.name.removesuffix("_total"), self.text, labels=self.labels)

    def gauge(self, value: float | None = None) -> GaugeMetricFamily:
        """Likewise; with a value where there are no labels."""
        labels = self.labels if value is None else None
        return GaugeMetricFamily(self.name, self.text, value=value, labels=labels)

    def histogram(self) -> HistogramMetricFamily:
        """Likewise."""
        return HistogramMetricFamily(self.name, self.text, labels=self.labels)

    def info(self, told: Mapping[str, str]) -> InfoMetricFamily:
        """With what is told."""
        return InfoMetricFamily(self.name.removesuffix("_info"), self.text, value=dict(told))


def _of_farm(name: str, kind: Literal["counter", "gauge", "histogram"], text: str, *labels: str) -> Named:
    return Named(name, kind, text, labels)


# fmt: off
JOBS_ENDED = _of_farm("pixyz_jobs_ended_total", "counter", "Jobs that ended, by outcome: `success`, `cancelled`, or the cause of the failure.", "queue", "process", "outcome")
JOB_RETRIES = _of_farm("pixyz_job_retries_total", "counter", "Attempts after which the job was tried again, by cause; by the queue where the attempt ran.", "queue", "cause")
JOB_WAIT = _of_farm("pixyz_job_wait_seconds", "histogram", "How long a job stood in line before a worker took it; each attempt counts.", "queue")
JOB_RUN = _of_farm("pixyz_job_run_seconds", "histogram", "How long an attempt was at work, from a worker's claim until its processes were gone.", "queue")
JOB_END_TO_END = _of_farm("pixyz_job_end_to_end_seconds", "histogram", "From a job's submission to its success or failure; not of cancelled jobs, nor of those run again by hand.", "queue")
JOB_HOP = _of_farm("pixyz_job_hop_seconds", "histogram", "Where the time of an attempt went: `waited`, `began`, `ran`, `left`, `committed` (the `timings` of a job's details).", "hop")
JOBS = _of_farm("pixyz_jobs", "gauge", "Jobs that the store has now, by status; what was cleaned up is not among them.", "status")
QUEUE_JOBS = _of_farm("pixyz_queue_jobs_waiting", "gauge", "Jobs in line: the next free worker takes one.", "queue")
QUEUE_OLDEST = _of_farm("pixyz_queue_oldest_seconds", "gauge", "How long the job at the head of the line stands there; the longest of all priorities, 0 where none stands.", "queue")
QUEUE_WORKERS = _of_farm("pixyz_queue_workers", "gauge", "Living workers that listen on the queue.", "queue")
QUEUES_UNSERVED = _of_farm("pixyz_queues_unserved", "gauge", "Further queues in which jobs wait, and on which no worker has ever listened: most likely a name that was mistyped.")
JOBS_DELAYED = _of_farm("pixyz_jobs_delayed", "gauge", "Jobs between two attempts, in no line yet.")
JOBS_PARKED = _of_farm("pixyz_jobs_waiting_for_licence", "gauge", "Jobs that wait for a licence seat.")
JOBS_AWAITING = _of_farm("pixyz_jobs_waiting_for_subtasks", "gauge", "Jobs that have run, and end with the jobs they have started.")
LEASES = _of_farm("pixyz_leases", "gauge", "Jobs that workers hold now.")
WORKERS = _of_farm("pixyz_workers", "gauge", "Living workers, by the queues they listen on and what they do: `working`, `draining` (they leave), `hindered` (they take no jobs: share, disk).", "queues", "doing")
SLOTS = _of_farm("pixyz_slots", "gauge", "Jobs that the living workers run at a time.", "queues")
SLOTS_BUSY = _of_farm("pixyz_slots_busy", "gauge", "Jobs that they run now.", "queues")
SEATS_TAKEN = _of_farm("pixyz_licence_seats_taken", "gauge", "Licence seats (`LICENSE_TOKENS`) that jobs hold.")
SEATS = _of_farm("pixyz_licence_seats", "gauge", "Licence seats that there are; missing where no worker has `LICENSE_TOKENS`.")
STORE_MEMORY = _of_farm("pixyz_store_memory_bytes", "gauge", "Memory that the store uses; missing where it does not tell.")
STORE_MEMORY_LIMIT = _of_farm("pixyz_store_memory_limit_bytes", "gauge", "Its `maxmemory`; missing where it has none, or does not tell.")
STORE_DURABILITY = _of_farm("pixyz_store_durability", "gauge", "1 for what the store keeps when it is killed: `strict`, `relaxed`, `none` or `unknown` (as in `/health/ready`), else 0.", "level")

STORE_UP = Named("pixyz_store_up", "gauge", "1 where the store answers and takes writes; of an API: the part `store` of its `/health/ready` has no complaint.", (), "here", "min")
SHARE_UP = Named("pixyz_share_up", "gauge", "1 where the share answers, and is the store's own.", (), "here", "min")
SHARE_FREE = Named("pixyz_share_free_bytes", "gauge", "Bytes that are free on the share's disk; missing where it does not answer.", (), "here", "min")
SHARE_SIZE = Named("pixyz_share_size_bytes", "gauge", "Bytes of that disk.", (), "here", "min")

API_INFO = Named("pixyz_api_info", "info", "What this API is.", ("version",), "api")
HTTP_REQUESTS = Named("pixyz_http_requests_total", "counter", "Requests answered.", ("method", "route", "status"), "api", "sum")
HTTP_SECONDS = Named("pixyz_http_request_duration_seconds", "histogram", "From a request's head to its answer's last byte; of one that waits (`?wait=`, events, logs) that is long.", ("method", "route"), "api", "sum")
JOBS_SUBMITTED = Named("pixyz_jobs_submitted_total", "counter", "Jobs accepted; queues of your own are counted together, as `other`.", ("queue",), "api", "sum")
UPLOAD_BYTES = Named("pixyz_upload_bytes_total", "counter", "Bytes of request bodies that came, of refused ones too.", (), "api", "sum")

WORKER_INFO = Named("pixyz_worker_info", "info", "What this worker is.", ("worker", "version", "queues"), "worker")
WORKER_SLOTS = Named("pixyz_worker_slots", "gauge", "Jobs that this worker runs at a time.", (), "worker", "sum")
WORKER_BUSY = Named("pixyz_worker_slots_busy", "gauge", "Jobs that it runs now.", (), "worker", "sum")
WORKER_ATTEMPTS = Named("pixyz_worker_attempts_total", "counter", "Doorbells that it has answered since its start.", (), "worker", "sum")
WORKER_READY = Named("pixyz_worker_ready", "gauge", "1 where it takes jobs; `/health/ready` says why not.", (), "worker", "min")
WORKER_DRAINING = Named("pixyz_worker_draining", "gauge", "1 while it leaves: it takes no jobs, and ends those it has.", (), "worker", "sum")
# fmt: on

ALL: tuple[Named, ...] = tuple(found for found in list(vars().values()) if isinstance(found, Named))
