"""OpenLoop: jobs that arrive when they do, whether or not those before them were answered."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.caller import Caller, whole
from bench.farm import Farm

# Each arrival finds one that is free: more than there are requests on their way.
_CALLERS = 12
# The same arrivals in each run.
_SEED = 5


@dataclass(frozen=True)
class Arrivals:
    """What came of jobs sent in open loop.

    Attributes:
        waits: milliseconds from the moment when each was to arrive to its script's first line.
        late: milliseconds by which each was sent too late, by us.
    """

    waits: tuple[float, ...]
    late: tuple[float, ...]


def poisson(rate: float, count: int) -> list[float]:
    """Seconds from the start at which so many arrive, at random, so many a second."""
    chance = random.Random(_SEED)  # noqa: S311  (no secret)
    at, moments = 0.0, []
    for _ in range(count):
        at += chance.expovariate(rate)
        moments.append(at)
    return moments


def closed_loop(running: Farm, script: bytes, *, count: int, callers: int) -> float:
    """Jobs a second where each of so many callers sends its next one once its last one has ended."""
    left = iter(range(count))
    lock = threading.Lock()

    def one(_: int) -> None:
        with running.caller() as caller:
            request = caller.prepared("POST", "/jobs", whole(script))
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                _wait(caller, caller.post(request))

    with ThreadPoolExecutor(callers) as pool:
        began = time.monotonic()
        list(pool.map(one, range(callers)))
        return count / (time.monotonic() - began)


def open_loop(running: Farm, script: bytes, moments: list[float]) -> Arrivals:
    """Send a job at each of these moments; the script gives back when its first line ran."""
    left = iter(moments)
    lock = threading.Lock()
    start_ns = time.monotonic_ns() + 100_000_000
    sent: list[tuple[int, int, str]] = []

    def one(_: int) -> None:
        with running.caller() as caller:
            request = caller.prepared("POST", "/jobs", whole(script))
            while True:
                with lock:
                    moment = next(left, None)
                if moment is None:
                    return
                due = start_ns + int(moment * 1e9)
                time.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))
                now = time.monotonic_ns()
                sent.append((due, now, caller.post(request)))

    with ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(one, range(_CALLERS)))
    with running.caller() as caller:
        firsts = [caller.ended(uuid)["result"] for _, _, uuid in sent]
    waits = tuple((first - due) / 1e6 for first, (due, _, _) in zip(firsts, sent, strict=True))
    return Arrivals(waits, tuple((now - due) / 1e6 for due, now, _ in sent))


def _wait(caller: Caller, uuid: str) -> None:
    if (status := caller.get(f"/jobs/{uuid}?wait=60")["status"]) != "SUCCESS":
        raise RuntimeError(f"job {uuid}: {status}")
