"""Locks on open files, and on folders where those can be opened: each ends with its holder, however that ends.

POSIX has flock; Windows locks bytes of a file, for one holder only, and opens no folder.
"""

import importlib
import os
from pathlib import Path
from typing import Any


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Lock what is open there; whether it is ours now. Without `wait` the answer comes at once."""
    if os.name == "nt":
        return lock_byte(importlib.import_module("msvcrt"), descriptor, wait=wait)
    return _flock(descriptor, shared=shared, wait=wait)


def _flock(descriptor: int, *, shared: bool, wait: bool) -> bool:
    # Not imported above: each system has one of the two.
    fcntl: Any = importlib.import_module("fcntl")
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, how if wait else how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_byte(msvcrt: Any, descriptor: int, *, wait: bool) -> bool:
    """As `lock`, by the module `msvcrt`: the first byte, whether there is one or not."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        # LK_LOCK tries ten times, a second apart, and gives up.
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    except OSError:
        return wait and lock_byte(msvcrt, descriptor, wait=True)
    return True


FOLDERS_OPEN = os.name != "nt"
"""Whether this system opens folders."""


def open_to_lock(folder: Path, *, by_folder: bool = FOLDERS_OPEN) -> int:
    """A descriptor to lock a folder by: of the folder itself, or of a file beside it where none can be opened.

    Raises OSError where it cannot be had: a link, above all.
    """
    if not by_folder:
        return os.open(lock_file(folder), os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    return os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0))


def lock_file(folder: Path) -> Path:
    """The file beside a folder that is locked in its stead; it goes by the name that the folder has in the end."""
    return folder.with_name(f"{folder.name.removeprefix('.')}.lock")
