"""Loaded: from a POST to its script's first line while a worker has half of what it can do."""

from collections.abc import Iterator

from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.first_line import SCRIPT
from bench.gate import gate
from bench.ground import Ground
from bench.open_loop import closed_loop, open_loop, poisson

_CALLERS = 8


def measure(ground: Ground) -> Iterator[Figure]:
    """What one worker of one slot can do, then how long a job waits at half of it."""
    with farm(ground.place(), WorkerPlan()) as running:
        with gate(running, 1, engine=True):
            pass
        rate = closed_loop(running, SCRIPT, count=ground.some(600, 40), callers=_CALLERS)
        yield Figure(
            "loaded.saturating",
            f"small jobs, one slot, {_CALLERS} clients that send and wait",
            "jobs/s",
            (rate,),
            "nothing; POSTs, long polls and clients have the same processors",
            floor="floor.celery_rate",
            more_is_better=True,
        )
        arrived = open_loop(running, SCRIPT, poisson(rate / 2, ground.some(1000, 40)))
    yield Figure(
        "loaded.post",
        "POST to the script's first line, at half of that rate",
        "ms",
        arrived.waits,
        "the way of the answer back; arrivals at random (Poisson), each counted from when it was to be sent",
        floor="floor.celery",
        target="p99 under 30 ms",
    )
    yield Figure(
        "loaded.late",
        "its part before the POST was sent",
        "ms",
        arrived.late,
        "nothing; the bench's own wakening and Python's lock, which are in the figure above",
        floor="floor.celery",
        compared=False,
    )
