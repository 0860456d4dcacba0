"""Archives: all outputs of a job as one zip, from the first request to the one that is answered with it."""

import time
from collections.abc import Iterator

from bench.caller import Caller, whole
from bench.content import mixed
from bench.crowd import bystander
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.ground import Ground
from pixyz_scheduler.storage.share import Share

_MIB = 1 << 20
_LOOK = 0.01
_NOTHING = b"def main(pc, params):\n    pass\n"


def measure(ground: Ground) -> Iterator[Figure]:
    """Mixed output of all sizes and kinds; one large file; many small ones."""
    large, many = ground.some(256, 8) * _MIB, ground.some(1000, 50)
    # Half of it in a few large files, half in hundreds; what is packed already is a quarter of each (content.mixed).
    unit = ground.some(1024, 32) * _MIB // 1024
    sizes = [128 * unit] * 4 + [2 * unit] * 256
    with farm(ground.place(), WorkerPlan("cpu,zip", engine=False)) as running, running.caller() as caller:
        yield from _archive(running, caller, "mixed", f"{sum(sizes) // _MIB} MiB of mixed output", sizes)
        yield from _archive(running, caller, "one", f"a file of {large // _MIB} MiB", [large])
        yield from _archive(running, caller, "many", f"{many} files of 100 KiB", [100 << 10] * many)


def _archive(running: Farm, caller: Caller, name: str, title: str, sizes: list[int]) -> Iterator[Figure]:
    uuid = caller.post(caller.prepared("POST", "/jobs", whole(_NOTHING)))
    caller.ended(uuid)
    outputs = Share(running.share).folder(uuid).outputs
    content = mixed(max(sizes))
    for number, size in enumerate(sizes):
        (outputs / f"{number}.glb").write_bytes(content[:size])
    request = caller.prepared("HEAD", f"/jobs/{uuid}/outputs/archive")
    with bystander(running) as other:
        began = time.monotonic()
        while (status := _status(running, request)) == 425:
            time.sleep(_LOOK)
        seconds = time.monotonic() - began
    if status != 200:
        raise RuntimeError(f"the archive of {uuid}: {status}")
    yield Figure(
        f"archives.{name}",
        f"archive of {title}",
        "MiB/s",
        (sum(sizes) / _MIB / seconds,),
        f"its download; asked anew {1000 * _LOOK:g} ms after each answer",
        floor="floor.deflate",
        more_is_better=True,
        target="4 x the floor",
    )
    excluded = "connecting"
    title = f"GET / by another, during the archive of {title}"
    yield Figure(
        f"archives.{name}_other", title, "ms", tuple(other.taken), excluded, floor="floor.redis", compared=False
    )


def _status(running: Farm, request: bytes) -> int:
    with running.caller() as caller:
        return caller.status(request)
