"""Outcome: how an attempt ended. One type a case; `decide` matches them whole."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KIB_A_MIB = 1024

_WINDOWS_FAULTS = 0xC0000000


@dataclass(frozen=True)
class Succeeded:
    """The entry point returned; `result` is what it returned, as JSON knows it, unless it lies in a file already."""

    result: Any
    file: str | None = None


@dataclass(frozen=True)
class Awaits:
    """The entry point returned what other jobs will end with (an expression of workflow.py): so does this one."""

    result: Mapping[str, Any]


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
            # Windows tells so what a signal tells elsewhere, in numbers that are written down in hexadecimal.
            is_fault = self.exit_code is not None and self.exit_code >= _WINDOWS_FAULTS
            return f"exit status 0x{self.exit_code:X}" if is_fault else f"exit status {self.exit_code}"
        try:
            return f"signal {self.signal} ({signal.Signals(self.signal).name})"
        except ValueError:
            return f"signal {self.signal}"


@dataclass(frozen=True)
class TimedOut:
    """The time limit, in seconds, ran out."""

    limit: float


@dataclass(frozen=True)
class NoProgress:
    """No progress was told for so many seconds."""

    limit: float


@dataclass(frozen=True)
class OutOfMemory:
    """The tree of the child grew over its limit, or (limit 0) the machine had no memory left; both in KiB.

    What it used is 0 where the kernel was faster than whoever weighs.
    """

    limit: int
    used: int = 0

    @property
    def text(self) -> str:
        """What happened, in words."""
        if not self.limit:
            return "the machine's memory was full, and the kernel ended the job"
        limit = f"{self.limit // _KIB_A_MIB} MiB allowed"
        return f"{self.used // _KIB_A_MIB} MiB used of {limit}" if self.used else f"more was needed than the {limit}"


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


Outcome = (
    Succeeded | Awaits | Raised | Crashed | TimedOut | NoProgress | OutOfMemory | Lost | Drained | Cancelled | Hindered
)
