"""The lifeline of a member: when the process that started it is gone, it ends."""

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from pixyz_scheduler.launcher.member import LIFELINE
from pixyz_scheduler.process_signals import end_this_process

_PATIENCE = 60.0


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
    with suppress(OSError):  # whoever read it may be gone as well
        print("the process that started this one is gone: ending", file=sys.stderr)  # noqa: T201  (nobody else says it)
    end_this_process()
    # In good order takes as long as a drain; without its store and its starter a process may never get there.
    threading.Event().wait(_PATIENCE)
    os._exit(1)
