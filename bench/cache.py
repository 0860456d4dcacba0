"""What a job costs whose work was done before, beside the same job run; its outputs have hard links."""

import time
from collections.abc import Iterator

from bench.caller import Caller, whole
from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.floors import REST, WARM_UP
from bench.ground import Ground

_SCRIPT = b"""
def main(pc, params):
    for number in range(params["files"]):
        with open(pc.get_output_dir(f"{number}.bin"), "wb") as file:
            file.write(b"x" * params["size"])
    return number
"""
_LOOK = 0.001
_MIB = 1 << 20


def measure(ground: Ground) -> Iterator[Figure]:
    """Of a small job, and of one that writes much."""
    count = ground.some(100, 10)
    with farm(ground.place(), WorkerPlan()) as running, running.caller() as caller:
        for files, size in ((1, 1024), (100, 1024), (1, ground.some(256 * _MIB, 16 * _MIB))):
            some = count if size == 1024 else max(5, count // 20)
            what = f"{files} x {size // 1024} KiB"
            run = tuple(_successes(caller, some, files, size, cache=False))
            hit = tuple(_successes(caller, some, files, size, cache=True))
            looks = f"asked anew {1000 * _LOOK:g} ms after each answer"
            name = f"{files}_{size // 1024}"
            yield Figure(f"cache.run_{name}", f"POST to SUCCESS, run, writing {what}", "ms", run, looks, "floor.celery")
            yield Figure(
                f"cache.hit_{name}", f"POST to SUCCESS, by an earlier job's {what}", "ms", hit, looks, "floor.celery"
            )


def _successes(caller: Caller, count: int, files: int, size: int, *, cache: bool) -> Iterator[float]:
    body = whole(_SCRIPT, params={"files": files, "size": size}, config={"cache": cache})
    request = caller.prepared("POST", "/jobs", body)
    for number in range(WARM_UP + count):
        began = time.monotonic_ns()
        uuid = caller.post(request)
        while (status := caller.get(f"/jobs/{uuid}")["status"]) != "SUCCESS":
            if status == "FAILURE":
                raise RuntimeError(f"job {uuid} has failed")
            time.sleep(_LOOK)
        taken = (time.monotonic_ns() - began) / 1e6
        if cache and number and caller.get(f"/jobs/{uuid}/details")["cached_from"] is None:
            raise RuntimeError(f"job {uuid} was run")
        if number >= WARM_UP:
            yield taken
        time.sleep(REST)
