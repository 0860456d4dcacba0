"""What a request brings, on its way: written to a private folder, then renamed into place in one step."""

import errno
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal

from typing_extensions import Self, assert_never

from pixyz_scheduler.errors import Conflict, InvalidUpload, Unavailable
from pixyz_scheduler.storage.copying import copy_all
from pixyz_scheduler.storage.digest import Digest
from pixyz_scheduler.storage.disk import disk_in_words, set_mode, sync_file, sync_folder
from pixyz_scheduler.storage.job_folder import PARTS, JobFolder
from pixyz_scheduler.storage.state_files import SENT, STATE, write_sent
from pixyz_scheduler.storage.windows_names import is_device

Kind = Literal["script", "input"]

MAX_NAME_BYTES = 200
_BEGIN_WITH = 16 << 20
_READ_AT_ONCE = 1 << 20


class IncomingFile:
    """One file being received. `abandon`, or an error in `write`, removes it; adopting its folder makes it last."""

    def __init__(self, path: Path, *, mode: int) -> None:
        self.path = path
        self.size = 0
        self.is_abandoned = False
        self._digest = Digest()
        self._begun = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with disk_in_words(path):
            self._file = os.fdopen(os.open(path, flags, mode), "wb", buffering=0)
        set_mode(path, mode)

    @property
    def name(self) -> str:
        """The name that it lies under in `inputs`."""
        return self.path.name

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of what was written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Append a batch; raises StorageFull, and then nothing of the file is left."""
        self._digest.update(data)
        try:
            with disk_in_words(self.path):
                rest = memoryview(data)
                while rest:
                    rest = rest[self._file.write(rest) :]
        except BaseException:
            self.abandon()
            raise
        self.size += len(data)
        self._begin_with()

    def _begin_with(self) -> None:
        """Have the disk begin with what has come, so that little is left to wait for at the end."""
        # Linux begins when it is asked to drop a file from memory; what is not written yet stays there.
        if self.size - self._begun >= _BEGIN_WITH and sys.platform == "linux":
            os.posix_fadvise(self._file.fileno(), self._begun, self.size - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = self.size

    def take(self, source: int, *, each: Callable[[], None]) -> None:
        """Copy all of an open file, whose digest is not reckoned; raises as `write` does."""
        try:
            with disk_in_words(self.path):
                self.size += copy_all(source, self._file.fileno(), each=each)
        except BaseException:
            self.abandon()
            raise

    def close(self) -> None:
        """All is written; again is well."""
        self._digest.close()
        if self._file.closed:
            return
        try:
            with disk_in_words(self.path):
                self._file.close()
        except BaseException:
            self.abandon()
            raise

    def read(self) -> bytes:
        """All of it, once it is closed; raises Unavailable where it has gone with its share."""
        with disk_in_words(self.path), _still_there(self.path):
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                return b"".join(iter(lambda: os.read(descriptor, _READ_AT_ONCE), b""))
            finally:
                os.close(descriptor)

    def abandon(self) -> None:
        """Remove the file."""
        self.is_abandoned = True
        self._digest.close()
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()


class Incoming:
    """A request's private folder; made by `Share.incoming`."""

    def __init__(self, *, share: Path, path: Path, group_bits: int) -> None:
        self.share = share
        self.path = path
        self._group_bits = group_bits
        self._files: list[IncomingFile] = []
        self.is_adopted = False

    def prepare(self) -> None:
        """Make the folders that every job has. The folder above them stays private until it is adopted."""
        for part in PARTS:
            folder = self.path / part
            # At once as far as the umask lets it: mostly nothing is left to change.
            folder.mkdir(mode=0o700 | self._group_bits)
            set_mode(folder, 0o700 | self._group_bits)

    def create(self, kind: Kind, filename: str) -> IncomingFile:
        """Open a file for what the client sends as `script` or `file`.

        Args:
            kind: a script ends in `.py` here, whatever the client called it.
            filename: the client's name; only its last part counts. Where both have one name, the second gets a number.

        Raises:
            InvalidUpload: nothing of the name is left.
            StorageFull: no room on the share.
        """
        name = clean_name(filename)
        match kind:
            case "script":
                name = name if name.lower().endswith(".py") else f"{name}.py"
            case "input":
                pass
            case _:
                assert_never(kind)
        with _still_there(self.path):
            file = IncomingFile(self.path / "inputs" / self._free_name(name), mode=0o600 | (self._group_bits & 0o040))
        self._files.append(file)
        return file

    def describe(self, text: bytes) -> None:
        """Lay what is asked beside its files: should the store be lost, the share tells it. Before `adopt`, once."""
        with _still_there(self.path):
            write_sent(self.path, text, group_bits=self._group_bits)

    def adopt(self, job_id: str) -> JobFolder:
        """Put all in place as the job's folder, in one step.

        Raises:
            Conflict: the job has a folder already; it is untouched.
            StorageFull: no room on the share.
        """
        folder = JobFolder(share=self.share, job_id=job_id)
        self.close()
        with disk_in_words(folder.path):
            try:
                self.path.rename(folder.path)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise _gone(self.path) from error
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise Conflict(f"Job {job_id} has a folder already.") from error
                raise
            self.is_adopted = True
            try:
                self._make_last(folder)
            except BaseException:
                folder.remove()
                raise
        return folder

    def _make_last(self, folder: JobFolder) -> None:
        """Wait for the disk, after the renaming: one commit of a journal then covers files, folders and the new name.

        A crash before leaves a folder without a record, which nobody asks for.
        """
        set_mode(folder.path, 0o700 | self._group_bits)
        for file in self._files:
            if not file.is_abandoned:
                sync_file(folder.inputs / file.name)
        with suppress(FileNotFoundError):
            sync_file(folder.path / STATE / SENT)
        sync_folder(self.share)

    def close(self) -> None:
        """Close what is still open."""
        for file in self._files:
            file.close()

    def discard(self) -> None:
        """Give up what is still open, without waiting for the disk."""
        for file in self._files:
            file.abandon()

    def _free_name(self, name: str) -> str:
        # The share may tell neither case nor composed letters apart (CIFS, macOS).
        taken = {_same(file.name) for file in self._files if file.path.exists()}
        path, number = PurePosixPath(name), 2
        while _same(name) in taken:
            name = f"{path.stem}_{number}{path.suffix}"
            number += 1
        return name


def clean_name(filename: str) -> str:
    """The last part of a client's file name, fit to be a name on any disk of ours.

    Folders (of either slash) and control characters are dropped, letters composed (NFC), a long name is cut before its
    suffix, and one that Windows takes for a device gets a `_` in front. Raises InvalidUpload when nothing is left.
    """
    # "ignore" drops lone surrogates, which no disk and no JSON takes.
    text = filename.encode("utf-8", "ignore").decode()
    base = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    base = "".join("_" if letter in '<>:"|?*' else letter for letter in base if unicodedata.category(letter)[0] != "C")
    # Composed at last: what was dropped may have kept a letter from its accent.
    base = _trimmed(unicodedata.normalize("NFC", base))
    if not base:
        raise InvalidUpload(f"The file name {filename!r} has nothing in it that can be a name.")
    name = _trimmed(_cut(base))
    return f"_{name}" if is_device(name) else name


def _trimmed(name: str) -> str:
    """Without dots and blanks at both ends: a leading dot would hide it, and Windows drops them at the end."""
    return name.strip("." + "".join(filter(str.isspace, name)))


def _cut(name: str) -> str:
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix.encode()) <= MAX_NAME_BYTES // 4 else ""
    stem = name[: len(name) - len(suffix)]
    # Room is kept for ".py" and a number.
    room = MAX_NAME_BYTES - len(suffix.encode()) - 8
    return stem.encode()[:room].decode("utf-8", "ignore") + suffix if len(name.encode()) > room else name


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _gone(path: Path) -> Unavailable:
    return Unavailable(f"The share went away while the files came: {path} is not there.")


@contextmanager
def _still_there(path: Path) -> Iterator[None]:
    """What was made for a request is gone with its share, not by a fault of the request's."""
    try:
        yield
    except FileNotFoundError as error:
        raise _gone(path) from error
