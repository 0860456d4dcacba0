"""USD, USDA, USDC and USDZ files as scenes: the prim tree, meshes, subsets, preview materials and textures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Facts, Frame, Scene
from pixyz_scheduler.engine.open.usd_material import Materials
from pixyz_scheduler.errors import CorruptFile, EmptyScene

_STAGE = "stage"


@dataclass
class _Reading:
    """What is gathered on the way through a stage."""

    tree: Any
    materials: Materials
    skipped: dict[str, int] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        """The name, or one made from it that no node has."""
        plain, number = name, 1
        while name in self.tree.graph.nodes:
            number += 1
            name = f"{plain}_{number}"
        return name


def read(path: Path, file_format: str) -> Scene:
    """Open a USD file; what is no mesh (curves, volumes, implicit shapes) is counted in the warnings."""
    need("pxr")
    trimesh = need("trimesh")
    from pxr import Tf, Usd, UsdGeom

    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise CorruptFile(f"{path.name} cannot be read as USD: {_words(error, path)}.") from error
    frame = Frame(float(UsdGeom.GetStageMetersPerUnit(stage)), "Z" if UsdGeom.GetStageUpAxis(stage) == "Z" else "Y")
    reading = _Reading(trimesh.Scene(), Materials())
    reading.tree.graph.update(frame_from=reading.tree.graph.base_frame, frame_to=_STAGE, matrix=frame.to_scene)
    try:
        for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()):
            _read_prim(prim, reading)
    except Tf.ErrorException as error:
        raise CorruptFile(f"{path.name} is damaged: {_words(error, path)}.") from error
    if not reading.tree.geometry:
        raise EmptyScene(f"{path.name} holds no mesh.")
    animated = stage.HasAuthoredTimeCodeRange() and stage.GetEndTimeCode() > stage.GetStartTimeCode()
    facts = Facts(
        materials=reading.materials.count,
        textures=reading.materials.textures,
        animations=int(animated),
        variants=sum(len(prim.GetVariantSets().GetNames()) for prim in stage.Traverse()),
    )
    notes = tuple(f"USD {kind} prims cannot be read ({count})" for kind, count in sorted(reading.skipped.items()))
    return Scene(path, file_format, frame, facts, built=reading.tree, warnings=notes)


def _words(error: Exception, path: Path) -> str:
    """The last line of what USD says, without the folder that the file lies in: jobs' folders are nobody's business."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = re.search(r"'([^']*(?:'[^']*)*)'\s*$", lines[-1].partition(" : ")[2])
    return (said[1] if said else lines[-1]).replace(f"{path.parent}/", "").strip(" .")


def _read_prim(prim: Any, reading: _Reading) -> None:
    from pxr import UsdGeom

    if not prim.IsA(UsdGeom.Gprim) and not prim.IsA(UsdGeom.PointInstancer):
        return
    if UsdGeom.Imageable(prim).ComputeVisibility() == UsdGeom.Tokens.invisible:
        return
    if not prim.IsA(UsdGeom.Mesh):
        kind = str(prim.GetTypeName())
        reading.skipped[kind] = reading.skipped.get(kind, 0) + 1
        return
    graph = reading.tree.graph
    node = _node(prim, reading)
    for number, mesh in enumerate(_meshes(prim, reading.materials)):
        # A mesh of several materials: the first in the prim's own node, the others below it.
        name = node if not number else reading.unique(f"{node}_{number + 1}")
        reading.tree.geometry[name] = mesh
        above = graph.transforms.parents[node] if not number else node
        matrix = graph.get(node, above)[0] if not number else np.eye(4)
        graph.update(frame_from=above, frame_to=name, matrix=matrix, geometry=name)


def _node(prim: Any, reading: _Reading) -> str:
    """The prim's node, and those above it: made when first asked for, so that only what leads to a mesh is there."""
    from pxr import UsdGeom

    if prim.IsPseudoRoot():
        return _STAGE
    path = str(prim.GetPath())
    if path not in reading.nodes:
        above = _node(prim.GetParent(), reading)
        matrix = np.eye(4)
        if prim.IsA(UsdGeom.Xformable):
            matrix = np.asarray(UsdGeom.Xformable(prim).GetLocalTransformation(_earliest())).T
            if UsdGeom.Xformable(prim).GetResetXformStack():
                above = _STAGE
        reading.nodes[path] = reading.unique(str(prim.GetDisplayName() or prim.GetName()))
        reading.tree.graph.update(frame_from=above, frame_to=reading.nodes[path], matrix=matrix)
    return reading.nodes[path]


def _earliest() -> Any:
    from pxr import Usd

    return Usd.TimeCode.EarliestTime()


def _meshes(prim: Any, materials: Materials) -> Iterator[Any]:
    """The triangles of one mesh: one for each material subset, or one in all."""
    from pxr import UsdGeom, UsdShade

    mesh = UsdGeom.Mesh(prim)
    points = _array(mesh.GetPointsAttr(), np.float64)
    counts, indices = (
        _array(mesh.GetFaceVertexCountsAttr(), np.int64),
        _array(mesh.GetFaceVertexIndicesAttr(), np.int64),
    )
    if not len(points) or not len(counts):
        return
    if counts.min() < 0 or counts.sum() != len(indices) or indices.min() < 0 or indices.max() >= len(points):
        raise CorruptFile(f"the USD mesh {prim.GetPath()} is damaged: its faces do not fit its points.")
    owners, corners = _fans(counts)
    if mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded:
        corners = corners[:, ::-1]
    uv, per_corner = _texture_coordinates(prim, len(points), len(indices))
    subsets = UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets()
    rest = np.ones(len(counts), dtype=bool)
    groups: list[tuple[Any, Any]] = []
    for subset in subsets:
        chosen = np.zeros(len(counts), dtype=bool)
        chosen[_array(subset.GetIndicesAttr(), np.int64)] = True
        rest &= ~chosen
        groups.append((subset.GetPrim(), chosen))
    if rest.any():
        groups.append((prim, rest))
    for owner, chosen in groups:
        kept = corners[chosen[owners]]
        if len(kept):
            visual = materials.visual(owner, mesh)
            yield _triangles(points, indices, kept, uv, visual, per_corner=per_corner)


def _fans(counts: Any) -> tuple[Any, Any]:
    """Polygons cut into fans: for each triangle its polygon, and its three corners among all corners."""
    triangles = np.maximum(counts - 2, 0)
    owners = np.repeat(np.arange(len(counts)), triangles)
    first = (np.cumsum(counts) - counts)[owners]
    within = np.arange(triangles.sum()) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return owners, np.stack([first, first + within + 1, first + within + 2], axis=1)


def _triangles(points: Any, indices: Any, corners: Any, uv: Any, visual: Any, *, per_corner: bool) -> Any:
    trimesh = need("trimesh")
    if uv is not None and per_corner:
        # Corners that agree in point and coordinate become one vertex again.
        pairs = np.column_stack([indices[corners.ravel()], uv[corners.ravel()]])
        unique, faces = np.unique(pairs, axis=0, return_inverse=True)
        vertices = points[unique[:, 0].astype(np.int64)]
        coordinates: Any = unique[:, 1:]
        faces = faces.reshape(-1, 3)
    else:
        used, faces = np.unique(indices[corners.ravel()], return_inverse=True)
        vertices, coordinates = points[used], None if uv is None else uv[used]
        faces = faces.reshape(-1, 3)
    looks = trimesh.visual.TextureVisuals(uv=coordinates, material=visual) if visual is not None else None
    return trimesh.Trimesh(vertices, faces, visual=looks, process=False)


def _texture_coordinates(prim: Any, points: int, corners: int) -> tuple[Any, bool]:
    """Texture coordinates, and whether there is one for each corner instead of each point."""
    from pxr import UsdGeom

    for name in ("st", "UVMap", "st0", "uv"):
        primvar = UsdGeom.PrimvarsAPI(prim).GetPrimvar(name)
        if primvar and primvar.HasValue():
            values = np.asarray(primvar.ComputeFlattened(), dtype=np.float64)
            if len(values) == corners and primvar.GetInterpolation() == UsdGeom.Tokens.faceVarying:
                return values, True
            if len(values) == points:
                return values, False
    return None, False


def _array(attribute: Any, kind: type) -> Any:
    value = attribute.Get(_earliest())
    return np.asarray(value if value is not None else [], dtype=kind)
