"""Tracer: what API and workers tell of requests and attempts; with a twin that tells nobody, and costs nothing."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import Self

from pixyz_scheduler.jobs.job import Job
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.trace import TraceContext

_NO_FAILURES = frozenset({"success", "awaits", "cancelled", "drained"})


@dataclass(frozen=True)
class AttemptTold:
    """How an attempt ended; all moments in seconds since the epoch, of this machine.

    Attributes:
        outcome: in a word.
        error: one line; None where none is to be told.
        traceback: of the user's script; empty where it did not raise.
        state: of the job now; None where it is not known, or nothing of this attempt counts.
        progress: its steps, those before the script among them.
        first: the script's first line; None where it did not begin.
        last: its last word; None where there was none.
        gone: when its process was gone; None where there was none, or nobody saw it.
        over: when its end began to be told to the store.
        exit_code: of its process, where that left by itself.
        signal: that ended it.
        peak_memory: KiB.
        cached_from: the job whose outputs it took instead of working.
    """

    outcome: str
    error: str | None = None
    traceback: str = ""
    state: str | None = None
    progress: Progress = Progress()  # noqa: RUF009  (frozen)
    first: float | None = None
    last: float | None = None
    gone: float | None = None
    over: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None
    cached_from: str | None = None

    @property
    def failed(self) -> bool:
        """Whether that is a failure, be it followed by another attempt or not."""
        return self.outcome not in _NO_FAILURES


class AttemptSpan(Protocol):
    """An attempt at work."""

    @property
    def trace(self) -> TraceContext | None:
        """Under which its script, and the jobs that this starts, go on."""

    def ended(self, tell: Callable[[], AttemptTold]) -> None:
        """It is over; how, is asked only where somebody wants to know."""


class RequestSpan(Protocol):
    """A request being answered."""

    @property
    def trace(self) -> TraceContext:
        """Under which the job goes on."""

    def took(self, job: Job) -> None:
        """It has brought this job."""

    def answered(self, status: int) -> None:
        """With this status."""


class AttemptTracer(Protocol):
    """Makes the spans of attempts; a context manager. Any number of threads use it."""

    def attempt(self, report: JobReport, *, worker: str, began: float) -> AttemptSpan:
        """An attempt that began then (epoch seconds), with what the claim brought."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Send what is not sent yet, and wait for it no longer than some seconds."""


class Tracer(AttemptTracer, Protocol):
    """Those of requests, too."""

    def request(
        self, route: str, parent: TraceContext | None, about: Mapping[str, str | int]
    ) -> AbstractContextManager[RequestSpan]:
        """A request to this route, until the context is left; `about` is in OpenTelemetry's words."""


@dataclass(frozen=True)
class PassedOn:
    """An attempt of which nobody tells; what came with the job goes on to its script all the same."""

    trace: TraceContext | None

    def ended(self, tell: Callable[[], AttemptTold]) -> None:
        """Nobody asks."""


class NoTracer:
    """Tells nobody. See AttemptTracer."""

    def attempt(self, report: JobReport, *, worker: str, began: float) -> PassedOn:  # noqa: ARG002  (AttemptTracer's)
        """Nothing but what the job came with."""
        return PassedOn(report.job.trace)

    def __enter__(self) -> Self:
        """Nothing begins."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing ends."""


NO_TRACER = NoTracer()
