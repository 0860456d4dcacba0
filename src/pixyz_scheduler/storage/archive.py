"""Pack a job's outputs: once, and never seen half made."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pixyz_scheduler.errors import JobNotFound, NotReady, OutputNotFound
from pixyz_scheduler.storage.disk import disk_in_words, make_corner, set_mode, sync_folder
from pixyz_scheduler.storage.job_folder import JobFolder
from pixyz_scheduler.storage.zip_writer import BLOCK, ZipWriter

# Packed already. What else cannot be packed is seen by the writer, block by block.
STORED_SUFFIXES = frozenset(
    {
        *(".7z", ".bz2", ".gz", ".rar", ".tgz", ".xz", ".zip", ".zst", ".lz4", ".npz"),
        *(".3mf", ".fcstd", ".stpz", ".usdz"),
        *(".avif", ".heic", ".jpeg", ".jpg", ".ktx2", ".mkv", ".mov", ".mp3", ".mp4", ".png", ".webm", ".webp"),
    }
)

_MARK = b"pixyz-scheduler manifest "
_DIGEST_LENGTH = 64
_COMMENT_LENGTH = len(_MARK) + _DIGEST_LENGTH
_ABANDONED_AFTER = 3600.0


def manifest(folder: JobFolder) -> str:
    """What is there to pack, as one hash: it changes when a file comes, goes or is written.

    Hexadecimal sha256 over (path, size, mtime in ns) of every output, so that N callers name one archive job.
    """
    digest = hashlib.sha256()
    for name, path in sorted(folder.walk_outputs()):
        with suppress(FileNotFoundError):
            status = path.stat()
            digest.update(f"{len(name)} {name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def current(folder: JobFolder) -> Path | None:
    """The archive of the outputs as they are now, if it was made."""
    return folder.archive_path if _packed_manifest(folder.archive_path) == manifest(folder) else None


def pack(folder: JobFolder) -> Path:
    """Make the archive, or take the one that is current. Many may call it at once: each sees a whole file.

    Raises:
        JobNotFound: the job has no folder.
        UnsafePath: its script put a link where the archive goes.
        NotReady: an output went away while it was packed.
        StorageFull: no room; nothing is left of the attempt.
    """
    if not folder.exists():
        raise JobNotFound(folder.job_id)
    digest = manifest(folder)
    if _packed_manifest(folder.archive_path) == digest:
        return folder.archive_path
    with disk_in_words(folder.archive_path):
        # The job's script can write here, and may have put a link in its place: refused.
        part = make_corner(folder.path, folder.archives.name) / f".{folder.job_id}.{secrets.token_hex(8)}.part"
        try:
            _write(part, folder, digest)
            part.replace(folder.archive_path)
        except (FileNotFoundError, OutputNotFound) as error:
            raise NotReady(f"The outputs of job {folder.job_id} changed while they were packed; ask again.") from error
        finally:
            part.unlink(missing_ok=True)
        sync_folder(folder.archives)
    return folder.archive_path


def _write(part: Path, folder: JobFolder, digest: str) -> None:
    with part.open("xb", buffering=0) as file:
        # By the share's own clock: this machine's may differ.
        _remove_abandoned(folder.archives, now=os.fstat(file.fileno()).st_mtime)
        set_mode(part, 0o600 | (folder.archives.stat().st_mode & 0o040))
        # The manifest travels in the file itself: one rename makes both true.
        with ZipWriter(file, comment=_MARK + digest.encode()) as archive:
            for name in folder.list_outputs():
                _add(archive, folder, name)
        os.fsync(file.fileno())


def _add(archive: ZipWriter, folder: JobFolder, name: str) -> None:
    with folder.open_output(name) as source:
        status = os.fstat(source.fileno())
        is_packed = Path(name).suffix.lower() in STORED_SUFFIXES
        blocks = _blocks(source, status.st_size)
        archive.add(name, blocks, most=status.st_size, mtime=status.st_mtime, is_packed=is_packed)


def _blocks(source: BinaryIO, size: int) -> Iterator[bytes]:
    """`size` bytes at most: a file that still grows must not outgrow what the zip's header has room for."""
    while size > 0 and (block := source.read(min(size, BLOCK))):
        yield block
        size -= len(block)


def _packed_manifest(path: Path) -> str | None:
    """The manifest in the comment at a zip's very end, read without its directory."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            file.seek(-_COMMENT_LENGTH, os.SEEK_END)
            comment = file.read(_COMMENT_LENGTH)
    except OSError:
        return None
    return comment[len(_MARK) :].decode("ascii", "replace") if comment.startswith(_MARK) else None


def _remove_abandoned(archives: Path, *, now: float) -> None:
    """Remove what killed packers left: a living one writes, so that its file is never an hour older than a new one."""
    for part in archives.glob(".*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < now - _ABANDONED_AFTER:
                part.unlink()
