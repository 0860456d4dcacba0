"""stop_here: breakpoint() in a worker: the debugger on the terminal from which it, or its launcher, was started."""

import os
import pdb  # noqa: T100  (it is what this is for)
import sys
from typing import IO, Any

TERMINAL = "PIXYZ_TERMINAL"
"""In the environment: the terminal's device, told by a launcher that keeps its processes from its own."""

# A terminal that is opened is not to become this process's own: it may have none, and would get its signals.
_NOT_OURS = getattr(os, "O_NOCTTY", 0)


def stop_here(*arguments: Any, **options: Any) -> None:
    """What `breakpoint()` calls. PYTHONBREAKPOINT counts as ever; without a terminal it says so and goes on."""
    if os.environ.get("PYTHONBREAKPOINT"):
        sys.__breakpointhook__(*arguments, **options)  # noqa: T100  (likewise)
        return
    terminal = _open()
    if terminal is None:
        print("breakpoint() passed by: this worker has no terminal.", file=sys.stderr)  # noqa: T201  (the job's log)
        return
    reading, writing = terminal
    pdb.Pdb(stdin=reading, stdout=writing).set_trace(sys._getframe(1))  # noqa: SLF001  (there is no public name for it)


def device() -> str | None:
    """The terminal's device; None where there is none."""
    told = os.environ.get(TERMINAL)
    if told or not hasattr(os, "ttyname"):
        return told
    return os.ttyname(0) if os.isatty(0) else None


def _open() -> tuple[IO[str], IO[str]] | None:
    path = device()
    if path is None:
        return None
    try:
        reading = os.open(path, os.O_RDONLY | _NOT_OURS)
        writing = os.open(path, os.O_WRONLY | _NOT_OURS)
    except OSError:
        return None
    return os.fdopen(reading), os.fdopen(writing, "w")
