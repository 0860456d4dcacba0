"""Jobs a second: accepted by the API, and run by one worker, which finds them waiting; and what they leave behind."""

import time
from collections.abc import Iterator
from datetime import datetime

import redis

from bench.caller import Caller, whole
from bench.crowd import Answered, posting_crowd
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.floors import rates
from bench.ground import Ground
from bench.store_memory import each_key

_NOTHING = b"def main(pc, params):\n    pass\n"
_CLIENTS = 16
_SLOTS = 4


def measure(ground: Ground) -> Iterator[Figure]:
    """With one slot and several, with engine and without."""
    for slots in (1, _SLOTS):
        for engine in (True, False):
            plan = WorkerPlan(slots=slots, engine=engine)
            with farm(ground.place()) as running:
                yield from _one_worker(ground, running, plan)


def _one_worker(ground: Ground, running: Farm, plan: WorkerPlan) -> Iterator[Figure]:
    count = ground.some(500, 40)
    before = _store_size(running)
    accepted = posting_crowd(running, whole(_NOTHING), count, callers=_CLIENTS)
    worker = running.start_worker(plan)
    with running.caller() as caller:
        ends = _ends(caller, count)
    grown = (_store_size(running) - before) / count
    running.end(worker)
    is_first = plan.slots == 1 and plan.engine
    if is_first:
        yield from _accepted(accepted)
    engine = "the engine" if plan.engine else "DISABLE_PIXYZ"
    yield Figure(
        f"rates.slots_{plan.slots}_{'engine' if plan.engine else 'bare'}",
        f"small jobs, one worker, {plan.slots} slot{'s'[: plan.slots > 1]}, {engine}",
        "jobs/s",
        rates(ends),
        "the POSTs: all wait when the worker starts; its start",
        floor="floor.celery_rate",
        more_is_better=True,
        target="150 at least, by two workers 220" if is_first else "",
    )
    if is_first:
        yield Figure(
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
        time.sleep(0.2)
    stops = [caller.get(f"/jobs/{job}/details")["time_info"]["stopped"] for job in jobs]
    return sorted(datetime.fromisoformat(stop).timestamp() for stop in stops)


def _store_size(running: Farm) -> int:
    """Bytes of its keys: a worker's connections and the scripts it loads are not the jobs'."""
    with redis.Redis.from_url(running.store.store_url) as client:
        return each_key(client)
