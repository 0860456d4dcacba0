"""Reading: what it costs to look at jobs, one and many, and what others wait meanwhile."""

import time
from collections.abc import Iterator
from uuid import uuid4

from bench.caller import Caller, whole
from bench.crowd import bystander, crowd, repeated
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.ground import Ground
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions

_NOTHING = b"def main(pc, params):\n    return {'answer': 42}\n"
_CLIENTS = 16
_PAGE = 1000
_FEW = 100


def measure(ground: Ground) -> Iterator[Figure]:
    """Of one job, then of pages among many."""
    with farm(ground.place(), WorkerPlan(engine=False)) as running, running.caller() as caller:
        uuid = caller.post(caller.prepared("POST", "/jobs", whole(_NOTHING)))
        caller.ended(uuid)
        yield from _one_job(ground, running, caller, uuid)
        _fill(running, _FEW)
        yield _fifty("reading.page_few", f"among {_FEW}", _page_of_50(ground, caller))
        _fill(running, ground.some(10_000, 500) - _FEW)
        yield _fifty("reading.page", f"among {ground.some(10_000, 500)}", _page_of_50(ground, caller))
        yield from _all_pages(ground, running, caller, uuid)


def _one_job(ground: Ground, running: Farm, caller: Caller, uuid: str) -> Iterator[Figure]:
    for name, path in [("job", f"/jobs/{uuid}"), ("details", f"/jobs/{uuid}/details"), ("welcome", "/")]:
        request = caller.prepared("GET", path)
        taken = repeated(ground.some(1000, 100), lambda request=request: caller.send(request))  # type: ignore[misc]
        title = f"GET {path.replace(uuid, '{uuid}')}, one client"
        yield Figure(f"reading.{name}", title, "ms", tuple(taken), "connecting", floor="floor.redis")
    seen = crowd(running, [f"/jobs/{uuid}"] * ground.some(6000, 300), callers=_CLIENTS)
    title = f"GET /jobs/{{uuid}}, {_CLIENTS} clients"
    excluded = "the clients' own share of the processors, which are the same"
    yield Figure(
        "reading.job_crowd",
        title,
        "ms",
        seen.taken,
        excluded,
        floor="floor.redis",
        target="p99 under 10 ms",
    )
    yield Figure(
        "reading.job_rate", title, "1/s", (seen.rate,), excluded, more_is_better=True, target="3000 by one API process"
    )


def _page_of_50(ground: Ground, caller: Caller) -> list[float]:
    request = caller.prepared("GET", "/jobs?limit=50")
    return repeated(ground.some(200, 20), lambda: caller.send(request))


def _fifty(name: str, among: str, taken: list[float]) -> Figure:
    target = "under 5 ms among 1 000 000, same as among 100"
    return Figure(
        name, f"GET /jobs?limit=50 {among}", "ms", tuple(taken), "connecting", floor="floor.redis", target=target
    )


def _all_pages(ground: Ground, running: Farm, caller: Caller, uuid: str) -> Iterator[Figure]:
    taken: list[float] = []
    with bystander(running, f"/jobs/{uuid}") as other:
        for _ in range(ground.some(5, 1)):
            began = time.monotonic_ns()
            cursor: str | None = ""
            while cursor is not None:
                page = caller.get(f"/jobs?limit={_PAGE}{cursor and '&cursor='}{cursor}")
                cursor = page["cursor"]
            taken.append((time.monotonic_ns() - began) / 1e6)
    title = f"all of {ground.some(10_000, 500)} jobs in pages of {_PAGE}"
    yield Figure("reading.all", title, "ms", tuple(taken), "showing them", floor="floor.redis")
    yield Figure(
        "reading.all_other",
        "GET /jobs/{uuid} meanwhile, by another",
        "ms",
        tuple(other.taken),
        "connecting",
        floor="floor.redis",
    )


def _fill(running: Farm, count: int) -> None:
    """Records of jobs that were cancelled before they began: neither workers nor sweepers have to do with them."""
    client = connect(running.store.store_url)
    records = RecordStore(client)
    for _ in range(count):
        job_id = JobId(str(uuid4()))
        records.submit(Job(job_id, process="sleep", options=JobOptions(compute_only=True), submitted=time.time()))
        records.cancel(job_id)
    client.close()
