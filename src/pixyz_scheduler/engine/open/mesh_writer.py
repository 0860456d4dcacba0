"""STL, PLY and OFF: binary where the format has it; millimetres with Z up for STL, metres with Y up for the others."""

from pathlib import Path
from typing import IO

import numpy as np

from pixyz_scheduler.engine.open.merged import Merged, merge
from pixyz_scheduler.engine.open.mesh import FRAMES
from pixyz_scheduler.engine.open.scene import Scene

_STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
_PLY_POINT = np.dtype([("position", "<f4", 3), ("colour", "u1", 4)])
_PLY_FACE = np.dtype([("corners", "u1"), ("points", "<i4", 3)])
_LINES = 100_000


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write one mesh; the name of the file."""
    file_format = out.suffix[1:].lower()
    merged = merge(scene, FRAMES[file_format])
    with out.open("wb") as file:
        {"stl": _stl, "ply": _ply, "off": _off}[file_format](merged, file)
    return (out.name,)


def _stl(merged: Merged, file: IO[bytes]) -> None:
    corners = merged.points[merged.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(corners), dtype=_STL)
    records["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    records["corners"] = corners
    # The header must not begin with "solid", which says that the file is text.
    file.write(b"Pixyz Scheduler, millimetres".ljust(80) + np.uint32(len(records)).tobytes())
    file.write(records.tobytes())


def _ply(merged: Merged, file: IO[bytes]) -> None:
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment metres, Y up\n"
        f"element vertex {len(merged.points)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty uchar alpha\n"
        f"element face {len(merged.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.zeros(len(merged.points), dtype=_PLY_POINT)
    points["position"], points["colour"] = merged.points, merged.colours
    faces = np.zeros(len(merged.faces), dtype=_PLY_FACE)
    faces["corners"], faces["points"] = 3, merged.faces
    file.write(header.encode() + points.tobytes() + faces.tobytes())


def _off(merged: Merged, file: IO[bytes]) -> None:
    file.write(f"OFF\n{len(merged.points)} {len(merged.faces)} 0\n".encode())
    for values, line in ((merged.points, "%.9g %.9g %.9g"), (merged.faces, "3 %d %d %d")):
        for start in range(0, len(values), _LINES):
            rows = values[start : start + _LINES].tolist()
            file.write(("\n".join(line % tuple(row) for row in rows) + "\n").encode())
