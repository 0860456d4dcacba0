"""terminal_environment: which terminal we were started from, for processes of ours that are kept from it."""

import os

_TERMINAL = "PIXYZ_TERMINAL"


def terminal_environment() -> dict[str, str]:
    """What tells it to a worker, where a `breakpoint()` speaks on it; nothing where there is none."""
    if os.environ.get(_TERMINAL) or not hasattr(os, "ttyname") or not os.isatty(0):
        return {}
    return {_TERMINAL: os.ttyname(0)}
