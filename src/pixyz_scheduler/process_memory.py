"""What other processes of the same user may see of this one: nothing."""

import sys

_PR_SET_DUMPABLE = 4


def hide_memory() -> None:
    """A script of the same user must not read this process's environment and memory, where passwords are."""
    if sys.platform == "linux":
        import ctypes  # lazy: 3 ms that the command line, which hides nothing mostly, need not pay

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
