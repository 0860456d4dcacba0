"""Fewer triangles by drawing points of one cell of a grid together: coarse, but it always gets there.

The quadric way refuses to move points of very thin triangles, of which tessellated cylinders are made.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

TRIES = 16


def clustered(points: Floats, faces: Indices, triangles: int) -> tuple[Indices, Indices]:
    """Give the points kept, as indices, and the faces between them: at most `triangles`, but never none.

    Of each cell the sharpest point is kept where it is, so that edges and corners stay in place.
    """
    sharpness = _sharpness(points, faces)
    low = points.min(axis=0)
    size = float(np.linalg.norm(np.ptp(points, axis=0))) or 1.0
    fine, coarse = size / 4096, size
    best: tuple[Indices, Indices] | None = None
    for _ in range(TRIES):
        cell = (fine * coarse) ** 0.5
        kept, joined = _joined(points, faces, sharpness, low, cell)
        if len(joined) > triangles:
            fine = cell
        elif len(joined):
            best, coarse = (kept, joined), cell
        else:
            coarse = cell
    return best if best is not None else _joined(points, faces, sharpness, low, fine)


def _joined(points: Floats, faces: Indices, sharpness: Floats, low: Floats, cell: float) -> tuple[Indices, Indices]:
    # half a cell beside the lowest point: planes of a box that ends there are not cut in two by rounding
    place = np.floor((points - low) / cell + 0.5).astype(np.int64)
    _, group = np.unique(place, axis=0, return_inverse=True)
    group = group.reshape(-1)
    order = np.lexsort((-sharpness, group))
    first = order[np.append(True, np.diff(group[order]) > 0)]
    joined = group[faces]
    whole = (joined[:, 0] != joined[:, 1]) & (joined[:, 1] != joined[:, 2]) & (joined[:, 2] != joined[:, 0])
    joined = joined[whole]
    _, distinct = np.unique(np.sort(joined, axis=1), axis=0, return_index=True)
    joined = joined[np.sort(distinct)]
    used = np.unique(joined)
    number = np.zeros(len(first), dtype=np.int64)
    number[used] = np.arange(len(used))
    return first[used], number[joined]


def _sharpness(points: Floats, faces: Indices) -> Floats:
    """Give how far the normals round each point differ: 0 on a plane, towards 1 at a corner."""
    flat = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    length = np.linalg.norm(flat, axis=1)
    corners = faces.reshape(-1)
    summed = np.stack([np.bincount(corners, np.repeat(flat[:, axis], 3), len(points)) for axis in range(3)], axis=1)
    whole = np.bincount(corners, np.repeat(length, 3), len(points))
    together = np.linalg.norm(summed, axis=1)
    sharpness: Floats = 1 - np.divide(together, whole, out=np.ones(len(points)), where=whole > 0)
    return sharpness
