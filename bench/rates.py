"""Jobs a second: accepted by the API, and run by warm workers, which find them waiting; and what they leave behind."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import redis

from bench.caller import Caller, whole
from bench.crowd import Answered, posting_crowd
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.floors import rates
from bench.gate import gate
from bench.ground import Ground
from bench.store_memory import each_key

_NOTHING = b"def main(pc, params):\n    pass\n"
# Anything but the standard library is taken for the engine: see catalog/glance.py.
_ENGINE = b"import trimesh\n\n" + _NOTHING
_CLIENTS = 16
_SLOTS = 4


@dataclass(frozen=True)
class _Drain:
    """How fast a line of small jobs is run.

    Attributes:
        name: of its figure.
        title: likewise.
        plan: of each worker.
        workers: how many.
        script: of each job.
        target: of its figure.
    """

    name: str
    title: str
    plan: WorkerPlan = field(default_factory=WorkerPlan)
    workers: int = 1
    script: bytes = _NOTHING
    target: str = ""


_DRAINS = (
    _Drain("slots_1_engine", "small jobs, one worker, 1 slot, the engine", target="150 at least"),
    _Drain("two_workers", "small jobs, two workers, 1 slot each, the engine", workers=2, target="220 at least"),
    _Drain("slots_1_script_of_engine", "small jobs that import the engine, one worker, 1 slot", script=_ENGINE),
    _Drain("slots_1_bare", "small jobs, one worker, 1 slot, DISABLE_PIXYZ", WorkerPlan(engine=False)),
    _Drain("slots_4_engine", f"small jobs, one worker, {_SLOTS} slots, the engine", WorkerPlan(slots=_SLOTS)),
    _Drain(
        "slots_4_bare", f"small jobs, one worker, {_SLOTS} slots, DISABLE_PIXYZ", WorkerPlan(slots=_SLOTS, engine=False)
    ),
)


def measure(ground: Ground) -> Iterator[Figure]:
    """With one slot and several, one worker and two, with engine and without."""
    for drain in _DRAINS:
        with farm(ground.place()) as running:
            yield from _drained(ground, running, drain)


def _drained(ground: Ground, running: Farm, drain: _Drain) -> Iterator[Figure]:
    count, slots = ground.some(500, 40), drain.workers * drain.plan.slots
    workers = [running.start_worker(drain.plan) for _ in range(drain.workers)]
    with running.caller() as caller:
        with gate(running, slots, engine=drain.plan.engine):
            before = _store_size(running)
            accepted = posting_crowd(running, whole(drain.script), count, callers=_CLIENTS)
        # Those that held the gate ended too; they were the first.
        ends = _ends(caller, slots + count)[slots:]
    grown = (_store_size(running) - before) / count
    for worker in workers:
        running.end(worker)
    if drain is _DRAINS[0]:
        yield from _accepted(accepted)
        yield _store_bytes(grown)
    yield Figure(
        f"rates.{drain.name}",
        drain.title,
        "jobs/s",
        rates(ends),
        "the POSTs: all wait when the warm workers begin; a plain script runs in a child without the engine",
        floor="floor.celery_rate",
        more_is_better=True,
        target=drain.target,
    )


def _store_bytes(grown: float) -> Figure:
    return Figure(
        "rates.store_bytes",
        "memory of the store for each job that ended",
        "bytes",
        (grown,),
        "the server's connections and scripts; events and indexes are in it",
        target="under 2500",
    )


def _accepted(answered: Answered) -> Iterator[Figure]:
    yield Figure(
        "rates.accepted",
        f"POST /jobs accepted, {_CLIENTS} clients",
        "jobs/s",
        (answered.rate,),
        "the clients' own share of the processors, which are the same",
        floor="floor.celery_rate",
        more_is_better=True,
        target="800",
    )
    yield Figure(
        "rates.accepted_ms",
        f"POST /jobs to its answer, {_CLIENTS} clients",
        "ms",
        answered.taken,
        "pauses between requests: the API is saturated",
        floor="floor.celery",
        target="p99 under 50 ms",
    )


def _ends(caller: Caller, count: int) -> list[float]:
    """When each job ended, sorted, in epoch seconds, once all have."""
    jobs: list[str] = []
    cursor = ""
    while True:
        page = caller.get(f"/jobs?limit=1000{cursor}")
        jobs += [job["uuid"] for job in page["jobs"]]
        if not page["cursor"]:
            break
        cursor = f"&cursor={page['cursor']}"
    while len(caller.get(f"/jobs?status=SUCCESS&limit={min(1000, count)}")["jobs"]) < count:
        time.sleep(0.5)
    stops = [caller.get(f"/jobs/{job}/details")["time_info"]["stopped"] for job in jobs]
    return sorted(datetime.fromisoformat(stop).timestamp() for stop in stops)


def _store_size(running: Farm) -> int:
    """Bytes of its keys: a worker's connections and the scripts it loads are not the jobs'."""
    with redis.Redis.from_url(running.store.store_url) as client:
        return each_key(client)
