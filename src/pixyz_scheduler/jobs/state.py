"""JobState: where a job stands, and what may follow what."""

from enum import Enum


class JobState(str, Enum):
    """The statuses that users know. New ones may come; none of these is renamed."""

    SENT = "SENT"
    PENDING = "PENDING"
    RECEIVED = "RECEIVED"
    STARTED = "STARTED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    RETRY = "RETRY"
    REVOKED = "REVOKED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"

    @property
    def as_told(self) -> "JobState":
        """As users see it: a record that is written has its doorbell rung."""
        return JobState.PENDING if self is JobState.SENT else self

    @property
    def is_waiting(self) -> bool:
        """No worker has it."""
        return self in WAITING

    @property
    def is_held(self) -> bool:
        """A worker holds its lease."""
        return self in HELD

    @property
    def is_terminal(self) -> bool:
        """Nothing follows by itself."""
        return self in TERMINAL

    def may_become(self, other: "JobState") -> bool:
        """Whether the table allows the step from this state to the other."""
        return other in FOLLOWS[self]


WAITING = frozenset({JobState.SENT, JobState.PENDING, JobState.RETRY})
HELD = frozenset({JobState.RECEIVED, JobState.STARTED, JobState.RUNNING})
TERMINAL = frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.REVOKED, JobState.REJECTED})

_ENDS_OF_A_RUN = frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.RETRY, JobState.REVOKED})

_ANEW = frozenset({JobState.SENT})

# The one table. An end is final, but for who asks that the job be run again. The scripts apply it; tests/contract holds
# the two against each other.
FOLLOWS: dict[JobState, frozenset[JobState]] = {
    JobState.SENT: frozenset({JobState.PENDING, JobState.STARTED, JobState.REVOKED}),
    JobState.PENDING: frozenset({JobState.STARTED, JobState.REVOKED}),
    JobState.RETRY: frozenset({JobState.STARTED, JobState.REVOKED}),
    JobState.RECEIVED: frozenset({JobState.STARTED}) | _ENDS_OF_A_RUN,
    JobState.STARTED: frozenset({JobState.RUNNING}) | _ENDS_OF_A_RUN,
    JobState.RUNNING: _ENDS_OF_A_RUN,
    JobState.SUCCESS: _ANEW,
    JobState.FAILURE: _ANEW,
    JobState.REVOKED: _ANEW,
    JobState.REJECTED: _ANEW,
    JobState.UNKNOWN: frozenset(),
}
