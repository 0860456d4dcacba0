"""The checks of the farm: which workers live, of which version, with what trouble; queues nobody listens to."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from pixyz_scheduler import __version__
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.overview import Line, Overview
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.doctor.store import TIMEOUT
from pixyz_scheduler.errors import InvalidConfig, StoreUnavailable
from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.share_look import AWAY, NO_ID, SILENT

_NAME = "workers"
# Where the API itself puts jobs, or a user who says no queue.
_USUAL = ("cpu", "zip")
# Seconds that two clocks may be apart: a worker says its own every two seconds.
_APART = 5.0
_SHOWN = 5
_IN_WORDS = {
    NO_ID: "has no .ps-share-id: an empty folder, where none is mounted",
    AWAY: "is away: it is not there, or cannot be read",
    SILENT: "does not answer: its mount hangs",
}


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it; nothing where the store is away, which its own check tells."""
    try:
        with closing(connect(settings.store_url, timeout=TIMEOUT)) as client:
            pace = PACE.scaled(settings.lease_time_scale)
            overview = Overview(client, RecordStore(client, pace=pace))
            workers = overview.seen()
            lines = overview.lines(workers)
            now, known = time.time(), KnownShare(client).get()
    except StoreUnavailable:
        return
    yield from judge(workers, lines, now=now, lease=pace.lease)
    yield from judge_shares(workers, known)


def judge(workers: Sequence[Worker], lines: Iterable[Line], *, now: float, lease: float) -> Iterator[Finding]:
    """What they mean.

    Args:
        workers: those that live.
        lines: every queue.
        now: epoch seconds of this machine.
        lease: seconds for which a worker is believed to live.
    """
    if not workers:
        yield warning(_NAME, "none lives: jobs wait", "Start one: pixyz-scheduler worker, or up.")
    else:
        slots, hosts = sum(worker.slots for worker in workers), len({worker.host for worker in workers})
        yield ok(_NAME, f"{_many(len(workers), 'lives', 'live')} on {hosts} host{'s' * (hosts > 1)}, {slots} slots")
    for worker in workers:
        if worker.trouble:
            yield error(_NAME, f"{worker.name} takes no jobs: {worker.trouble}", f"Mend it on {worker.host}.")
        if worker.draining:
            yield ok(_NAME, f"{worker.name} is leaving")
        yield from _clock(worker, now=now, lease=lease)
    yield from versions({f"worker {worker.name}": worker.version for worker in workers})
    yield from _queues(workers, lines)


def judge_shares(workers: Iterable[Worker], known: str | None) -> Iterator[Finding]:
    """Whether all workers see the share that the store knows, by its id."""
    seen = [worker for worker in workers if worker.share]
    other = [worker for worker in seen if known is not None and worker.share != known]
    for worker in other:
        what = _IN_WORDS.get(worker.share, f"is another one (id {worker.share}, expected is {known})")
        do = f"Mount the right one on {worker.host}, or correct SHARE_PATH there; the worker goes on by itself."
        yield error("share", f"the share of worker {worker.name} {what}", do)
    if seen and not other:
        hosts = len({worker.host for worker in seen})
        yield ok(
            "share",
            f"the same one is seen by {_many(len(seen), 'worker', 'workers')}, on {_many(hosts, 'host', 'hosts')}",
        )


def versions(others: Mapping[str, str]) -> Iterator[Finding]:
    """Whether all are of this program's version: who -> version."""
    strange = [(who, version) for who, version in others.items() if version != __version__]
    if strange:
        told = ", ".join(f"{who}: {version or 'none told'}" for who, version in strange[:_SHOWN])
        more = f", and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        do = "A farm works while it is brought to another version; then bring all to the same."
        yield warning("versions", f"this program is {__version__}; {told}{more}", do)
    elif others:
        who = next(iter(others)) if len(others) == 1 else f"all {len(others)} workers"
        yield ok("versions", f"{who}: {__version__}, as this program")


def _clock(worker: Worker, *, now: float, lease: float) -> Iterator[Finding]:
    # What it said of its clock is as old as a lease at most.
    if worker.clock and not now - lease - _APART <= worker.clock <= now + _APART:
        what = f"the clock of {worker.host} ({worker.name}) is {abs(worker.clock - now):.0f} s off this machine's"
        yield warning("clock", what, "Let both follow a time server (NTP).")


def _queues(workers: Sequence[Worker], lines: Iterable[Line]) -> Iterator[Finding]:
    listeners = Counter(queue for worker in workers for queue in worker.queues)
    deserted = [line for line in lines if not listeners[line.queue] and line.waiting + line.delayed]
    for line in deserted:
        jobs = _many(line.waiting + line.delayed, "job waits", "jobs wait")
        what = f"{jobs} on {line.queue}, to which no worker listens"
        yield error("queues", what, f"Start a worker with {line.queue} in QUEUE_NAME.")
    if not workers:
        return
    wanted = {*_USUAL, *filter(None, map(_fallback, listeners))}
    for queue in sorted(wanted - {*listeners} - {line.queue for line in deserted}):
        why = {"cpu": "jobs that name no queue go there", "zip": "archives are made there"}
        what = f"no worker listens to {queue}: {why.get(queue, 'jobs that crash are tried once more there')}"
        yield warning("queues", what, f"Have a worker with {queue} in QUEUE_NAME.")
    if listeners:
        yield ok("queues", f"listened to: {', '.join(sorted(listeners))}")


def _fallback(queue: str) -> str | None:
    try:
        return queue_named(queue).fallback
    except InvalidConfig:  # a worker may listen where no job can be sent
        return None


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
