"""What the headers of mesh files claim, held against the files' sizes: a claim of four billion triangles ends here."""

import re
import struct
from pathlib import Path

from pixyz_scheduler.errors import CorruptFile

_HEAD = 1 << 16
_STL_HEADER = 84
_STL_TRIANGLE = 50
_PLY_BYTES = {
    b"char": 1, b"uchar": 1, b"int8": 1, b"uint8": 1, b"short": 2, b"ushort": 2, b"int16": 2, b"uint16": 2,
    b"int": 4, b"uint": 4, b"int32": 4, b"uint32": 4, b"float": 4, b"float32": 4, b"double": 8, b"float64": 8,
}  # fmt: skip


def check(path: Path, file_format: str) -> None:
    """Raise `CorruptFile` where a header claims more than its file can hold."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    match file_format:
        case "stl":
            _check_stl(path, head, size)
        case "ply":
            _check_ply(path, head, size)
        case "off":
            _check_off(path, head, size)


def _check_stl(path: Path, head: bytes, size: int) -> None:
    if head[:5].lower() == b"solid" and b"facet" in head.lower():
        return
    if size < _STL_HEADER:
        raise CorruptFile(f"{path.name} is cut short, or is no STL file: {size} bytes.")
    (count,) = struct.unpack_from("<I", head, 80)
    if _STL_HEADER + count * _STL_TRIANGLE > size:
        held = (size - _STL_HEADER) // _STL_TRIANGLE
        raise CorruptFile(f"{path.name} is cut short, or is no STL file: it claims {count} triangles and holds {held}.")


def _check_ply(path: Path, head: bytes, size: int) -> None:
    header, found, _ = head.partition(b"end_header")
    if not head.startswith(b"ply") or not found:
        raise CorruptFile(f"{path.name} is no PLY file: it has no PLY header.")
    ascii_numbers = b"format ascii" in header
    needed = 0
    count = 0
    for line in header.splitlines():
        words = line.split()
        if words[:1] == [b"element"]:
            count = _count(path, words[-1])
        elif words[:1] == [b"property"]:
            kind = words[2] if words[1] == b"list" else words[1]
            needed += count * (2 if ascii_numbers else _PLY_BYTES.get(kind, 1))
    if needed > size:
        raise CorruptFile(f"{path.name} is cut short: its header claims at least {needed} bytes, it has {size}.")


def _check_off(path: Path, head: bytes, size: int) -> None:
    text = re.sub(rb"#[^\n]*", b"", head)
    found = re.match(rb"\s*(?:\w*OFF)?\s+(\S+)\s+(\S+)", text)
    if not found:
        raise CorruptFile(f"{path.name} is no OFF file: it does not begin with its counts.")
    vertices, faces = (_count(path, word) for word in found.groups())
    # A vertex is three numbers, a face at least four; each takes two characters.
    if vertices * 6 + faces * 8 > size + 8:
        raise CorruptFile(f"{path.name} is cut short: it claims {vertices} vertices and {faces} faces.")


def _count(path: Path, word: bytes) -> int:
    if not word.isdigit():
        raise CorruptFile(f"{path.name} is damaged: {word[:20]!r} stands where a count should be.")
    return int(word)
