"""What the server tells of a job, as values: JobState, JobDetails and their parts.

Fields that this version does not know are kept in `raw` and never an error, so that an older client
reads a newer server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ENDED = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED", "UNKNOWN"})


@dataclass(frozen=True, kw_only=True)
class JobState:
    """Where a job stands."""

    uuid: str
    status: str
    name: str | None = None
    progress: int | None = None
    """Percent, 0 to 100; None while the job has told none."""
    error: str | None = None
    """One line here, the traceback of the user's script in JobDetails."""
    reason: str | None = None
    """What failed, in one line; what to do about it, where that is known."""
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    """The answer as the server gave it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended well."""
        return self.status == "SUCCESS"


@dataclass(frozen=True)
class Step:
    """One step that the job announced."""

    info: str
    duration: float
    """Seconds; -1 while the step runs."""

    @property
    def running(self) -> bool:
        """Whether this is the step that the job is at."""
        return self.duration < 0


@dataclass(frozen=True)
class TimeInfo:
    """When the job was asked for, started and stopped: ISO 8601, None for what has not happened."""

    request: str | None = None
    started: str | None = None
    stopped: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One ended run of a job on one worker."""

    number: int
    worker: str
    queue: str
    outcome: str
    """`success`, or the cause in one word."""
    exit_code: int | None = None
    signal: int | None = None
    """That ended its process."""
    peak_memory: int | None = None
    """KiB."""


@dataclass(frozen=True, kw_only=True)
class JobDetails(JobState):
    """All that the server tells of a job."""

    time_info: TimeInfo = TimeInfo()
    steps: tuple[Step, ...] = ()
    retry: int = 0
    result: object = None
    """What the entry point returned: any JSON."""
    cause: str | None = None
    """The error in one word."""
    waiting_for: str | None = None
    """Why a waiting job has not begun, in words."""
    attempts: tuple[Attempt, ...] = ()
    """Those that have ended."""
    parent: str | None = None
    """The job that started it."""
    children: tuple[str, ...] = ()
    """The jobs that it has started."""
    cached_from: str | None = None
    """The job that did the work, where its outputs were taken instead of doing it again."""

    @property
    def step(self) -> str | None:
        """The text of the step that runs now, else of the last one."""
        running = [step.info for step in self.steps if step.running]
        if running:
            return running[-1]
        return self.steps[-1].info if self.steps else None


@dataclass(frozen=True)
class JobPage:
    """Some jobs, newest first, and where the next ones begin (None: there are none)."""

    jobs: tuple[JobState, ...]
    cursor: str | None = None


JobRef = str | JobState
"""A job, by its uuid or by what the server said of it."""
