"""Which file of an unpacked archive is the one to open."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from pixyz_scheduler.errors import InvalidConfig
from pixyz_scheduler.jobs.model_files import rank_of

_LISTED = 20


def find_root_file(names: Iterable[str], *, root_file: str | None) -> str | None:
    """The file to open, of relative names with forward slashes.

    That is `root_file`; else the only file; else the first 3D file by the order of MODEL_SUFFIXES, then the least
    deep, then by name; else None. What archivers add of their own (`__MACOSX`, names with a leading dot) never counts.

    Raises:
        InvalidConfig: there is no such `root_file`; names those there are.
    """
    there = sorted(name for name in names if not _is_noise(name))
    if root_file:
        return _named(root_file, there)
    if len(there) == 1:
        return there[0]
    models = [(rank, name.count("/"), name) for name in there if (rank := rank_of(name)) is not None]
    return min(models)[2] if models else None


def _named(root_file: str, there: list[str]) -> str:
    wanted = PurePosixPath(root_file.replace("\\", "/")).as_posix()
    if wanted in there:
        return wanted
    listed = ", ".join(there[:_LISTED]) + (", ..." if len(there) > _LISTED else "")
    raise InvalidConfig(f"root_file {root_file!r} is not in the archive, which holds: {listed or 'nothing'}.")


def _is_noise(name: str) -> bool:
    steps = PurePosixPath(name).parts
    return any(step.startswith(".") or step == "__MACOSX" for step in steps) or steps[-1] in (
        "Thumbs.db",
        "desktop.ini",
    )
