"""Crowd of workers as a store sees them: a connection each, and what they ask of it again and again. No worker runs.

The commands are those of the program, its own Lua by EVALSHA, encoded once: two processors suffice for a thousand.
"""

import heapq
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import redis

from pixyz_scheduler.broker.scripts import sources
from pixyz_scheduler.jobs.pace import PACE

_TICK = 0.005


@dataclass(frozen=True)
class Habit:
    """What each worker asks for, every so many seconds: the arguments of a script, by the worker's number."""

    script: str
    each: float
    arguments: Callable[[int], Sequence[str | float]]


@dataclass
class Answers:
    """How many were sent, how many came back, and one of each kind that was an error."""

    sent: int = 0
    came: int = 0
    error: str = ""


@contextmanager
def workers(client: "redis.Redis", path: str, count: int, habits: Sequence[Habit]) -> Iterator[Answers]:
    """So many workers on the Unix socket `path`, at their habits until left; raises where the store refused one."""
    ids = {name: client.script_load(text) for name, text in sources(PACE).items()}
    seen, leaving = Answers(), threading.Event()
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(count)]
        for line in lines:
            line.connect(path)
        due = [
            (habit.each * at / count, habit.each, line, _encoded(ids[habit.script], habit.arguments(at)))
            for habit in habits
            for at, line in enumerate(lines)
        ]
        thread = threading.Thread(target=_drive, args=(lines, due, seen, leaving), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            leaving.set()
            thread.join()
    if seen.error:
        raise RuntimeError(f"the store refused: {seen.error}")


def _drive(
    lines: list[socket.socket],
    due: list[tuple[float, float, socket.socket, bytes]],
    seen: Answers,
    leaving: threading.Event,
) -> None:
    began = time.monotonic()
    queue = [(began + after, at, each, line, asked) for at, (after, each, line, asked) in enumerate(due)]
    heapq.heapify(queue)
    poll = select.epoll()
    by_number = {line.fileno(): line for line in lines}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    while not leaving.is_set():
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            moment, at, each, line, asked = heapq.heappop(queue)
            line.sendall(asked)
            seen.sent += 1
            heapq.heappush(queue, (moment + each, at, each, line, asked))
        for number, _ in poll.poll(_TICK, maxevents=len(lines)):
            answer = by_number[number].recv(65536)
            seen.came += 1
            if answer[:1] == b"-" or not answer:
                seen.error = answer.decode(errors="replace")
    poll.close()


def _encoded(script_id: str, arguments: Sequence[str | float]) -> bytes:
    parts = [str(part).encode() for part in ("EVALSHA", script_id, 0, 0, *arguments)]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
