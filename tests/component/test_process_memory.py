"""What a script that runs as the worker's own user can read of it."""

import ctypes
import os
import sys
from pathlib import Path

import pytest

from pixyz_scheduler.process_memory import hide_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

_NOBODY = 65534
_PR_SET_DUMPABLE = 4


def test_a_process_of_the_same_user_cannot_read_the_environment_of_one_that_hides():
    assert _in_child(_what_a_child_reads_before_and_after) == b"read, refused"


def _what_a_child_reads_before_and_after():
    if os.geteuid() == 0:
        # Root reads everything: become somebody else, as readable as any program that somebody starts.
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    before = _in_child(_read_parent)
    hide_memory()
    return before + b", " + _in_child(_read_parent)


def _read_parent():
    try:
        Path(f"/proc/{os.getppid()}/environ").read_bytes()
    except PermissionError:
        return b"refused"
    return b"read"


def _in_child(work):
    """What `work` answers in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, work())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer
