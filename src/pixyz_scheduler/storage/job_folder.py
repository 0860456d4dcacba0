"""A job's folder on the share: inputs, outputs, archives, logs. No path escapes, and asking makes nothing."""

import errno
import os
import re
import stat
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pixyz_scheduler.errors import InvalidJobId, OutputNotFound, UnsafePath
from pixyz_scheduler.storage.disk import disk_in_words, is_real_folder, make_corner, remove_tree
from pixyz_scheduler.storage.windows_names import is_device

TRASH = ".trash"
# What every job has from the start; archives and logs are made when there is one.
PARTS = ("inputs", "outputs")

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SHOWN_IN_AN_ERROR = 10

# A script may still be at work while its outputs are listed.
_GONE = (FileNotFoundError, NotADirectoryError, PermissionError)
# Any other error is the disk's, and no answer: a share that is away has not lost the file.
_NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EINVAL, errno.EILSEQ}
)


@dataclass(frozen=True)
class JobFolder:
    """The folder of one job. `share` is the resolved root; nothing needs to exist."""

    share: Path
    job_id: str

    def __post_init__(self) -> None:
        if not _JOB_ID.fullmatch(self.job_id):
            raise InvalidJobId(f"{self.job_id!r} is not a job id: 8-4-4-4-12 hexadecimal digits.")
        object.__setattr__(self, "job_id", self.job_id.lower())

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.share / self.job_id

    @property
    def inputs(self) -> Path:
        """Where the script and the input file lie."""
        return self.path / "inputs"

    @property
    def outputs(self) -> Path:
        """Where the script writes."""
        return self.path / "outputs"

    @property
    def archives(self) -> Path:
        """Where the zip of the outputs is made."""
        return self.path / "archives"

    @property
    def logs(self) -> Path:
        """Where each attempt's output streams are kept."""
        return self.path / "logs"

    @property
    def archive_path(self) -> Path:
        """The zip of the outputs, there or not (`archive.current` tells)."""
        return self.archives / f"{self.job_id}.zip"

    def log_path(self, attempt: int) -> Path:
        """The log of one attempt, counted from 1."""
        return self.logs / f"attempt-{attempt}.log"

    def exists(self) -> bool:
        """Whether the job has a folder of its own (not a link to somewhere)."""
        return is_real_folder(self.path)

    def input(self, name: str) -> Path:
        """The script or the input file of this name.

        Raises:
            UnsafePath: the name leaves `inputs`.
            OutputNotFound: no such file.
        """
        with disk_in_words(self.inputs):
            return self._file_in("inputs", name)

    def output(self, relative: str) -> Path:
        """One output, as a path without links in it.

        Args:
            relative: as `list_outputs` gives it: relative, with forward slashes.

        Raises:
            UnsafePath: the path leaves `outputs`, by its text or by a link.
            OutputNotFound: there is no such file, or it is a folder.
        """
        with disk_in_words(self.outputs):
            return self._file_in("outputs", relative)

    def open_output(self, relative: str) -> BinaryIO:
        """One output, open for reading.

        Safe also while a script still runs that swaps a folder for a link between the check and the opening.
        """
        path = self.output(relative)
        return os.fdopen(_open_without_links(self.path, path.relative_to(self.path).parts), "rb")

    def list_outputs(self) -> list[str]:
        r"""All outputs, nested ones too, sorted; relative, with forward slashes.

        Links that leave the folder are left out. Bytes of a name that are not text are shown as `\xff`, so that the
        list is always JSON; `output` knows them by that.
        """
        with disk_in_words(self.outputs):
            return sorted(name for name, _ in self.walk_outputs())

    def walk_outputs(self) -> Iterator[tuple[str, Path]]:
        """Each output as `list_outputs` names it, with its path; in no order."""
        if not is_real_folder(self.path) or not is_real_folder(self.outputs):
            return
        root, folders = self.outputs, [str(self.outputs)]
        while folders:
            with suppress(*_GONE), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif path := _listed(entry, root):
                        yield _as_text(Path(entry.path).relative_to(root).as_posix()), path

    def remove(self) -> None:
        """Remove all, at once for whoever looks: renamed into the share's trash, then deleted. Missing is well."""
        with disk_in_words(self.share):
            doomed = make_corner(self.share, TRASH) / f"{self.job_id}-{uuid.uuid4().hex}"
            with suppress(FileNotFoundError):
                self.path.rename(doomed)
                remove_tree(doomed)

    def _file_in(self, part: str, relative: str) -> Path:
        steps = _steps(relative)
        root = self.path / part
        if not is_real_folder(self.path) or not is_real_folder(root):
            raise OutputNotFound(f"Job {self.job_id} has no file {relative!r}: it has no {part}.")
        path = _resolve(root.joinpath(*steps))
        if path is None and part == "outputs" and "\\x" in relative:
            path = dict(self.walk_outputs()).get(relative)
        if path is None:
            raise OutputNotFound(f"Job {self.job_id} has no file {relative!r} in its {part}.")
        if not path.is_relative_to(root):
            raise UnsafePath(f"{relative!r} is a link that leaves the {part} of job {self.job_id}.")
        return self._checked_file(path, relative, part)

    def _checked_file(self, path: Path, relative: str, part: str) -> Path:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            inside = sorted(_as_text(name) for name in _entries(path))
            some = ", ".join(inside[:_SHOWN_IN_AN_ERROR]) or "nothing"
            more = ", ..." if len(inside) > _SHOWN_IN_AN_ERROR else ""
            raise OutputNotFound(
                f"{relative!r} is a folder in the {part} of the job; ask for a file. It holds {some}{more}."
            )
        if not stat.S_ISREG(mode):
            # A pipe would hold whoever opens it for ever.
            raise OutputNotFound(f"{relative!r} in the {part} of the job is neither a file nor a folder.")
        return path


def is_job_id(name: str) -> bool:
    """Whether a job's folder has this name."""
    return _JOB_ID.fullmatch(name) is not None and name == name.lower()


def _steps(relative: str, *, platform: str = sys.platform) -> list[str]:
    if "\0" in relative:
        raise UnsafePath("A path has no NUL in it.")
    if platform == "win32" and ("\\" in relative or ":" in relative):
        raise UnsafePath(f"{relative!r} is not a relative path with forward slashes.")
    if relative.startswith("/"):
        raise UnsafePath(f"{relative!r} is absolute; paths are relative to the job's folder.")
    steps = [step for step in relative.split("/") if step not in ("", ".")]
    if ".." in steps:
        raise UnsafePath(f"{relative!r} leaves its folder.")
    if platform == "win32" and (device := next(filter(is_device, steps), None)):
        raise UnsafePath(f"{relative!r} is no file here: {device} is the name of a device on Windows.")
    return steps


def _resolve(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (RuntimeError, UnicodeError):
        # A circle of links (RuntimeError before Python 3.13), or a name that is not encodable.
        return None
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise


def _listed(entry: os.DirEntry[str], root: Path) -> Path | None:
    """A file's path; of a link the file that it leads to, when that is inside."""
    if entry.is_file(follow_symlinks=False):
        return Path(entry.path)
    if entry.is_symlink() and (target := _resolve(Path(entry.path))) and target.is_relative_to(root):
        return target if target.is_file() else None
    return None


def _entries(folder: Path) -> list[str]:
    return [entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in os.scandir(folder)]


def _as_text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _open_without_links(folder: Path, steps: tuple[str, ...]) -> int:
    """Open step by step, refusing a link at each; O_NONBLOCK so that a pipe put there meanwhile holds nobody."""
    if sys.platform == "win32":
        return os.open(folder.joinpath(*steps), os.O_RDONLY | getattr(os, "O_BINARY", 0))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    for index, step in enumerate(steps):
        kind = os.O_NONBLOCK if index == len(steps) - 1 else os.O_DIRECTORY
        try:
            deeper = os.open(step, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=descriptor)
        except OSError as error:
            raise OutputNotFound(f"{'/'.join(steps)!r} changed while it was opened.") from error
        finally:
            os.close(descriptor)
        descriptor = deeper
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OutputNotFound(f"{'/'.join(steps)!r} changed while it was opened.")
    return descriptor
