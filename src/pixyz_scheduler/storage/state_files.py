"""StateFiles: what a job's folder says of its record, in `.state`: `job.json` as it was sent, `final.json` as it ended.

A large result lies there, too: see results.py.

A job's script runs as the same user and can write there, as it can in all of its folder: what is read here is believed
about that job alone, and no link that it may have put there is followed.
"""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.errors import RecordError, UnsafePath
from pixyz_scheduler.storage.disk import disk_in_words, is_real_folder, set_mode
from pixyz_scheduler.storage.job_folder import JobFolder

STATE = ".state"
SENT, ENDED = "job.json", "final.json"
# A result has 64 MiB at most, which quoting may double, and there is its progress too.
_MOST_BYTES = 256 << 20
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NOT_OURS = frozenset({errno.ELOOP, errno.ENXIO, errno.EMLINK})


def write_sent(folder: Path, text: bytes, *, group_bits: int) -> Path:
    """Write `job.json` into a folder that nobody else knows yet, and have the disk begin with it; its path.

    Begun now, it is part of the one commit that the folder's other files wait for; synced alone it costs one more.
    """
    inside = folder / STATE
    inside.mkdir(mode=0o700 | group_bits)
    set_mode(inside, 0o700 | group_bits)
    path = inside / SENT
    with disk_in_words(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600 | (group_bits & 0o060))
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write_all(file.fileno(), text)
            if sys.platform == "linux":
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return path


@dataclass(frozen=True)
class StateFiles:
    """The files in `.state` of one job's folder, there or not."""

    folder: JobFolder

    def write_ended(self, text: bytes) -> None:
        """Put `final.json` in place; raises as `write` does."""
        self.write(ENDED, text)

    def write(self, name: str, text: bytes) -> None:
        """Put a file in place, whole and lasting.

        Raises:
            FileNotFoundError: the job has no folder.
            UnsafePath: something is in its place.
            StorageFull, Unavailable: the disk does not take it.
        """
        fresh = f"{name}.{secrets.token_hex(8)}"
        with disk_in_words(self.folder.path), _unsafe_in_words(self.folder), self._opened(make=True) as place:
            try:
                with place.file(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                    _write_all(descriptor, text)
                    os.fsync(descriptor)
                place.replace(fresh, name)
            except BaseException:
                place.remove(fresh)
                raise

    def withdraw_sent(self) -> None:
        """Take `job.json` away: nobody knows whether the store has taken the job, so a reconcile must not put it there.

        A folder without it, and without a record, is removed after a day; see storage/leftovers.py.
        """
        with (
            disk_in_words(self.folder.path),
            _unsafe_in_words(self.folder),
            suppress(FileNotFoundError),
            self._opened(make=False) as place,
        ):
            place.remove(SENT)
            # Not empty: it was taken, and has ended already.
            with suppress(OSError):
                (self.folder.path / STATE).rmdir()

    def remove_ended(self) -> None:
        """Take `final.json` away: the job runs again. Missing is well."""
        self.remove([ENDED])

    def remove(self, names: Iterable[str]) -> None:
        """Take these files away, where they are there."""
        with (
            disk_in_words(self.folder.path),
            _unsafe_in_words(self.folder),
            suppress(FileNotFoundError),
            self._opened(make=False) as place,
        ):
            for name in names:
                place.remove(name)

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Within it an ended job is put to work again: what is here of its end is no end any more.

        Before and after: whoever is killed in between leaves no old end behind, nor does a mirror that was at work.
        """
        for within in (True, False):
            # What is not as we made it is read by nobody.
            with suppress(UnsafePath):
                self.remove_ended()
            if within:
                yield

    def read(self, name: str) -> bytes | None:
        """`SENT` or `ENDED`; None where it is not there.

        Raises:
            UnsafePath: it, or its folder, is a link, or no file at all.
            RecordError: it is larger than any of ours.
        """
        with disk_in_words(self.folder.path), _unsafe_in_words(self.folder):
            try:
                # O_NONBLOCK: a pipe put there holds nobody.
                with (
                    self._opened(make=False) as place,
                    place.file(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)) as file,
                ):
                    return _read_all(file, name)
            except FileNotFoundError:
                return None

    @contextmanager
    def _opened(self, *, make: bool) -> Iterator["_Place"]:
        # Windows opens no folder; there a job's files are no links unless an administrator makes them so.
        if sys.platform == "win32":
            yield self._by_path(make=make)
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS
        job = os.open(self.folder.path, flags)
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(STATE, 0o700 | stat.S_IMODE(os.fstat(job).st_mode) & stat.S_IRWXG, dir_fd=job)
            inside = os.open(STATE, flags, dir_fd=job)
        finally:
            os.close(job)
        try:
            yield _Place(inside, Path())
        finally:
            os.close(inside)

    def _by_path(self, *, make: bool) -> "_Place":
        if not self.folder.exists():
            raise FileNotFoundError(str(self.folder.path))
        path = self.folder.path / STATE
        if make:
            path.mkdir(exist_ok=True)
        if not is_real_folder(path):
            raise NotADirectoryError(str(path))
        return _Place(None, path)


@dataclass(frozen=True)
class _Place:
    """The folder `.state`, open, or by its path where folders cannot be opened."""

    descriptor: int | None
    path: Path

    @contextmanager
    def file(self, name: str, flags: int) -> Iterator[int]:
        descriptor = os.open(self.path / name, flags | _NO_LINKS, 0o660, dir_fd=self.descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def replace(self, fresh: str, name: str) -> None:
        os.replace(self.path / fresh, self.path / name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.path / name, dir_fd=self.descriptor)


@contextmanager
def _unsafe_in_words(folder: JobFolder) -> Iterator[None]:
    """A link, a file or a folder in the wrong place is its script's doing; a share that is away is not."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UnsafePath(f"{STATE} of job {folder.job_id} is not as we made it: {error.strerror}.") from error
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise UnsafePath(f"{STATE} of job {folder.job_id} is not as we made it: {error.strerror}.") from error
        raise


def _write_all(descriptor: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_all(descriptor: int, name: str) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnsafePath(f"{STATE}/{name} is not a file.")
    if status.st_size > _MOST_BYTES:
        raise RecordError(f"{STATE}/{name} has {status.st_size} bytes; none of ours has more than {_MOST_BYTES}.")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(status.st_size)
