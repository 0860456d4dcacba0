"""One mesh with fewer triangles, by quadric error (fast-simplification), its colours and UVs carried over."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open import clusters, creases
from pixyz_scheduler.engine.open.appearance import stands_in
from pixyz_scheduler.engine.open.libraries import need

if TYPE_CHECKING:  # heavy and optional: the engine must be importable without it
    import trimesh

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# The library compares errors with a threshold that begins at about a millionth, whatever the model's unit: meshes are
# brought to this size first, or small ones would lose anything at once and large ones nothing.
SIZE = 10.0
# How fast the threshold grows from pass to pass: less follows the errors more closely, 3 does not always get there.
AGGRESSION = 5


def has_texture(mesh: "trimesh.Trimesh") -> bool:
    """Tell whether a picture lies on the mesh."""
    visual: Any = mesh.visual
    material = getattr(visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    return image is not None and not stands_in(image) and getattr(visual, "uv", None) is not None


def simplified(mesh: "trimesh.Trimesh", triangles: int) -> "trimesh.Trimesh":
    """Give a new mesh of about `triangles` triangles, the same one where it has no more.

    It keeps some more where so few would leave none. Points of the same place are not welded where the mesh has UVs.
    """
    if len(mesh.faces) <= triangles:
        return mesh
    small = _by_place if getattr(mesh.visual, "uv", None) is None else _by_seams
    new: trimesh.Trimesh = small(mesh, triangles)
    return new


def _by_place(mesh: Any, triangles: int) -> Any:
    """Weld points of the same place first: formats that double points at creases would come apart there."""
    trimesh = need("trimesh")
    points, faces = _welded(mesh)
    points, faces = _collapsed(points, faces, triangles)
    if len(faces) > triangles:
        kept, faces = clusters.clustered(points, faces, triangles)
        points = points[kept]
    points, faces, normals = creases.split(points, faces)
    new = trimesh.Trimesh(points, faces, vertex_normals=normals, process=False, metadata=dict(mesh.metadata))
    _carry_colours(mesh, new)
    return new


def _by_seams(mesh: Any, triangles: int) -> Any:
    """Keep points apart that differ in UV, and the lines where they meet; each new point takes the UV of an old one."""
    library, trimesh = need("fast_simplification"), need("trimesh")
    points, middle, scale = _in_size(np.asarray(mesh.vertices, dtype=np.float64))
    faces = np.asarray(mesh.faces, dtype=np.int32)
    for keep_seams in (True, False):
        *_, collapses = library.simplify(
            points, faces, target_count=triangles, agg=AGGRESSION, return_collapses=True, preserve_border=keep_seams
        )
        new_points, new_faces, place = library.replay_simplification(points, faces, collapses)
        if len(new_faces) <= triangles:
            break
    new_points = new_points.astype(np.float64) / scale + middle
    old = np.zeros(len(new_points), dtype=np.int64)
    old[place[::-1]] = np.arange(len(place))[::-1]
    if len(new_faces) > triangles:
        kept, new_faces = clusters.clustered(new_points, new_faces.astype(np.int64), triangles)
        new_points, old = new_points[kept], old[kept]
    normals = creases.corner_normals(new_points, new_faces.astype(np.int64))
    summed = np.zeros((len(new_points), 3))
    np.add.at(summed, new_faces.reshape(-1), normals.reshape(-1, 3))
    visual = trimesh.visual.TextureVisuals(uv=np.asarray(mesh.visual.uv)[old], material=mesh.visual.material)
    colours = mesh.visual.vertex_attributes.get("color")
    if colours is not None and len(colours) == len(points):
        visual.vertex_attributes["color"] = colours[old]
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return trimesh.Trimesh(
        new_points,
        new_faces,
        vertex_normals=np.divide(summed, length, out=np.tile([0.0, 0.0, 1.0], (len(summed), 1)), where=length > 0),
        visual=visual,
        process=False,
        metadata=dict(mesh.metadata),
    )


def _welded(mesh: "trimesh.Trimesh") -> tuple[Floats, Indices]:
    points = np.asarray(mesh.vertices, dtype=np.float64)
    place = creases.merged(points)
    kept = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    kept[place] = np.arange(len(place))
    faces = place[np.asarray(mesh.faces)]
    flat = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    return points[kept], faces[~flat]


def _collapsed(points: Floats, faces: Indices, triangles: int) -> tuple[Floats, Indices]:
    if len(faces) <= triangles:
        return points, faces
    library = need("fast_simplification")
    small, middle, scale = _in_size(points)
    new_points, new_faces = library.simplify(small, faces.astype(np.int32), target_count=triangles, agg=AGGRESSION)
    return np.asarray(new_points, dtype=np.float64) / scale + middle, np.asarray(new_faces, dtype=np.int64)


def _in_size(points: Floats) -> tuple[NDArray[np.float32], Floats, float]:
    """Give the points about the origin and SIZE large, as single floats, with their middle and the scale."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, scale = (low + high) / 2, SIZE / max(float(np.linalg.norm(high - low)), 1e-12)
    return ((points - middle) * scale).astype(np.float32), middle, scale


def _carry_colours(old: Any, new: Any) -> None:
    """Give the new mesh the old one's material, or the colour of the nearest old point or triangle."""
    trimesh = need("trimesh")
    visual = old.visual
    material = getattr(visual, "material", None)
    if material is not None:
        new.visual = trimesh.visual.TextureVisuals(material=material)
        colours = visual.vertex_attributes.get("color")
        if colours is not None and len(colours) == len(old.vertices):
            new.visual.vertex_attributes["color"] = colours[_nearest(old.vertices, new.vertices)]
    elif visual.kind == "vertex":
        new.visual.vertex_colors = visual.vertex_colors[_nearest(old.vertices, new.vertices)]
    elif visual.kind == "face":
        new.visual.face_colors = visual.face_colors[_nearest(old.triangles_center, new.triangles_center)]


def _nearest(old: Any, new: Any) -> Indices:
    from scipy.spatial import KDTree  # only coloured meshes need it

    return np.asarray(KDTree(np.asarray(old)).query(np.asarray(new))[1], dtype=np.int64)
