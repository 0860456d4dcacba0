"""ZipWriter: a zip whose members are deflated in blocks on all processors, in memory that does not grow with them.

The format: PKWARE's APPNOTE.TXT 6.3.10, zip64 where sizes ask for it. A deflate stream (RFC 1951) may be made of blocks
that were packed apart: each ends at a byte's border (a sync flush), an empty last block ends the stream, as in pigz.
"""

import os
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from types import TracebackType
from typing import Any

from typing_extensions import Self

from pixyz_scheduler.errors import NotReady

try:
    from isal import isal_zlib

    # On random-like and text-like content 4 to 8 times as fast as zlib's level 1, and packs as well.
    _deflater: Any = isal_zlib
except ImportError:  # no wheel for this machine: slower, and right all the same
    _deflater = zlib

BLOCK = 1 << 20
_SAMPLE = 32 << 10
# Of a sample that stays this large nothing is gained by packing the rest.
_NO_GAIN = 0.97
_STORED, _DEFLATED = 0, 8
_MOST_STORED = 0xFFFF
_LAST = b"\x03\x00"
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_UTF8, _UNIX = 0x800, 3
_PLAIN_FILE = 0o100644 << 16


@dataclass
class _Member:
    """One file of the zip; its sizes are known once it is written."""

    name: bytes
    flags: int
    method: int
    stamp: tuple[int, int]
    is_large: bool
    offset: int = 0
    crc: int = 0
    size: int = 0
    packed: int = 0

    def local_header(self) -> bytes:
        sizes = (_FULL32, _FULL32) if self.is_large else (self.packed, self.size)
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.packed) if self.is_large else b""
        fields = (45 if self.is_large else 20, self.flags, self.method, *self.stamp, self.crc, *sizes)
        return struct.pack("<4s5H3I2H", b"PK\3\4", *fields, len(self.name), len(extra)) + self.name + extra

    def entry(self) -> bytes:
        """Of the directory at the zip's end."""
        shown, wide = [], []
        # The order is the format's: size, packed size, offset.
        for value in (self.size, self.packed, self.offset):
            is_wide = self.is_large or value >= _FULL32
            shown.append(_FULL32 if is_wide else value)
            wide += [value] if is_wide else []
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        version = 45 if wide else 20
        head = (version, _UNIX, version, 0, self.flags, self.method, *self.stamp, self.crc, shown[1], shown[0])
        tail = (len(self.name), len(extra), 0, 0, 0, _PLAIN_FILE, shown[2])
        return struct.pack("<4s4B4H3I5H2I", b"PK\1\2", *head, *tail) + self.name + extra


class ZipWriter:
    """Writes a zip into an open file that is empty; a context manager that writes the directory on leaving.

    Args:
        file: unbuffered; it is sought in.
        comment: at the zip's very end.
    """

    def __init__(self, file: FileIO, *, comment: bytes = b"") -> None:
        self._file = file
        self._comment = comment
        self._members: list[_Member] = []
        self._at = 0
        self._coming: deque[tuple[_Member, Future[bytes] | bytes | None]] = deque()
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._most_coming = 2 * processors + 2
        self._pool = ThreadPoolExecutor(processors, thread_name_prefix="zip")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write_until(0)
                self._write_directory()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, name: str, blocks: Iterable[bytes], *, most: int, mtime: float, is_packed: bool) -> None:
        """Add a file.

        Args:
            name: relative, with forward slashes.
            blocks: its content; in parts of `BLOCK` bytes it is packed best.
            most: bytes that it has at most.
            mtime: epoch seconds.
            is_packed: it is of a format that is packed already; it is stored as it is.
        """
        text = name.encode()
        if len(text) > _FULL16:
            raise NotReady(f"The path {name[:100]!r}... is too long for a zip.")
        member = _Member(
            name=text,
            flags=0 if name.isascii() else _UTF8,
            method=_STORED if is_packed else _DEFLATED,
            stamp=_dos_time(mtime),
            # Stored blocks within deflate cost 5 bytes for each 64 KiB.
            is_large=most + (most >> 10) + BLOCK >= _FULL32,
        )
        self._members.append(member)
        self._take(member, b"")
        for block in blocks:
            member.crc = _deflater.crc32(block, member.crc)
            member.size += len(block)
            self._take(member, block if is_packed else self._pool.submit(_deflated, block))
        self._take(member, None)

    def _take(self, member: _Member, part: "Future[bytes] | bytes | None") -> None:
        self._coming.append((member, part))
        self._write_until(self._most_coming)

    def _write_until(self, left: int) -> None:
        while len(self._coming) > left:
            member, part = self._coming.popleft()
            if part == b"":
                member.offset = self._at
                self._write(member.local_header())
            elif part is None:
                self._end(member)
            else:
                data = part if isinstance(part, bytes) else part.result()
                member.packed += len(data)
                self._write(data)

    def _end(self, member: _Member) -> None:
        if member.method == _DEFLATED:
            member.packed += len(_LAST)
            self._write(_LAST)
        self._file.seek(member.offset)
        _write_all(self._file, member.local_header())
        self._file.seek(self._at)

    def _write(self, data: bytes) -> None:
        _write_all(self._file, data)
        self._at += len(data)

    def _write_directory(self) -> None:
        start = self._at
        for first in range(0, len(self._members), 1000):
            self._write(b"".join(member.entry() for member in self._members[first : first + 1000]))
        count, size = len(self._members), self._at - start
        if count >= _FULL16 or start >= _FULL32 or size >= _FULL32:
            wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
            self._write(wide + struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1))
        counts = (min(count, _FULL16), min(count, _FULL16))
        end = (*counts, min(size, _FULL32), min(start, _FULL32), len(self._comment))
        self._write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *end) + self._comment)


def _deflated(block: bytes) -> bytes:
    """A block as part of a deflate stream, which may go on after it."""
    if (
        len(block) > 2 * _SAMPLE
        and len(_packed(block[:_SAMPLE])) + len(_packed(block[-_SAMPLE:])) > 2 * _SAMPLE * _NO_GAIN
    ):
        return _as_it_is(block)
    packed = _packed(block)
    return packed if len(packed) < len(block) else _as_it_is(block)


def _packed(block: bytes) -> bytes:
    deflate = _deflater.compressobj(1, zlib.DEFLATED, -15)
    return bytes(deflate.compress(block)) + bytes(deflate.flush(zlib.Z_SYNC_FLUSH))


def _as_it_is(block: bytes) -> bytes:
    parts = []
    for at in range(0, len(block), _MOST_STORED):
        part = block[at : at + _MOST_STORED]
        parts += [struct.pack("<B2H", 0, len(part), len(part) ^ 0xFFFF), part]
    return b"".join(parts)


def _dos_time(seconds: float) -> tuple[int, int]:
    """Time and date; a zip knows the years 1980 to 2107."""
    at = time.gmtime(min(max(seconds, 315_532_800), 4_354_819_198))
    clock = at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2
    return clock, (at.tm_year - 1980) << 9 | at.tm_mon << 5 | at.tm_mday


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
