"""OBJ, STL, PLY and OFF: read by trimesh, after a look at what their headers claim."""

import warnings
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.open import mesh_check
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import METRES_Y_UP, MILLIMETRES_Z_UP, Facts, Frame, Scene
from pixyz_scheduler.errors import CorruptFile, EmptyScene

FRAMES = {
    "stl": MILLIMETRES_Z_UP,
    "obj": METRES_Y_UP,
    "ply": METRES_Y_UP,
    "off": METRES_Y_UP,
}
"""What each format means by its numbers. None says its unit: this is what we take them for."""


def read(path: Path, file_format: str) -> Scene:
    """Open a mesh file; STL becomes metres with Y up, the others are taken to be so."""
    trimesh = need("trimesh")
    mesh_check.check(path, file_format)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy, about numbers that are none: scene_check looks at them
            tree = trimesh.load_scene(path, process=file_format == "stl", split_objects=True, split_groups=True)
    except Exception as error:  # trimesh raises whatever its parsers meet
        raise CorruptFile(f"{path.name} cannot be read as {file_format.upper()}: {_words(error)}.") from error
    frame = FRAMES[file_format]
    tree = _named(tree, path, file_format)
    _apply(tree, frame)
    return Scene(path, file_format, frame, _facts(tree), built=tree)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")


def _apply(tree: Any, frame: Frame) -> None:
    """Metres with Y up, in the points themselves: these formats have no nodes."""
    if frame == METRES_Y_UP:
        return
    for mesh in tree.geometry.values():
        mesh.apply_transform(frame.to_scene)


def _named(tree: Any, path: Path, file_format: str) -> Any:
    """Parts named as the file names them: a lone mesh after the file, OBJ groups without the material's name."""
    trimesh = need("trimesh")
    meshes = {
        name: mesh for name, mesh in tree.geometry.items() if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces)
    }
    if not meshes:
        raise EmptyScene(f"{path.name} holds no triangles.")
    named = trimesh.Scene()
    for name, mesh in meshes.items():
        plain = path.stem if len(meshes) == 1 and name == path.name else str(name)
        material = getattr(getattr(mesh.visual, "material", None), "name", None)
        if file_format == "obj" and material and plain.endswith(f"_{material}") and len(plain) > len(material) + 1:
            plain = plain[: -len(material) - 1]
        named.add_geometry(mesh, node_name=plain, geom_name=plain)
    return named


def _facts(tree: Any) -> Facts:
    materials = {id(mesh.visual.material): mesh.visual.material for mesh in tree.geometry.values() if _material(mesh)}
    textures = sum(1 for material in materials.values() if getattr(material, "image", None) is not None)
    return Facts(materials=len(materials) or None, textures=textures)


def _material(mesh: Any) -> bool:
    return getattr(mesh.visual, "material", None) is not None
