"""An attempt's local folder: made when it starts, gone when it ends, known for a leftover when nobody holds it."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.errors import InvalidArchive
from pixyz_scheduler.storage.disk import disk_in_words, is_real_folder, remove_tree
from pixyz_scheduler.storage.locks import FOLDERS_OPEN, lock, lock_file, open_to_lock
from pixyz_scheduler.storage.root_file import find_root_file
from pixyz_scheduler.storage.unpack import UnpackLimits, is_archive, unpack

PREFIX = "pixyz-attempt-"

_MODE = 0o700
# Seconds that making a folder may take.
_BIRTH = 60.0


@dataclass(frozen=True)
class Workspace:
    """The folder of one attempt, on the worker's own disk. The worker opens it, the child writes in it."""

    path: Path

    @property
    def temp(self) -> Path:
        """The script's own temporary folder."""
        return self.path / "tmp"

    @property
    def unpacked(self) -> Path:
        """Where the input archive is unpacked; not there until `prepare_input`."""
        return self.path / "input"

    def is_untouched(self) -> bool:
        """Whether it is as it was made: nothing in it, and nobody else let in."""
        try:
            with os.scandir(self.path) as entries:
                if [entry.name for entry in entries] != [self.temp.name]:
                    return False
            with os.scandir(self.temp) as entries:
                if any(True for _ in entries):
                    return False
            kinds = {path.lstat().st_mode for path in (self.path, self.temp)}
        except OSError:
            return False
        return kinds == {stat.S_IFDIR | _MODE}

    @classmethod
    @contextmanager
    def open(
        cls, job_id: str, *, attempt: int, local_root: Path, by_folder: bool = FOLDERS_OPEN
    ) -> Iterator["Workspace"]:
        """Make the folder, hold it by a lock (so that `sweep` leaves it alone), and remove it at the end.

        Raises StorageFull. The lock is the worker's: it ends with the worker, however that ends.
        """
        path = local_root.resolve() / f"{PREFIX}{job_id}-{attempt}-{secrets.token_hex(4)}"
        workspace = cls(path)
        # The folder is locked under a hidden name, then renamed: under its own name it is never without a lock.
        unborn = path.with_name(f".{path.name}")
        with disk_in_words(path):
            unborn.mkdir(mode=_MODE, parents=True)
            descriptor = open_to_lock(unborn, by_folder=by_folder)
        try:
            if not lock(descriptor):
                raise BlockingIOError(errno.EAGAIN, "held by another", str(unborn))
            with disk_in_words(path):
                (unborn / workspace.temp.name).mkdir(mode=_MODE)
                unborn.rename(path)
            yield workspace
        finally:
            # What cannot be removed must not hide how the attempt ended; the next sweep meets it.
            for left in (unborn, path):
                with suppress(OSError):
                    remove_tree(left)
            _let_go(path, descriptor)

    def prepare_input(
        self, file: Path, *, root_file: str | None, limits: UnpackLimits, beside: Sequence[Path] = ()
    ) -> Path | None:
        """The file that the script opens: `file` itself or, when it is an archive, the root file unpacked from it.

        Reads what a stranger sent: call it inside the child.

        Args:
            file: the uploaded input, which stays as it is.
            root_file: the user's choice inside the archive; without an archive it does not count.
            limits: what the archive may become.
            beside: files that were sent with an archive: they are copied to where it is unpacked.

        Returns:
            None for an archive of several files none of which is a 3D file; they lie in `unpacked` all the same.

        Raises:
            InvalidArchive, InvalidConfig (no such root_file), StorageFull.
        """
        if not is_archive(file.name):
            return file
        files = unpack(file, self.unpacked, limits=limits)
        names = {path.relative_to(self.unpacked).as_posix(): path for path in files}
        root = find_root_file(names, root_file=root_file)
        for other in beside:
            self._put_beside(other, archive=file)
        return None if root is None else names[root]

    def _put_beside(self, other: Path, *, archive: Path) -> None:
        place = self.unpacked / other.name
        if place.exists():
            raise InvalidArchive(f"{archive.name} holds {other.name!r}, which was sent beside it, too.")
        with disk_in_words(place):
            shutil.copyfile(other, place)


def sweep_workspaces(local_root: Path, *, now: float, by_folder: bool = FOLDERS_OPEN) -> list[str]:
    """Remove the folders of attempts whose worker is dead; call it when a worker starts. Says their names.

    Args:
        local_root: what `Workspace.open` is given.
        now: seconds since the epoch.
        by_folder: whether a folder is locked itself, or by a file beside it.
    """
    if not is_real_folder(local_root):
        return []
    left = [path for path in local_root.iterdir() if _is_ours(path, now) and is_real_folder(path)]
    removed = [path.name for path in left if _remove_unheld(path, by_folder=by_folder)]
    for file in local_root.glob(f"{PREFIX}*.lock"):
        # Its folder went with its worker, or before it.
        with suppress(OSError):
            if not file.with_suffix("").exists() and file.lstat().st_mtime < now - _BIRTH:
                file.unlink()
    return removed


def _is_ours(path: Path, now: float) -> bool:
    if path.name.startswith(PREFIX):
        return True
    # Not yet locked, or its worker died in that instant.
    with suppress(FileNotFoundError):
        return path.name.startswith(f".{PREFIX}") and path.lstat().st_mtime < now - _BIRTH
    return False


def _remove_unheld(path: Path, *, by_folder: bool) -> bool:
    try:
        descriptor = open_to_lock(path, by_folder=by_folder)
    except OSError:
        return False
    is_ours = lock(descriptor)
    try:
        if is_ours:
            remove_tree(path)
    except OSError:
        return False
    finally:
        _let_go(path, descriptor, keep_file=not is_ours)
    return is_ours


def _let_go(path: Path, descriptor: int, *, keep_file: bool = False) -> None:
    os.close(descriptor)
    if not keep_file:
        with suppress(OSError):  # there is one only where folders cannot be opened
            lock_file(path).unlink(missing_ok=True)
