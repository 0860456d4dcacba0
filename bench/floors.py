"""Floors: what the machine and the parts we are built on take for the least that could be done, in the same run."""

import os
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.content import mixed, write_random
from bench.figure import Figure
from bench.ground import Ground
from pixyz_scheduler.broker.embedded import EmbeddedStore

WARM_UP = 20
# Seconds between two jobs: each meets an idle worker, whose spare children are forked again.
REST = 0.03
_HERE = Path(__file__).parent
_MIB = 1 << 20


def redis(ground: Ground) -> Figure:
    """A PING by Unix socket, and nothing else."""
    with EmbeddedStore.start(_made(ground)) as store, socket.socket(socket.AF_UNIX) as line:
        line.connect(str(store.address.socket))
        taken = []
        for _ in range(WARM_UP + ground.some(2000, 300)):
            began = time.monotonic_ns()
            line.sendall(b"PING\r\n")
            line.recv(64)
            taken.append((time.monotonic_ns() - began) / 1e6)
    return Figure("floor.redis", "floor: raw round trip to Redis", "ms", tuple(taken[WARM_UP:]), "a client library")


def celery(ground: Ground) -> Figure:
    """From `delay` to the task's body."""
    with _raw_worker(ground) as now:
        taken = []
        for _ in range(WARM_UP + ground.some(200, 20)):
            began = time.monotonic_ns()
            taken.append((now.delay().get(timeout=60) - began) / 1e6)
            time.sleep(REST)
    return Figure(
        "floor.celery",
        "floor: raw Celery, threads pool, delay to the task's body",
        "ms",
        tuple(taken[WARM_UP:]),
        "HTTP, files, isolation, a record, a lease",
    )


def celery_rate(ground: Ground) -> Figure:
    """Tasks a second through the same worker, one slot, results stored."""
    count = ground.some(1000, 100)
    with _raw_worker(ground) as now:
        ends = sorted(result.get(timeout=60) for result in [now.delay() for _ in range(count)])
    return Figure(
        "floor.celery_rate",
        "floor: raw Celery, threads pool, one slot, inline",
        "jobs/s",
        rates([end / 1e9 for end in ends]),
        "HTTP, files, isolation, a record, a lease",
        more_is_better=True,
    )


def celery_group(ground: Ground) -> Figure:
    """Milliseconds a member of a group, from its start to its last result."""
    from celery import group

    count = ground.some(200, 20)
    with _raw_worker(ground) as now:
        group(now.s() for _ in range(WARM_UP))().get(timeout=60)

        def one() -> None:
            group(now.s() for _ in range(count))().get(timeout=600)

        taken = [timed(one) / count for _ in range(ground.some(5, 1))]
    title = f"floor: raw Celery, threads pool, a member of a group of {count}"
    return Figure("floor.celery_group", title, "ms", tuple(taken), "HTTP, files, isolation, a record, a lease")


def rates(moments: list[float], *, parts: int = 10) -> tuple[float, ...]:
    """Ends a second in each of so many parts of a sorted row of ends."""
    size = max(1, (len(moments) - 1) // parts)
    cuts = range(0, len(moments) - size, size)
    return tuple(size / max(1e-9, moments[at + size] - moments[at]) for at in cuts)


def fork(ground: Ground) -> Figure:
    """In a small process."""
    count = str(ground.some(300, 50))
    said = subprocess.run([sys.executable, _HERE / "plain_fork.py", count], capture_output=True, text=True, check=True)
    taken = tuple(float(text) for text in said.stdout.split())
    return Figure("floor.fork", "floor: plain fork to the child's first line", "ms", taken, "anything but the fork")


def python(ground: Ground) -> Figure:
    """A bare interpreter, to its end."""
    command = [sys.executable, "-c", "pass"]
    taken = tuple(timed(lambda: subprocess.run(command, check=True)) for _ in range(ground.some(20, 5)))
    return Figure("floor.python", "floor: a bare Python, started and ended", "ms", taken, "any import")


def cp(ground: Ground) -> Figure:
    """`cp` alone: what is written lies in memory."""
    taken = _copies(ground, fsync=False)
    return Figure("floor.cp", "floor: cp", "MiB/s", taken, "fsync, a network", more_is_better=True)


def cp_fsync(ground: Ground) -> Figure:
    """`cp` and an fsync."""
    taken = _copies(ground, fsync=True)
    return Figure("floor.cp_fsync", "floor: cp, then fsync", "MiB/s", taken, "a network", more_is_better=True)


def deflate(ground: Ground) -> Figure:
    """One thread of the standard library, at its default level."""
    content = mixed(ground.some(64, 8) * _MIB)
    taken = tuple(len(content) / _MIB / (timed(lambda: zlib.compress(content)) / 1000) for _ in range(3))
    title = "floor: zlib's deflate, one thread, default level"
    return Figure("floor.deflate", title, "MiB/s", taken, "files", more_is_better=True)


_MAKERS = (redis, celery, celery_rate, celery_group, fork, python, cp, cp_fsync, deflate)
FLOORS: Mapping[str, Callable[[Ground], Figure]] = {f"floor.{make.__name__}": make for make in _MAKERS}


def timed(do: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    began = time.monotonic_ns()
    do()
    return (time.monotonic_ns() - began) / 1e6


def _copies(ground: Ground, *, fsync: bool) -> tuple[float, ...]:
    source, target = ground.place(), ground.place()
    write_random(source, ground.file_size)
    rate = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(["cp", source, target], check=True)
        if fsync:
            with target.open("rb+") as file:
                os.fsync(file.fileno())
        rate.append(ground.file_size / _MIB / (time.monotonic() - began))
        # Each copy is a new file, as each upload is.
        target.unlink()
    source.unlink()
    return tuple(rate)


@contextmanager
def _raw_worker(ground: Ground) -> Iterator[Any]:
    """The task, with a worker that listens."""
    from bench.raw_celery import task

    with EmbeddedStore.start(_made(ground)) as store:
        environment = {**os.environ, "RAW_BROKER": store.broker_url, "RAW_BACKEND": store.result_backend}
        environment["PYTHONPATH"] = str(_HERE.parent)
        command = [sys.executable, "-m", "celery", "-A", "bench.raw_celery:from_environment", "worker"]
        command += ["-P", "threads", "-c", "1", "-Q", "raw", "--without-gossip", "--without-mingle", "-l", "ERROR"]
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield task(store.broker_url, store.result_backend)
        finally:
            worker.terminate()
            worker.wait()


def _made(ground: Ground) -> Path:
    folder = ground.place()
    folder.mkdir(parents=True)
    return folder
