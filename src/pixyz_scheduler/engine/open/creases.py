"""Normals that are smooth over rounded faces and sharp at creases, for meshes that bring none."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # heavy and optional: the engine must be importable without it
    import trimesh

Reals = NDArray[np.float32]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# Two triangles whose normals differ by more than this meet in a crease.
CREASE_DEGREES = 35.0


def normals_of(mesh: "trimesh.Trimesh") -> Reals:
    """Give the normals (m, 3, 3) of the corners of a mesh: its own where its file had some."""
    faces = np.asarray(mesh.faces, dtype=np.int64)
    # the property would make smooth ones where there are none: only the cache tells what was read
    if "vertex_normals" in mesh._cache.cache:  # noqa: SLF001
        return np.asarray(mesh.vertex_normals, dtype=np.float32)[faces]
    return corner_normals(np.asarray(mesh.vertices, dtype=np.float64), faces)


def corner_normals(points: Floats, faces: Indices) -> Reals:
    """Give the normals (m, 3, 3) of the corners of triangles, each of length 1 (0 where a triangle has no area).

    Triangles that touch along a smooth edge belong to one patch; a corner's normal is the sum, by area, of those of its
    patch round the same point.
    """
    place = merged(points)
    joined = place[faces]
    with np.errstate(over="ignore", invalid="ignore"):
        flat = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    flat[~(np.abs(flat) < 1e30).all(axis=1)] = 0  # noqa: PLR2004 (areas that cannot be)
    patch = _patches(joined, flat)
    _, corner = np.unique(joined * (patch.max(initial=0) + 1) + patch[:, None], return_inverse=True)
    corner = corner.reshape(-1)
    summed = np.stack([np.bincount(corner, np.repeat(flat[:, axis], 3)) for axis in range(3)], axis=1) + 0.0
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    summed = np.divide(summed, length, out=np.zeros_like(summed), where=length > 0)
    normals: Reals = summed.astype(np.float32)[corner].reshape(-1, 3, 3)
    return normals


def merged(points: Floats) -> Indices:
    """Give each point the number that all points of the same place share."""
    with np.errstate(over="ignore", invalid="ignore"):  # points that are nowhere may share one place
        rows = np.ascontiguousarray(points + 0.0, dtype=np.float32)  # + 0.0: minus zero is zero
    _, place = np.unique(rows.view([("", rows.dtype)] * 3), return_inverse=True)
    return np.asarray(place, dtype=np.int64).reshape(-1)


def split(points: Floats, faces: Indices) -> tuple[Floats, Indices, Reals]:
    """Give points, faces and a normal for each point, points doubled where a crease passes."""
    normals = corner_normals(points, faces).reshape(-1, 3)
    corners = faces.reshape(-1)
    rows = np.column_stack([corners, np.round(normals * 512).astype(np.int64) + 512])
    key = ((rows[:, 0] * 1025 + rows[:, 1]) * 1025 + rows[:, 2]) * 1025 + rows[:, 3]
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    kept = normals[first]
    kept[~kept.any(axis=1)] = (0, 0, 1)  # a file must not hold a normal without a direction
    return points[corners[first]], place.reshape(-1, 3), kept


def _patches(faces: Indices, flat: Floats) -> Indices:
    """Number the groups of triangles that hang together by smooth edges."""
    from scipy.sparse import coo_array  # quarter of a second to import
    from scipy.sparse.csgraph import connected_components

    count = len(faces)
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    key = edges[:, 0] * (faces.max(initial=0) + 1) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    owner = order // 3
    same = key[order[1:]] == key[order[:-1]]
    one, other = owner[1:][same], owner[:-1][same]
    length = np.linalg.norm(flat, axis=1)
    cosine = (flat[one] * flat[other]).sum(axis=1)
    smooth = cosine > np.cos(np.radians(CREASE_DEGREES)) * length[one] * length[other]
    links = coo_array((np.ones(smooth.sum(), dtype=np.int8), (one[smooth], other[smooth])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
