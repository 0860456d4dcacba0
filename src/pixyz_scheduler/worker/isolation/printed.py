"""print_by_lines: what is printed into a pipe goes out line by line, as on a terminal: in its order, and at once."""

import ctypes
import io
import sys
from contextlib import suppress
from functools import cache

_LINE_BUFFERED = 1
# glibc's and musl's name, then that of macOS.
_C_STDOUT = ("stdout", "__stdoutp")


def print_by_lines() -> None:
    """Have Python and the C library write whole lines: both would keep blocks back, behind what others print."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    if sys.platform == "win32":
        return
    library = _library()
    for name in _C_STDOUT:
        with suppress(ValueError):  # it has another name there
            library.setvbuf(ctypes.c_void_p.in_dll(library, name), None, _LINE_BUFFERED, ctypes.c_size_t(0))
            return


@cache
def _library() -> ctypes.CDLL:
    """The C library, found once for all that are forked from who has asked."""
    return ctypes.CDLL(None)
