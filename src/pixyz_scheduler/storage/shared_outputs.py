"""Shared outputs: one job's outputs become another's as well, by hard links where the disk has them."""

import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.storage.archive import manifest
from pixyz_scheduler.storage.copying import copy_all
from pixyz_scheduler.storage.disk import disk_in_words, is_real_folder, remove_tree, set_mode
from pixyz_scheduler.storage.job_folder import JobFolder

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def share_outputs(source: JobFolder, target: JobFolder, *, as_of: str, fit: Callable[[], object]) -> bool:
    """Give a job that has no outputs yet those of an earlier one, all or none.

    Shared files can be written by nobody, until `unshare` has parted them again.

    Args:
        source: of the earlier job.
        target: of the job; without a folder it takes none.
        as_of: the source's `manifest` when it ended.
        fit: called last, before anything of the target is changed; may raise.

    Returns:
        False where the source's are not as they were, or the target has some already.

    Raises:
        StorageFull, Unavailable: where they had to be copied, or the share is away.
    """
    if manifest(source) != as_of:
        return False
    if not is_real_folder(target.outputs):
        return not any(source.walk_outputs())
    with os.scandir(target.outputs) as entries:
        is_empty = not any(entries)
    if not is_empty:
        # An attempt that ended in between had taken them already; or a script has written there.
        fit()
        return manifest(target) == as_of
    fresh = target.path / f".outputs-{secrets.token_hex(8)}"
    with disk_in_words(target.path):
        try:
            mode = stat.S_IMODE(target.outputs.stat().st_mode)
            _make(fresh, mode)
            if not _fill(fresh, source, mode) or manifest(source) != as_of:
                return False
            fit()
            # In one step, and only onto an empty folder: whoever has written there meanwhile keeps it.
            return _put(fresh, target.outputs)
        finally:
            if is_real_folder(fresh):
                remove_tree(fresh)


def unshare(folder: JobFolder) -> None:
    """Part a job's outputs from others', so that it may write to them again; raises StorageFull, Unavailable."""
    with disk_in_words(folder.outputs):
        for _, path in list(folder.walk_outputs()):
            with suppress(FileNotFoundError):
                status = path.stat()
                if status.st_nlink > 1:
                    _part(path)
                elif not status.st_mode & stat.S_IWUSR:
                    set_mode(path, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)


def _fill(fresh: Path, source: JobFolder, mode: int) -> bool:
    for name, path in source.walk_outputs():
        if "\\x" in name:  # bytes that are no text: which ones, its name does not say
            return False
        *folders, last = name.split("/")
        place = fresh
        for each in folders:
            place /= each
            if not place.is_dir():
                _make(place, mode)
        try:
            _share(path, place / last)
        except FileNotFoundError:
            return False
    return True


def _share(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, one without links, too many, or the file is another user's
        _copy(path, place)
        return
    with suppress(OSError):
        set_mode(place, stat.S_IMODE(place.stat().st_mode) & ~_WRITABLE)


def _copy(path: Path, place: Path) -> None:
    with path.open("rb", buffering=0) as source, place.open("xb", buffering=0) as target:
        status = os.fstat(source.fileno())
        copy_all(source.fileno(), target.fileno(), each=lambda: None)
    set_mode(place, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def _part(path: Path) -> None:
    own = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        _copy(path, own)
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def _put(fresh: Path, outputs: Path) -> bool:
    try:
        fresh.rename(outputs)
    except OSError:  # not empty any more, or not a disk that puts one folder in another's place
        return False
    return True


def _make(folder: Path, mode: int) -> None:
    folder.mkdir(mode=0o700)
    set_mode(folder, mode)
