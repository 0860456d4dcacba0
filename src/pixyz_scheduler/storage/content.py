"""Content: inputs of jobs with `config.deduplicate`, kept once on the share for all that ask; see decision 27.

`.content/<sha256[:2]>/<sha256>-<size>-<mtime in ns>` is a hard link of jobs' inputs. Size and time are those with which
it was made: what differs from them was changed since, and is given to nobody.
"""

import logging
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.storage.disk import is_real_folder, make_corner, set_mode
from pixyz_scheduler.storage.incoming import Incoming, IncomingFile
from pixyz_scheduler.storage.job_folder import JobFolder

_log = logging.getLogger(__name__)

CONTENT = ".content"
WORTH_IT = 1 << 20
"""Bytes; what is smaller stays each job's own."""
UNUSED_AFTER = 600.0

_NAME = re.compile(r"[0-9a-f]{64}-(\d+)-(\d+)")
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
# A server over the network may keep times less finely than we see them at first.
_FINEST = 1000


class Content:
    """The corner of a share where such inputs are known by what is in them.

    Args:
        share: its root, resolved.
    """

    def __init__(self, share: Path) -> None:
        self._share = share

    def adopt(self, incoming: Incoming, job_id: str, files: Iterable[IncomingFile]) -> JobFolder:
        """`Incoming.adopt`, with these inputs shared where that can be; where it cannot, they stay as they came.

        Args:
            incoming: the request's.
            job_id: whose folder it becomes.
            files: those of its inputs that came by `write`, closed.
        """
        worth = [file for file in files if file.size >= WORTH_IT]
        # Before: what is put in a file's place spares the disk the file.
        own = [file for file in worth if not self._take(file, file.path)]
        folder = incoming.adopt(job_id)
        # After: nothing is given to others that a power cut may take back.
        for file in own:
            path = folder.inputs / file.name
            if not self._take(file, path):
                self._offer(file, path)
        return folder

    def clean(self, now: float) -> int:
        """Remove what is no job's input any more for some minutes, and what was changed; how many.

        Args:
            now: seconds since the epoch.
        """
        gone = 0
        for entry in self._all():
            # Another process may clean the same.
            with suppress(FileNotFoundError):
                status = entry.lstat()
                is_unused = status.st_nlink == 1 and status.st_ctime < now - UNUSED_AFTER
                if is_unused or not _is_as_made(entry, status):
                    entry.unlink()
                    gone += 1
        return gone

    def _take(self, file: IncomingFile, path: Path) -> bool:
        """Put what is known already in the place of the file; whether there was something."""
        shelf = self._share / CONTENT / file.sha256[:2]
        if not is_real_folder(shelf):
            return False
        known = sorted(shelf.glob(f"{file.sha256}-{file.size}-*"))
        return any(_put(entry, path) for entry in known)

    def _offer(self, file: IncomingFile, path: Path) -> None:
        """Let later jobs have the file, which nobody may write to from now on."""
        status = path.stat()
        changed = status.st_mtime_ns // _FINEST * _FINEST
        mode = stat.S_IMODE(status.st_mode)
        try:
            shelf = make_corner(make_corner(self._share, CONTENT), file.sha256[:2])
            os.utime(path, ns=(status.st_atime_ns, changed))
            set_mode(path, mode & ~_WRITABLE)
            os.link(path, shelf / f"{file.sha256}-{file.size}-{changed}")
        except (OSError, SchedulerError) as error:  # a disk without links, or one that is just going away
            _log.info("input %s stays its job's own: %s", path, error)
            with suppress(OSError):
                set_mode(path, mode)

    def _all(self) -> Iterator[Path]:
        root = self._share / CONTENT
        for shelf in root.iterdir() if is_real_folder(root) else ():
            if is_real_folder(shelf):
                yield from (path for path in shelf.iterdir() if _NAME.fullmatch(path.name))


def _put(entry: Path, path: Path) -> bool:
    """One more link of the entry, in the place of the file; whether it is there."""
    link = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        os.link(entry, link, follow_symlinks=False)
        # Looked at once it is ours: the name may be another's by then.
        status, own = link.lstat(), path.lstat()
        if not _is_as_made(entry, status):
            _log.warning("%s was changed since it was made, and is given to no more jobs", entry)
            entry.unlink(missing_ok=True)
            return False
        if (stat.S_IMODE(status.st_mode), status.st_gid) != (stat.S_IMODE(own.st_mode) & ~_WRITABLE, own.st_gid):
            return False  # the share lets others in since
        link.replace(path)
    except FileNotFoundError:
        return False  # cleaned meanwhile
    except OSError as error:  # too many links, or the file is another user's
        _log.info("%s is not shared with one more job: %s", entry, error)
        return False
    finally:
        with suppress(OSError):
            link.unlink(missing_ok=True)
    return True


def _is_as_made(entry: Path, status: os.stat_result) -> bool:
    said = _NAME.fullmatch(entry.name)
    if said is None or not stat.S_ISREG(status.st_mode) or status.st_mode & _WRITABLE:
        return False
    return (status.st_size, status.st_mtime_ns) == (int(said[1]), int(said[2]))
