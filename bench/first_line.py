"""From a POST to its script's first line, and to a SUCCESS that its sender sees; one job at a time, an idle worker."""

import time
from collections.abc import Iterator
from datetime import datetime

from bench.caller import Caller, whole
from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.floors import REST, WARM_UP
from bench.ground import Ground

# What a script gives back is when its first line ran, on the machine's monotonic clock.
SCRIPT = b"import time\nBEGAN = time.monotonic_ns()\n\ndef main(pc, params):\n    return BEGAN\n"


def measure(ground: Ground) -> Iterator[Figure]:
    """All three figures."""
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
        successes = _successes(caller, count)
        yield Figure(
            "first_line.success",
            "POST to a visible SUCCESS",
            "ms",
            tuple(whole for whole, _ in successes),
            "nothing: a long poll (?wait=) is sent once the POST is answered",
            floor="floor.celery",
            target="median under 10 ms",
        )
        yield Figure(
            "first_line.seen",
            "commit to a visible SUCCESS",
            "ms",
            tuple(seen for _, seen in successes),
            "the store tells the end in whole milliseconds: half of one too much",
            floor="floor.redis",
            target="under 1.5 ms",
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


def _successes(caller: Caller, count: int) -> list[tuple[float, float]]:
    """Milliseconds from each POST to the answer that tells its SUCCESS, and from its end to there."""
    request = caller.prepared("POST", "/jobs", whole(SCRIPT))
    taken = []
    for _ in range(count):
        began = time.monotonic_ns()
        uuid = caller.post(request)
        if (status := caller.get(f"/jobs/{uuid}?wait=60")["status"]) != "SUCCESS":
            raise RuntimeError(f"job {uuid}: {status}")
        seen, now = time.monotonic_ns(), time.time()
        stopped = caller.get(f"/jobs/{uuid}/details")["time_info"]["stopped"]
        taken.append(((seen - began) / 1e6, 1000 * (now - datetime.fromisoformat(stopped).timestamp())))
        time.sleep(REST)
    return taken
