"""Transfers: one large file sent, and got back whole and in part; and what others wait meanwhile."""

import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import psutil

from bench.caller import Caller, form
from bench.content import write_random
from bench.crowd import bystander
from bench.farm import Farm, farm
from bench.figure import Figure
from bench.ground import Ground
from pixyz_scheduler.storage.share import Share

_MIB = 1 << 20
_ROUNDS = 3
_SCRIPT = b"def main(pc, params):\n    pass\n"


def measure(ground: Ground) -> Iterator[Figure]:
    """No worker is there: the jobs stay where they are."""
    file = ground.place()
    write_random(file, ground.file_size)
    with farm(ground.place()) as running, running.caller() as caller:
        api = psutil.Process(running.api_pid)
        resting = _peak(api)
        sent: list[str] = []
        with bystander(running) as other:
            rates = [_upload_anew(ground, caller, file, sent) for _ in range(_ROUNDS)]
        yield _throughput(ground, "upload", "POST of {} to its answer", rates, "floor.cp_fsync", "0.6 of cp with fsync")
        yield _meanwhile("upload", other.taken)
        grown = (_peak(api) - resting) / _MIB
        excluded = "what it had at rest"
        yield Figure("transfers.memory", "memory of the API meanwhile", "MiB", (grown,), excluded, target="+32 MiB")
        yield from _downloads(ground, running, caller, sent)


def _downloads(ground: Ground, running: Farm, caller: Caller, sent: list[str]) -> Iterator[Figure]:
    # The worker's part is not measured here: the output is the input by another name.
    folder = Share(running.share).folder(sent[-1])
    folder.outputs.mkdir(exist_ok=True)
    (folder.outputs / "out.bin").hardlink_to(folder.input("in.bin"))
    path = f"/jobs/{sent[-1]}/outputs/out.bin"
    with bystander(running) as other:
        rates = [_download(caller, path, ground.file_size) for _ in range(_ROUNDS)]
    yield _throughput(ground, "download", "GET of {}", rates, "floor.cp", "1024 MiB/s, or an accelerator")
    yield _meanwhile("download", other.taken)
    part = ground.file_size // 4
    more = f"Range: bytes={part}-{2 * part - 1}\r\n"
    rates = [_download(caller, path, part, more) for _ in range(_ROUNDS)]
    yield _throughput(ground, "range", "GET of a quarter of {} by Range", rates, "floor.cp", "")


def _throughput(ground: Ground, name: str, title: str, rates: list[float], floor: str, target: str) -> Figure:
    size = f"{ground.file_size // _MIB} MiB"
    excluded = "a network; the client sends from and reads into memory, on the same processors"
    return Figure(
        f"transfers.{name}",
        title.format(size),
        "MiB/s",
        tuple(rates),
        excluded,
        floor=floor,
        more_is_better=True,
        target=target,
    )


def _meanwhile(what: str, taken: list[float]) -> Figure:
    name, title = f"transfers.{what}_other", f"GET / by another, during the {what}"
    return Figure(
        name, title, "ms", tuple(taken), "connecting", floor="floor.redis", target="p99 under 20 ms", compared=False
    )


def _upload_anew(ground: Ground, caller: Caller, file: Path, sent: list[str]) -> float:
    """The one before is gone, as each copy of the floor is.

    Kept, each GiB is memory that a virtual machine has never touched: there the host's page faults take 2.5 s of the
    writing of a GiB that else takes 0.3.
    """
    if sent:
        status, _ = caller.send(caller.prepared("DELETE", f"/jobs/{sent[-1]}"))
        if status != HTTPStatus.NO_CONTENT:
            raise RuntimeError(f"DELETE of the job before: {status}")
    return _upload(ground, caller, file, sent)


def _upload(ground: Ground, caller: Caller, file: Path, sent: list[str]) -> float:
    before, after = form(_SCRIPT, file="in.bin", config={"queue": "nobody"})
    size = len(before) + ground.file_size + len(after)
    began = time.monotonic()
    with file.open("rb") as content:
        sent.append(caller.post(caller.prepared("POST", "/jobs", length=size) + before, content, after))
    return ground.file_size / _MIB / (time.monotonic() - began)


def _download(caller: Caller, path: str, size: int, more: str = "") -> float:
    began = time.monotonic()
    status, got = caller.drain(caller.prepared("GET", path, more=more))
    if status not in (200, 206) or got != size:
        raise RuntimeError(f"GET {path}: {status}, {got} bytes of {size}")
    return size / _MIB / (time.monotonic() - began)


def _peak(api: psutil.Process) -> int:
    """The most memory that it ever had."""
    text = Path(f"/proc/{api.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")))
