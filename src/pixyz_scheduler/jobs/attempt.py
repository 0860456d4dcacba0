"""Attempt: one run of a job on one worker; Lease: the worker's claim on it."""

from dataclasses import dataclass
from typing import Any, NewType

from pixyz_scheduler.jobs.pace import PACE

Fence = NewType("Fence", str)


@dataclass(frozen=True)
class Lease:
    """A worker's claim on a job.

    Attributes:
        fence: the random nonce of this claim; who does not hold it can change nothing.
        worker: who holds it.
        ttl: seconds of logical time that one renewal buys.
    """

    fence: Fence
    worker: str
    ttl: float = PACE.lease


@dataclass(frozen=True)
class Tally:
    """What a job's attempts have cost so far, by kind."""

    crashes: int = 0
    drains: int = 0
    hindrances: int = 0


@dataclass(frozen=True)
class Attempt:
    """One run of a job, as its history keeps it.

    Attributes:
        number: from 1.
        worker: who ran it.
        queue: where it was taken from.
        started: seconds since the epoch (UTC).
        stopped: likewise; None while it runs.
        outcome: how it ended, one of the cause words.
        exit_code: of the child, where it left by itself.
        signal: that killed the child.
        peak_memory: KiB of the child's largest resident set.
    """

    number: int
    worker: str
    queue: str
    started: float
    stopped: float | None = None
    outcome: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None

    def to_wire(self) -> dict[str, Any]:
        """Plain values, for JSON; what is not known is left out."""
        return {name: value for name, value in vars(self).items() if value is not None}
