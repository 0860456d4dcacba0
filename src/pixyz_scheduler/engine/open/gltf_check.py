"""What a glTF document must hold to before a parser may follow it: ranges, references, no cycles, known extensions."""

from collections.abc import Iterable
from typing import Any

from pixyz_scheduler.errors import CorruptFile, EmptyScene, UnsupportedFormat

READABLE_EXTENSIONS = frozenset(
    {
        "KHR_draco_mesh_compression",
        "KHR_lights_punctual",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_materials_unlit",
        "KHR_materials_variants",
        "KHR_mesh_quantization",
        "KHR_texture_transform",
        "EXT_texture_webp",
    }
)
_COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_TRIANGLE_MODES = (4, 5, 6)


def check(document: dict[str, Any], binary_length: int, name: str) -> None:
    """Raise `UnsupportedFormat`, `CorruptFile` or `EmptyScene` where a parser would go wrong."""
    version = str(document["asset"].get("version", ""))
    if not version.startswith("2"):
        raise UnsupportedFormat(f"{name} is glTF {version or 'without a version'}; glTF 2 can be read.")
    unknown = set(document.get("extensionsRequired", [])) - READABLE_EXTENSIONS
    if unknown:
        raise UnsupportedFormat(f"{name} needs glTF extensions that cannot be read: {', '.join(sorted(unknown))}.")
    try:
        _views(document, binary_length)
        _accessors(document)
        _meshes(document)
        _nodes(document)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CorruptFile(f"{name} is damaged: {error}.") from error
    if not any(True for _ in drawn_primitives(document)):
        raise EmptyScene(f"{name} holds no triangles.")


def drawn_primitives(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Every primitive made of triangles that some node shows."""
    shown = {node["mesh"] for node in document.get("nodes", []) if "mesh" in node}
    for index in shown:
        for primitive in document["meshes"][index].get("primitives", []):
            if primitive.get("mode", 4) in _TRIANGLE_MODES and "POSITION" in primitive.get("attributes", {}):
                yield primitive


def _reference(document: dict[str, Any], kind: str, index: Any) -> Any:
    items = document.get(kind, [])
    if not isinstance(index, int) or not 0 <= index < len(items):
        raise ValueError(f"there is no {kind}[{index}]")
    return items[index]


def _views(document: dict[str, Any], binary_length: int) -> None:
    for number, view in enumerate(document.get("bufferViews", [])):
        _reference(document, "buffers", view["buffer"])
        start, length = view.get("byteOffset", 0), view["byteLength"]
        if start < 0 or length < 0 or start + length > binary_length:
            raise ValueError(f"bufferViews[{number}] ends at byte {start + length} of {binary_length}")


def _accessors(document: dict[str, Any]) -> None:
    compressed = {
        index
        for mesh in document.get("meshes", [])
        for primitive in mesh.get("primitives", [])
        if "KHR_draco_mesh_compression" in primitive.get("extensions", {})
        for index in (*primitive.get("attributes", {}).values(), primitive.get("indices"))
    }
    for number, accessor in enumerate(document.get("accessors", [])):
        size = _COMPONENT_BYTES[accessor["componentType"]] * _COMPONENTS[accessor["type"]]
        count = accessor["count"]
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"accessors[{number}] has a count of {count}")
        if "bufferView" not in accessor:
            if number not in compressed and "sparse" not in accessor and count > _MOST_ZEROS:
                raise ValueError(f"accessors[{number}] claims {count} elements and has no data")
            continue
        view = _reference(document, "bufferViews", accessor["bufferView"])
        stride = view.get("byteStride", size)
        end = accessor.get("byteOffset", 0) + (stride * (count - 1) + size if count else 0)
        if end > view["byteLength"]:
            raise ValueError(f"accessors[{number}] claims {count} elements, more than its data holds")


_MOST_ZEROS = 1_000_000


def _meshes(document: dict[str, Any]) -> None:
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            for index in primitive["attributes"].values():
                _reference(document, "accessors", index)
            if "indices" in primitive:
                _reference(document, "accessors", primitive["indices"])
            if "material" in primitive:
                _reference(document, "materials", primitive["material"])


def _nodes(document: dict[str, Any]) -> None:
    nodes = document.get("nodes", [])
    parents: dict[int, int] = {}
    for number, node in enumerate(nodes):
        if "mesh" in node:
            _reference(document, "meshes", node["mesh"])
        for child in node.get("children", []):
            _reference(document, "nodes", child)
            if child in parents:
                raise ValueError(f"nodes[{child}] has two parents")
            parents[child] = number
    # Every node has one parent at most, so what hangs from no root is a cycle.
    reached = [number for number in range(len(nodes)) if number not in parents]
    for number in reached:
        reached.extend(nodes[number].get("children", []))
    if len(reached) != len(nodes):
        raise ValueError("its nodes form a cycle")
    for scene in document.get("scenes", []):
        for root in scene.get("nodes", []):
            _reference(document, "nodes", root)
