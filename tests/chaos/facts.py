"""Facts: all that was seen of a run. Values only; the checker and the figures read them, and nothing else.

Times are seconds of the wall clock (the store's events have its own, of the same machine), but those of beacons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.beacons import Beats
from tests.chaos.plans import Plan

TERMINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED"})

SPOT, VANISHED = "spot machine", "spot vanished"
"""A worker is told to leave; it is gone before it has left."""


@dataclass(frozen=True)
class Accepted:
    """A 2xx answer to a POST.

    Attributes:
        job_id: that it named.
        plan: what was sent.
        at: when it came.
        key: the request's Idempotency-Key.
        replayed: whether it said `Idempotent-Replayed: true`.
    """

    job_id: str
    plan: Plan
    at: float = 0.0
    key: str | None = None
    replayed: bool = False


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
class Final:
    """A job's details when they first told an end, and each later answer that differed."""

    job_id: str
    details: Mapping[str, Any]
    others: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Cancel:
    """One request to cancel. `code` is 0 where no answer came; `status` is the state that a 200 of `api` told."""

    job_id: str
    asked: float
    answered: float
    code: int
    status: str | None
    api: str = ""


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
class Archives:
    """What N concurrent askers got, and what lies in the folder afterwards."""

    job_id: str
    digests: frozenset[str]
    askers: int
    files: tuple[str, ...]


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
        records: each job's hash in the store at the end, our own chores too.
        folders: in the share at the end.
        strangers: what else lies in the share.
        beats: of attempts.
        faults: injected.
        drains: of workers.
        exits: of workers and APIs that nobody asked to end: (name, exit status).
        archives: asked for.
        harmed: canaries that are not as they were.
        orphans: processes of the run that live 15 s after its end, in words.
        workers_up: (time, how many workers could take jobs), each second.
        scale: of the protocol's times.
        drain_timeout: seconds.
        tokens: of the licence; 0 for no limit.
        names: of members, by their pids.
        idempotency: the API knows Idempotency-Key.
    """

    accepted: tuple[Accepted, ...] = ()
    events: tuple[Event, ...] = ()
    gaps: int = 0
    holds: tuple[Hold, ...] = ()
    finals: tuple[Final, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    records: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    folders: tuple[Folder, ...] = ()
    strangers: tuple[str, ...] = ()
    beats: tuple[Beats, ...] = ()
    faults: tuple[Fault, ...] = ()
    drains: tuple[Drain, ...] = ()
    exits: tuple[tuple[str, int], ...] = ()
    archives: tuple[Archives, ...] = ()
    harmed: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    workers_up: tuple[tuple[float, int], ...] = ()
    scale: float = 1.0
    drain_timeout: float = 0.0
    tokens: int = 0
    names: Mapping[int, str] = field(default_factory=dict)
    idempotency: bool = False


def pid_of(worker: str) -> int:
    """A worker's name is host-pid-hex."""
    return int(worker.rsplit("-", 2)[1])
