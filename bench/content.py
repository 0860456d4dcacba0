"""Content: bytes that behave like what jobs write."""

import os
import struct
from pathlib import Path

_BATCH = 1 << 20


def write_random(path: Path, size: int) -> None:
    """A file that no disk and no zip makes smaller."""
    batch = os.urandom(_BATCH)
    with path.open("wb") as file:
        for at in range(0, size, _BATCH):
            file.write(batch[: min(_BATCH, size - at)])


def mixed(size: int) -> bytes:
    """Half of it floats that follow one another as a mesh's do, a quarter text, a quarter noise."""
    quarter = size // 4
    floats = b"".join(struct.pack("<3f", n % 997 * 0.1, n % 991 * 0.2, n % 983 * 0.3) for n in range(8192))
    text = b"".join(b"#%d=CARTESIAN_POINT('',(%d.5,%d.25,0.));\n" % (n, n % 313, n % 211) for n in range(4096))
    half = (floats * (2 * quarter // len(floats) + 1))[: 2 * quarter]
    return half + (text * (quarter // len(text) + 1))[:quarter] + os.urandom(size - 3 * quarter)
