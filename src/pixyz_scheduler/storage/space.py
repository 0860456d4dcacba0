"""Room on a disk: how much is left, and the words where it is too little."""

import shutil
from pathlib import Path

from pixyz_scheduler.errors import StorageFull
from pixyz_scheduler.storage.disk import disk_in_words

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def require_space(path: Path, *, least: int, coming: int = 0) -> None:
    """See that there is room at `path`, which exists.

    Args:
        path: on the disk in question.
        least: bytes that must be left; 0 asks for nothing.
        coming: bytes that are announced to be written.

    Raises:
        StorageFull: there is less; says how much of both.
        Unavailable: the disk does not answer.
    """
    if not least:
        return
    with disk_in_words(path):
        free = shutil.disk_usage(path).free
    if free < least + coming:
        wanted = f" after the {in_words(coming)} that come" if coming else ""
        raise StorageFull(
            f"{in_words(free)} are free on the disk of {path}: {in_words(least)} must be{wanted} (MIN_FREE_SPACE)."
        )


def in_words(size: float) -> str:
    """A number of bytes for people: `1.5 GiB`."""
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.4g} {unit}"
        size /= _STEP
    return f"{size:.4g} {_UNITS[-1]}"
