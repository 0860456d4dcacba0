"""Folders of jobs that may never have been accepted: there are inputs, and nothing that tells of a run or a record."""

import os
from collections.abc import Iterator
from contextlib import suppress

from pixyz_scheduler.errors import InvalidJobId
from pixyz_scheduler.storage.disk import is_real_folder
from pixyz_scheduler.storage.job_folder import JobFolder
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.state_files import STATE


def untouched(share: Share, *, since: float, before: float) -> Iterator[JobFolder]:
    """Folders in which nobody has run anything, put there in the span from `since` to `before` (epoch seconds).

    Whether a job was accepted, its folder cannot tell: the caller asks the store. A folder that keeps a record of its
    own, an output, a log or an archive is never among them.
    """
    with os.scandir(share.root) as entries:
        for entry in entries:
            with suppress(InvalidJobId, FileNotFoundError):
                folder = share.folder(entry.name)
                # On a share that tells no case apart, another spelling is another's name.
                if folder.path.name == entry.name and _was_put(folder, since, before) and not _has_run(folder):
                    yield folder


def _was_put(folder: JobFolder, since: float, before: float) -> bool:
    if not is_real_folder(folder.path):
        return False
    times = [os.lstat(path).st_mtime for path in (folder.path, *_below(folder))]
    return since < min(times) and max(times) < before


def _below(folder: JobFolder) -> Iterator[os.DirEntry[str]]:
    for part in (folder.inputs, folder.outputs):
        if is_real_folder(part):
            with os.scandir(part) as entries:
                yield from entries


def _has_run(folder: JobFolder) -> bool:
    if any(os.path.lexists(path) for path in (folder.path / STATE, folder.logs, folder.archives)):
        return True
    if not is_real_folder(folder.outputs):
        return True
    with os.scandir(folder.outputs) as entries:
        return any(entries)
