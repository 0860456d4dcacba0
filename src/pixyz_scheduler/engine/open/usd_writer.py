"""A scene as USD: the tree as Xforms, each part a Mesh, materials as UsdPreviewSurface; metres with Y up."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open import usd_material
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.looks import look_of
from pixyz_scheduler.engine.open.scene import Part, Scene
from pixyz_scheduler.errors import EngineError

_ROOT = "/Root"


def write(scene: Scene, out: Path) -> tuple[str, ...]:
    """Write USDA, USDC, USD or USDZ; the names of the files written (textures lie beside all but USDZ)."""
    need("pxr")
    from pxr import Sdf, UsdUtils

    file_format = out.suffix[1:].lower()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layer = folder / f"{out.stem}.{'usda' if file_format == 'usda' else 'usdc'}"
        _write_stage(scene, layer)
        if file_format == "usdz":
            package = folder / "package.usdz"
            if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(layer)), str(package)):
                raise EngineError(f"{out.name} cannot be packed as USDZ.")
            shutil.copyfile(package, out)
            return (out.name,)
        shutil.copyfile(layer, out)
        textures = sorted(folder.glob("*.png"))
        for texture in textures:
            shutil.copyfile(texture, out.parent / texture.name)
        return (out.name, *(texture.name for texture in textures))


def _write_stage(scene: Scene, layer: Path) -> None:
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(layer))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, _ROOT).GetPrim())
    UsdGeom.Scope.Define(stage, f"{_ROOT}/Materials")
    names = _Names()
    paths = _write_tree(scene, stage, names)
    materials: dict[Any, Any] = {}
    for part in scene.parts():
        look = look_of(part.mesh)
        if look.key not in materials:
            name = names.unique(f"{_ROOT}/Materials", f"{layer.stem}_{look.name or 'material'}")
            materials[look.key] = usd_material.define(stage, name, look, layer.parent)
        _write_mesh(stage, paths[part.name], part, materials[look.key])
    stage.GetRootLayer().Save()


def _write_tree(scene: Scene, stage: Any, names: "_Names") -> dict[str, str]:
    """Every node as an Xform with its own matrix, a drawn one as a Mesh; node -> the path of its Xform or Mesh."""
    from pxr import Gf, UsdGeom

    graph = scene.tree.graph
    paths = {graph.base_frame: _ROOT}
    waiting = [graph.base_frame]
    children = graph.transforms.children
    meshes: dict[str, str] = {}
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent, ()):
            matrix, _ = graph.get(child, parent)
            paths[child] = names.unique(paths[parent], str(child))
            drawn = child in graph.nodes_geometry
            kind = UsdGeom.Mesh if drawn and not children.get(child) else UsdGeom.Xform
            prim = kind.Define(stage, paths[child])
            prim.AddTransformOp().Set(Gf.Matrix4d(*np.asarray(matrix, dtype=float).T.ravel().tolist()))
            if prim.GetPrim().GetName() != str(child):
                prim.GetPrim().SetDisplayName(str(child))
            if drawn and kind is UsdGeom.Xform:  # a mesh may not hold other meshes
                meshes[str(child)] = names.unique(paths[child], str(child))
            waiting.append(child)
    return {str(node): path for node, path in paths.items()} | meshes


def _write_mesh(stage: Any, path: str, part: Part, material: Any) -> None:
    from pxr import Sdf, UsdGeom, UsdShade, Vt

    mesh = UsdGeom.Mesh.Define(stage, path)
    points = np.ascontiguousarray(part.mesh.vertices, np.float32)
    faces = np.ascontiguousarray(part.mesh.faces, np.int32)
    mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(points))
    mesh.GetFaceVertexCountsAttr().Set(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
    mesh.GetFaceVertexIndicesAttr().Set(Vt.IntArray.FromNumpy(faces.ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.array([points.min(0), points.max(0)])))
    if "vertex_normals" in part.mesh._cache:  # noqa: SLF001  (only normals that the file gave, none made up)
        normals = np.ascontiguousarray(part.mesh.vertex_normals, np.float32)
        mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
        mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    coordinates = getattr(part.mesh.visual, "uv", None)
    if coordinates is not None:
        primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
            "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
        )
        primvar.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(coordinates, np.float32)))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


class _Names:
    """Prim paths: valid identifiers, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, parent: str, name: str) -> str:
        plain = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name) or "node"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        path, number = f"{parent}/{plain}", 1
        while path in self._taken:
            number += 1
            path = f"{parent}/{plain}_{number}"
        self._taken.add(path)
        return path
