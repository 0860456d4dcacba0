"""Parentage: whose a process is, and who goes with whom or before whom; Linux alone knows."""

import ctypes
import os
import signal
from contextlib import suppress
from functools import cache

_OF_A_JOB = b"500"
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
        # Not by Path: each page that a forked child is the first to touch is copied for it.
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(descriptor, _OF_A_JOB)
        finally:
            os.close(descriptor)


@cache
def _library() -> ctypes.CDLL:
    """The C library: found once, by the template, for all that are forked from it."""
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _library().prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
