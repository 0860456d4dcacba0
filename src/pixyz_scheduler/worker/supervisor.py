"""Supervisor: watches one attempt in its child, from request to outcome."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pixyz_scheduler.errors import InvalidWorkflow, SchedulerError
from pixyz_scheduler.jobs.hops import Moments
from pixyz_scheduler.jobs.outcome import (
    Awaits,
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    NoProgress,
    Outcome,
    Raised,
    Succeeded,
    TimedOut,
)
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.workflow import checked
from pixyz_scheduler.worker.isolation.events import Child, Event, Exited, Froze, Message, Nonsense, Output
from pixyz_scheduler.worker.isolation.memory import MemoryGuard
from pixyz_scheduler.worker.job_log import JobLog
from pixyz_scheduler.worker.limits import Deadline, Limits

_LONGEST_WAIT = 3600.0
# Seconds for a tree that was killed, or has said its last word, to be gone. Longer it takes only where the script has
# stopped its warden, or where a process is in uninterruptible sleep (on a dead disk, in a driver): nothing ends that,
# so after its warden's death we wait for it no more. No test can make one.
_KILL_PATIENCE = 5.0

Stop = Cancelled | Drained | Lost


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: its outcome, its progress, how its child went, what else the record is to say, and when."""

    outcome: Outcome
    progress: Progress
    child: Exited
    fields: Mapping[str, str] = field(default_factory=dict)
    moments: Moments | None = None


class Supervisor:
    """Watches one child; `run` in one thread, `stop` and `tick` from any.

    Args:
        child: at work already.
        limits: what it may take.
        log: where its output goes.
        tell: called with each new progress.
        answer: what its calls are answered with; see script/farm_line.py.
    """

    def __init__(
        self,
        child: Child,
        *,
        limits: Limits,
        log: JobLog,
        tell: Callable[[Progress], None],
        answer: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        self._child = child
        now = time.monotonic()
        self._deadline = Deadline(limits.time, now)
        self._silence = Deadline(limits.no_progress, now)
        # Runs once the script has said its last word.
        self._leaving = Deadline(math.inf, now)
        self._memory = MemoryGuard(limits.memory, child.scale, now)
        self._log = log
        self._tell = tell
        self._answer = answer
        self._progress = Progress()
        self._limits = limits
        self._is_preparing = False
        self._verdict: Succeeded | Awaits | Raised | Hindered | None = None
        self._stopped_for: Outcome | None = None
        self._asked: Stop | None = None
        self._killed = 0.0
        self._first: float | None = None
        self._last: float | None = None

    def stop(self, reason: Stop) -> None:
        """End the attempt for this reason; the first one stands."""
        self._asked = self._asked or reason
        self._child.interrupt()

    def tick(self, asked: float) -> None:
        """The lease was renewed, as the store said when it was asked at this monotonic moment."""
        self._child.tick(asked)

    def run(self) -> Ended:
        """Watch until the child and its whole tree are gone."""
        while True:
            for event in self._child.events(self._patience()):
                if isinstance(event, Exited):
                    peak = max(event.peak_memory or 0, self._memory.peak) or None
                    exited = replace(event, peak_memory=peak)
                    moments = Moments(time.monotonic(), self._first, self._last)
                    return Ended(self._outcome(event), self._progress.stopped(time.time()), exited, moments=moments)
                self._take(event)
            if self._asked is not None:
                self._end(self._asked)
            self._check_limits(time.monotonic())

    def _patience(self) -> float:
        now = time.monotonic()
        if self._stopped_for is not None:
            return max(0.0, self._killed + _KILL_PATIENCE - now)
        clocks = (self._deadline, self._silence, self._leaving)
        seconds = min(self._memory.next_look - now, *(clock.left(now) for clock in clocks))
        return max(0.0, min(seconds, _LONGEST_WAIT))

    def _take(self, event: Event) -> None:
        match event:
            case Message(content):
                self._read(content)
            case Output(text):
                self._write(text)
            case Froze(frozen):
                self._freeze(time.monotonic(), frozen=frozen)
            case Nonsense(error):
                self._verdict = Raised(f"The script wrote into the scheduler's own channel: {error}")
                self._end(self._verdict)

    def _freeze(self, now: float, *, frozen: bool) -> None:
        clocks = (self._deadline, self._silence, self._leaving)
        self._deadline, self._silence, self._leaving = (
            clock.pause(now) if frozen else clock.resume(now) for clock in clocks
        )

    def _write(self, text: bytes) -> None:
        try:
            self._log.write(text)
        except (OSError, SchedulerError) as error:
            self._end(Hindered(f"The job's log cannot be written: {error}"))

    def _read(self, message: Mapping[str, Any]) -> None:
        match message.get("began"):
            # Whatever a script claims it to be, it is made to fit: see Moments.
            case float(began) if self._last is None:
                self._first, self._last = began, time.monotonic()
        match message:
            case {"type": "result"}:
                self._verdict = Succeeded(message.get("value"))
                self._leave()
            case {"type": "awaits"}:
                self._verdict = _awaits(message.get("result"))
                self._leave()
            case {"type": "call"}:
                self._child.answer(self._answer(message))
            case {"type": "error", "error": str(error)}:
                self._verdict = Raised(error, str(message.get("traceback") or ""))
                self._leave()
            case {"type": "hindered", "reason": str(reason)}:
                self._verdict = Hindered(reason)
                self._leave()
            case {"type": "preparing" | "prepared" as word}:
                self._prepare(time.monotonic(), is_over=word == "prepared")
                self._fold(message)
            case _:
                self._fold(message)

    def _fold(self, message: Mapping[str, Any]) -> None:
        progress = self._progress.folded(message, time.time())
        if progress is not self._progress:
            self._progress = progress
            self._silence = self._silence.restarted(time.monotonic())
            self._tell(progress)

    def _prepare(self, now: float, *, is_over: bool) -> None:
        """What a job needs before its script begins has a limit of its own; the script's clocks run from its end."""
        limits = self._limits
        self._is_preparing = not is_over
        self._deadline = replace(self._deadline, limit=limits.time if is_over else limits.preparation).restarted(now)
        self._silence = replace(self._silence, limit=limits.no_progress if is_over else math.inf).restarted(now)

    def _leave(self) -> None:
        """The script has said its last word: no limit but one on what it takes to go."""
        now = time.monotonic()
        self._silence = Deadline(math.inf, now)
        self._leaving = replace(self._leaving, limit=_KILL_PATIENCE).restarted(now)

    def _check_limits(self, now: float) -> None:
        if self._stopped_for is not None:
            if now >= self._killed + _KILL_PATIENCE:
                self._kill(now)
            return
        if self._verdict is not None and self._leaving.left(now) <= 0:
            # Its warden was stopped by the script, say, and cannot tell that it has gone.
            self._end(self._verdict)
        elif self._deadline.left(now) <= 0:
            self._end(self._too_late())
        elif self._silence.left(now) <= 0:
            self._end(NoProgress(self._silence.limit))
        elif (too_heavy := self._memory.look(now)) is not None:
            self._end(too_heavy)

    def _too_late(self) -> Outcome:
        if self._is_preparing:
            return Hindered(f"The job was not prepared in {self._deadline.limit:g} s (PREPARATION_TIME_LIMIT).")
        return TimedOut(self._deadline.limit)

    def _end(self, reason: Outcome) -> None:
        if self._stopped_for is None:
            self._stopped_for = reason
            self._kill(time.monotonic())

    def _kill(self, now: float) -> None:
        self._killed = now
        self._child.kill()

    def _outcome(self, child: Exited) -> Outcome:
        # A result that was whole before the stop reached the child is a result.
        if isinstance(self._verdict, Succeeded | Awaits) and child.exit_code == 0:
            return self._verdict
        if self._stopped_for is None and (full := self._memory.was_behind(child.signal)):
            return full
        return self._stopped_for or self._verdict or Crashed(exit_code=child.exit_code, signal=child.signal)


def _awaits(result: Any) -> Awaits | Raised:
    try:
        return Awaits(checked(result))
    except InvalidWorkflow as error:
        return Raised(str(error))
