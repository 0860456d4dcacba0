"""What a sub-task costs: of a chain, in which each begins with the last one's result, of a group, and as a job sent."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bench.caller import Caller, whole
from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.ground import Ground

_SCRIPT = b"""
from pixyz_worker.script import *

def step(pc):
    return pc.clone().update(entrypoint="add", raw=True, compute_only=True)

def add(pc, params):
    return params if isinstance(params, int) else 1

@pixyz_schedule(wait=True, timeout=3600)
def main(pc, params):
    first = pixyz_execute.s(1, step(pc))
    if params["kind"] == "chain":
        work = chain(first, *(pixyz_execute.s(pc=step(pc)) for _ in range(params["count"] - 1)))
    else:
        work = group(pixyz_execute.s(1, step(pc)) for _ in range(params["count"]))
    pc.progress_next("starting")
    started = work.apply_async()
    pc.progress_stop()
    return started
"""


def measure(ground: Ground) -> Iterator[Figure]:
    """One worker of one slot for the children, one for who waits."""
    workers = WorkerPlan(), WorkerPlan("control", slots=5, engine=False)
    with farm(ground.place(), *workers) as running, running.caller() as caller:
        yield from _kind(caller, "chain", ground.some(50, 5), ground.some(5, 1))
        yield from _kind(caller, "group", ground.some(200, 10), ground.some(3, 1))
        yield _sent(caller, ground.some(200, 10))


def _kind(caller: Caller, kind: str, count: int, rounds: int) -> Iterator[Figure]:
    jobs = [_run(caller, kind, count) for _ in range(rounds)]
    excluded = "the POST; from the parent's start to its end, divided by the children; one slot"
    taken = tuple(1000 * _seconds(job) / count for job in jobs)
    yield Figure(f"workflow.{kind}", f"a child of a {kind} of {count}", "ms", taken, excluded, "floor.celery_group")
    starting = tuple(1000 * job["steps"][0]["duration"] / count for job in jobs)
    title = f"a child of a {kind} of {count}: its part of the start"
    excluded = "running it: until apply_async returns, divided by the children"
    yield Figure(f"workflow.{kind}_start", title, "ms", starting, excluded, "floor.celery_group")


def _run(caller: Caller, kind: str, count: int) -> dict[str, Any]:
    """The details of a workflow that has ended."""
    request = caller.prepared("POST", "/jobs", whole(_SCRIPT, params={"kind": kind, "count": count}))
    # While it waits, its details grow with its children; its state does not.
    return caller.ended(caller.post(request), pause=0.05)


def _seconds(job: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(job["time_info"][name]) for name in ("started", "stopped"))
    return (ended - began).total_seconds()


def _sent(caller: Caller, count: int) -> Figure:
    """As many jobs, sent one after the other."""
    request = caller.prepared("POST", "/jobs", whole(_SCRIPT, config={"entrypoint": "add"}))
    began = time.monotonic()
    last = [caller.post(request) for _ in range(count)][-1]
    caller.ended(last, pause=0.05)
    taken = 1000 * (time.monotonic() - began) / count
    excluded = "nothing; from the first POST to the last one's end"
    title = f"one of {count} jobs sent one by one"
    return Figure("workflow.sent", title, "ms", (taken,), excluded, "floor.celery_group")
