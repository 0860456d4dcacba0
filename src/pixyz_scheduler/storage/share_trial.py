"""try_share(): does on the share what jobs do there, and removes it again."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.storage.disk import sync_folder

_WORD = b"pixyz-scheduler doctor was here\n"
# Without these the others tell nothing.
_FIRST = ("write", "rename", "read")
_WRITE_AND_ENTER = 0o3


def try_share(root: Path) -> dict[str, str]:
    """What does not work there -> what the disk says; empty where all does. Nothing stays.

    The operations: `write` and `flush` (fsync) a file, `rename`, `read` it, `link` (not every file system has that, and
    jobs can do without), `folder` (fsync of the folder), `remove`.
    """
    name = f".pixyz-doctor-{secrets.token_hex(8)}"
    first, second, third = root / name, root / f"{name}-2", root / f"{name}-3"
    steps: dict[str, Callable[[], object]] = {
        "write": lambda: _write(first),
        "rename": lambda: first.rename(second),
        "read": lambda: _read(second),
        "link": lambda: os.link(second, third),
        "folder": lambda: sync_folder(root),
        "remove": second.unlink,
    }
    refused: dict[str, str] = {}
    try:
        for step, do in steps.items():
            if said := _refusal(do):
                refused[step] = said
            if said and step in _FIRST:
                break
    finally:
        for path in (first, second, third):
            with suppress(OSError):  # what could not be removed was told, or was never there
                path.unlink(missing_ok=True)
    return refused


def may_write(mode: int, *, owner: int, group: int, uid: int, gid: int) -> bool:
    """Whether that user may make files in a folder of these permission bits; access lists are not looked at."""
    if uid == 0:
        return True
    shift = 6 if uid == owner else 3 if gid == group else 0
    return (mode >> shift) & _WRITE_AND_ENTER == _WRITE_AND_ENTER


def _refusal(do: Callable[[], object]) -> str:
    try:
        do()
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    return ""


def _write(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, _WORD)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> None:
    if path.read_bytes() != _WORD:
        raise OSError("what was read is not what was written")
