"""Overview: what the jobs of a store are doing now, for those who run it: by state, by queue, one by one.

Keys: those of lua/prelude.lua, read only.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.records import PRIORITIES, RecordStore
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.state import JobState

_FIELDS = ("state", "queue", "owner", "name", "process", "submitted", "started")
_AT_ONCE = 500


@dataclass(frozen=True)
class Doing:
    """One job, in short.

    Attributes:
        job_id: whose.
        state: as stored.
        queue: where it waits or runs.
        worker: that has it, or had it last; empty where none had.
        name: the user's, else its process's.
        submitted: epoch seconds.
        started: of its last attempt, epoch seconds; None before the first.
        due: seconds until it may be taken again after a retry; None where it may be at once.
        parked: it waits for a licence token.
        awaiting: it waits for the jobs that it has started, and holds no slot.
    """

    job_id: JobId
    state: JobState
    queue: str
    worker: str
    name: str
    submitted: float
    started: float | None
    due: float | None = None
    parked: bool = False
    awaiting: bool = False


@dataclass(frozen=True)
class Line:
    """One queue.

    Attributes:
        queue: its name.
        waiting: jobs that the next free worker takes.
        delayed: jobs between two attempts.
        parked: jobs that wait for a licence token.
        running: jobs that a worker has.
        listeners: living workers that listen.
        oldest: epoch seconds when the oldest of those that wait was submitted; None where none does.
    """

    queue: str
    waiting: int
    delayed: int
    parked: int
    running: int
    listeners: int
    oldest: float | None


class Overview:
    """What goes on in one store; raises StoreUnavailable.

    Args:
        client: of the records' database.
        records: on it.
    """

    def __init__(self, client: "redis.Redis", records: RecordStore) -> None:
        self._client = client
        self._records = records

    def active(self) -> Iterator[Doing]:
        """Jobs that a worker has now, then those that have begun and wait for the jobs they have started."""
        yield from self._doing(self._members("ps:leases"))
        for doing in self._doing(self._members("ps:awaiting")):
            yield replace(doing, awaiting=True)

    def delayed(self) -> Iterator[Doing]:
        """Jobs between two attempts, the next to come first."""
        with store_errors():
            clock = float(cast("str | None", self._client.hget("ps:clk", "t")) or 0)
            due = dict(cast("list[tuple[str, float]]", self._client.zrange("ps:delayed", 0, -1, withscores=True)))
        for doing in self._doing(due):
            yield replace(doing, due=max(0.0, (due[doing.job_id] - clock) / 1000))

    def in_line(self) -> Iterator[Doing]:
        """Jobs that wait for a worker, or for a licence token; queue by queue, the most urgent first."""
        for queue in self._queues():
            for priority in range(PRIORITIES):
                yield from self._doing(self._members(f"ps:waiting:{queue}:{priority}"))
        for doing in self._doing(self._members("ps:parked")):
            yield replace(doing, parked=True)

    def seen(self) -> tuple[Worker, ...]:
        """The workers that live, by name, as `Farm.workers` tells them; but nothing is written, not even the clock."""
        with store_errors():
            clock = cast("dict[str, str]", self._client.hgetall("ps:clk"))
            seconds, micros = self._client.time()
            wall = seconds * 1000 + micros // 1000
            # Whoever lives looks at the clock twice a second: it stands still where nobody does.
            now = float(clock.get("t", 0)) + max(0.0, wall - float(clock.get("raw", wall)))
            names = cast("list[str]", self._client.zrangebyscore("ps:workers", f"({now}", "+inf"))
            with self._client.pipeline(transaction=False) as ask:
                for name in names:
                    ask.hgetall(f"ps:worker:{name}")
                found = ask.execute()
        return tuple(Worker.from_wire(name, told) for name, told in sorted(zip(names, found, strict=True)) if told)

    def lines(self, workers: Iterable[Worker] | None = None) -> list[Line]:
        """Every queue in which somebody waits or waited, or on which a worker listens, by name.

        Args:
            workers: those that live, where the caller knows them.
        """
        living = Farm(self._records).workers() if workers is None else workers
        listeners = Counter(queue for worker in living for queue in worker.queues)
        elsewhere = {
            key: Counter(self._queues_of(self._members(key))) for key in ("ps:delayed", "ps:parked", "ps:leases")
        }
        names = {*self._queues(), *listeners, *itertools.chain.from_iterable(elsewhere.values())}
        return [
            Line(
                queue=queue,
                waiting=self._length(queue),
                delayed=elsewhere["ps:delayed"][queue],
                parked=elsewhere["ps:parked"][queue],
                running=elsewhere["ps:leases"][queue],
                listeners=listeners[queue],
                oldest=self._oldest(queue),
            )
            for queue in sorted(names)
        ]

    def by_state(self) -> dict[str, int]:
        """How many jobs are in each state; those with none are left out."""
        with store_errors(), self._client.pipeline(transaction=False) as ask:
            for state in JobState:
                ask.zcard(f"ps:state:{state.value}")
            counts = ask.execute()
        return {state.value: count for state, count in zip(JobState, counts, strict=True) if count}

    def licences(self) -> tuple[int, int | None]:
        """Licence tokens that are taken, and how many there are, as a job that met none was told last."""
        with store_errors():
            cap = cast("str | None", self._client.get("ps:licences:cap"))
            return self._client.scard("ps:licences"), None if cap is None else int(cap)

    def store(self) -> dict[str, str | int | None]:
        """Of the server itself: its name and version, and the memory it uses, in bytes."""
        with store_errors():
            info = self._client.info()
        name = "valkey" if "valkey_version" in info else "redis"
        return {"server": f"{name} {info.get(f'{name}_version', '?')}", "memory": info.get("used_memory")}

    def cancel_waiting(self, queue: str | None) -> Iterator[JobId]:
        """Cancel what waits on a queue, or on all; the jobs that were cancelled. What runs is left alone."""
        for doing in itertools.chain(self.in_line(), self.delayed()):
            if queue in (None, doing.queue):
                answer = self._records.run("cancel_waiting", doing.job_id)
                if answer == JobState.REVOKED.value:
                    yield doing.job_id

    def _queues(self) -> list[str]:
        with store_errors():
            return sorted(cast("set[str]", self._client.smembers("ps:queues")))

    def _members(self, key: str) -> list[str]:
        with store_errors():
            return cast("list[str]", self._client.zrange(key, 0, -1))

    def _length(self, queue: str) -> int:
        with store_errors(), self._client.pipeline(transaction=False) as ask:
            for priority in range(PRIORITIES):
                ask.zcard(f"ps:waiting:{queue}:{priority}")
            return sum(ask.execute())

    def _oldest(self, queue: str) -> float | None:
        found = []
        for priority in range(PRIORITIES):
            with store_errors():
                first = self._client.sort(
                    f"ps:waiting:{queue}:{priority}",
                    by="ps:job:*->submitted",
                    start=0,
                    num=1,
                    get=["ps:job:*->submitted"],
                )
            found += [float(text) for text in cast("list[str | None]", first) if text]
        return min(found, default=None)

    def _queues_of(self, job_ids: Iterable[str]) -> Iterator[str]:
        return (doing.queue for doing in self._doing(job_ids))

    def _doing(self, job_ids: Iterable[str]) -> Iterator[Doing]:
        left = list(job_ids)
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            with store_errors(), self._client.pipeline(transaction=False) as ask:
                for job_id in some:
                    ask.hmget(f"ps:job:{job_id}", *_FIELDS)
                rows = ask.execute()
            # One that has gone meanwhile has no state.
            yield from (_doing(job_id, row) for job_id, row in zip(some, rows, strict=True) if row[0])


def _doing(job_id: str, row: list[str | None]) -> Doing:
    state, queue, owner, name, process, submitted, started = row
    return Doing(
        job_id=JobId(job_id),
        state=JobState(state),
        queue=queue or "",
        worker=owner or "",
        name=name or ("" if process == "custom" else process or ""),
        submitted=float(submitted or 0),
        started=float(started) if started else None,
    )
