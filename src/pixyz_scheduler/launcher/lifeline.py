"""The lifeline of a member: when the process that started it is gone, it ends."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from pixyz_scheduler.launcher.member import LIFELINE


def hold_lifeline(environment: Mapping[str, str]) -> None:
    """End this process, in good order, at the end of its standard input; only where its starter asked for that."""
    if environment.get(LIFELINE) != "stdin":
        return
    # Ours alone: what we start must not hold or read it.
    descriptor = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    threading.Thread(target=_wait_and_end, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait_and_end(descriptor: int) -> None:
    while os.read(descriptor, 64):
        pass
    # Whoever read our words may be gone with it: a closed pipe, or terminal, must not keep us.
    with suppress(OSError):
        print("the process that started this one is gone: ending", file=sys.stderr)  # noqa: T201  (nobody else would say it)
    os.kill(os.getpid(), signal.SIGTERM)
