"""Crowd: requests from several connections at once, and one that goes on asking while something else is done."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.farm import Farm

# A bystander asks so often that a pause of the server hits it, and so seldom that it is no load.
_EACH = 0.01


@dataclass(frozen=True)
class Answered:
    """What a crowd saw: milliseconds of each request, and how many were answered a second, all together."""

    taken: tuple[float, ...]
    rate: float


def crowd(running: Farm, paths: Sequence[str], *, callers: int) -> Answered:
    """GET all of these, so many at a time."""
    return _crowd(running, [("GET", path, b"") for path in paths], callers=callers)


def posting_crowd(running: Farm, body: bytes, count: int, *, callers: int) -> Answered:
    """POST so many jobs, so many at a time."""
    return _crowd(running, [("POST", "/jobs", body)] * count, callers=callers)


def _crowd(running: Farm, requests: Sequence[tuple[str, str, bytes]], *, callers: int) -> Answered:
    def one(part: Sequence[tuple[str, str, bytes]]) -> list[float]:
        taken = []
        with running.caller() as caller:
            for method, path, body in part:
                request = caller.prepared(method, path, body)
                began = time.monotonic_ns()
                status, said = caller.send(request)
                taken.append((time.monotonic_ns() - began) / 1e6)
                if status != 200:
                    raise RuntimeError(f"{method} {path}: {status} {said[:500]!r}")
        return taken

    with ThreadPoolExecutor(callers) as pool:
        began = time.monotonic()
        parts = list(pool.map(one, [requests[at::callers] for at in range(callers)]))
        seconds = time.monotonic() - began
    return Answered(tuple(ms for part in parts for ms in part), len(requests) / seconds)


@dataclass
class Bystander:
    """Milliseconds of each of its requests."""

    taken: list[float] = field(default_factory=list)


@contextmanager
def bystander(running: Farm, path: str = "/") -> Iterator[Bystander]:
    """One who asks for a small thing all the while."""
    seen, ends = Bystander(), threading.Event()

    def ask() -> None:
        with running.caller() as caller:
            request = caller.prepared("GET", path)
            while not ends.is_set():
                began = time.monotonic_ns()
                caller.send(request)
                seen.taken.append((time.monotonic_ns() - began) / 1e6)
                ends.wait(_EACH)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        ends.set()
        thread.join()


def repeated(count: int, do: Callable[[], object]) -> list[float]:
    """Milliseconds of each of so many."""
    taken = []
    for _ in range(count):
        began = time.monotonic_ns()
        do()
        taken.append((time.monotonic_ns() - began) / 1e6)
    return taken
