"""Operator: what the admin commands ask and do, as plain values, straight on the store."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.overview import Doing, Line, Overview
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.settings.settings import Settings

Row = dict[str, Any]


class Operator:
    """The store of these settings. Every call raises StoreUnavailable where it does not answer."""

    def __init__(self, settings: Settings) -> None:
        client = connect(settings.store_url)
        records = RecordStore(client, pace=PACE.scaled(settings.lease_time_scale))
        self._overview = Overview(client, records)
        self._farm = Farm(records)

    def stats(self) -> Row:
        """The farm in figures."""
        workers, lines = self._farm.workers(), self._overview.lines()
        taken, tokens = self._overview.licences()
        return {
            "workers": len(workers),
            "slots": sum(worker.slots for worker in workers),
            "busy": sum(worker.busy for worker in workers),
            "draining": sum(worker.draining for worker in workers),
            "in_trouble": sum(bool(worker.trouble) for worker in workers),
            "waiting": sum(line.waiting for line in lines),
            "delayed": sum(line.delayed for line in lines),
            "parked": sum(line.parked for line in lines),
            "running": sum(line.running for line in lines),
            "licences": taken,
            "licence_tokens": tokens,
            "jobs": _by_status(self._overview.by_state()),
            "store": self._overview.store(),
        }

    def tasks(self, kind: str, *, limit: int) -> list[Row]:
        """So many jobs that are `active`, `scheduled` (between two attempts) or `reserved` (in line)."""
        ask = {"active": self._overview.active, "scheduled": self._overview.delayed, "reserved": self._overview.in_line}
        return [_task(doing) for doing in islice(ask[kind](), limit)]

    def queues(self) -> list[Row]:
        """Every queue."""
        return [_queue(line) for line in self._overview.lines()]

    def workers(self) -> list[Row]:
        """Every living worker."""
        return [_worker(worker) for worker in self._farm.workers()]

    def purge(self, queue: str | None) -> list[str]:
        """Cancel what waits on a queue, or on all; the ids."""
        return list(self._overview.cancel_waiting(queue))

    def drain(self, names: Iterable[str] | None) -> list[str]:
        """Have these workers leave, or all; their names. Raises Unavailable for one that does not live."""
        living = [worker.name for worker in self._farm.workers()]
        wanted = living if names is None else list(names)
        unknown = [name for name in wanted if name not in living]
        if unknown:
            there = ", ".join(living) or "there is none"
            raise Unavailable(f"No worker is called {', '.join(unknown)}. Living workers: {there}.")
        return [name for name in wanted if self._farm.drain(name)]


def _by_status(counts: Mapping[str, int]) -> Row:
    told: Counter[str] = Counter()
    for state, count in counts.items():
        told[JobState(state).as_told.value] += count
    return dict(told)


def _task(doing: Doing) -> Row:
    return {
        "uuid": doing.job_id,
        "status": doing.state.as_told.value,
        "queue": doing.queue,
        "name": doing.name or None,
        "worker": doing.worker or None,
        "age": _since(doing.submitted),
        "running": _since(doing.started) if doing.state.is_held and doing.started else None,
        "due": doing.due,
        "parked": doing.parked,
        "awaiting": doing.awaiting,
    }


def _queue(line: Line) -> Row:
    return {
        "queue": line.queue,
        "waiting": line.waiting,
        "delayed": line.delayed,
        "parked": line.parked,
        "running": line.running,
        "listeners": line.listeners,
        "oldest": None if line.oldest is None else _since(line.oldest),
    }


def _worker(worker: Worker) -> Row:
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "queues": list(worker.queues),
        "slots": worker.slots,
        "busy": worker.busy,
        "draining": worker.draining,
        "trouble": worker.trouble or None,
        "version": worker.version,
        "age": _since(worker.started),
    }


def _since(moment: float) -> float:
    return round(max(0.0, time.time() - moment), 3)
