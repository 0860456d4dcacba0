"""What a job's flood of output costs the job in the next slot of the same worker: POST to the script's first line.

The floor is a neighbour that computes as hard and prints nothing: what it takes of the processors it takes either way.
Then one that prints as fast as it can in blocks, one that prints lines by `print`, and that one with a follower of its
log. Each prints so many bytes at least, and goes on until the last measured job has ended.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.caller import whole
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.first_line import first_lines
from bench.ground import Ground

NEIGHBOUR = b"""
import os, time

def main(pc, params):
    line, block, printed, rounds = "x" * 79, b"x" * 65535 + b"\\n", 0, 0
    while printed < params["least"] or not os.path.exists(params["end"]):
        if params["how"] == "blocks":
            printed += os.write(1, block)
        elif params["how"] == "lines":
            print(line)
            printed += 80
        elif os.path.exists(params["end"]):
            break
        else:
            sum(range(1000))
    return printed
"""
# A pool of several slots in one worker process, where a neighbour is nearest.
_QUEUE = "control"
_FLOOR = "log_flood.computes"


def measure(ground: Ground) -> Iterator[Figure]:
    """Alone, then beside each kind of neighbour."""
    count, least = ground.some(100, 10), ground.some(1_000_000_000, 10_000_000)
    with farm(ground.place(), WorkerPlan(_QUEUE, slots=2, engine=False)) as running, running.caller() as caller:
        yield _figure("alone", "alone", first_lines(caller, count, queue=_QUEUE))
        for name, how, follows in [
            ("computes", "nothing", False),
            ("blocks", "blocks", False),
            ("lines", "lines", False),
            ("followed", "lines", True),
        ]:
            with neighbour(running, how=how, least=least, follows=follows):
                taken = first_lines(caller, count, queue=_QUEUE)
            what = "computes" if how == "nothing" else f"prints {how}{', followed' if follows else ''}"
            yield _figure(name, f"beside one that {what}", taken)


def _figure(name: str, title: str, taken: list[float]) -> Figure:
    full = f"log_flood.{name}"
    excluded = "what first_line does not include"
    title = f"POST to first line, {title}"
    return Figure(full, title, "ms", tuple(taken), excluded, floor=_FLOOR if full != _FLOOR else None)


@contextmanager
def neighbour(running: Farm, *, how: str, least: int, follows: bool) -> Iterator[None]:
    """A job at work next door, meanwhile."""
    end = running.folder / f"end-{how}-{follows}"
    with running.caller() as caller:
        params = {"how": how, "least": least, "end": str(end)}
        job = caller.post(caller.prepared("POST", "/jobs", whole(NEIGHBOUR, params=params, config={"queue": _QUEUE})))
        while caller.get(f"/jobs/{job}")["status"] in ("SENT", "PENDING"):
            time.sleep(0.01)
        follower = threading.Thread(target=_follow, args=(running, job))
        if follows:
            follower.start()
        try:
            yield
        finally:
            Path(end).touch()
            caller.ended(job, pause=0.05)
            if follows:
                follower.join()


def _follow(running: Farm, job: str) -> None:
    """Read along."""
    with running.caller() as caller:
        caller.read_to_the_end(caller.prepared("GET", f"/jobs/{job}/logs?follow=true", more="Connection: close\r\n"))
