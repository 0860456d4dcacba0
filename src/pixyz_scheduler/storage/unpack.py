"""Unpack an input archive within limits: no links, no devices, nothing outside its folder."""

import bz2
import errno
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from pixyz_scheduler.errors import InvalidArchive
from pixyz_scheduler.storage.disk import disk_in_words, remove_tree
from pixyz_scheduler.storage.member_names import MemberNames

# Only these names are archives: .3mf, .usdz and .FCStd are zips inside, and 3D files to whoever sends them.
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")

# Archives that nothing here reads.
UNREAD_SUFFIXES = (".7z", ".rar")

# Below this, how well an archive is packed says nothing: a small text of blanks reaches 1000 : 1.
RATIO_COUNTS_FROM = 64 << 20

_BATCH = 1 << 20
_UNFIT = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    ValueError,  # impossible numbers in a header
)


@dataclass(frozen=True, kw_only=True)
class UnpackLimits:
    """What an archive may become."""

    max_bytes: int = 64 << 30
    max_members: int = 100_000
    #: Unpacked bytes for each byte of the archive; counts from RATIO_COUNTS_FROM unpacked bytes.
    max_ratio: float = 200.0


def is_archive(name: str) -> bool:
    """Whether a file of this name is unpacked for the job; only the name decides."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_unread_archive(name: str) -> bool:
    """Whether a file of this name is an archive of a kind that is not unpacked."""
    return name.lower().endswith(UNREAD_SUFFIXES)


def unpack(archive: Path, into: Path, *, limits: UnpackLimits) -> list[Path]:
    """Unpack into a folder that does not exist yet, and list the files; on any error the folder is gone.

    The archive's content says how it is packed, whatever its suffix. Names twice in it: the last one counts.
    Run it where a crash or a full memory costs one attempt: the formats are read by native code.

    Raises:
        InvalidArchive: damaged, encrypted, over a limit, or holding what is neither a file nor a folder inside.
        StorageFull: no room.
    """
    into.mkdir(mode=0o700)
    try:
        with disk_in_words(into), _damage_in_words(archive):
            target = _Target(archive=archive, into=into, limits=limits)
            if _is_zip(archive):
                _unpack_zip(target)
            else:
                _unpack_tar(target)
            return sorted(target.files)
    except BaseException:
        remove_tree(into)
        raise


@dataclass
class _Target:
    """The folder being filled, and what has been counted on the way."""

    archive: Path
    into: Path
    limits: UnpackLimits
    members: int = 0
    unpacked: int = 0
    files: set[Path] = field(default_factory=set)
    names: MemberNames = field(init=False)

    def __post_init__(self) -> None:
        self.names = MemberNames(self.archive.name)

    def member(self, name: str) -> Path:
        """Count a member and give its place."""
        self.members += 1
        if self.members > self.limits.max_members:
            raise InvalidArchive(f"{self.archive.name} holds more than {self.limits.max_members} members.")
        # A NUL, a surrogate or a name too long is the file system's to refuse: see `_damage_in_words`.
        steps = [step for step in name.split("/") if step not in ("", ".")]
        if name.startswith("/") or ".." in steps or (os.name == "nt" and "\\" in name):
            raise InvalidArchive(f"{self.archive.name} holds {name!r}, which leaves the folder.")
        self.names.check(steps)
        return self.into.joinpath(*steps)

    def count(self, size: int) -> None:
        """Count unpacked bytes, really read: what a header declares may be a lie."""
        self.unpacked += size
        if self.unpacked > self.limits.max_bytes:
            raise InvalidArchive(f"{self.archive.name} unpacks to more than {self.limits.max_bytes} bytes.")
        if self.unpacked > max(RATIO_COUNTS_FROM, self.limits.max_ratio * self.archive.stat().st_size):
            raise InvalidArchive(
                f"{self.archive.name} unpacks to more than {self.limits.max_ratio:g} times its size: "
                "that is no 3D file but an archive made to fill the disk."
            )

    def folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def file(self, path: Path, source: IO[bytes], *, counted: bool) -> None:
        """Write one file; `counted` when the bytes are counted where they are read."""
        self.folder(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            while batch := source.read(_BATCH):
                if not counted:
                    self.count(len(batch))
                rest = memoryview(batch)
                while rest:
                    rest = rest[file.write(rest) :]
        self.files.add(path)


def _unpack_zip(target: _Target) -> None:
    with zipfile.ZipFile(target.archive) as archive:
        for member in archive.infolist():
            # Old tools of Windows separate by backslashes, against the format.
            path = target.member(member.filename.replace("\\", "/"))
            if member.flag_bits & 1:
                raise InvalidArchive(
                    f"{target.archive.name} is encrypted ({member.filename!r}); send it without password."
                )
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.filename.endswith(("/", "\\")):
                target.folder(path)
            elif kind in (0, stat.S_IFREG):
                with archive.open(member) as source:
                    target.file(path, source, counted=False)
            else:
                _refuse(target, member.filename)


def _unpack_tar(target: _Target) -> None:
    # As a stream, with each byte counted as it is decompressed: headers and skipped members can be bombs too.
    with _decompressed(target) as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=_BATCH) as archive:
        for member in archive:
            path = target.member(member.name)
            source = archive.extractfile(member) if member.isreg() else None
            if source:
                target.file(path, source, counted=not member.issparse())
            elif member.isdir():
                target.folder(path)
            else:
                _refuse(target, member.name)


def _refuse(target: _Target, name: str) -> None:
    raise InvalidArchive(
        f"{target.archive.name} holds {name!r}, a link or device; only files and folders are unpacked."
    )


class _Readable(Protocol):
    """All that a tar needs of what it is read from."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


class _Counted(io.RawIOBase):
    """A stream that counts what is read from it."""

    def __init__(self, source: _Readable, count: Callable[[int], None]) -> None:
        self._source = source
        self._count = count

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._count(len(data))
        return data


@contextmanager
def _decompressed(target: _Target) -> Iterator[_Counted]:
    with target.archive.open("rb") as file, ExitStack() as stack:
        start = file.read(8)
        file.seek(0)
        source: _Readable = file
        if start.startswith(b"\x1f\x8b"):
            source = stack.enter_context(gzip.GzipFile(fileobj=file))
        elif start.startswith(b"BZh"):
            source = stack.enter_context(bz2.BZ2File(file))
        elif start.startswith(b"\xfd7zXZ\x00"):
            source = stack.enter_context(lzma.LZMAFile(file))
        yield _Counted(source, target.count)


@contextmanager
def _damage_in_words(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        said = str(error) or type(error).__name__
        raise InvalidArchive(
            f"{archive.name} cannot be unpacked: it is damaged, cut off or no archive ({said})."
        ) from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise InvalidArchive(f"{archive.name} holds a file and a folder of the same name.") from error
    except OSError as error:
        if error.filename is not None and error.errno in _UNFIT:
            raise InvalidArchive(
                f"{archive.name} holds a name that this disk does not take: {error.strerror}."
            ) from error
        if error.errno in (None, errno.EINVAL):
            # bz2 says "Invalid data stream" so, and zipfile that a member would begin before the file does.
            raise InvalidArchive(f"{archive.name} cannot be unpacked: {error}.") from error
        raise


def _is_zip(archive: Path) -> bool:
    # By its start: `zipfile.is_zipfile` also takes a tar whose last member is a zip.
    with archive.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
