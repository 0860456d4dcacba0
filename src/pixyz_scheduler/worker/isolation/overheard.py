"""overheard: what a process of ours, or a library in it, prints into our own stream, is made lines of the log."""

import logging
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

_CHUNK = 1 << 16
# What comes within this many milliseconds is one thing: a traceback, say, which is written line by line.
_PAUSE = 50
_LONGEST = 1 << 20


@contextmanager
def overheard(whose: str, *, wanted: bool) -> Iterator[int | None]:
    """A descriptor for both its streams, until it is started; None where they may be ours as they are.

    All that inherit it are heard, for as long as one of them lives.
    """
    if not wanted:
        yield None
        return
    reading, writing = os.pipe()
    threading.Thread(target=_hear, args=(reading, whose), name="overheard", daemon=True).start()
    try:
        yield writing
    finally:
        os.close(writing)


def _hear(reading: int, whose: str) -> None:
    more_comes = _watch(reading)
    with os.fdopen(reading, "rb", buffering=0) as stream:
        while text := stream.read(_CHUNK):
            while len(text) < _LONGEST and more_comes() and (more := stream.read(_CHUNK)):
                text += more
            said = text.decode(errors="replace").strip()
            if said:
                _log.info("%s", said, extra={"from": whose})


def _watch(reading: int) -> Callable[[], bool]:
    if sys.platform == "win32":
        # Nobody can wait for a pipe there: what comes at once is one thing.
        return lambda: False
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    return lambda: bool(poll.poll(_PAUSE))
