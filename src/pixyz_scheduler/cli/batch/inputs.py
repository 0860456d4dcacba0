"""Finds the files that patterns mean: globs (`**` too), folders, files. Yields them as it goes."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.jobs.model_files import is_model


@dataclass(frozen=True)
class Found:
    """A file to be worked on."""

    path: Path
    """Absolute."""
    below: str
    """The folder it lies in, from the fixed part of its pattern; "" for that part itself."""


def find(patterns: Sequence[str], *, outside: Path) -> Iterator[Found]:
    """The files of all patterns; one that two of them mean comes twice. `outside` is a folder to leave out.

    A folder means all 3D files in it and below it. Hidden files and folders are meant by none but their own name.
    """
    excluded = absolute(outside)
    for pattern in patterns:
        base = absolute(_fixed_part(pattern))
        # Who names the excluded folder itself means it; the journal knows which files there are outputs.
        named = base.is_relative_to(excluded)
        for path in _files(pattern):
            found = absolute(path)
            if named or not found.is_relative_to(excluded):
                yield Found(found, _below(found.parent, base))


def absolute(path: Path) -> Path:
    """The path without `..`, from the root; links stay as they are named."""
    return Path(os.path.abspath(path))  # noqa: PTH100  (Path.resolve would follow links)


def _files(pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    if path.is_dir():
        yield from _models_below(path)
    elif path.is_file():  # also where its name looks like a pattern: `a[1].step`
        yield path
    else:
        # Path.glob takes no absolute patterns.
        yield from filter(Path.is_file, map(Path, glob.iglob(pattern, recursive=True)))  # noqa: PTH207


def _models_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if is_model(name) and not name.startswith("."))


def _fixed_part(pattern: str) -> Path:
    """The folder that a pattern names before its first wildcard."""
    path = Path(pattern)
    if path.is_dir():
        return path
    folder = path.parent
    if path.is_file():
        return folder
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder


def _below(folder: Path, base: Path) -> str:
    inner = Path(os.path.relpath(folder, base)).as_posix()
    return "" if inner == "." else inner
