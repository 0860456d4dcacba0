"""The share's id: a file in its root, made once, by which a share that is not mounted is told from an empty one."""

import errno
import os
import secrets
import uuid
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.errors import Unavailable, WrongShare
from pixyz_scheduler.storage.disk import disk_in_words, sync_folder

SHARE_ID = ".ps-share-id"

# Everybody who shares may read it: it is no secret.
_MODE = 0o644
_LONGEST = 64
# What file systems without hard links say; EINVAL is what Windows' words for it become.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})


def read_share_id(root: Path) -> str | None:
    """The id of the share at `root`; None where it has none. Costs one open and one read.

    Raises:
        Unavailable: the share is not there, or cannot be read.
        WrongShare: there is a file, and no id in it.
    """
    path = root / SHARE_ID
    try:
        with disk_in_words(path):
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            text = os.read(descriptor, _LONGEST)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        if not root.is_dir():
            raise Unavailable(f"The share {root} is not there.") from None
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return str(uuid.UUID(text.decode().strip()))
    except ValueError:
        raise WrongShare(f"{path} holds no id of a share; it was not written by us, or is damaged.") from None


def make_share_id(root: Path) -> str:
    """Give the share an id; that of whoever was first stands. It lasts, and is never seen half written.

    Raises:
        Unavailable: the share cannot be written.
    """
    path = root / SHARE_ID
    made = f"{uuid.uuid4()}\n".encode()
    try:
        with disk_in_words(path):
            _put(path, made)
            sync_folder(root)
    except OSError as error:
        raise Unavailable(f"The share {root} cannot be written: {error.strerror}.") from error
    there = read_share_id(root)
    if there is None:
        raise Unavailable(f"{path} went away as it was made.")
    return there


def _put(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    _write(fresh, content)
    try:
        # Of links of one name the first stands; a rename would put the last in its place.
        os.link(fresh, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileExistsError):
            _write(path, content)
    finally:
        fresh.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, _MODE)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
