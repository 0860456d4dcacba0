"""What clients were told: values only. Times are seconds of the wall clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.plans import Plan


@dataclass(frozen=True)
class Accepted:
    """A 2xx answer to a POST.

    Attributes:
        job_id: that it named.
        plan: what was sent.
        at: when it came.
        key: the request's Idempotency-Key.
        replayed: whether it said `Idempotent-Replayed: true`.
        asked: when it was asked for.
    """

    job_id: str
    plan: Plan
    at: float = 0.0
    key: str | None = None
    replayed: bool = False
    asked: float = 0.0


@dataclass(frozen=True)
class Final:
    """A job's details when they first told an end, and each later answer that differed.

    `holds` is False where the job was run again, or removed, afterwards: what differs then is not among the others.
    """

    job_id: str
    details: Mapping[str, Any]
    others: tuple[Mapping[str, Any], ...] = ()
    holds: bool = True


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
class Deletion:
    """A job that was removed, asked for until there was an answer.

    Attributes:
        job_id: whose.
        asked: when.
        code: of the answer; 0 where none came until the end.
        gone: monotonic seconds when it was first answered 404 for; None where it was not.
        later: what was answered for it at the end of the run.
    """

    job_id: str
    asked: float
    code: int
    gone: float | None
    later: int = 0


@dataclass(frozen=True)
class Again:
    """One request to run a job again; `code` is 0 where no answer came."""

    job_id: str
    code: int


@dataclass(frozen=True)
class Rebuilt:
    """An ended job's details before the store was lost, and after it was rebuilt from the share; None: not found."""

    job_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any] | None


@dataclass(frozen=True)
class Resumed:
    """A workflow that had not ended when the store was lost, some time after it was rebuilt.

    Attributes:
        job_id: its own.
        state: as its details tell; None where there are none.
        ended: the attempts that ended its sub-tasks whose ends the share told at the loss, by their names.
        attempts: those that the ends of its sub-tasks are told of in the end.
    """

    job_id: str
    state: str | None
    ended: Mapping[str, str]
    attempts: Mapping[str, str]


@dataclass(frozen=True)
class Archives:
    """What N concurrent askers got, and what lies in the folder afterwards."""

    job_id: str
    digests: frozenset[str]
    askers: int
    files: tuple[str, ...]
