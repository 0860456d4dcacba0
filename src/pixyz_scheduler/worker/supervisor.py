"""Supervisor: watches one attempt in its child, from request to outcome."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.jobs.outcome import (
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    Outcome,
    OutOfMemory,
    Raised,
    Succeeded,
    TimedOut,
)
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.worker import tree
from pixyz_scheduler.worker.events import Child, Event, Exited, Froze, Message, Nonsense, Output
from pixyz_scheduler.worker.job_log import JobLog
from pixyz_scheduler.worker.limits import Deadline, MemoryLimit

_LONGEST_WAIT = 3600.0
# Seconds for a killed tree to be gone.
_KILL_PATIENCE = 5.0

Stop = Cancelled | Drained | Lost


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: its outcome, its progress, and how its child went."""

    outcome: Outcome
    progress: Progress
    child: Exited


class Supervisor:
    """Watches one child; `run` in one thread, `stop` and `tick` from any.

    Args:
        child: at work already.
        time_limit: seconds that it may take.
        memory: what its tree may use.
        log: where its output goes.
        tell: called with each new progress.
    """

    def __init__(
        self,
        child: Child,
        *,
        time_limit: float,
        memory: MemoryLimit,
        log: JobLog,
        tell: Callable[[Progress], None],
    ) -> None:
        self._child = child
        self._deadline = Deadline(time_limit, time.monotonic())
        self._memory = memory
        self._log = log
        self._tell = tell
        self._progress = Progress()
        self._verdict: Succeeded | Raised | None = None
        self._stopped_for: Outcome | None = None
        self._asked: Stop | None = None
        self._next_look = 0.0
        self._killed = 0.0

    def stop(self, reason: Stop) -> None:
        """End the attempt for this reason; the first one stands."""
        self._asked = self._asked or reason
        self._child.interrupt()

    def tick(self) -> None:
        """The lease was renewed."""
        self._child.tick()

    def run(self) -> Ended:
        """Watch until the child and its whole tree are gone."""
        while True:
            for event in self._child.events(self._patience()):
                if isinstance(event, Exited):
                    return Ended(self._outcome(event), self._progress.stopped(time.time()), event)
                self._take(event)
            if self._asked is not None:
                self._end(self._asked)
            self._check_limits(time.monotonic())

    def _patience(self) -> float:
        now = time.monotonic()
        if self._stopped_for is not None:
            return max(0.0, self._killed + _KILL_PATIENCE - now)
        seconds = self._deadline.left(now)
        if self._memory.is_set:
            seconds = min(seconds, self._next_look - now)
        return max(0.0, min(seconds, _LONGEST_WAIT))

    def _take(self, event: Event) -> None:
        match event:
            case Message(content):
                self._read(content)
            case Output(text):
                self._write(text)
            case Froze(frozen):
                now = time.monotonic()
                self._deadline = self._deadline.pause(now) if frozen else self._deadline.resume(now)
            case Nonsense(error):
                self._verdict = Raised(f"The script wrote into the scheduler's own channel: {error}")
                self._end(self._verdict)

    def _write(self, text: bytes) -> None:
        try:
            self._log.write(text)
        except (OSError, SchedulerError) as error:
            self._end(Hindered(f"The job's log cannot be written: {error}"))

    def _read(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "result"}:
                self._verdict = Succeeded(message.get("value"))
            case {"type": "error", "error": str(error)}:
                self._verdict = Raised(error, str(message.get("traceback") or ""))
            case _:
                progress = self._progress.folded(message, time.time())
                if progress is not self._progress:
                    self._progress = progress
                    self._tell(progress)

    def _check_limits(self, now: float) -> None:
        if self._stopped_for is not None:
            if now >= self._killed + _KILL_PATIENCE:
                self._kill(now)
            return
        if self._deadline.left(now) <= 0:
            self._end(TimedOut(self._deadline.limit))
        elif self._memory.is_set and now >= self._next_look:
            self._weigh(now)

    def _weigh(self, now: float) -> None:
        # The resident size counts the template's pages again in each child: only an upper bound, but nearly free.
        used, exact = tree.resident(self._child.pid), False
        if self._memory.is_exceeded(used):
            used, exact = tree.proportional(self._child.pid), True
        if self._memory.is_exceeded(used):
            self._end(OutOfMemory(self._memory.limit, used))
        self._next_look = now + self._memory.next_look(used, exact=exact)

    def _end(self, reason: Outcome) -> None:
        if self._stopped_for is None:
            self._stopped_for = reason
            self._kill(time.monotonic())

    def _kill(self, now: float) -> None:
        self._killed = now
        self._child.kill()

    def _outcome(self, child: Exited) -> Outcome:
        # A result that was whole before the stop reached the child is a result.
        if isinstance(self._verdict, Succeeded) and child.exit_code == 0:
            return self._verdict
        return self._stopped_for or self._verdict or Crashed(exit_code=child.exit_code, signal=child.signal)
