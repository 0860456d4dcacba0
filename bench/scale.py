"""Scale: what a store with up to a million jobs and a thousand workers costs, and how that grows with both."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from bench.caller import Caller
from bench.crowd import repeated
from bench.farm import farm
from bench.figure import Figure
from bench.ground import Ground
from bench.growth import exponent
from bench.store_crowd import by_workers
from bench.store_fill import Fill
from bench.store_memory import keys_memory
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState

_PAGE = 50
_ALONE = "HTTP, the network: a Unix socket"
_LEASE = Lease(Fence("0123456789abcdef"), "host-12345-abcdef")
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "state": {"status": JobState.FAILURE},
    "queue": {"queue": "gpu"},
    "name": {"name": "wheel"},
    "several": {"name": "wheel", "status": JobState.FAILURE, "queue": "gpu"},
    "sent": {"parent": ""},
    "children": {"parent": str(uuid.UUID(int=1))},
}


@dataclass(frozen=True)
class Filled:
    """A store at one size, and who asks it; `empty`: bytes of its keys before."""

    ground: Ground
    client: "redis.Redis"
    records: RecordStore
    caller: Caller
    size: int
    empty: int


def measure(ground: Ground) -> Iterator[Figure]:
    """With an API on the store, and no worker but those that are played."""
    with farm(ground.place()) as running, running.caller() as caller:
        client = connect(running.store.store_url, timeout=60.0)
        # Writing the log anew beside the filling would be measured with it.
        client.config_set("auto-aof-rewrite-percentage", 0)
        records = RecordStore(client)
        yield from _by_jobs(ground, client, records, caller)
        yield from by_workers(ground, client, records)
        client.close()


def _by_jobs(ground: Ground, client: "redis.Redis", records: RecordStore, caller: Caller) -> Iterator[Figure]:
    sizes = (1_000, 3_000) if ground.quick else (10_000, 100_000, 1_000_000)
    empty = keys_memory(client)
    fill = Fill(client, records)
    title = "bytes of a record that the program wrote, to those of the copies that fill the store"
    yield Figure("scale.sameness", title, "x", (fill.sameness(),), "its indexes, which are compared one by one")
    seen: dict[str, list[float]] = {}
    for size in sizes:
        fill.up_to(size)
        filled = Filled(ground, client, records, caller, size, empty)
        for figure in (*_memory(filled), *_pages(filled), *_path(filled)):
            yield figure
            seen.setdefault(figure.name.rpartition("_")[0], []).append(figure.median)
    for name, values in seen.items():
        grows = exponent(sizes, values)
        title = f"{name} grows as jobs to the power of"
        yield Figure(f"{name}_growth", title, "", (grows,), "other sizes than those measured", compared=False)


def _memory(filled: Filled) -> Iterator[Figure]:
    taken = (keys_memory(filled.client) - filled.empty) / filled.size
    excluded = "Celery's meta, which lives a day: some 500 bytes"
    title = f"memory of the store for each of {filled.size} ended jobs"
    yield Figure(f"scale.bytes_{filled.size}", title, "bytes", (taken,), excluded, target="under 2500")


def _pages(filled: Filled) -> Iterator[Figure]:
    count = filled.ground.some(200, 20)
    http = filled.caller.prepared("GET", f"/jobs?limit={_PAGE}")
    taken = repeated(count, lambda: filled.caller.send(http))
    title = f"GET /jobs?limit={_PAGE} among {filled.size}"
    target = "under 5 ms among 1 000 000, same as among 100"
    yield Figure(f"scale.http_{filled.size}", title, "ms", tuple(taken), "connecting", "floor.redis", target=target)
    for name, wanted in _LOOKS.items():
        yield _page(filled, name, f"page of {_PAGE}, {name}", JobFilter(**wanted), None)
    yield _page(filled, "deep", f"page of {_PAGE} in the middle", JobFilter(), _middle(filled.client))


def _page(filled: Filled, name: str, title: str, wanted: JobFilter, cursor: str | None) -> Figure:
    taken = repeated(filled.ground.some(200, 20), lambda: list_jobs(filled.records, wanted, limit=_PAGE, cursor=cursor))
    title = f"{title}, among {filled.size}"
    return Figure(f"scale.page_{name}_{filled.size}", title, "ms", tuple(taken), _ALONE, "floor.redis")


def _middle(client: "redis.Redis") -> str:
    half = client.zcard("ps:jobs") // 2
    ((job_id, score),) = cast("list[tuple[str, float]]", client.zrange("ps:jobs", half, half, withscores=True))
    return f"{score:.3f}:{job_id}"


def _path(filled: Filled) -> Iterator[Figure]:
    """Jobs of no history, from their record to their end."""
    jobs = [
        Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), time.time()) for _ in range(filled.ground.some(500, 20))
    ]
    records = filled.records
    asked: Mapping[str, Callable[[Job], object]] = {
        "submit": records.submit,
        "claim": lambda job: records.claim(job.id, queue="cpu", lease=_LEASE),
        "renew": lambda job: records.renew(job.id, lease=_LEASE),
        "commit": lambda job: records.commit(job.id, Finish(JobState.SUCCESS), lease=_LEASE),
        "forget": lambda job: records.forget(job.id),
    }
    for name, do in asked.items():
        taken = _each(jobs, do)
        yield Figure(f"scale.{name}_{filled.size}", f"{name}, among {filled.size}", "ms", taken, _ALONE, "floor.redis")


def _each(jobs: Sequence[Job], do: Callable[[Job], object]) -> tuple[float, ...]:
    left = iter(jobs)
    return tuple(repeated(len(jobs), lambda: do(next(left))))
