"""Parentage: whose a process is, and who goes with whom or before whom; Linux alone knows."""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

_OF_A_JOB = "500"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def become_subreaper() -> None:
    """Whatever loses its parent below this process comes to it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the parent ends; now, where it has ended."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def be_killed_first() -> None:
    """A job's processes go before ours where the kernel must choose whom to kill for want of memory."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OF_A_JOB)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
