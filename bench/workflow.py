"""What a child of a workflow costs: a chain, in which each begins with the last one's result, and a group."""

import time
from collections.abc import Iterator

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

@pixyz_schedule(wait=True, timeout=600)
def main(pc, params):
    first = pixyz_execute.s(1, step(pc))
    if params["kind"] == "chain":
        work = chain(first, *(pixyz_execute.s(pc=step(pc)) for _ in range(params["count"] - 1)))
    else:
        work = group(pixyz_execute.s(1, step(pc)) for _ in range(params["count"]))
    return work.apply_async().get()
"""


def measure(ground: Ground) -> Iterator[Figure]:
    """One worker of one slot for the children, one for who waits."""
    workers = WorkerPlan(), WorkerPlan("control", slots=5, engine=False)
    with farm(ground.place(), *workers) as running, running.caller() as caller:
        for kind, count, rounds in [("chain", ground.some(50, 5), 5), ("group", ground.some(200, 10), 3)]:
            taken = [_once(caller, kind, count) / count for _ in range(ground.some(rounds, 1))]
            yield Figure(
                f"workflow.{kind}",
                f"a child of a {kind} of {count}",
                "ms",
                tuple(taken),
                "nothing; from the parent's POST to its SUCCESS, divided by the children; one slot",
                floor="floor.celery",
            )


def _once(caller: Caller, kind: str, count: int) -> float:
    request = caller.prepared("POST", "/jobs", whole(_SCRIPT, params={"kind": kind, "count": count}))
    began = time.monotonic_ns()
    caller.ended(caller.post(request))
    return (time.monotonic_ns() - began) / 1e6
