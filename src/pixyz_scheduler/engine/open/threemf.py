"""3MF packages as scenes: objects, components, build items, base materials and colours; with the unit stated."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import UNITS, Facts, Frame, Matrix, Scene
from pixyz_scheduler.errors import CorruptFile, EmptyScene

_UNITS = {**UNITS, "micron": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "meter": 1.0}
_MOST_UNPACKED = 4 << 30
_MOST_NODES = 200_000


@dataclass(frozen=True)
class _Object:
    """An object of the package: a mesh, or components, each an object's number and a matrix."""

    name: str
    mesh: Any = None
    components: tuple[tuple[str, Matrix], ...] = ()


@dataclass
class _Package:
    """What a model file says."""

    unit: float = 1e-3
    objects: dict[str, _Object] = field(default_factory=dict)
    materials: dict[str, list[Any]] = field(default_factory=dict)
    items: list[tuple[str, Matrix]] = field(default_factory=list)


def read(path: Path, file_format: str) -> Scene:
    """Open a 3MF file."""
    etree = need("lxml").etree
    trimesh = need("trimesh")
    try:
        package = _parse(path)
    except (zipfile.BadZipFile, EOFError, etree.LxmlError, KeyError, ValueError) as error:
        raise CorruptFile(f"{path.name} cannot be read as 3MF: {type(error).__name__}: {error}.") from error
    frame = Frame(package.unit, "Z")
    tree = trimesh.Scene()
    tree.graph.update(frame_from=tree.graph.base_frame, frame_to="build", matrix=frame.to_scene)
    _build(package, tree, path)
    if not tree.geometry:
        raise EmptyScene(f"{path.name} holds no triangles.")
    used = {id(mesh.visual.material) for mesh in tree.geometry.values() if hasattr(mesh.visual, "material")}
    return Scene(path, file_format, frame, Facts(materials=len(used) or None), built=tree)


def _parse(path: Path) -> _Package:
    etree = need("lxml").etree
    package = _Package()
    with zipfile.ZipFile(path) as archive:
        models = [each for each in archive.infolist() if each.filename.lower().endswith(".model")]
        if not models:
            raise CorruptFile(f"{path.name} is no 3MF file: it holds no model.")
        if sum(each.file_size for each in models) > _MOST_UNPACKED:
            raise CorruptFile(f"{path.name} would unpack to more than {_MOST_UNPACKED} bytes: that is not allowed.")
        for model in models:
            with archive.open(model) as file:
                events = etree.iterparse(
                    file, events=("start", "end"), resolve_entities=False, no_network=True, huge_tree=True
                )
                for event, element in events:
                    _take(event, element, package)
    return package


def _take(event: str, element: Any, package: _Package) -> None:
    kind = str(element.tag).rpartition("}")[2]
    if event == "start":
        if kind == "model":
            package.unit = _UNITS.get(element.get("unit", "millimeter").lower(), 1e-3)
        return
    match kind:
        case "basematerials":
            package.materials[element.get("id")] = [
                (base.get("name", ""), _colour(base.get("displaycolor", "#808080FF"))) for base in element
            ]
        case "colorgroup":
            package.materials[element.get("id")] = [("", _colour(colour.get("color"))) for colour in element]
        case "object":
            package.objects[element.get("id")] = _object(element, package)
            element.clear()
        case "item":
            package.items.append((element.get("objectid"), _matrix(element.get("transform"))))


def _object(element: Any, package: _Package) -> _Object:
    name = element.get("name") or element.get("id")
    mesh = element.find("{*}mesh")
    if mesh is None:
        found = element.iterfind("{*}components/{*}component")
        return _Object(name, components=tuple((each.get("objectid"), _matrix(each.get("transform"))) for each in found))
    trimesh = need("trimesh")
    points = np.array(
        [(each.get("x"), each.get("y"), each.get("z")) for each in mesh.iterfind("{*}vertices/{*}vertex")], dtype=float
    )
    triangles = mesh.findall("{*}triangles/{*}triangle")
    faces = np.array([(each.get("v1"), each.get("v2"), each.get("v3")) for each in triangles], dtype=np.int64)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(points)):
        raise ValueError(f"a triangle of object {name!r} has a corner that is not there")
    material = _material(element, triangles, package)
    looks = trimesh.visual.TextureVisuals(material=material) if material is not None else None
    return _Object(name, trimesh.Trimesh(points.reshape(-1, 3), faces.reshape(-1, 3), visual=looks, process=False))


def _material(element: Any, triangles: list[Any], package: _Package) -> Any:
    """The object's own property; else its first triangle's (3MF may give each triangle another)."""
    trimesh = need("trimesh")
    group, index = element.get("pid"), element.get("pindex")
    if group is None and triangles:
        group, index = triangles[0].get("pid"), triangles[0].get("p1")
    values = package.materials.get(group, [])
    if index is None or not 0 <= int(index) < len(values):
        return None
    value = values[int(index)]
    if isinstance(value, tuple):  # made once, shared by all that have it
        name, colour = value
        mode = "BLEND" if colour[3] < 1 else "OPAQUE"
        value = values[int(index)] = trimesh.visual.material.PBRMaterial(
            name=name or None, baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.5, alphaMode=mode
        )
    return value


def _colour(text: str) -> list[float]:
    """`#RRGGBB` or `#RRGGBBAA` in sRGB, as linear RGBA."""
    red, green, blue, *rest = bytes.fromhex(text.lstrip("#"))
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in (red, green, blue)]  # noqa: PLR2004
    return [*linear, rest[0] / 255 if rest else 1.0]


def _matrix(text: str | None) -> Matrix:
    matrix = np.eye(4)
    if text:
        matrix[:3, :] = np.array(text.split(), dtype=float).reshape(4, 3).T
    return matrix


def _build(package: _Package, tree: Any, path: Path) -> None:
    """The build items as nodes, their components below them; a cycle of components ends in an error."""
    meshes: dict[str, str] = {}
    taken = {"build", tree.graph.base_frame}
    waiting: list[tuple[str, Matrix, str, tuple[str, ...]]] = []
    waiting.extend((number, matrix, "build", ()) for number, matrix in reversed(package.items))
    while waiting:
        number, matrix, above, seen = waiting.pop()
        if number not in package.objects:
            raise CorruptFile(f"{path.name} is damaged: there is no object {number}.")
        if number in seen:
            raise CorruptFile(f"{path.name} is damaged: object {number} is a component of itself.")
        if len(taken) > _MOST_NODES:
            raise CorruptFile(f"{path.name} holds more than {_MOST_NODES} instances.")
        thing = package.objects[number]
        node = _unique(thing.name, taken)
        shown, components = _shown(package, number)
        mesh = _mesh_name(tree, meshes, shown, package.objects[shown])
        tree.graph.update(frame_from=above, frame_to=node, matrix=matrix, **({"geometry": mesh} if mesh else {}))
        waiting.extend((child, local, node, (*seen, number)) for child, local in reversed(components))


def _shown(package: _Package, number: str) -> tuple[str, tuple[tuple[str, Matrix], ...]]:
    """The object whose mesh a node shows, and what hangs below.

    An object that only places one mesh where it is already gives an instance its name: one node, not two.
    """
    components = package.objects[number].components
    if len(components) == 1 and np.array_equal(components[0][1], np.eye(4)):
        ((only, _),) = components
        if only in package.objects and package.objects[only].mesh is not None:
            return only, ()
    return number, components


def _mesh_name(tree: Any, meshes: dict[str, str], number: str, thing: _Object) -> str | None:
    if thing.mesh is None or not len(thing.mesh.faces):
        return None
    if number not in meshes:
        meshes[number] = _unique(thing.name, set(tree.geometry))
        tree.geometry[meshes[number]] = thing.mesh
    return meshes[number]


def _unique(name: str, taken: set[str]) -> str:
    plain, number = name, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name
