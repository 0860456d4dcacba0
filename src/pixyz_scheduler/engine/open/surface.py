"""A scene as arrays: what a renderer needs to know of it, and no tree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Reals = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Texture:
    """A picture on a run of triangles: `first` up to, not with, `last`. Linear RGBA (height, width, 4), row 0 on top."""

    first: int
    last: int
    image: Reals


@dataclass(frozen=True)
class Surface:
    """Triangles of a whole scene in one frame, colours linear.

    `points` (n, 3) and `normals` (n, 3) belong to vertices; `faces` (m, 3), `colours` (m, 4), `parts` (m,) and
    `clear` (m,: may be seen through) to triangles. `tints` (n, 4) multiply the colours, `uvs` (n, 2) place the
    textures, v upwards; both are None where no part has any.
    """

    points: Floats
    normals: Reals
    faces: Indices
    colours: Reals
    parts: Indices
    clear: NDArray[np.bool_]
    tints: Reals | None = None
    uvs: Reals | None = None
    textures: tuple[Texture, ...] = ()
