"""GLB bytes, the engine's interchange: split, join, load, dump, and what they say of themselves."""

import io
import json
import struct
from typing import TYPE_CHECKING, Any

from pixyz_scheduler.engine.open import gltf_check, gltf_look, gltf_mend, gltf_split
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.looks import is_vertex_coloured, recoloured, to_linear_bytes, to_srgb_bytes
from pixyz_scheduler.errors import CorruptFile

if TYPE_CHECKING:  # heavy and optional
    import trimesh

Document = dict[str, Any]
"""The JSON of a glTF file."""

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<II")
_JSON = 0x4E4F534A
_BIN = 0x004E4942


def version(data: bytes) -> int:
    """The container's version, 0 if these bytes are no GLB."""
    if len(data) < _HEADER.size or data[:4] != b"glTF":
        return 0
    return int(_HEADER.unpack_from(data)[1])


def split(data: bytes, name: str) -> tuple[Document, bytes]:
    """The JSON and the binary chunk."""
    if version(data) != 2:  # noqa: PLR2004  (glTF 2)
        raise CorruptFile(f"{name} is not a GLB file of version 2.")
    length = _HEADER.unpack_from(data)[2]
    if length > len(data):
        raise CorruptFile(f"{name} is cut short: {len(data)} of {length} bytes.")
    chunks: dict[int, bytes] = {}
    at = _HEADER.size
    while at + _CHUNK.size <= length:
        size, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if at + size > length:
            raise CorruptFile(f"{name} is damaged: a chunk of {size} bytes does not fit into the file.")
        chunks.setdefault(kind, data[at : at + size])
        at += size
    if _JSON not in chunks:
        raise CorruptFile(f"{name} is damaged: it has no JSON chunk.")
    return parse(chunks[_JSON], name), chunks.get(_BIN, b"")


def parse(text: bytes, name: str) -> Document:
    """The JSON of a glTF file."""
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CorruptFile(f"{name} is damaged: its JSON cannot be read ({error}).") from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise CorruptFile(f"{name} is not a glTF file: it has no asset.")
    return document


def join(document: Document, binary: bytes) -> bytes:
    """GLB bytes of a document whose only buffer is `binary`."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = _CHUNK.pack(len(text), _JSON) + text
    if binary:
        chunks += _CHUNK.pack(len(binary), _BIN) + binary
    return _HEADER.pack(b"glTF", 2, _HEADER.size + len(chunks)) + chunks


def wrap(document: Document, matrix: Any) -> None:
    """Put a node with this 4x4 matrix above the scene's roots: the geometry, and what animates it, stay as they are.

    Two nodes, for assimp's FBX exporter drops the transform of the root itself.
    """
    nodes = document.setdefault("nodes", [])
    for scene in document.get("scenes", []):
        columns = [float(value) for row in zip(*matrix, strict=True) for value in row]
        nodes.append({"name": "unit", "matrix": columns, "children": scene.get("nodes", [])})
        nodes.append({"name": "root", "children": [len(nodes) - 1]})
        scene["nodes"] = [len(nodes) - 1]


def load(data: bytes, name: str) -> "trimesh.Scene":
    """Nodes and triangles, after a check that protects from what a hostile file could ask for."""
    document, binary = split(data, name)
    gltf_check.check(document, len(binary), name)
    if "KHR_draco_mesh_compression" in document.get("extensionsUsed", []):
        need("DracoPy")  # without it trimesh gives vertices that are all zero, and only a warning
    gltf_split.plain(document)
    try:
        tree: trimesh.Scene = need("trimesh").load_scene(
            io.BytesIO(join(document, binary)), file_type="glb", process=False
        )
    except Exception as error:  # trimesh raises whatever its parsers meet
        raise CorruptFile(f"{name} cannot be read as glTF: {type(error).__name__}: {error}.") from error
    for key, mesh in list(tree.geometry.items()):
        if is_vertex_coloured(mesh):
            tree.geometry[key] = recoloured(mesh, to_srgb_bytes)
    return tree


def dump(tree: "trimesh.Scene") -> bytes:
    """GLB bytes of a trimesh scene."""
    coloured = {name: mesh for name, mesh in tree.geometry.items() if is_vertex_coloured(mesh)}
    if coloured:
        tree = tree.copy()
        for name, mesh in coloured.items():
            tree.geometry[name] = recoloured(mesh, to_linear_bytes)  # glTF's are linear, trimesh's are not
    data: bytes = tree.export(file_type="glb")  # type: ignore[no-untyped-call]  # trimesh declares no types here
    document, binary = split(data, "the exported scene")
    gltf_look.complete(document)
    binary, _ = gltf_mend.mend(document, binary)
    return join(document, binary)
