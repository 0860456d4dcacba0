"""Workers at one store, played: what they cost it in processor time, and what others wait."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence

import redis

from bench.crowd import repeated
from bench.figure import Figure
from bench.ground import Ground
from bench.growth import exponent
from bench.store_load import Habit, workers
from pixyz_scheduler.broker.records import PRIORITIES, PRIORITY_SEPARATOR, RecordStore
from pixyz_scheduler.broker.scripts import in_ms
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState

_FENCE = "0123456789abcdef"
_QUEUES = ("cpu", "gpu", "gpuhigh")
_PROGRESS = '{"total":20,"steps":[["load",1795759066.917,0.25],["convert",1795759067.2,-1]],"output":null,"before":0}'
_LONG_MS = 3_600_000
_NOT_THE_NETWORK = "TCP: Unix sockets, a connection for each worker; what Celery itself asks"


def by_workers(ground: Ground, client: "redis.Redis", records: RecordStore) -> Iterator[Figure]:
    """Each habit alone, then all of them, by crowds of growing size; each worker holds a job."""
    sizes = (10, 30) if ground.quick else (100, 300, 1000)
    seen: dict[str, list[float]] = {}
    for size in sizes:
        jobs = _held(records, size)
        for figure in _of(ground, client, records, jobs):
            yield figure
            if figure.unit == "% of a core":
                seen.setdefault(figure.name.rpartition("_")[0], []).append(figure.median)
        for job_id in jobs:
            records.commit(job_id, Finish(JobState.SUCCESS), lease=Lease(Fence(_FENCE), "host"))
            records.forget(job_id)
    for name, values in seen.items():
        title = f"{name} grows as workers to the power of"
        yield Figure(f"{name}_growth", title, "", (exponent(sizes, values),), "other sizes", compared=False)


def _of(ground: Ground, client: "redis.Redis", records: RecordStore, jobs: Sequence[JobId]) -> Iterator[Figure]:
    habits = _habits(jobs)
    size, seconds = len(jobs), ground.some(5, 1)
    idle = _busy(client, seconds)
    path = str(client.config_get("unixsocket")["unixsocket"])
    for name, some in {**{name: [habit] for name, habit in habits.items()}, "all": list(habits.values())}.items():
        with workers(client, path, size, some) as asked:
            time.sleep(1.0)
            before, began = asked.came, time.monotonic()
            used = _busy(client, seconds) - idle
            rate = (asked.came - before) / (time.monotonic() - began)
            taken = _claims(ground, records) if name == "all" else ()
        title = f"{size} workers, {name}: {rate:.0f} commands a second, processor time of the store"
        target = "under 50" if name == "renewals" else ""
        yield Figure(f"scale.{name}_{size}", title, "% of a core", (max(used, 0.01),), _NOT_THE_NETWORK, target=target)
        if taken:
            yield Figure(f"scale.claim_beside_{size}", f"claim beside {size} workers", "ms", taken, "the network")


def _habits(jobs: Sequence[JobId]) -> Mapping[str, Habit]:
    describes = ["queues", ",".join(_QUEUES), "slots", "1", "host", "node-17", "pid", "4711", "version", "1.0"]
    describes += ["started", "1795759067.6", "busy", "1", "trouble", "", "draining", ""]

    def renew(at: int, progress: str = "") -> list[str | float]:
        return [jobs[at], _FENCE, _LONG_MS, progress, 0]

    def sweep(_: int) -> list[str | float]:
        return [100, in_ms(PACE.ring), PRIORITY_SEPARATOR, PRIORITIES, in_ms(0.8 * PACE.sweep)]

    def announce(at: int) -> list[str | float]:
        return [f"node-{at:04d}-4711-abcdef", in_ms(PACE.lease), len(_QUEUES), *_QUEUES, *describes]

    return {
        "renewals": Habit("renew", PACE.renew, renew),
        "sweeps": Habit("sweep", PACE.sweep, sweep),
        "announcements": Habit("announce", 2 * PACE.renew, announce),
        # Every two seconds each tells how far it is.
        "progress": Habit("renew", 2.0, lambda at: renew(at, _PROGRESS)),
    }


def _held(records: RecordStore, count: int) -> list[JobId]:
    """So many jobs, each with a lease that lasts."""
    jobs = [JobId(str(uuid.uuid4())) for _ in range(count)]
    for job_id in jobs:
        records.submit(Job(job_id, "custom", JobOptions(), time.time()))
        records.claim(job_id, queue="cpu", lease=Lease(Fence(_FENCE), "host", _LONG_MS / 1000))
    return jobs


def _busy(client: "redis.Redis", seconds: float) -> float:
    """Percent of a core that the server uses, all its threads together."""
    before, began = _used(client), time.monotonic()
    time.sleep(seconds)
    return 100 * (_used(client) - before) / (time.monotonic() - began)


def _used(client: "redis.Redis") -> float:
    told = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def _claims(ground: Ground, records: RecordStore) -> tuple[float, ...]:
    """Of new jobs, one after the other."""
    left: list[JobId] = []
    for _ in range(ground.some(200, 20)):
        left.append(JobId(str(uuid.uuid4())))
        records.submit(Job(left[-1], "custom", JobOptions(), time.time()))
    lease, ids = Lease(Fence(_FENCE), "host"), iter(left)
    taken = repeated(len(left), lambda: records.claim(next(ids), queue="cpu", lease=lease))
    for job_id in left:
        records.commit(job_id, Finish(JobState.SUCCESS), lease=lease)
        records.forget(job_id)
    return tuple(taken)
