"""Pack a job's outputs: once, and never seen half made."""

import hashlib
import os
import secrets
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from pixyz_scheduler.errors import JobNotFound, NotReady, OutputNotFound
from pixyz_scheduler.storage.disk import disk_in_words, make_corner, set_mode, sync_folder
from pixyz_scheduler.storage.job_folder import JobFolder

# Packed already: to deflate them again costs seconds and gains nothing.
STORED_SUFFIXES = frozenset(
    {
        *(".7z", ".bz2", ".gz", ".rar", ".tgz", ".xz", ".zip", ".zst"),
        *(".3mf", ".fcstd", ".stpz", ".usdz"),
        *(".avif", ".jpeg", ".jpg", ".ktx2", ".mp4", ".png", ".webm", ".webp"),
    }
)

_MARK = b"pixyz-scheduler manifest "
_DIGEST_LENGTH = 64
_COMMENT_LENGTH = len(_MARK) + _DIGEST_LENGTH
_BATCH = 1 << 20
_ABANDONED_AFTER = 3600.0
# Level 1 packs meshes nearly as well as the default 6, in a third of the time.
_LEVEL = 1


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
    with part.open("xb") as file:
        # By the share's own clock: this machine's may differ.
        _remove_abandoned(folder.archives, now=os.fstat(file.fileno()).st_mtime)
        set_mode(part, 0o600 | (folder.archives.stat().st_mode & 0o040))
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            # The manifest travels in the file itself: one rename makes both true.
            archive.comment = _MARK + digest.encode()
            for name in folder.list_outputs():
                _add(archive, folder, name)
        file.flush()
        os.fsync(file.fileno())


def _add(archive: zipfile.ZipFile, folder: JobFolder, name: str) -> None:
    with folder.open_output(name) as source:
        status = os.fstat(source.fileno())
        member = zipfile.ZipInfo(name, date_time=_zip_time(status.st_mtime))
        member.external_attr = 0o100644 << 16
        member.file_size = status.st_size
        packed_already = Path(name).suffix.lower() in STORED_SUFFIXES
        member.compress_type = zipfile.ZIP_STORED if packed_already else zipfile.ZIP_DEFLATED
        member._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001  (public only from 3.13 on)
        with archive.open(member, "w") as target:
            _copy(source, target, status.st_size)


def _copy(source: BinaryIO, target: IO[bytes], size: int) -> None:
    """Copy `size` bytes at most: a file that still grows must not outgrow what the zip's header says of it."""
    while size > 0 and (batch := source.read(min(size, _BATCH))):
        target.write(batch)
        size -= len(batch)


def _zip_time(seconds: float) -> tuple[int, int, int, int, int, int]:
    """A zip knows the years 1980 to 2107."""
    at = time.gmtime(min(max(seconds, 315_532_800), 4_354_819_198))
    return (at.tm_year, at.tm_mon, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec)


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
