"""Outcome: how an attempt ended. One type a case; `decide` matches them whole."""

import signal
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Succeeded:
    """The entry point returned; `result` is what it returned, as JSON knows it."""

    result: Any


@dataclass(frozen=True)
class Raised:
    """The user's own exception: one line, and the traceback of the user's frames."""

    error: str
    traceback: str = ""


@dataclass(frozen=True)
class Crashed:
    """The child ended without a result: by itself (exit code) or by a signal."""

    exit_code: int | None = None
    signal: int | None = None
    output: str = ""

    @property
    def text(self) -> str:
        """What happened, in words."""
        if self.signal is None:
            return f"exit status {self.exit_code}"
        try:
            return f"signal {self.signal} ({signal.Signals(self.signal).name})"
        except ValueError:
            return f"signal {self.signal}"


@dataclass(frozen=True)
class TimedOut:
    """The time limit, in seconds, ran out."""

    limit: float


@dataclass(frozen=True)
class OutOfMemory:
    """The tree of the child grew over its limit; both in KiB."""

    limit: int
    used: int


@dataclass(frozen=True)
class Lost:
    """The worker fell silent and its lease ran out."""

    worker: str


@dataclass(frozen=True)
class Drained:
    """The worker is leaving and gives the job back."""


@dataclass(frozen=True)
class Cancelled:
    """Somebody asked for it."""


@dataclass(frozen=True)
class Hindered:
    """The surroundings failed, not the job: disk full, share gone, no licence."""

    reason: str


Outcome = Succeeded | Raised | Crashed | TimedOut | OutOfMemory | Lost | Drained | Cancelled | Hindered
