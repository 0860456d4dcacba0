"""From a POST to its script's first line, and to a SUCCESS that its sender sees; one job at a time, an idle worker."""

import time
from collections.abc import Iterator

from bench.caller import Caller, whole
from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.floors import REST, WARM_UP
from bench.ground import Ground

# What a script gives back is when its first line ran, on the machine's monotonic clock.
SCRIPT = b"import time\nBEGAN = time.monotonic_ns()\n\ndef main(pc, params):\n    return BEGAN\n"
# Seconds between two questions after a job that is timed to its visible end.
_LOOK = 0.001


def measure(ground: Ground) -> Iterator[Figure]:
    """Both figures."""
    count = ground.some(200, 20)
    with farm(ground.place(), WorkerPlan()) as running, running.caller() as caller:
        yield Figure(
            "first_line.post",
            "POST to the script's first line",
            "ms",
            tuple(first_lines(caller, count)),
            "the way of the answer back, the form's making; with fsync, record, lease, a child of its own",
            floor="floor.celery",
            target="median at most 1.6 x the floor, p99 under 15 ms",
        )
        yield Figure(
            "first_line.success",
            "POST to a visible SUCCESS",
            "ms",
            tuple(_successes(caller, count)),
            f"SSE or a long poll, which are not there yet: asked anew {1000 * _LOOK:g} ms after each answer",
            floor="floor.celery",
            target="median under 10 ms",
        )


def first_lines(caller: Caller, count: int, **config: object) -> list[float]:
    """Milliseconds to the first line, one job at a time, after some that do not count."""
    request = caller.prepared("POST", "/jobs", whole(SCRIPT, config=config))
    taken = []
    for _ in range(WARM_UP + count):
        began = time.monotonic_ns()
        details = caller.ended(caller.post(request))
        taken.append((details["result"] - began) / 1e6)
        time.sleep(REST)
    return taken[WARM_UP:]


def _successes(caller: Caller, count: int) -> list[float]:
    request = caller.prepared("POST", "/jobs", whole(SCRIPT))
    taken = []
    for _ in range(count):
        began = time.monotonic_ns()
        path = f"/jobs/{caller.post(request)}"
        while caller.get(path)["status"] != "SUCCESS":
            time.sleep(_LOOK)
        taken.append((time.monotonic_ns() - began) / 1e6)
        time.sleep(REST)
    return taken
