"""Paths inside a job's folders, and which file of the inputs is the one to open."""

from pathlib import Path

from pixyz_scheduler.errors import InvalidConfig
from pixyz_scheduler.jobs.model_files import is_model
from pixyz_scheduler.script.faults import PixyzFileNotFound, PixyzSecurityViolation
from pixyz_scheduler.storage.root_file import find_root_file


def inside(folder: Path, name: str) -> Path:
    """The path of `name` in the folder.

    Raises:
        PixyzSecurityViolation: the name leaves the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PixyzSecurityViolation(f"{name!r} leaves the folder {folder}.")
    return path


def main_file(folder: Path, *, root_file: str | None) -> Path | None:
    """The file to open: `root_file`, else the 3D file that comes first by the rules of an unpacked archive, else None.

    Raises:
        PixyzFileNotFound: `root_file` is not there; names what is.
    """
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    if not root_file:  # the script may lie beside its input
        names = [name for name in names if is_model(name)]
    try:
        found = find_root_file(names, root_file=root_file)
    except InvalidConfig as error:
        raise PixyzFileNotFound(str(error)) from None
    return None if found is None else folder / found
