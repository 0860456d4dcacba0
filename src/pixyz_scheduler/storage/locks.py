"""Locks on open files, and on folders where those can be opened: each ends with its holder, however that ends.

POSIX has flock; Windows locks bytes of a file, for one holder only, and opens no folder.
"""

import os
import sys
from pathlib import Path
from typing import Any


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Lock what is open there; whether it is ours now. Without `wait` the answer comes at once."""
    if sys.platform == "win32":
        return _lock_byte(descriptor, wait=wait)
    else:
        import fcntl

        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, how if wait else how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _lock_byte(descriptor: int, *, wait: bool) -> bool:
    import msvcrt  # on Windows alone

    calls: Any = msvcrt  # whose functions are unknown to who checks types elsewhere
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        # LK_LOCK tries ten times, a second apart, and gives up.
        calls.locking(descriptor, calls.LK_LOCK if wait else calls.LK_NBLCK, 1)
    except OSError:
        return wait and _lock_byte(descriptor, wait=True)
    return True


def open_to_lock(folder: Path, *, beside: bool = os.name == "nt") -> int:
    """A descriptor to lock a folder by: of the folder itself, or of a file beside it where none can be opened.

    Raises OSError where it cannot be had: a link, above all.
    """
    if beside:
        return os.open(lock_file(folder), os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    return os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0))


def lock_file(folder: Path) -> Path:
    """The file beside a folder that is locked in its stead; it goes by the name that the folder has in the end."""
    return folder.with_name(f"{folder.name.removeprefix('.')}.lock")
