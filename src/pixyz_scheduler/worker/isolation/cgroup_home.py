"""Where on this machine memory groups of ours may be made, and where those of other workers are."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.worker.isolation.cgroup import V1, V2, MemoryGroup, MemoryGroups, Version, join

_PREFIX = "pixyz-"
_MOUNT = Path("/sys/fs/cgroup")
# Where we move our own processes, since a group of v2 that has groups below it may have no processes.
_REST = "pixyz-rest"


def open_groups(name: str, *, mount: Path = _MOUNT, proc: Path = Path("/proc/self")) -> MemoryGroups | None:
    """Groups of memory for this process, where the kernel lets it make them; None where it does not.

    Args:
        name: of the folder, told apart by it from those of other workers.
        mount: where the controllers are.
        proc: of this process.
    """
    for version, parent in _parents(mount, proc):
        home = parent / f"{_PREFIX}{name}"
        with suppress(OSError):
            home.mkdir()
            if version is V2:
                _delegate(home)
            groups = MemoryGroups(home, version)
            trial = groups.new()
            if trial is not None and _is_controlled(trial, version):
                trial.remove()
                return groups
            groups.close()
    return None


def may_open_groups(*, mount: Path = _MOUNT, proc: Path = Path("/proc/self")) -> bool:
    """Whether `open_groups` seems to be allowed; nothing is made."""
    return any(os.access(parent, os.W_OK) for _, parent in _parents(mount, proc))


def groups_left(*, mount: Path = _MOUNT, proc: Path = Path("/proc/self")) -> Iterator[tuple[str, MemoryGroups]]:
    """The groups of workers beside this one, dead or alive: each with the name that it was opened by."""
    for version, parent in _parents(mount, proc):
        with suppress(OSError):
            for home in sorted(parent.glob(f"{_PREFIX}*-*")):
                yield home.name.removeprefix(_PREFIX), MemoryGroups(home, version)


def _parents(mount: Path, proc: Path) -> Iterator[tuple[Version, Path]]:
    """The groups below which ours may be made."""
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            # In a container the path may be that of the host, while only our own part is mounted.
            yield V1, _existing(mount / "memory", path)
        elif not controllers and (mount / "cgroup.controllers").exists():
            parent = _existing(mount, path)
            if parent.name == _REST:
                parent = parent.parent
            if parent == mount or _is_delegated(parent) or _has_memory(parent):
                yield V2, parent


def _existing(root: Path, path: str) -> Path:
    inside = root / path.lstrip("/")
    return inside if inside.is_dir() else root


def _is_delegated(parent: Path) -> bool:
    """Whether systemd says that this part is its user's own: any other we leave as it is."""
    for name in ("trusted.delegate", "user.delegate"):
        with suppress(OSError):
            if os.getxattr(parent, name) == b"1":
                return True
    return False


def _has_memory(parent: Path) -> bool:
    with suppress(OSError):
        return "memory" in (parent / "cgroup.subtree_control").read_text().split()
    return False


def _delegate(home: Path) -> None:
    """Let groups of v2 below `home` have the controller; for that nobody may be in the group above."""
    parent = home.parent
    if not _has_memory(parent):
        rest = parent / _REST
        rest.mkdir(exist_ok=True)
        for pid in (parent / "cgroup.procs").read_text().split():
            join(str(rest), pid=int(pid))
        (parent / "cgroup.subtree_control").write_text("+memory")
    (home / "cgroup.subtree_control").write_text("+memory")


def _is_controlled(group: MemoryGroup, version: Version) -> bool:
    files = (version.limit, version.events, "memory.stat", "cgroup.procs")
    return all((group.path / name).exists() for name in files)
