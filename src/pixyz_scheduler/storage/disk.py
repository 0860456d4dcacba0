"""The disk below the share: a full or absent one said in words, writes that last, and trees removed whole."""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixyz_scheduler.errors import StorageFull, Unavailable, UnsafePath

# EFBIG comes from a file-size limit of the process or of the file system: for the user the same "no room".
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What a share over the network, or a dying disk, says when it is away; ESTALE and EROFS come back by themselves, too.
_AWAY = frozenset(
    {errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV}
)


@contextmanager
def disk_in_words(path: Path) -> Iterator[None]:
    """Say "no space", "over quota", "file too large" as `StorageFull`, and a disk that is away as `Unavailable`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(f"No room left for {path.name}: {error.strerror}.") from error
        if error.errno in _AWAY:
            raise Unavailable(f"The disk of {path} does not serve: {error.strerror}.") from error
        raise


def sync_file(path: Path) -> None:
    """Make a file's content last."""
    # Windows wants a handle that may write.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder last; where folders cannot be opened (Windows) they last by themselves."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_mode(path: Path, mode: int) -> None:
    """Give exactly these permission bits, whatever the umask; a share's setgid bit stays, since chmod would drop it."""
    now = stat.S_IMODE(path.stat().st_mode)
    wanted = mode | (now & (stat.S_ISGID | stat.S_ISVTX))
    if now != wanted:
        path.chmod(wanted)


def group_bits(share: Path) -> int:
    """What the group may do in the share, and so in every folder of it."""
    return stat.S_IMODE(share.stat().st_mode) & stat.S_IRWXG


def make_corner(share: Path, name: str) -> Path:
    """A folder of our own in the share, made when first needed.

    Raises:
        Unavailable: the share is not there, or not ours to write.
        UnsafePath: somebody put a link in its place.
    """
    path = share / name
    try:
        if is_real_folder(path):
            return path
        path.mkdir(mode=0o700)
        set_mode(path, 0o700 | group_bits(share))
    except FileExistsError:
        if not os.path.lexists(path):
            # It was there a moment ago: the share was unmounted between the two looks.
            raise Unavailable(f"The share {share} went away.") from None
        if not is_real_folder(path):
            raise UnsafePath(f"{path} is not a folder of the share; nothing was done.") from None
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Unavailable(f"The share {share} cannot be written: {error.strerror}.") from error
    return path


def is_real_folder(path: Path) -> bool:
    """Whether this name is itself a folder, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def remove_tree(path: Path) -> None:
    """Remove a file, a link (never what it leads to) or a whole folder, also one that its script made read-only."""
    if not is_real_folder(path):
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        # Each folder is opened up before the walk enters it.
        path.chmod(stat.S_IRWXU)
        for parent, names, files in os.walk(path):
            for folder in filter(is_real_folder, (Path(parent, name) for name in names)):
                with suppress(OSError):
                    folder.chmod(stat.S_IRWXU)
            # Windows removes no file that may not be written, as inputs are that jobs share.
            for file in files if sys.platform == "win32" else ():
                with suppress(OSError):
                    Path(parent, file).chmod(stat.S_IRWXU)
        shutil.rmtree(path)
