"""decide(): what follows an outcome. Pure; Lua applies the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import assert_never

from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.outcome import (
    Awaits,
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    NoProgress,
    Outcome,
    OutOfMemory,
    Raised,
    Succeeded,
    TimedOut,
)
from pixyz_scheduler.jobs.queues import Queue
from pixyz_scheduler.jobs.state import JobState

MAX_CRASHES = 2
MAX_DRAINS = 20
MAX_HINDRANCES = 5


@dataclass(frozen=True)
class Finish:
    """The job ends.

    Attributes:
        state: SUCCESS, FAILURE or REVOKED.
        cause: one word for machines; None on success.
        error: one line for people; None on success.
    """

    state: JobState
    cause: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class TryAgain:
    """The job goes back to a queue.

    Attributes:
        queue: which.
        tally: what the attempts have cost, this one counted.
        delay: seconds before it may be taken.
        cause: one word for machines.
        error: one line for people.
    """

    queue: str
    tally: Tally
    cause: str
    error: str
    delay: float = 0.0


@dataclass(frozen=True)
class Wait:
    """The attempt is over, the job ends with others.

    Attributes:
        result: what it ends with.
        cause: what the history says of the attempt.
    """

    result: Mapping[str, Any]
    cause: str = "awaits"


Decision = Finish | TryAgain | Wait


def decide(outcome: Outcome, *, tally: Tally, queue: Queue) -> Decision:  # noqa: C901, PLR0911, PLR0912  (a table: one case a line)
    """What follows an outcome.

    Args:
        outcome: how the attempt ended.
        tally: what earlier attempts cost.
        queue: where this attempt ran.
    """
    match outcome:
        case Succeeded():
            return Finish(JobState.SUCCESS)
        case Awaits(result=result):
            return Wait(result)
        case Raised(error=error):
            return Finish(JobState.FAILURE, "script_error", error)
        case Cancelled():
            return Finish(JobState.REVOKED, "cancelled", "The job was cancelled.")
        case Crashed(exit_code=0):
            return Finish(JobState.FAILURE, "exit", "The script ended with exit status 0 before it returned a result.")
        case Crashed(signal=None):
            return _once_more("exit", f"Task process exited with error: {outcome.text}.", tally, queue)
        case Crashed():
            return _once_more("signal", f"Task process exited with error: {outcome.text}.", tally, queue)
        case TimedOut(limit=limit):
            return _once_more("timeout", f"Task process timeout: it took longer than {limit:g} s.", tally, queue)
        case NoProgress(limit=limit):
            return _once_more("no_progress", f"Task process told no progress for {limit:g} s.", tally, queue)
        case OutOfMemory():
            return _once_more("out_of_memory", f"Out of memory: {outcome.text}.", tally, queue)
        case Lost(worker=worker):
            return _once_more("worker_lost", f"The worker {worker} was lost in mid-job.", tally, queue)
        case Drained():
            return _give_back(tally, queue)
        case Hindered(reason=reason):
            return _wait_for_better(reason, tally, queue)
        case _:
            assert_never(outcome)


def _once_more(cause: str, error: str, tally: Tally, queue: Queue) -> Decision:
    charged = replace(tally, crashes=tally.crashes + 1)
    if charged.crashes >= MAX_CRASHES or queue.fallback is None:
        return Finish(JobState.FAILURE, cause, error)
    return TryAgain(queue.fallback, charged, cause, error)


def _give_back(tally: Tally, queue: Queue) -> Decision:
    charged = replace(tally, drains=tally.drains + 1)
    if charged.drains > MAX_DRAINS:
        return Finish(JobState.FAILURE, "drained", f"Given back by {MAX_DRAINS} leaving workers: not tried again.")
    return TryAgain(queue.name, charged, "drained", "The worker is leaving: the job goes to another.")


def _wait_for_better(reason: str, tally: Tally, queue: Queue) -> Decision:
    charged = replace(tally, hindrances=tally.hindrances + 1)
    if charged.hindrances > MAX_HINDRANCES:
        return Finish(JobState.FAILURE, "infrastructure", reason)
    return TryAgain(queue.name, charged, "infrastructure", reason, delay=2.0**charged.hindrances)
