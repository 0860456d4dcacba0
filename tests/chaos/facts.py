"""Facts: all that was seen of a run. Values only; the checker and the figures read them, and nothing else.

Times are seconds of the wall clock (the store's events have its own, of the same machine), but those of beacons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.beacons import Beats
from tests.chaos.told import Accepted, Again, Archives, Cancel, Deletion, Final, Rebuilt, Resumed

TERMINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED"})

SPOT, VANISHED = "spot machine", "spot vanished"
"""A worker is told to leave; it is gone before it has left."""

SHARE_GONE = "share gone"
"""Another one is in its place."""


@dataclass(frozen=True)
class Event:
    """One change of state, from the stream."""

    job_id: str
    state: str
    epoch: int
    at: float


@dataclass(frozen=True)
class Hold:
    """Who held a job in which attempt, read from its record while it was held."""

    job_id: str
    epoch: int
    owner: str
    fence: str

    @property
    def pid(self) -> int:
        """The worker's."""
        return pid_of(self.owner)


@dataclass(frozen=True)
class Fault:
    """One injected fault.

    Attributes:
        kind: one of the injector's.
        target: what it hit: a worker's name, an API's, "store", or a job.
        at: when.
        until: when it was healed; the same for those that strike once.
        pid: of the process that it hit, where it hit one.
    """

    kind: str
    target: str
    at: float
    until: float
    pid: int | None = None


@dataclass(frozen=True)
class Drain:
    """A worker that was sent SIGTERM and left by itself."""

    worker: str
    asked: float
    gone: float


@dataclass(frozen=True)
class Folder:
    """A job's folder: the sizes of its inputs, by name."""

    job_id: str
    inputs: Mapping[str, int]


@dataclass(frozen=True)
class Facts:
    """Of one run.

    Attributes:
        accepted: every 2xx.
        events: the stream, in order.
        gaps: how often the stream was cut before it was read.
        holds: of attempts.
        finals: what clients were told.
        cancels: what cancels were answered.
        deletions: what removals were answered.
        agains: what retries by hand were answered.
        misuses: of Idempotency-Keys, with another body: (key, status; 0 for no answer).
        records: each job's hash in the store at the end, our own chores too.
        parents: of sub-tasks, as the stream and the records told; of those that are gone, too.
        waits: at the end, who is in which of the store's sets of those that wait for others, by key.
        folders: in the share at the end.
        strangers: what else lies in the share.
        beats: of attempts.
        faults: injected.
        drains: of workers.
        exits: of workers and APIs that nobody asked to end: (name, exit status).
        archives: asked for.
        mirrored: each job's record as its folder tells it at the end.
        rebuilt: ended jobs after a total loss of the store; None where that was not tried.
        resumed: workflows that had not ended at that loss; None likewise.
        cut_uploads: that were under way when their API was killed.
        fenced: commits that came too late, as workers tell.
        survivors: processes that outlived their killed worker by too much, in words.
        harmed: canaries that are not as they were.
        orphans: processes of the run that live 15 s after its end, in words.
        workers_up: (time, how many workers could take jobs), each second.
        scale: of the protocol's times.
        drain_timeout: seconds.
        tokens: of the licence; 0 for no limit.
        names: of members, by their pids.
        idempotency: the API knows Idempotency-Key.
        monotonic: what a beacon's clock shows when the wall's shows 0.
    """

    accepted: tuple[Accepted, ...] = ()
    events: tuple[Event, ...] = ()
    gaps: int = 0
    holds: tuple[Hold, ...] = ()
    finals: tuple[Final, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    agains: tuple[Again, ...] = ()
    misuses: tuple[tuple[str, int], ...] = ()
    records: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    waits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    folders: tuple[Folder, ...] = ()
    strangers: tuple[str, ...] = ()
    beats: tuple[Beats, ...] = ()
    faults: tuple[Fault, ...] = ()
    drains: tuple[Drain, ...] = ()
    exits: tuple[tuple[str, int], ...] = ()
    archives: tuple[Archives, ...] = ()
    mirrored: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rebuilt: tuple[Rebuilt, ...] | None = None
    resumed: tuple[Resumed, ...] | None = None
    cut_uploads: int = 0
    fenced: int = 0
    survivors: tuple[str, ...] = ()
    harmed: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    workers_up: tuple[tuple[float, int], ...] = ()
    scale: float = 1.0
    drain_timeout: float = 0.0
    tokens: int = 0
    names: Mapping[int, str] = field(default_factory=dict)
    idempotency: bool = False
    monotonic: float = 0.0

    @property
    def removed(self) -> frozenset[str]:
        """Jobs that somebody asked to be removed."""
        return frozenset(one.job_id for one in self.deletions)

    @property
    def run_again(self) -> frozenset[str]:
        """Jobs that somebody asked to be run again."""
        return frozenset(one.job_id for one in self.agains)


def pid_of(worker: str) -> int:
    """A worker's name is host-pid-hex."""
    return int(worker.rsplit("-", 2)[1])
